//! A run and what its attempts leave behind: the shapes of the artifacts.

use serde::{Deserialize, Serialize};

use super::change::Target;
use super::failure::{Failure, OtherFailure};
use super::finding::Finding;
use super::model_id::ModelId;
use super::report::{Coverage, Usage};
use super::token_limits::TokenLimits;

/// Version of the payloads between states that new runs have.
pub const PAYLOAD_VERSION: u32 = 2;
/// The oldest version that the stages still read.
pub const OLDEST_PAYLOAD_VERSION: u32 = 1;
/// The model that an answer of static analysis names.
const RULES: &str = "rules";

/// The input of an execution, stored as the run's record. Free of times and delivery ids: equal input, equal run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// [`PAYLOAD_VERSION`].
    pub version: u32,
    /// The run's name, which is the execution's name.
    pub run: String,
    /// Where artifacts live: the bucket on AWS, `artifacts` on one machine.
    pub bucket: String,
    /// What is reviewed.
    pub target: Target,
    /// Whether the result goes to the pull request.
    pub publish: bool,
    /// Units reviewed at once, 1 to 1,000.
    pub max_concurrency: u32,
    /// The deployment's main model.
    pub model: ModelId,
    /// The cheap tier's model; equal to `model` when there is none.
    pub model_light: ModelId,
    /// Remarks for the report from where the run was started: which base was chosen, and why. One line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What one call may hold.
    #[serde(default, skip_serializing_if = "TokenLimits::is_default")]
    pub tokens: TokenLimits,
}

impl Run {
    /// Returns whether no model reads the change.
    pub const fn is_rules_only(&self) -> bool {
        self.model.is_rules()
    }
}

/// What a model is sent: instructions apart from the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The instructions.
    pub system: String,
    /// The turns, user first; a correction has the previous answer as the assistant's turn.
    pub turns: Vec<Turn>,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// The text.
    pub text: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// We.
    User,
    /// The model.
    Assistant,
}

/// A model's answer, stored before anything is made of it: it is never paid for twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// The text, raw.
    pub text: String,
    /// Why it ended.
    pub stop: Stop,
    /// Which model, as the provider names it.
    pub model: String,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// What it cost when it was given, in billionths of a US dollar, where the price is known.
    #[serde(default)]
    pub cost_nano_usd: Option<u64>,
    /// Whether it was given before, to the same question, and no model was asked this time.
    #[serde(default)]
    pub cached: bool,
}

impl RecordedAnswer {
    /// Returns the empty answer that a unit has where no model reads it: every run takes the same path.
    pub fn of_rules() -> Self {
        Self {
            text: r#"{"summary":"","findings":[]}"#.to_owned(),
            stop: Stop::Complete,
            model: RULES.to_owned(),
            input_tokens: 0,
            output_tokens: 0,
            cost_nano_usd: None,
            cached: false,
        }
    }

    /// Returns whether a model gave it.
    pub fn is_of_model(&self) -> bool {
        self.model != RULES
    }

    /// Returns its cost in US dollars, where the price is known.
    pub fn cost_usd(&self) -> Option<f64> {
        self.cost_nano_usd.map(|cost| cost as f64 / 1e9)
    }
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model was done.
    Complete,
    /// The output limit cut it off.
    OutputLimit,
    /// The provider or the model refused.
    Refusal,
}

/// What the checks say of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// No problem at all.
    pub valid: bool,
    /// Each problem, word for word as it goes back to the model.
    pub problems: Vec<String>,
    /// The findings that passed every check.
    pub accepted: Vec<Finding>,
    /// What the model says of the unit; empty when the answer had no readable shape.
    pub summary: String,
    /// Whether the answer's outer shape could be read.
    pub readable: bool,
    /// Why suggestions were taken away from findings that were accepted, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_suggestions: Vec<String>,
    /// How many of the answer's findings failed a check. Not the number of [`Self::problems`]: one finding may have several,
    /// and the answer itself may have some.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected: u32,
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How a unit ended: the output of its execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitResult {
    /// `reviewed` or `unreviewed`.
    pub status: UnitStatus,
    /// The unit's id.
    pub unit: String,
    /// How many attempts it took.
    #[serde(default)]
    pub attempts: u32,
    /// The attempt whose findings count; none when unreviewed.
    #[serde(default)]
    pub accepted_attempt: Option<u32>,
    /// How many findings were dropped because they stayed wrong.
    #[serde(default)]
    pub dropped: u32,
    /// Why it is unreviewed, for people; the error's name where a call failed.
    #[serde(default)]
    pub reason: Option<String>,
    /// The kind of [`Self::reason`], where that is not an error's name. None in results of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<OtherFailure>,
    /// More of why, where there is more.
    #[serde(default)]
    pub cause: Option<String>,
}

impl UnitResult {
    /// Returns why the unit is unreviewed, as data.
    pub fn failure(&self) -> Failure {
        let reason = self.reason.as_deref().unwrap_or_default();
        self.failure.map_or_else(|| Failure::of_reason(reason), Failure::Other)
    }
}

/// How a unit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitStatus {
    /// An answer was accepted.
    Reviewed,
    /// None was.
    Unreviewed,
}

/// Everything together, before the summary is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Merged, without doubles, worst first.
    pub findings: Vec<Finding>,
    /// One entry for each changed file, in the change's order.
    pub coverage: Vec<Coverage>,
    /// Each reviewed file with what the model said of it.
    pub summaries: Vec<FileSummary>,
    /// Model calls of all attempts so far.
    pub usage: Usage,
    /// Remarks for the reader.
    pub notes: Vec<String>,
}

/// What the model said of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSummary {
    /// The file.
    pub path: String,
    /// One or a few sentences, plain.
    pub text: String,
}

/// What an announcement left on GitHub, to undo it by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The check run in progress, where the credentials may write checks.
    pub check_run: Option<u64>,
    /// Whether the run has come to its end on the pull request: what stands there then is its result, not to be undone by
    /// the run that follows.
    #[serde(default)]
    pub settled: bool,
    /// Whether a settled run's review was submitted.
    #[serde(default)]
    pub published: bool,
}
