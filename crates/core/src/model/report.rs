//! The finished review, as `--format json` prints it (version 1: fields may be added, none removed).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::dependency::DependencyUpdates;
use super::error_name::ErrorName;
use super::failure::{Failure, NO_VALID_ANSWER, OtherFailure};
use super::finding::{Finding, Severity, Side, TrackedState};
use super::finding_id::FindingId;
use super::model_id::ModelId;
use super::run_name::RunName;
use super::silencing::SilencedFinding;

/// Version of [`Report`]'s shape.
pub const REPORT_VERSION: u32 = 1;

/// The beginning of the note with the reason why the walkthrough is a template.
pub const TEMPLATE_NOTE: &str = "the walkthrough is a template: ";

/// The text in place of a missing reason.
pub const NO_REASON: &str = "no reason was recorded";

/// The status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It is in progress, or resumes at the next start.
    Running,
    /// Every reviewable file was reviewed; printed, not published.
    Reviewed,
    /// Some files could not be reviewed.
    Partial,
    /// Nothing to review.
    Skipped,
    /// A person must decide.
    AwaitingApproval,
    /// The review is on the pull request.
    Published,
    /// A person rejected it.
    Rejected,
    /// The pull request has a newer commit or run.
    Superseded,
    /// It could not be completed.
    Failed,
}

impl RunStatus {
    /// Returns its name in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Reviewed => "reviewed",
            Self::Partial => "partial",
            Self::Skipped => "skipped",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Published => "published",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Failed => "failed",
        }
    }

    /// Returns whether the run has no result of its own, or none yet: it failed, was superseded, or is in progress.
    pub const fn lacks_result(self) -> bool {
        matches!(self, Self::Failed | Self::Superseded | Self::Running)
    }
}

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The run's name.
    pub run: RunName,
    /// The run's status.
    pub status: RunStatus,
    /// The reviewed target.
    pub target: ReportTarget,
    /// The model.
    pub model: ReportModel,
    /// The walkthrough, Markdown.
    pub summary: String,
    /// The gate's decision.
    pub gate: Gate,
    /// Worst first, then by path and line.
    pub findings: Vec<Finding>,
    /// One entry for each changed file.
    pub coverage: Vec<Coverage>,
    /// Model calls, tokens, cost and time.
    pub usage: Usage,
    /// Notes for the reader, such as limits that were reached, or the reason of a failure.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Those of [`Self::notes`] whose details belong only in the run's own record, each with its public text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_notes: Vec<PrivateNote>,
    /// Number of findings that the pull request doesn't show: they need an approval, and the review doesn't wait for one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub withheld: u64,
    /// Whether nobody decided about those in time. Only the text on the pull request needs it.
    #[serde(skip)]
    pub is_undecided: bool,
    /// Findings of earlier runs of the pull request that this run did not report: those that are still open, and those
    /// that its head fixes. Open ones first, then by path and line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierFinding>,
    /// Findings that comments in the code silence, by path and line. They are not in [`Self::findings`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silenced: Vec<SilencedFinding>,
    /// The dependencies that the change updates, from its lock files.
    #[serde(default, skip_serializing_if = "DependencyUpdates::is_empty")]
    pub dependencies: DependencyUpdates,
}

/// A finding that an earlier run published and this run did not report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierFinding {
    /// Its id on the pull request.
    pub id: FindingId,
    /// The file, at the reviewed head.
    pub path: String,
    /// The side of the line.
    #[serde(default)]
    pub side: Side,
    /// The last line, from 1, at the reviewed head.
    pub line: u32,
    /// Its severity, as published.
    pub severity: Severity,
    /// Its title, as published.
    pub title: String,
    /// The beginning of its text, if it has no comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Its state.
    pub state: EarlierState,
    /// Whether it is open and at or above the gate's severity.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gated: bool,
    /// The page of its comment, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The state of a finding that a run did not report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlierState {
    /// It is still there: its lines were not read again, or did not change.
    Open,
    /// The reviewed head fixes it.
    Fixed,
    /// A comment in the code silences it at the reviewed head.
    Silenced,
}

impl EarlierState {
    /// Returns its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Fixed => "fixed",
            Self::Silenced => "silenced",
        }
    }
}

const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A note that is not public: it names a host, a setting or a person's address, or quotes a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateNote {
    /// The note, as it is in [`Report::notes`].
    pub note: String,
    /// The text that the public reads instead.
    pub public: String,
    /// The note's subject, where code needs it. `None` in reports of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<NoteSubject>,
}

/// The subject of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteSubject {
    /// The walkthrough is a template, because no model's answer was valid.
    TemplateWalkthrough,
    /// A subject that this version doesn't know.
    #[serde(other)]
    Unknown,
}

/// What a partial review lacks if it lacks no listed file.
pub const UNLISTED: &str = "some changed files could not be listed";

impl Report {
    /// Returns the number of findings that need a person's approval.
    pub fn waiting(&self) -> usize {
        self.findings.iter().filter(|finding| finding.needs_approval()).count()
    }

    /// Returns the files that should have been reviewed and could not be.
    pub fn unreviewed(&self) -> impl Iterator<Item = &Coverage> {
        let unreviewed = |entry: &&Coverage| entry.outcome == Outcome::Unreviewed;
        self.coverage.iter().filter(unreviewed)
    }

    /// Returns the severity of each finding that is there and that nobody dismissed, reported by this run or an earlier
    /// one.
    pub fn open_severities(&self) -> impl Iterator<Item = Severity> {
        let found = self.findings.iter();
        let found = found.filter(|finding| finding.state() != TrackedState::Dismissed);
        let earlier = self
            .earlier
            .iter()
            .filter(|finding| finding.state == EarlierState::Open);
        found
            .map(|finding| finding.severity)
            .chain(earlier.map(|finding| finding.severity))
    }

    /// Returns whether the review is partial only because the source did not list all changed files. The notes have
    /// their number.
    pub fn lacks_only_unlisted(&self) -> bool {
        self.status == RunStatus::Partial && self.unreviewed().next().is_none()
    }

    /// Returns the notes that the public may read. A note of an older version that begins with an error's name is
    /// replaced by that error's sentence.
    pub fn public_notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(|note| {
            let private = self.private_notes.iter().find(|private| private.note == *note);
            private.map_or_else(|| public_text(note), |private| private.public.as_str())
        })
    }

    /// Returns the note with the reason why the walkthrough is a template. Reports of version 0.1 have it without its
    /// subject.
    pub fn template_note(&self) -> Option<&str> {
        let subject = Some(NoteSubject::TemplateWalkthrough);
        let private = self.private_notes.iter().find(|note| note.subject == subject);
        let older = || self.notes.iter().find(|note| note.starts_with(TEMPLATE_NOTE));
        private
            .map(|note| note.note.as_str())
            .or_else(|| older().map(String::as_str))
    }

    /// Adds a note, unless the report has it already.
    pub fn add_note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Adds a note whose details stay in the run's own record, unless the report has it already.
    pub fn add_private_note(&mut self, note: String, public: String) {
        if !self.private_notes.iter().any(|private| private.note == note) {
            self.private_notes.push(PrivateNote {
                note: note.clone(),
                public,
                subject: None,
            });
        }
        self.add_note(note);
    }
}

/// The reviewed target, as the report names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportTarget {
    /// `owner/name`, or the work tree's folder name.
    pub repository: String,
    /// The pull request's number.
    pub pull_request: Option<u64>,
    /// The pull request's page.
    #[serde(default)]
    pub url: Option<String>,
    /// Full commit id.
    pub base: String,
    /// Full commit id.
    pub head: String,
}

/// The model of a run, as the report names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportModel {
    /// `rules`, `anthropic`, `openai` or `bedrock`.
    pub provider: String,
    /// The model's name; `rules` for static analysis only.
    pub name: String,
}

impl ReportModel {
    /// Returns whether no model read the change.
    pub fn is_rules_only(&self) -> bool {
        self.provider == ModelId::Rules.provider()
    }
}

impl From<&ModelId> for ReportModel {
    fn from(model: &ModelId) -> Self {
        Self {
            provider: model.provider().to_owned(),
            name: model.name().to_owned(),
        }
    }
}

/// The gate's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// The next step of the review.
    pub decision: GateDecision,
    /// The worst finding's severity, if there is a finding.
    pub worst: Option<Severity>,
}

/// The next step of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateDecision {
    /// No severe finding: publish it.
    Publish,
    /// A person must approve it first.
    RequireApproval,
}

/// The coverage of one changed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The file.
    pub path: String,
    /// Its outcome.
    pub outcome: Outcome,
    /// The rule that skipped it, the reason why it is unreviewed, or the number of dropped findings.
    pub reason: Option<String>,
    /// Highest number of attempts of one of its units; 0 when skipped.
    pub attempts: u32,
    /// The kind of its failure, if it failed: the public reads this kind's sentence instead of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Coverage {
    /// Returns the reason that the public may read.
    pub fn public_reason(&self) -> Option<Cow<'_, str>> {
        let attempts = self.attempts;
        match self.failure {
            Some(Failure::Other(OtherFailure::AnswersInvalid)) => {
                let plural = if attempts == 1 { "" } else { "s" };
                Some(format!("{NO_VALID_ANSWER}{attempts} attempt{plural}").into())
            }
            Some(failure) => Some(failure.sentence().into()),
            None => self.reason.as_deref().map(|reason| public_text(reason).into()),
        }
    }
}

/// Returns a text that is safe for the public: the text itself where code wrote it, or the sentence of the failure that
/// an older version's text begins with.
fn public_text(text: &str) -> &str {
    let (name, _) = text.split_once(':').unwrap_or((text, ""));
    let is_name = ErrorName::ALL.iter().any(|known| known.as_str() == name)
        || ["States.", "Lambda.", "Runtime."]
            .iter()
            .any(|family| name.starts_with(family));
    if is_name || text.starts_with(NO_VALID_ANSWER) {
        let reason = if is_name { name } else { text };
        return Failure::of_reason(reason).sentence();
    }
    match text.strip_prefix(TEMPLATE_NOTE) {
        Some(details) if !details.is_empty() => TEMPLATE_NOTE.trim_end_matches([':', ' ']),
        _ => text,
    }
}

/// The outcome of one changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Reviewed by a model.
    Reviewed,
    /// Read by rules only: no model saw it. The reason names the rules.
    Scanned,
    /// Left out by a rule that the report names.
    Skipped,
    /// Not reviewed, though it should have been.
    Unreviewed,
}

impl Outcome {
    /// Returns its name in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reviewed => "reviewed",
            Self::Scanned => "scanned",
            Self::Skipped => "skipped",
            Self::Unreviewed => "unreviewed",
        }
    }
}

/// The model calls, tokens, cost and time of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Calls that a model answered.
    pub model_calls: u64,
    /// Tokens sent, as the provider counts them.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Cost of the calls with a known price, in US dollars.
    pub cost_usd: f64,
    /// Calls without a known price, which `cost_usd` leaves out.
    #[serde(default)]
    pub unpriced_calls: u64,
    /// Answers that came from the cache.
    pub cache_hits: u64,
    /// Time from start to end including waits, in milliseconds.
    pub wall_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run::{OLDEST_PAYLOAD_VERSION, PAYLOAD_VERSION};

    /// Earlier and later programs read what this one stores: a new version needs a way to read the older ones.
    #[test]
    fn the_versions_of_stored_documents_are_these() {
        assert_eq!((REPORT_VERSION, PAYLOAD_VERSION, OLDEST_PAYLOAD_VERSION), (1, 2, 1));
    }
}
