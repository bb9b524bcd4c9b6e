//! One answer of the API: success, pages of a list, and errors in GitHub's form.

use super::request::ApiRequest;
use serde_json::{Value, json};

/// An answer. As an error it is a refusal.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// Its changes.
    pub effect: Option<String>,
}

pub(crate) type Answered = Result<Reply, Reply>;

const JSON: &str = "application/json; charset=utf-8";

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self {
            status,
            headers: Vec::new(),
            content_type: JSON,
            body,
            effect: None,
        }
    }

    pub fn raw(body: Vec<u8>) -> Self {
        let content_type = "application/vnd.github.raw+json; charset=utf-8";
        Self {
            status: 200,
            headers: Vec::new(),
            content_type,
            body,
            effect: None,
        }
    }

    pub fn no_content() -> Self {
        Self {
            status: 204,
            headers: Vec::new(),
            content_type: JSON,
            body: Vec::new(),
            effect: None,
        }
    }

    pub fn with_effect(mut self, effect: impl Into<String>) -> Self {
        self.effect = Some(effect.into());
        self
    }

    pub fn error(status: u16, message: &str) -> Self {
        Self::json(
            status,
            &json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() }),
        )
    }

    pub fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    /// Returns a 422 whose errors are sentences without the comment or the file.
    pub fn unprocessable(errors: &[&str]) -> Self {
        let body = json!({
            "message": "Unprocessable Entity", "errors": errors,
            "documentation_url": "https://docs.github.com/rest", "status": "422",
        });
        Self::json(422, &body)
    }

    /// Returns a 422 about one field.
    pub fn invalid(resource: &str, field: &str, code: &str, message: &str) -> Self {
        let body = json!({
            "message": "Validation Failed",
            "errors": [{ "resource": resource, "code": code, "field": field, "message": message }],
            "documentation_url": "https://docs.github.com/rest", "status": "422",
        });
        Self::json(422, &body)
    }

    /// Returns one page of `items`, with GitHub's `Link` header.
    pub fn page(request: &ApiRequest, items: &[Value]) -> Self {
        let (range, link) = page_of(request, items.len());
        Self::json(200, &Value::Array(items[range].to_vec())).linked(link)
    }

    pub fn linked(mut self, link: Option<String>) -> Self {
        self.headers.extend(link.map(|link| ("link", link)));
        self
    }
}

/// Returns the range of the requested page in `total` items, and the `Link` header.
pub(crate) fn page_of(request: &ApiRequest, total: usize) -> (std::ops::Range<usize>, Option<String>) {
    let number = |name: &str| request.query(name).and_then(|text| text.parse::<usize>().ok());
    let per_page = number("per_page").unwrap_or(30).clamp(1, 100);
    let page = number("page").unwrap_or(1).max(1);
    let last = total.div_ceil(per_page).max(1);
    let start = (page - 1).saturating_mul(per_page).min(total);
    let mut links = Vec::new();
    let mut link = |page: usize, rel: &str| links.push(format!("<{}>; rel=\"{rel}\"", request.page_url(page)));
    if page > 1 {
        link(page - 1, "prev");
    }
    if page < last {
        link(page + 1, "next");
        link(last, "last");
    }
    if page > 1 {
        link(1, "first");
    }
    let range = start..(start + per_page).min(total);
    (range, (!links.is_empty()).then(|| links.join(", ")))
}
