//! The finished review, as `--format json` prints it (version 1: fields may be added, none removed).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::error_name::ErrorName;
use super::failure::{Failure, NO_VALID_ANSWER, OtherFailure};
use super::finding::{Finding, Severity};
use super::model_id::ModelId;

/// Version of [`Report`]'s shape.
pub const REPORT_VERSION: u32 = 1;

/// What a note begins with that says why the walkthrough is a template.
pub const TEMPLATE_NOTE: &str = "the walkthrough is a template: ";

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Work is going on, or goes on at the next start.
    Running,
    /// Every file that should be was reviewed; printed, not published.
    Reviewed,
    /// Some files could not be reviewed.
    Partial,
    /// Nothing to review.
    Skipped,
    /// A person has to decide.
    AwaitingApproval,
    /// On the pull request.
    Published,
    /// A person said no.
    Rejected,
    /// The pull request moved on.
    Superseded,
    /// It could not be completed.
    Failed,
}

impl RunStatus {
    /// As JSON and tables write it.
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
}

/// The whole document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The run's name.
    pub run: String,
    /// How it ended.
    pub status: RunStatus,
    /// What was reviewed.
    pub target: ReportTarget,
    /// Which model.
    pub model: ReportModel,
    /// The walkthrough, Markdown.
    pub summary: String,
    /// What the gate decided.
    pub gate: Gate,
    /// Worst first, then by path and line.
    pub findings: Vec<Finding>,
    /// One entry for each changed file.
    pub coverage: Vec<Coverage>,
    /// What it took.
    pub usage: Usage,
    /// Remarks for the reader: cut-offs, limits, why it failed.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Those of [`Self::notes`] that hold details for the run's own record only, with what the public reads instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_notes: Vec<PrivateNote>,
}

/// A note that is not for the public: it names a host, a setting, a person's address, or quotes a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateNote {
    /// The note, as it is in [`Report::notes`].
    pub note: String,
    /// What the public reads instead.
    pub public: String,
    /// What the note is about, where code needs to know it. `None` in reports of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<NoteSubject>,
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteSubject {
    /// The walkthrough is a template, because no model's answer was valid.
    TemplateWalkthrough,
    /// A subject that this version doesn't know.
    #[serde(other)]
    Unknown,
}

impl Report {
    /// The notes that the public may read. Those of an older version's report that begin with an error's name are replaced by
    /// that error's sentence.
    pub fn public_notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(|note| {
            let private = self.private_notes.iter().find(|private| private.note == *note);
            private.map_or_else(|| public_text(note), |private| private.public.as_str())
        })
    }

    /// Returns the note on why the walkthrough is a template. A report of version 0.1 has it without its subject.
    pub fn template_note(&self) -> Option<&str> {
        let subject = Some(NoteSubject::TemplateWalkthrough);
        let private = self.private_notes.iter().find(|note| note.subject == subject);
        let older = || self.notes.iter().find(|note| note.starts_with(TEMPLATE_NOTE));
        private
            .map(|note| note.note.as_str())
            .or_else(|| older().map(String::as_str))
    }

    /// Adds a note with details that stay in the run's own record, unless it is there already.
    pub fn add_private_note(&mut self, note: String, public: String) {
        if !self.private_notes.iter().any(|private| private.note == note) {
            self.private_notes.push(PrivateNote {
                note: note.clone(),
                public,
                subject: None,
            });
        }
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// What was reviewed.
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

/// Which model.
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

/// What the gate decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// What happens to the review.
    pub decision: GateDecision,
    /// The worst finding's severity, if there is a finding.
    pub worst: Option<Severity>,
}

/// What happens to the review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateDecision {
    /// Nothing grave: it may be published.
    Publish,
    /// A person looks first.
    RequireApproval,
}

/// How one changed file ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The file.
    pub path: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The rule that skipped it, or why it is unreviewed, or what was dropped.
    pub reason: Option<String>,
    /// Most attempts that one of its units took; 0 when skipped.
    pub attempts: u32,
    /// Why it failed, where it failed: the public reads this kind's sentence instead of the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Coverage {
    /// The reason that the public may read.
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

/// A text that code wrote, or the sentence of the failure that an older version's text begins with.
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

/// How one changed file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Read by a model, and answered for.
    Reviewed,
    /// Read by rules only: no model saw it. The reason names what ran.
    Scanned,
    /// Left out by a rule that the report names.
    Skipped,
    /// Should have been read and was not.
    Unreviewed,
}

impl Outcome {
    /// As JSON and tables write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reviewed => "reviewed",
            Self::Scanned => "scanned",
            Self::Skipped => "skipped",
            Self::Unreviewed => "unreviewed",
        }
    }
}

/// What a run took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Calls that a model answered.
    pub model_calls: u64,
    /// Tokens sent, as the provider counts.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// In US dollars, of the calls whose price is known.
    pub cost_usd: f64,
    /// Calls whose price is not known: they are not in `cost_usd`.
    #[serde(default)]
    pub unpriced_calls: u64,
    /// Answers that came from the cache.
    pub cache_hits: u64,
    /// From start to end, waiting included, in milliseconds.
    pub wall_ms: u64,
}
