//! Findings that comments in the code silence, and the comments that don't count.

use serde::{Deserialize, Serialize};

use super::finding::Finding;

/// What the comments in some files silence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Silencing {
    /// The silenced findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silenced: Vec<SilencedFinding>,
    /// Comments that would silence a finding and don't count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedComment>,
    /// The number of added `holdfast: ignore` comments that name no rule.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub without_rule: u32,
}

/// A finding that a comment in the code silences.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SilencedFinding {
    /// The finding.
    pub finding: Finding,
    /// The comment's word, such as `holdfast: ignore` or `noqa`.
    pub word: String,
    /// The comment's line, from 1, at the reviewed head.
    pub comment_line: u32,
    /// The reason that the comment gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the comment's form asks for a reason, and it has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lacks_reason: bool,
}

/// A comment that would silence a finding and doesn't count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RefusedComment {
    /// The file.
    pub path: String,
    /// The comment's line, from 1, at the reviewed head.
    pub line: u32,
    /// The reason.
    pub cause: RefusalCause,
}

/// The reason why a silencing comment doesn't count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCause {
    /// The pull request adds it, and its author has no write permission.
    Author,
    /// The pull request adds it, and its branch is in another repository: whoever pushes there may have no write
    /// permission here.
    Fork,
    /// It would silence a secret in a file under `gate.paths`.
    GatedSecret,
    /// It would silence hidden characters, which make code look like other code.
    HiddenText,
    /// A cause that this version doesn't know.
    #[serde(other)]
    Unknown,
}

impl Silencing {
    /// Returns whether there is nothing to report.
    pub const fn is_empty(&self) -> bool {
        self.silenced.is_empty() && self.refused.is_empty() && self.without_rule == 0
    }

    /// Adds what the comments in other files, or in other parts of a file, silence.
    pub fn add(&mut self, other: Self) {
        self.silenced.extend(other.silenced);
        self.refused.extend(other.refused);
        self.without_rule = self.without_rule.saturating_add(other.without_rule);
    }

    /// Sorts everything by its place. A comment that doesn't count for several findings is listed once for each cause.
    pub fn settle(&mut self) {
        self.silenced.sort_by(|one, other| {
            let key = |silenced: &SilencedFinding| {
                let finding = &silenced.finding;
                (finding.path.clone(), finding.line, finding.source.clone())
            };
            key(one).cmp(&key(other))
        });
        self.refused.sort();
        self.refused.dedup();
    }
}

/// The permissions that decide whether the silencing comments of a pull request count. A run reads them once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritePermissions {
    /// Whether the pull request's author may write to the repository.
    pub author_may_write: bool,
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}
