//! The one stylesheet of all pages, and the policy under which a browser may use it.

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

/// The `Content-Security-Policy` that every page is made for: no script at all, no style but the stylesheet.
///
/// A page sends no form elsewhere, so a sign-in that ends at another host has to begin with a link, not with a form.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

static PATH: LazyLock<String> = LazyLock::new(|| {
    let digest = hex::encode(Sha256::digest(STYLESHEET.as_bytes()));
    format!("/assets/console-{}.css", &digest[..16])
});

/// Where the stylesheet is served: the path holds the content's hash, so it may be cached for ever.
pub fn stylesheet_path() -> &'static str {
    &PATH
}

/// The pages' icon: `image/svg+xml`, served at [`ICON_PATH`].
pub const ICON: &str = include_str!("style/icon.svg");
/// Where the icon is served. Its content may change: an hour's cache, not for ever.
pub const ICON_PATH: &str = "/assets/holdfast.svg";
