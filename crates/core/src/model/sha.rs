//! A commit's id, parsed once at the edge.

use serde::{Deserialize, Serialize};

/// A full commit id: 40 (SHA-1) or 64 (SHA-256) lowercase hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

/// A text that isn't a commit id.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is not a commit id: expected 40 or 64 hexadecimal digits")]
pub struct InvalidSha(pub String);

impl CommitSha {
    /// Parses a full id and converts it to lower case.
    ///
    /// # Errors
    ///
    /// The length is wrong, or a character isn't hexadecimal.
    pub fn parse(raw: &str) -> Result<Self, InvalidSha> {
        let is_hex = raw.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && (raw.len() == 40 || raw.len() == 64) {
            Ok(Self(raw.to_ascii_lowercase()))
        } else {
            Err(InvalidSha(raw.chars().take(80).collect()))
        }
    }

    /// Returns an id that no commit has, for a target where only the pull request matters.
    pub fn zero() -> Self {
        Self("0".repeat(40))
    }

    /// Returns the whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first 12 digits, for names and messages.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl TryFrom<String> for CommitSha {
    type Error = InvalidSha;
    fn try_from(raw: String) -> Result<Self, InvalidSha> {
        Self::parse(&raw)
    }
}

impl From<CommitSha> for String {
    fn from(sha: CommitSha) -> Self {
        sha.0
    }
}

impl std::fmt::Display for CommitSha {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}
