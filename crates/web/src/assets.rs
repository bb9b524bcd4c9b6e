//! Serves the stylesheet and the icon. The stylesheet's path contains a hash of its content, so it may be cached
//! permanently.

use holdfast_console::{ICON, ICON_PATH, STYLESHEET, stylesheet_path};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};

use crate::reply::Reply;

/// Answers `GET /assets/NAME`. Unknown paths, including old stylesheets, get 404.
pub fn answer(path: &str) -> Reply {
    let (media_type, text, how_long) = if path == stylesheet_path() {
        (
            "text/css; charset=utf-8",
            STYLESHEET,
            "public, max-age=31536000, immutable",
        )
    } else if path == ICON_PATH {
        ("image/svg+xml", ICON, "public, max-age=3600")
    } else {
        return Reply::new(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "not found\n");
    };
    let mut reply = Reply::new(StatusCode::OK, media_type, text);
    reply.headers.insert(CACHE_CONTROL, HeaderValue::from_static(how_long));
    reply
}
