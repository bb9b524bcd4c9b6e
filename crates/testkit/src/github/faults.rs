//! A plan of faults: the requests, the fault, and its repetitions. The server's handler plays them.

use super::reply::Reply;
use serde_json::json;

/// A fault of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error answer; the request has no effect.
    Status {
        /// HTTP status.
        status: u16,
        /// The `Retry-After` header, in seconds.
        retry_after_s: Option<u64>,
        /// The error's message.
        message: String,
    },
    /// GraphQL's error answer, which has the status 200; the request has no effect.
    QueryError {
        /// The error's type: `FORBIDDEN`, `NOT_FOUND`, `RATE_LIMITED`, …; empty for none.
        kind: String,
        /// The error's message.
        message: String,
    },
    /// The request takes effect, and the answer is half a JSON document with a success status.
    MalformedBody,
    /// The request takes effect, and the answer is an empty body with a success status.
    EmptyBody,
    /// The connection closes; no effect.
    DropBefore,
    /// The request takes effect, and the connection closes: the answer is lost.
    DropAfter,
    /// The request takes effect at once, and the answer leaves later.
    Delay {
        /// The delay in milliseconds.
        delay_ms: u64,
    },
    /// The answer is 504 at once; the request takes effect later, unless the rules forbid it then.
    LateEffect {
        /// The delay in milliseconds.
        delay_ms: u64,
    },
    /// The request is handled twice; the first answer is sent.
    Duplicate,
    /// The answer comes from the state before the last write. For reads: a write on that state is lost.
    StaleRead,
}

impl Fault {
    /// Returns an error answer with the status's message. For 429 see [`Fault::rate_limited`].
    pub fn status(status: u16) -> Self {
        let message = match status {
            401 => "Bad credentials",
            403 => "Resource not accessible by integration",
            404 => "Not Found",
            422 => "Unprocessable Entity",
            429 => "You have exceeded a secondary rate limit.",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            _ => "Server Error",
        };
        Self::Status {
            status,
            retry_after_s: None,
            message: message.into(),
        }
    }

    /// Returns GraphQL's error of a type.
    pub fn query_error(kind: &str, message: &str) -> Self {
        Self::QueryError {
            kind: kind.into(),
            message: message.into(),
        }
    }

    /// Returns a 429 with `Retry-After`.
    pub fn rate_limited(retry_after_s: u64) -> Self {
        let message = "You have exceeded a secondary rate limit.".into();
        Self::Status {
            status: 429,
            retry_after_s: Some(retry_after_s),
            message,
        }
    }

    /// Returns GitHub's other form of the secondary limit: 403 without `Retry-After`.
    pub fn secondary_limit() -> Self {
        let message =
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.".into();
        Self::Status {
            status: 403,
            retry_after_s: None,
            message,
        }
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Status { status, .. } => format!("status {status}"),
            Self::QueryError { kind, .. } => format!("query error {kind}"),
            Self::MalformedBody => "malformed body".into(),
            Self::EmptyBody => "empty body".into(),
            Self::DropBefore => "drop before".into(),
            Self::DropAfter => "drop after".into(),
            Self::Delay { delay_ms } => format!("delay {delay_ms} ms"),
            Self::LateEffect { delay_ms } => format!("late effect {delay_ms} ms"),
            Self::Duplicate => "duplicate".into(),
            Self::StaleRead => "stale read".into(),
        }
    }

    /// Returns the error answer of `QueryError`.
    pub(crate) fn query_reply(kind: &str, message: &str) -> Reply {
        let mut error = json!({ "message": message });
        if !kind.is_empty() {
            error["type"] = json!(kind);
        }
        Reply::json(200, &json!({ "errors": [error] }))
    }

    /// Returns the error answer of `Status`.
    pub(crate) fn reply(status: u16, retry_after_s: Option<u64>, message: &str) -> Reply {
        let mut reply = if status == 422 {
            Reply::unprocessable(&[message])
        } else {
            Reply::error(status, message)
        };
        reply
            .headers
            .extend(retry_after_s.map(|seconds| ("retry-after", seconds.to_string())));
        reply
    }
}

/// The requests of a fault. Default: the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    method: Option<String>,
    pattern: Option<Vec<String>>,
    skip: usize,
    times: usize,
}

impl Matcher {
    /// Matches every request.
    pub fn any() -> Self {
        Self {
            method: None,
            pattern: None,
            skip: 0,
            times: 1,
        }
    }

    /// Matches requests by method and path: `*` matches one part of a path, `**` at the end any rest, e.g.
    /// `/repos/*/*/pulls/*/reviews`.
    pub fn new(method: &str, pattern: &str) -> Self {
        Self {
            method: Some(method.to_uppercase()),
            ..Self::path(pattern)
        }
    }

    /// Matches requests only by path.
    pub fn path(pattern: &str) -> Self {
        let parts = pattern
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        Self {
            pattern: Some(parts),
            ..Self::any()
        }
    }

    /// Skips the first `skip` matching requests.
    pub fn after(mut self, skip: usize) -> Self {
        self.skip = skip;
        self
    }

    /// Applies to `times` requests. Default 1.
    pub fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// Applies to every later request.
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Returns true if a request matches, regardless of earlier requests.
    pub fn matches(&self, method: &str, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let is_path = self.pattern.as_ref().is_none_or(|pattern| {
            let (pattern, is_open) = match pattern.split_last() {
                Some((last, rest)) if last == "**" => (rest, true),
                _ => (pattern.as_slice(), false),
            };
            let is_long_enough = if is_open {
                parts.len() >= pattern.len()
            } else {
                parts.len() == pattern.len()
            };
            is_long_enough
                && pattern
                    .iter()
                    .zip(&parts)
                    .all(|(wanted, part)| wanted == "*" || wanted == part)
        });
        is_path && self.method.as_ref().is_none_or(|wanted| wanted == method)
    }
}

/// The planned faults.
#[derive(Debug, Default)]
pub(crate) struct Plan(Vec<(Matcher, Fault)>);

impl Plan {
    pub fn add(&mut self, matcher: Matcher, fault: Fault) {
        self.0.push((matcher, fault));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the fault for this request: the first planned one that applies. All matching plans count the request.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let mut due = None;
        for (matcher, fault) in &mut self.0 {
            if !matcher.matches(method, path) || matcher.times == 0 {
                continue;
            }
            if matcher.skip > 0 {
                matcher.skip -= 1;
            } else if due.is_none() {
                matcher.times = matcher.times.saturating_sub(usize::from(matcher.times != usize::MAX));
                due = Some(fault.clone());
            }
        }
        self.0.retain(|(matcher, _)| matcher.times > 0);
        due
    }

    pub fn left(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_parts_of_a_path() {
        let matches = |pattern, path| Matcher::path(pattern).matches("GET", path);
        assert!(matches("/repos/*/*/pulls/*/reviews", "/repos/o/r/pulls/1/reviews"));
        assert!(!matches("/repos/*/*/pulls/*/reviews", "/repos/o/r/pulls/1/reviews/2"));
        assert!(!matches("/repos/*/*/pulls/*", "/repos/o/r/issues/1"));
        assert!(matches("/repos/**", "/repos/o/r/pulls/1"));
        assert!(matches("/repos/o/r/contents/**", "/repos/o/r/contents/a/b.rs"));
        assert!(!Matcher::new("POST", "/user").matches("GET", "/user"));
        assert!(Matcher::any().matches("DELETE", "/anything"));
    }

    #[test]
    fn a_fault_skips_requests_then_applies_a_number_of_times() {
        let mut plan = Plan::default();
        plan.add(Matcher::path("/user").after(1).times(2), Fault::DropBefore);
        plan.add(Matcher::path("/app").always(), Fault::Duplicate);
        let mut take = |path| plan.take("GET", path);
        assert_eq!(take("/user"), None);
        assert_eq!(take("/other"), None);
        assert_eq!(take("/user"), Some(Fault::DropBefore));
        assert_eq!(take("/user"), Some(Fault::DropBefore));
        assert_eq!(take("/user"), None);
        assert_eq!((0..5).filter(|_| take("/app") == Some(Fault::Duplicate)).count(), 5);
        assert_eq!(plan.left(), 1);
    }

    #[test]
    fn two_plans_for_one_path_apply_in_turn() {
        let mut plan = Plan::default();
        plan.add(Matcher::path("/user"), Fault::DropBefore);
        plan.add(Matcher::path("/user"), Fault::DropAfter);
        let faults: Vec<_> = (0..3).map(|_| plan.take("GET", "/user")).collect();
        assert_eq!(faults, [Some(Fault::DropBefore), Some(Fault::DropAfter), None]);
    }
}
