//! The stylesheet of all pages, and their content security policy.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The stylesheet's text: `text/css; charset=utf-8`.
pub const STYLESHEET: &str = concat!(
    include_str!("style/tokens.css"),
    include_str!("style/base.css"),
    include_str!("style/frame.css"),
    include_str!("style/controls.css"),
    include_str!("style/tables.css"),
    include_str!("style/marks.css"),
    include_str!("style/charts.css"),
    include_str!("style/diff.css"),
    include_str!("style/pages.css"),
    include_str!("style/print.css"),
);

/// The `Content-Security-Policy` of every page: no script, and no style except the stylesheet.
///
/// Forms may only be sent to the same site, so a sign-in at another host has to start with a link.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

static PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = hex::encode(Sha256::digest(STYLESHEET.as_bytes()));
    format!("/assets/console-{}.css", &digest[..16])
});

/// Returns the stylesheet's path. It contains a hash of the content, so the file may be cached permanently.
pub fn stylesheet_path() -> &'static str {
    &PATH
}

/// The pages' icon: `image/svg+xml`, served at [`ICON_PATH`].
pub const ICON: &str = include_str!("style/icon.svg");
/// The icon's path. Its content may change, so it is cached for an hour only.
pub const ICON_PATH: &str = "/assets/holdfast.svg";
