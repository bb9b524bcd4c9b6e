//! The owner of a token, and the token's permissions.

use super::reply::Reply;
use serde::Serialize;
use std::collections::BTreeMap;

/// A kind of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Kind {
    /// A person, with a personal access token.
    User,
    /// An App's installation.
    App,
}

/// The owner of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The login; an App's ends in `[bot]`.
    pub login: String,
    /// The kind of account.
    pub kind: Kind,
    permissions: BTreeMap<String, String>,
}

/// The default permissions of a token.
const PERMISSIONS: [(&str, &str); 8] = [
    ("actions", "read"),
    ("checks", "write"),
    ("contents", "read"),
    ("issues", "write"),
    ("members", "read"),
    ("metadata", "read"),
    ("pull_requests", "write"),
    ("security_events", "read"),
];

impl Identity {
    /// Returns a person who may read the repository and write reviews and comments. A person's token never writes check
    /// runs.
    pub fn user(login: impl Into<String>) -> Self {
        Self::new(login.into(), Kind::User)
    }

    /// Returns the App's installation, which may write check runs as well.
    pub fn app(slug: &str) -> Self {
        Self::new(format!("{slug}[bot]"), Kind::App)
    }

    fn new(login: String, kind: Kind) -> Self {
        let permissions = PERMISSIONS
            .iter()
            .map(|(name, level)| ((*name).into(), (*level).into()))
            .collect();
        Self {
            login,
            kind,
            permissions,
        }
    }

    /// Sets a permission (`actions`, `checks`, `contents`, `issues`, `members`, `metadata`, `pull_requests`,
    /// `security_events`) to `read` or `write`, or removes it.
    pub fn with_permission(mut self, name: &str, level: Option<&str>) -> Self {
        match level {
            Some(level) => self.permissions.insert(name.into(), level.into()),
            None => self.permissions.remove(name),
        };
        self
    }

    pub(crate) fn permission(&self, name: &str) -> Option<&str> {
        self.permissions.get(name).map(String::as_str)
    }

    pub(crate) fn permissions(&self) -> &BTreeMap<String, String> {
        &self.permissions
    }

    pub(crate) fn refused(&self) -> Reply {
        Reply::error(403, self.refusal())
    }

    /// Returns GitHub's message where a permission is missing.
    pub(crate) fn refusal(&self) -> &'static str {
        match self.kind {
            Kind::App => "Resource not accessible by integration",
            Kind::User => "Resource not accessible by personal access token",
        }
    }
}
