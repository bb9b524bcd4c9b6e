//! GitHub's refusals as the ports' errors: one line each, with what was asked, what was said, and the remedy.

use holdfast_core::port::{PublishError, ReadError};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::connection::Reply;

/// Why a request did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    pub kind: Kind,
    /// For people.
    pub line: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Forbidden,
    /// The organisation wants its single sign-on first.
    SignOnRequired,
    /// The repository is archived: it is read-only.
    Archived,
    /// The conversation is locked.
    Locked,
    NotFound,
    Rejected,
    /// With seconds until the limit ends, where they were said.
    RateLimited(Option<u64>),
    /// The answer is longer than what is read.
    TooLong,
    /// No answer, or none that can be read: the effect of a write may or may not have happened.
    Unavailable,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Value,
}

impl Failure {
    pub const fn new(kind: Kind, line: String) -> Self {
        Self { kind, line }
    }

    pub fn unavailable(call: &str, detail: &str) -> Self {
        let line = format!("{call}: GitHub gives no answer ({detail}): check HOLDFAST_GITHUB_URL and the network");
        Self::new(Kind::Unavailable, line)
    }

    pub fn unreadable(call: &str, detail: &str) -> Self {
        let line = format!("{call}: the answer is not GitHub's ({detail}): check HOLDFAST_GITHUB_URL");
        Self::new(Kind::Unavailable, line)
    }

    /// Reads a refusal. A body that is not of GitHub's shape is not quoted.
    pub fn from_reply(call: &str, needs: &str, status: StatusCode, reply: &Reply, who: &str) -> Self {
        let refusal: Refusal = serde_json::from_slice(&reply.body).unwrap_or_default();
        let said = format!("{} {}", status.as_u16(), one_line(&refusal.message, 200));
        let said = said.trim();
        if is_limit(status, &reply.headers, &refusal.message) {
            let line = format!("{call}: GitHub limits requests ({said})");
            return Self::new(Kind::RateLimited(retry_after_s(&reply.headers)), line);
        }
        let (kind, line) = match status.as_u16() {
            401 => (
                Kind::Forbidden,
                format!("GitHub refuses the credentials ({said}): {who} has to be valid for this host"),
            ),
            403 => forbidden(said, &refusal.message, &reply.headers, needs, who),
            404 | 410 => (
                Kind::NotFound,
                format!(
                    "not there, or not to be seen ({said}): check the address; {who} needs {needs:?} on a private repository"
                ),
            ),
            300..=399 => (
                Kind::NotFound,
                format!(
                    "it has moved ({said}), and not to a place that can be followed: use the repository's name of today"
                ),
            ),
            500.. => (Kind::Unavailable, format!("GitHub fails ({said}): try again later")),
            _ if refusal.errors.is_null() => (Kind::Rejected, format!("GitHub refuses what was sent ({said})")),
            _ => {
                let errors = one_line(&refusal.errors.to_string(), 300);
                (
                    Kind::Rejected,
                    format!("GitHub refuses what was sent ({said}: {errors})"),
                )
            }
        };
        Self::new(kind, format!("{call}: {line}"))
    }
}

/// What keeps a request from being done, and the remedy for it: a missing permission is only one of four.
fn forbidden(said: &str, message: &str, headers: &HeaderMap, needs: &str, who: &str) -> (Kind, String) {
    let message = message.to_ascii_lowercase();
    let sign_on = headers.get("x-github-sso").and_then(|value| value.to_str().ok());
    if sign_on.is_some_and(|value| value.trim_start().starts_with("required")) || message.contains("saml enforcement") {
        let place = sign_on.and_then(sign_on_page).unwrap_or_default();
        let line = format!(
            "the organisation requires single sign-on ({said}): authorize {who} for it in the token's settings, Configure \
             SSO{place}, or use a GitHub App"
        );
        return (Kind::SignOnRequired, line);
    }
    if message.contains("archived") {
        let line =
            format!("the repository is archived ({said}): unarchive it in its settings, or remove Holdfast from it");
        return (Kind::Archived, line);
    }
    if message.contains("locked") {
        let line = format!("the conversation is locked ({said}): unlock it on the pull request's page");
        return (Kind::Locked, line);
    }
    let line = format!("GitHub forbids it ({said}): {who} needs the permission {needs:?}");
    (Kind::Forbidden, line)
}

/// The page in a sign-on header, without its query, which holds a request's token.
fn sign_on_page(header: &str) -> Option<String> {
    let url = header.split(';').find_map(|part| part.trim().strip_prefix("url="))?;
    let mut url = Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
    url.set_query(None);
    url.set_fragment(None);
    Some(format!(" ({url})"))
}

/// A limit comes as 429, or as 403 that says so in one of three ways.
fn is_limit(status: StatusCode, headers: &HeaderMap, message: &str) -> bool {
    let is_told = || {
        headers.contains_key("retry-after")
            || number(headers, "x-ratelimit-remaining") == Some(0)
            || message.to_ascii_lowercase().contains("rate limit")
    };
    status == StatusCode::TOO_MANY_REQUESTS || (status == StatusCode::FORBIDDEN && is_told())
}

fn one_line(text: &str, most: usize) -> String {
    text.chars().filter(|char| !char.is_control()).take(most).collect()
}

/// Seconds until the limit ends: Retry-After, or the reset time against the server's own clock.
fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    if let Some(seconds) = number(headers, "retry-after") {
        return Some(seconds);
    }
    let reset = number(headers, "x-ratelimit-reset")?;
    let date = headers.get("date")?.to_str().ok()?;
    let now = jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second();
    Some(reset.saturating_sub(u64::try_from(now).ok()?))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

impl From<Failure> for ReadError {
    fn from(Failure { kind, line }: Failure) -> Self {
        match kind {
            // Reading is allowed in archived repositories and locked conversations: it is refused for another reason.
            Kind::Forbidden | Kind::Archived | Kind::Locked => Self::Forbidden(line),
            Kind::SignOnRequired => Self::SignOnRequired(line),
            Kind::NotFound => Self::NotFound(line),
            Kind::RateLimited(retry_after_s) => Self::RateLimited {
                detail: line,
                retry_after_s,
            },
            Kind::Rejected | Kind::TooLong | Kind::Unavailable => Self::Unavailable(line),
        }
    }
}

impl From<Failure> for PublishError {
    fn from(Failure { kind, line }: Failure) -> Self {
        match kind {
            Kind::Forbidden => Self::Forbidden(line),
            Kind::SignOnRequired => Self::SignOnRequired(line),
            Kind::Archived => Self::Archived(line),
            Kind::Locked => Self::Locked(line),
            Kind::NotFound => Self::NotFound(line),
            Kind::Rejected => Self::Rejected(line),
            Kind::RateLimited(_) => Self::RateLimited(line),
            Kind::TooLong | Kind::Unavailable => Self::Unavailable(line),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn failure(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let reply = Reply {
            headers,
            body: body.as_bytes().to_vec(),
        };
        Failure::from_reply(
            "GET /x",
            "Contents: read",
            StatusCode::from_u16(status).unwrap(),
            &reply,
            "GITHUB_TOKEN",
        )
    }

    #[test]
    fn limits_are_told_from_refusals() {
        let reset = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "60"),
            ("date", "Thu, 01 Jan 1970 00:00:10 GMT"),
        ];
        type Case<'a> = (u16, &'a [(&'static str, &'a str)], &'a str, Kind);
        let table: [Case<'_>; 9] = [
            (429, &[], "", Kind::RateLimited(None)),
            (429, &[("retry-after", "7")], "", Kind::RateLimited(Some(7))),
            (403, &reset, "{}", Kind::RateLimited(Some(50))),
            (
                403,
                &[],
                r#"{"message":"You have exceeded a secondary rate limit"}"#,
                Kind::RateLimited(None),
            ),
            (
                403,
                &[("x-ratelimit-remaining", "4")],
                r#"{"message":"Resource not accessible"}"#,
                Kind::Forbidden,
            ),
            (401, &[], "<html>", Kind::Forbidden),
            (301, &[], "", Kind::NotFound),
            (
                422,
                &[],
                r#"{"message":"Validation Failed","errors":["x"]}"#,
                Kind::Rejected,
            ),
            (502, &[], "", Kind::Unavailable),
        ];
        for (status, headers, body, kind) in table {
            let found = failure(status, headers, body);
            assert_eq!(found.kind, kind, "{status} {}", found.line);
            assert!(
                found.line.contains(&status.to_string()) && !found.line.contains("<html>"),
                "{}",
                found.line
            );
        }
    }

    #[test]
    fn each_refusal_has_its_own_remedy() {
        let sso = "required; url=https://github.com/orgs/octo/sso?authorization_request=AAAA";
        type Case<'a> = (&'a [(&'static str, &'a str)], &'a str, Kind, &'a str);
        let table: [Case<'_>; 6] = [
            (
                &[("x-github-sso", sso)],
                r#"{"message":"Resource protected by organization SAML enforcement. You must grant your token access."}"#,
                Kind::SignOnRequired,
                "Configure SSO (https://github.com/orgs/octo/sso)",
            ),
            (
                &[],
                r#"{"message":"Resource protected by organization SAML enforcement."}"#,
                Kind::SignOnRequired,
                "Configure SSO, or",
            ),
            (
                &[("x-github-sso", "required; url=javascript:alert(1)")],
                "{}",
                Kind::SignOnRequired,
                "Configure SSO, or",
            ),
            (
                &[],
                r#"{"message":"Repository was archived so is read-only."}"#,
                Kind::Archived,
                "unarchive it",
            ),
            (
                &[],
                r#"{"message":"Unable to create comment because issue is locked."}"#,
                Kind::Locked,
                "unlock it",
            ),
            (
                &[("x-github-sso", "partial-results; organizations=1,2")],
                r#"{"message":"Resource not accessible by integration"}"#,
                Kind::Forbidden,
                "needs the permission \"Contents: read\"",
            ),
        ];
        for (headers, body, kind, remedy) in table {
            let found = failure(403, headers, body);
            assert_eq!(found.kind, kind, "{}", found.line);
            assert!(found.line.contains(remedy), "{}", found.line);
            assert!(!found.line.contains("AAAA"), "{}", found.line);
        }
    }
}
