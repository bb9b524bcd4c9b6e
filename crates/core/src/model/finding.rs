//! A finding: one comment on one place of a change.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::finding_id::FindingId;
use super::finding_source::FindingSource;

/// The severity of a finding; ordered, `Info` is the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; no action needed.
    Info,
    /// A minor flaw.
    Low,
    /// Should be changed soon.
    Medium,
    /// A fault that users will meet.
    High,
    /// Loses data, money or secrets.
    Critical,
}

impl Severity {
    /// All, worst first.
    pub const WORST_FIRST: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// Returns the next lower one; `Info` stays.
    pub const fn lowered(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium => Self::Low,
            Self::Low | Self::Info => Self::Info,
        }
    }

    /// Returns its name in JSON and on the command line.
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

/// Returns the number of findings of each severity, the worst first: `2 high, 1 low`. Empty without a finding.
pub fn severity_counts(findings: &[Finding]) -> String {
    let counts: Vec<String> = Severity::WORST_FIRST
        .into_iter()
        .filter_map(|severity| {
            let found = findings.iter().filter(|finding| finding.severity == severity).count();
            (found > 0).then(|| format!("{found} {severity}"))
        })
        .collect();
    counts.join(", ")
}

/// The category of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Can be abused.
    Security,
    /// Does the wrong thing.
    Correctness,
    /// Slower or larger than necessary.
    Performance,
    /// Hard to read or change.
    Maintainability,
    /// Missing or weak tests.
    Testing,
    /// Missing or wrong documentation.
    Documentation,
}

impl Category {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::Security,
        Self::Correctness,
        Self::Performance,
        Self::Maintainability,
        Self::Testing,
        Self::Documentation,
    ];

    /// Returns its name in JSON.
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

/// The side of the diff that line numbers refer to.
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

/// One comment, checked against the diff: its lines are on `side`, inside one hunk of `path`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The file, as [`super::change::ChangedFile::path`].
    pub path: String,
    /// The side of the lines.
    pub side: Side,
    /// First line, from 1; equal to `line` for a finding on one line.
    pub start_line: u32,
    /// Last line, from 1.
    pub line: u32,
    /// Its severity.
    pub severity: Severity,
    /// Its category.
    pub category: Category,
    /// One line of plain text.
    pub title: String,
    /// Markdown, sanitised before it is published.
    pub body: String,
    /// Replacement for the lines `start_line..=line`, where there is one.
    pub suggestion: Option<String>,
    /// From 0 to 1.
    pub confidence: f64,
    /// `model`, or `rule:ID`.
    pub source: FindingSource,
    /// Its weaknesses, as numbers of the Common Weakness Enumeration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwe: Vec<u32>,
    /// Whether it makes the gate require a person's approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gated: bool,
    /// Whether a pull request shows it folded instead of at its lines: it is below `comments.min_severity`, or beyond
    /// `comments.max`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folded: bool,
    /// All its sources: [`Self::source`] first, then those that only added to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<FindingSource>,
    /// Its identity and state on the pull request, in runs that keep a ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<Tracked>,
}

/// A finding's identity and state on its pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// Its id: the same in every run that reports it.
    pub id: FindingId,
    /// Its state when this run reported it.
    pub state: TrackedState,
    /// The page of its comment; none if it has none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its published form, if this run raises its severity to the gate's: the raised one needs an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedForm>,
}

/// The severity and the words in which a finding is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedForm {
    /// Its severity.
    pub severity: Severity,
    /// Its title.
    pub title: String,
    /// The beginning of its text.
    pub body: String,
}

/// The state of a reported finding on its pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackedState {
    /// No earlier run published it.
    New,
    /// An earlier run published it.
    Open,
    /// It was fixed or had left the change, and is there again.
    Reopened,
    /// A person resolved its thread.
    Closed,
    /// A person with write permission decided against it.
    Dismissed,
}

impl TrackedState {
    /// Returns whether the pull request doesn't show such a finding as open yet.
    pub const fn is_unpublished(self) -> bool {
        matches!(self, Self::New | Self::Reopened)
    }

    /// Returns its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Reopened => "reopened",
            Self::Closed => "closed",
            Self::Dismissed => "dismissed",
        }
    }
}

impl Finding {
    /// Returns its state on the pull request; a finding of a run without a ledger is new.
    pub fn state(&self) -> TrackedState {
        self.tracked.as_ref().map_or(TrackedState::New, |tracked| tracked.state)
    }

    /// Returns its id on the pull request, in runs that keep a ledger.
    pub fn ledger_id(&self) -> Option<&FindingId> {
        self.tracked.as_ref().map(|tracked| &tracked.id)
    }

    /// Returns the page of its comment, if it has one already.
    pub fn comment_url(&self) -> Option<&str> {
        self.tracked.as_ref()?.url.as_deref()
    }

    /// Returns whether the pull request doesn't show it yet.
    pub fn is_unpublished(&self) -> bool {
        self.state().is_unpublished()
    }

    /// Returns whether the pull request may show it: a finding that a person dismissed before it was published stays
    /// unpublished.
    pub fn is_public(&self) -> bool {
        self.state() != TrackedState::Dismissed || self.comment_url().is_some()
    }

    /// Returns whether a person has to approve it before the pull request shows it, or shows it with its raised severity.
    pub fn needs_approval(&self) -> bool {
        self.gated && (self.is_unpublished() || self.published_form().is_some())
    }

    /// Returns its published form, if this run raises its severity to the gate's.
    pub fn published_form(&self) -> Option<&PublishedForm> {
        self.tracked.as_ref()?.published.as_ref()
    }

    /// Gives it back its published form, if this run raises its severity. Returns whether it does.
    pub fn restore_published(&mut self) -> bool {
        let Some(form) = self.tracked.as_mut().and_then(|tracked| tracked.published.take()) else {
            return false;
        };
        (self.severity, self.title, self.body) = (form.severity, form.title, form.body);
        true
    }

    /// Returns whether a model found it; otherwise a rule did.
    pub fn is_by_model(&self) -> bool {
        self.source == FindingSource::Model
    }

    /// Returns all its sources: the main one first, then those that only added to it.
    pub fn found_by(&self) -> &[FindingSource] {
        if self.sources.is_empty() {
            std::slice::from_ref(&self.source)
        } else {
            &self.sources
        }
    }

    /// Returns its id within the report: 16 hex digits, derived from its place and its text.
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
