//! The cause of a refusal by GitHub: decided by headers and by the documentation page that the body names; by the
//! message only where GitHub gives nothing else. A message counts by its beginning, which is GitHub's own: the names of
//! repositories, organisations and files that follow can't decide anything.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// The cause of a refusal, where it is more than a missing permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The primary or the secondary rate limit.
    RateLimit,
    /// The organisation requires single sign-on.
    SignOn,
    /// The repository is archived.
    Archived,
    /// The conversation is locked.
    Locked,
    /// The account has an unfinished review on the pull request.
    PendingReview,
}

/// The body of a refusal. Fields of another shape count as missing.
#[derive(Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub errors: Value,
    #[serde(default)]
    documentation_url: Value,
    #[serde(default)]
    block: Value,
}

/// Documentation pages that GitHub names for one cause only, by the end of their address: host and version differ.
const PAGES: [(&str, Cause); 4] = [
    // go-github's `CheckResponse` decides by these two.
    ("secondary-rate-limits", Cause::RateLimit),
    ("#abuse-rate-limits", Cause::RateLimit),
    (
        "/authenticating-to-a-github-organization-with-saml-single-sign-on",
        Cause::SignOn,
    ),
    // <https://github.com/renovatebot/renovate/issues/6215>
    ("/locking-conversations", Cause::Locked),
];

/// Beginnings of messages, with their status. An unknown message is a missing permission (403) or an invalid request
/// (422): neither is retried.
const MESSAGES: [(u16, &str, Cause); 7] = [
    // <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
    (403, "API rate limit exceeded", Cause::RateLimit),
    (403, "You have exceeded a secondary rate limit", Cause::RateLimit),
    // The secondary limit's older name, on GitHub Enterprise Server.
    (403, "You have triggered an abuse detection mechanism", Cause::RateLimit),
    // <https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api>
    (
        403,
        "Resource protected by organization SAML enforcement",
        Cause::SignOn,
    ),
    // <https://github.com/r-universe-org/help/issues/247>: the page is that of the request.
    (403, "Repository was archived so is read-only", Cause::Archived),
    (403, "Unable to create comment because issue is locked", Cause::Locked),
    // <https://github.com/github/app/issues/3371>: the message of an element of `errors`.
    (
        422,
        "User can only have one pending review per pull request",
        Cause::PendingReview,
    ),
];

impl Refusal {
    /// Returns the cause, where headers, page or message name one.
    pub fn cause(&self, status: StatusCode, headers: &HeaderMap) -> Option<Cause> {
        match status.as_u16() {
            429 => Some(Cause::RateLimit),
            403 if headers.contains_key("retry-after") || number(headers, "x-ratelimit-remaining") == Some(0) => {
                Some(Cause::RateLimit)
            }
            403 if sign_on(headers).is_some() => Some(Cause::SignOn),
            403 => self.page_cause().or_else(|| message_cause(403, &self.message)),
            422 => {
                let texts = self.errors.as_array().into_iter().flatten();
                texts
                    .filter_map(|error| message_cause(422, error.as_str().or_else(|| error["message"].as_str())?))
                    .next()
            }
            _ => None,
        }
    }

    fn page_cause(&self) -> Option<Cause> {
        let page = self.documentation_url.as_str()?.trim_end_matches('/');
        let row = PAGES.iter().find(|(end, _)| page.ends_with(end));
        row.map(|(_, cause)| *cause)
    }

    /// Returns why GitHub blocked a repository, in its own word (`tos`, `dmca`, `billing`, …); `None` where it didn't.
    pub fn block_reason(&self) -> Option<&str> {
        self.block["reason"].as_str()
    }
}

/// Returns the cause that the beginning of a message names.
pub(super) fn message_cause(status: u16, message: &str) -> Option<Cause> {
    let row = MESSAGES
        .iter()
        .find(|(of, beginning, _)| *of == status && message.starts_with(beginning));
    row.map(|(_, _, cause)| *cause)
}

/// Returns the header that demands single sign-on.
fn sign_on(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get("x-github-sso")?.to_str().ok()?;
    header.trim_start().starts_with("required").then_some(header)
}

/// Returns the page where a token is authorized for single sign-on, without its query, which holds a token of its own.
pub(super) fn sign_on_page(headers: &HeaderMap) -> Option<Url> {
    let url = sign_on(headers)?
        .split(';')
        .find_map(|part| part.trim().strip_prefix("url="))?;
    let mut url = Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// Returns the seconds that the server names in Retry-After.
pub(super) fn named_s(headers: &HeaderMap) -> Option<u64> {
    number(headers, "retry-after")
}

/// Returns the seconds until the limit ends: Retry-After, or the reset time against the server's own clock. The reset
/// time is that of the primary limit: it counts only if nothing remains of that.
pub(super) fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    if let Some(seconds) = named_s(headers) {
        return Some(seconds);
    }
    if number(headers, "x-ratelimit-remaining").is_some_and(|remaining| remaining > 0) {
        return None;
    }
    let reset = number(headers, "x-ratelimit-reset")?;
    let date = headers.get("date")?.to_str().ok()?;
    let now = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
    Some(reset.saturating_sub(u64::try_from(now).ok()?))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn cause(status: u16, body: Value) -> Option<Cause> {
        let refusal: Refusal = serde_json::from_value(body).unwrap();
        refusal.cause(StatusCode::from_u16(status).unwrap(), &HeaderMap::new())
    }

    #[test]
    fn each_documentation_page_decides() {
        let pages = [
            "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits",
            "https://developer.github.com/v3/#abuse-rate-limits",
            "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/",
            "https://help.github.com/articles/locking-conversations/",
        ];
        for (page, (end, expected)) in pages.into_iter().zip(PAGES) {
            assert!(page.trim_end_matches('/').ends_with(end), "{page}");
            let body = json!({ "message": "anything", "documentation_url": page });
            assert_eq!(cause(403, body), Some(expected), "{page}");
        }
        for page in [json!("https://docs.github.com/rest"), json!(7), Value::Null] {
            let body = json!({ "message": "anything", "documentation_url": page });
            assert_eq!(cause(403, body), None, "{page}");
        }
    }

    #[test]
    fn each_message_decides_by_its_beginning() {
        for (status, beginning, expected) in MESSAGES {
            let whole = format!("{beginning}. Read more.");
            let quoted = format!("`{beginning}` organization has enabled OAuth App access restrictions");
            let body = |text: &str| match status {
                422 => json!({ "message": "Validation Failed", "errors": [7, text] }),
                _ => json!({ "message": text }),
            };
            assert_eq!(cause(status, body(&whole)), Some(expected), "{whole}");
            assert_eq!(cause(status, body(&quoted)), None, "{quoted}");
            assert_eq!(cause(404, body(&whole)), None, "{whole}");
        }
        let body = json!({ "errors": [{ "message": MESSAGES[6].1 }] });
        assert_eq!(cause(422, body), Some(Cause::PendingReview));
    }
}
