//! The stylesheet and the icon. The stylesheet's name changes with what is in it, so it may be kept for ever.

use holdfast_console::{ICON, ICON_PATH, STYLESHEET, stylesheet_path};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};

use crate::reply::Reply;

/// Answers `GET /assets/NAME`: 404 for what is not there, an old stylesheet too.
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
