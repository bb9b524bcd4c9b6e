//! GitHub's refusals as the ports' errors: one line each, with the request, GitHub's answer and the remedy. `refusal`
//! decides what a refusal means.

use holdfast_core::port::{PublishError, ReadError};
use http::{HeaderMap, StatusCode};

use super::connection::Reply;
use super::refusal::{Cause, Refusal, message_cause, named_s, retry_after_s, sign_on_page};

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
    /// GitHub doesn't accept the credentials at all.
    Unauthorized,
    /// The organisation requires single sign-on.
    SignOnRequired,
    /// The repository is archived: it is read-only.
    Archived,
    /// The conversation is locked.
    Locked,
    NotFound,
    Rejected,
    /// With the seconds until the limit ends, where GitHub gives them.
    RateLimited(Option<u64>),
    /// The answer is longer than the limit.
    TooLong,
    /// No answer, or an unreadable one: the effect of a write may or may not have happened.
    Unavailable,
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
        let answer = format!("{} {}", status.as_u16(), one_line(&refusal.message, 200));
        let answer = answer.trim();
        let (kind, line) = match (refusal.cause(status, &reply.headers), status.as_u16()) {
            (Some(cause), _) => known(cause, answer, &refusal, &reply.headers, who),
            (None, 403 | 451) if refusal.block_reason().is_some() => {
                let reason = one_line(refusal.block_reason().unwrap_or_default(), 40);
                let line = format!(
                    "GitHub has blocked the repository ({answer}: {reason}): its owner has to contact GitHub Support"
                );
                (Kind::Forbidden, line)
            }
            (None, 401) => (
                Kind::Unauthorized,
                format!("GitHub refuses the credentials ({answer}): {who} has to be valid for this host"),
            ),
            (None, 403) => forbidden(answer, needs, who),
            (None, 404 | 410) => not_found(answer, needs, who),
            (None, 300..=399) => (
                Kind::NotFound,
                format!(
                    "it has moved ({answer}), and the redirect can't be followed: use the repository's current name"
                ),
            ),
            (None, 503) if named_s(&reply.headers).is_some() => (
                Kind::RateLimited(named_s(&reply.headers)),
                format!("GitHub is down for a time that it names ({answer})"),
            ),
            (None, 500..) => (Kind::Unavailable, format!("GitHub fails ({answer}): try again later")),
            (None, _) => (Kind::Rejected, rejected(answer, &refusal)),
        };
        Self::new(kind, format!("{call}: {line}"))
    }

    /// Reads a refusal of GraphQL: its kind, and its message.
    pub fn from_query_error(call: &str, needs: &str, kind: &str, message: &str, who: &str) -> Self {
        let answer = one_line(&format!("{kind} {message}"), 200);
        let answer = answer.trim();
        let of_cause = |cause| known(cause, answer, &Refusal::default(), &HeaderMap::new(), who);
        let (kind, line) = match (message_cause(403, message), kind) {
            (Some(cause), _) => of_cause(cause),
            (None, "RATE_LIMITED" | "RATE_LIMIT") => of_cause(Cause::RateLimit),
            (None, "FORBIDDEN" | "INSUFFICIENT_SCOPES") => forbidden(answer, needs, who),
            (None, "NOT_FOUND") => not_found(answer, needs, who),
            // Without a kind: a query that took too long, or that this server doesn't know.
            (None, "") => (Kind::Unavailable, format!("GitHub fails ({answer}): try again later")),
            (None, _) => (Kind::Rejected, format!("GitHub refuses the request ({answer})")),
        };
        Self::new(kind, format!("{call}: {line}"))
    }
}

fn forbidden(answer: &str, needs: &str, who: &str) -> (Kind, String) {
    let line = format!("GitHub forbids it ({answer}): {who} needs the permission {needs:?}");
    (Kind::Forbidden, line)
}

fn not_found(answer: &str, needs: &str, who: &str) -> (Kind, String) {
    let line = format!(
        "not found, or not visible ({answer}): check the address; {who} needs {needs:?} on a private repository"
    );
    (Kind::NotFound, line)
}

/// Returns the kind and the line of a failure with a known cause; the line has the remedy.
fn known(cause: Cause, answer: &str, refusal: &Refusal, headers: &HeaderMap, who: &str) -> (Kind, String) {
    match cause {
        Cause::RateLimit => (
            Kind::RateLimited(retry_after_s(headers)),
            format!("GitHub limits requests ({answer})"),
        ),
        Cause::SignOn => {
            let page = sign_on_page(headers).map_or_else(String::new, |page| format!(" ({page})"));
            let line = format!(
                "the organisation requires single sign-on ({answer}): authorize {who} for it in the token's settings, \
                 Configure SSO{page}, or use a GitHub App"
            );
            (Kind::SignOnRequired, line)
        }
        Cause::Archived => (
            Kind::Archived,
            format!("the repository is archived ({answer}): unarchive it in its settings, or remove Holdfast from it"),
        ),
        Cause::Locked => (
            Kind::Locked,
            format!("the conversation is locked ({answer}): unlock it on the pull request's page"),
        ),
        Cause::PendingReview => {
            let line = format!(
                "{} (the token's account has an unfinished review of its own on this pull request: submit or discard it)",
                rejected(answer, refusal)
            );
            (Kind::Rejected, line)
        }
    }
}

fn rejected(answer: &str, refusal: &Refusal) -> String {
    if refusal.errors.is_null() {
        return format!("GitHub refuses the request ({answer})");
    }
    let errors = one_line(&refusal.errors.to_string(), 300);
    format!("GitHub refuses the request ({answer}: {errors})")
}

fn one_line(text: &str, max_chars: usize) -> String {
    text.chars().filter(|char| !char.is_control()).take(max_chars).collect()
}

impl From<Failure> for ReadError {
    fn from(Failure { kind, line }: Failure) -> Self {
        match kind {
            // Archived repositories and locked conversations can be read: the refusal of a read has another reason.
            Kind::Forbidden | Kind::Unauthorized | Kind::Archived | Kind::Locked => Self::Forbidden(line),
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
            Kind::Forbidden | Kind::Unauthorized => Self::Forbidden(line),
            Kind::SignOnRequired => Self::SignOnRequired(line),
            Kind::Archived => Self::Archived(line),
            Kind::Locked => Self::Locked(line),
            Kind::NotFound => Self::NotFound(line),
            Kind::Rejected => Self::Rejected(line),
            Kind::RateLimited(retry_after_s) => Self::RateLimited {
                detail: line,
                retry_after_s,
            },
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
    fn limits_differ_from_refusals() {
        let reset = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "60"),
            ("date", "Thu, 01 Jan 1970 00:00:10 GMT"),
        ];
        let secondary = [("x-ratelimit-remaining", "4000"), reset[1], reset[2]];
        type Case<'a> = (u16, &'a [(&'static str, &'a str)], &'a str, Kind);
        let table: [Case<'_>; 14] = [
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
            (401, &[], "<html>", Kind::Unauthorized),
            (301, &[], "", Kind::NotFound),
            (
                422,
                &[],
                r#"{"message":"Validation Failed","errors":["x"]}"#,
                Kind::Rejected,
            ),
            (
                451,
                &[],
                r#"{"message":"Repository access blocked","block":{"reason":"dmca"}}"#,
                Kind::Forbidden,
            ),
            (429, &secondary, "", Kind::RateLimited(None)),
            (502, &[], "", Kind::Unavailable),
            (503, &reset, "", Kind::Unavailable),
            (503, &[], "", Kind::Unavailable),
            (503, &[("retry-after", "300")], "", Kind::RateLimited(Some(300))),
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
    fn each_cause_has_its_own_remedy() {
        let sso = "required; url=https://github.com/orgs/octo/sso?authorization_request=AAAA";
        type Case<'a> = (&'a [(&'static str, &'a str)], &'a str, Kind, &'a str);
        let table: [Case<'_>; 7] = [
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
                &[],
                r#"{"message":"Repository access blocked","block":{"reason":"billing"}}"#,
                Kind::Forbidden,
                "billing): its owner has to contact GitHub Support",
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
