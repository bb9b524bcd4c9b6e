//! HTTP answers, with the headers that all of them have.

use holdfast_console::CONTENT_SECURITY_POLICY;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::Value;

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Creates an answer that isn't cached, framed or sniffed.
    pub fn new(status: StatusCode, media_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (CONTENT_TYPE, media_type),
            (CACHE_CONTROL, "no-store"),
            (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    /// Creates a page.
    pub fn page(status: StatusCode, html: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "text/html; charset=utf-8", html)
    }

    /// Creates a JSON document.
    pub fn json(status: StatusCode, document: &Value) -> Self {
        Self::new(status, "application/json", format!("{document}\n"))
    }

    /// Redirects to another page of this site after a form (303). A path that isn't a valid header value leads to
    /// `/`.
    pub fn see_other(path: &str) -> Self {
        let mut reply = Self::new(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
        let location = HeaderValue::from_str(path).unwrap_or_else(|_| HeaderValue::from_static("/"));
        reply.headers.insert(http::header::LOCATION, location);
        reply
    }

    /// Adds a header. An invalid value is left out.
    #[must_use]
    pub fn with(mut self, name: http::HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }
}
