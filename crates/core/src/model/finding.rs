//! A finding: one remark on one place of a change.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::finding_source::FindingSource;

/// How bad it is; ordered, `Info` is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, nothing to do.
    Info,
    /// A blemish.
    Low,
    /// Should be changed before long.
    Medium,
    /// Wrong in a way that users will meet.
    High,
    /// Loses data, money or secrets.
    Critical,
}

impl Severity {
    /// All, worst first.
    pub const WORST_FIRST: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// As JSON and the command line write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.as_str())
    }
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Can be abused.
    Security,
    /// Does the wrong thing.
    Correctness,
    /// Slower or larger than need be.
    Performance,
    /// Hard to read or change.
    Maintainability,
    /// Missing or weak tests.
    Testing,
    /// Missing or wrong documents.
    Documentation,
}

impl Category {
    /// As JSON writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Correctness => "correctness",
            Self::Performance => "performance",
            Self::Maintainability => "maintainability",
            Self::Testing => "testing",
            Self::Documentation => "documentation",
        }
    }
}

/// The side of the diff that a line number counts on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// The base: removed and context lines.
    #[serde(rename = "LEFT")]
    Left,
    /// The head: added and context lines.
    #[default]
    #[serde(rename = "RIGHT")]
    Right,
}

/// One remark, checked against the diff: its lines lie on `side` inside one hunk of `path`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The file, as [`super::change::ChangedFile::path`].
    pub path: String,
    /// Which side the lines count on.
    pub side: Side,
    /// First line, from 1; equal to `line` for a remark on one line.
    pub start_line: u32,
    /// Last line, from 1.
    pub line: u32,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub category: Category,
    /// One line of plain text.
    pub title: String,
    /// Markdown, sanitised before it leaves.
    pub body: String,
    /// Replacement for the lines `start_line..=line`, where there is one.
    pub suggestion: Option<String>,
    /// From 0 to 1.
    pub confidence: f64,
    /// `model`, or `rule:ID`.
    pub source: FindingSource,
    /// Whether the gate holds the review for a person because of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gated: bool,
    /// Whether a pull request lists it folded, beyond `max_findings`, instead of beside its lines.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folded: bool,
    /// All that found it: [`Self::source`] first, then what only added to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<FindingSource>,
}

impl Finding {
    /// Whether a model found it; else a rule did.
    pub fn is_by_model(&self) -> bool {
        self.source == FindingSource::Model
    }

    /// Returns all that found it: its source first, then what only added to it.
    pub fn found_by(&self) -> &[FindingSource] {
        if self.sources.is_empty() {
            std::slice::from_ref(&self.source)
        } else {
            &self.sources
        }
    }

    /// Names the finding within its report: 16 hex digits, derived from where it is and what it says.
    pub fn id(&self) -> String {
        let what = serde_json::json!([
            self.path,
            self.side,
            self.start_line,
            self.line,
            self.title,
            self.body,
            self.source
        ]);
        let digest = Sha256::digest(what.to_string().as_bytes());
        hex::encode(digest.get(..8).unwrap_or_default())
    }
}
