//! A request to GitHub before it is sent: its address, its subject, and the kind of its write.

use std::fmt::Write as _;

use http::Method;
use serde_json::Value;

use super::turns::WriteKind;

/// Maximum size of a JSON answer, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// The path of GraphQL, which has another prefix on GitHub Enterprise Server.
pub(super) const GRAPHQL: &str = "/graphql";

/// The subject of a request. An App sends it with the token of its installation there.
pub(super) enum Scope {
    /// The caller itself.
    Caller,
    Repository(String, String),
    Organisation(String),
}

impl Scope {
    /// Returns the name under which its installation's token is stored.
    pub fn name(&self) -> String {
        match self {
            Self::Caller => String::new(),
            Self::Repository(owner, name) => format!("{owner}/{name}"),
            Self::Organisation(login) => login.clone(),
        }
    }
}

/// A request before it is sent.
pub(super) struct Call {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub scope: Scope,
    pub body: Option<Value>,
    pub accept: &'static str,
    pub max_bytes: usize,
    /// The permission that a refusal names.
    pub needs: &'static str,
    /// Whether an answer that leads to another host is a result.
    pub leads_elsewhere: bool,
}

impl Call {
    pub fn new(method: Method, segments: &[&str], needs: &'static str) -> Self {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            path.push_str(&encoded(segment));
        }
        Self {
            method,
            path,
            query: String::new(),
            scope: match segments {
                ["repos", owner, name, ..] => Scope::Repository((*owner).to_owned(), (*name).to_owned()),
                ["orgs", login, ..] => Scope::Organisation((*login).to_owned()),
                _ => Scope::Caller,
            },
            body: None,
            accept: "application/vnd.github+json",
            max_bytes: MAX_ANSWER_BYTES,
            needs,
            leads_elsewhere: false,
        }
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(name);
        self.query.push('=');
        self.query.push_str(&encoded(value));
        self
    }

    /// Requests another media type than the API's default.
    pub fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    /// Returns true for a write in a repository. In GraphQL that is a mutation.
    pub fn is_write(&self) -> bool {
        let query = || self.body.as_ref().and_then(|body| body["query"].as_str());
        let is_write = match self.path.as_str() {
            GRAPHQL => query().is_some_and(|query| query.starts_with("mutation")),
            _ => self.method != Method::GET,
        };
        is_write && matches!(self.scope, Scope::Repository(..))
    }

    /// Returns the kind of a write. GitHub counts the creation of comments, reviews and submissions as content.
    pub fn write_kind(&self) -> WriteKind {
        let parts: Vec<&str> = self.path.split('/').collect();
        match parts.as_slice() {
            _ if self.method != Method::POST => WriteKind::Other,
            ["", "repos", _, _, "issues" | "pulls", _, "comments", ..] => WriteKind::Comment,
            ["", "repos", _, _, "pulls", _, "reviews"] | ["", "repos", _, _, "pulls", _, "reviews", _, "events"] => {
                WriteKind::Review
            }
            _ => WriteKind::Other,
        }
    }

    /// Returns the write's identity, the same in each repetition.
    pub fn identity(&self) -> String {
        let body = self.body.as_ref().map(Value::to_string);
        format!("{}\n{}", self.name(), body.unwrap_or_default())
    }

    /// Returns the request's name in errors.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Encodes one part of an address so that it stays one part whatever it contains.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_segment_stays_one_segment() {
        let call = Call::new(Method::GET, &["repos", "o", "a/../b?x#y", "é"], "").query("ref", "a&b=c");
        assert_eq!(
            (call.path.as_str(), call.query.as_str()),
            ("/repos/o/a%2F..%2Fb%3Fx%23y/%C3%A9", "?ref=a%26b%3Dc")
        );
    }

    #[test]
    fn comments_reviews_and_submissions_create_content() {
        for (method, path, kind) in [
            (Method::POST, "issues/1/comments", WriteKind::Comment),
            (Method::POST, "pulls/1/comments", WriteKind::Comment),
            (Method::POST, "pulls/1/comments/7/replies", WriteKind::Comment),
            (Method::POST, "pulls/1/reviews", WriteKind::Review),
            (Method::POST, "pulls/1/reviews/7/events", WriteKind::Review),
            (Method::PATCH, "issues/comments/7", WriteKind::Other),
            (Method::DELETE, "pulls/1/reviews/7", WriteKind::Other),
            (Method::POST, "check-runs", WriteKind::Other),
            (Method::POST, "issues/comments/7/reactions", WriteKind::Other),
        ] {
            let segments: Vec<&str> = ["repos", "o", "r"].into_iter().chain(path.split('/')).collect();
            assert_eq!(Call::new(method, &segments, "").write_kind(), kind, "{path}");
        }
    }
}
