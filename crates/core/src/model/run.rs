//! A run and the artifacts of its attempts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::change::Target;
use super::failure::{Failure, OtherFailure};
use super::finding::Finding;
use super::model_id::ModelId;
use super::provider_limits::ObservedLimits;
use super::report::{Coverage, Usage};
use super::run_name::RunName;
use super::silencing::Silencing;
use super::token_limits::TokenLimits;

/// Version of the payloads between states that new runs have.
pub const PAYLOAD_VERSION: u32 = 2;
/// The oldest version that the stages still read.
pub const OLDEST_PAYLOAD_VERSION: u32 = 1;
/// The model's name in an answer of static analysis.
const RULES: &str = "rules";

/// The input of an execution, also stored as an artifact. It has no times and no delivery ids, so that equal inputs are
/// equal runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// [`PAYLOAD_VERSION`].
    pub version: u32,
    /// The run's name, which is the execution's name.
    pub run: RunName,
    /// The place of the artifacts: the bucket on AWS, `artifacts` on one machine.
    pub bucket: String,
    /// The reviewed target.
    pub target: Target,
    /// Whether the result is published on the pull request.
    pub publish: bool,
    /// Maximum number of units reviewed at once, 1 to 1,000.
    pub max_concurrency: u32,
    /// The deployment's main model.
    pub model: ModelId,
    /// The light tier's model; equal to `model` when there is none.
    pub model_light: ModelId,
    /// Notes for the report from the start of the run, such as the chosen base and its reason. One line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Token limits of one model call.
    #[serde(default, skip_serializing_if = "TokenLimits::is_default")]
    pub tokens: TokenLimits,
    /// The gate's effect on the publication.
    #[serde(default, skip_serializing_if = "GateMode::is_default")]
    pub gate: GateMode,
    /// Whether a person waits for it: its model calls come before others of the account.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
    /// The reports of the team's own tools that it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<RunEvidence>,
}

/// The reports of the team's own tools that a run reads, from its artifact `evidence.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEvidence {
    /// SHA-256 of the reports, in hex: other reports are another run.
    pub digest: String,
    /// The tools' names.
    pub tools: Vec<String>,
}

/// The effect of a finding at or above the gate's severity on a review that is published.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateMode {
    /// The review waits for a person.
    #[default]
    Wait,
    /// None: the whole review is published, as with `--gate off`.
    Off,
    /// The finding is withheld, and the rest is published. For a run that has no durable place to wait in.
    Withhold,
}

impl GateMode {
    /// Returns whether it is the default: serde passes a reference.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Run {
    /// Returns whether no model reads the change.
    pub const fn is_rules_only(&self) -> bool {
        self.model.is_rules()
    }
}

/// A prompt: instructions apart from the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The instructions.
    pub system: String,
    /// The turns, user first; a correction has the previous answer as the assistant's turn.
    pub turns: Vec<Turn>,
}

/// One message of a conversation with a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The author.
    pub role: Role,
    /// The text.
    pub text: String,
}

/// The author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Holdfast.
    User,
    /// The model.
    Assistant,
}

/// A model's answer, stored before it is used, so that no answer is paid for twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// The text, raw.
    pub text: String,
    /// The reason why it ended.
    pub stop: Stop,
    /// The provider's name of the model.
    pub model: String,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Its cost at the time of the call, in billionths of a US dollar, where the price is known.
    #[serde(default)]
    pub cost_nano_usd: Option<u64>,
    /// Whether it is the stored answer to an equal question, without a new call.
    #[serde(default)]
    pub cached: bool,
    /// The model that answered instead of the asked one, whose provider was down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<ModelId>,
    /// The provider's limits, as it stated them with the answer. Not stored: they are the provider's state.
    #[serde(skip)]
    pub observed: Option<ObservedLimits>,
}

impl RecordedAnswer {
    /// Returns the empty answer of a unit that no model reads, so that every run takes the same path.
    pub fn of_rules() -> Self {
        Self {
            text: r#"{"summary":"","findings":[]}"#.to_owned(),
            stop: Stop::Complete,
            model: RULES.to_owned(),
            input_tokens: 0,
            output_tokens: 0,
            cost_nano_usd: None,
            cached: false,
            fallback: None,
            observed: None,
        }
    }

    /// Returns whether it is a model's answer.
    pub fn is_of_model(&self) -> bool {
        self.model != RULES
    }

    /// Returns its cost in US dollars, where the price is known.
    pub fn cost_usd(&self) -> Option<f64> {
        self.cost_nano_usd.map(|cost| cost as f64 / 1e9)
    }
}

/// The reason why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// The model finished.
    Complete,
    /// The output limit cut it off.
    OutputLimit,
    /// The provider or the model refused.
    Refusal,
}

/// The result of the checks on an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether there is no problem at all.
    pub valid: bool,
    /// Each problem, in the exact words that go back to the model.
    pub problems: Vec<String>,
    /// The findings that passed every check.
    pub accepted: Vec<Finding>,
    /// The model's summary of the unit; empty when the answer is not readable.
    pub summary: String,
    /// Whether the answer's outer shape could be read.
    pub readable: bool,
    /// The reasons why accepted findings lost their suggestions, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped_suggestions: Vec<String>,
    /// Number of the answer's findings that failed a check. It differs from the number of [`Self::problems`]: one
    /// finding may have several, and the answer itself may have some.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected: u32,
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The result of a unit: the output of its execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitResult {
    /// `reviewed` or `unreviewed`.
    pub status: UnitStatus,
    /// The unit's id.
    pub unit: String,
    /// Number of attempts.
    #[serde(default)]
    pub attempts: u32,
    /// The attempt whose findings count; none when unreviewed.
    #[serde(default)]
    pub accepted_attempt: Option<u32>,
    /// Number of findings dropped because they stayed invalid.
    #[serde(default)]
    pub dropped: u32,
    /// The reason why it is unreviewed, for people; the error's name where a call failed.
    #[serde(default)]
    pub reason: Option<String>,
    /// The kind of [`Self::reason`] where that is not an error's name. None in results of version 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<OtherFailure>,
    /// Details of the reason, if there are any.
    #[serde(default)]
    pub cause: Option<String>,
}

impl UnitResult {
    /// Returns the kind of its failure.
    pub fn failure(&self) -> Failure {
        let reason = self.reason.as_deref().unwrap_or_default();
        self.failure.map_or_else(|| Failure::of_reason(reason), Failure::Other)
    }
}

/// The status of a finished unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitStatus {
    /// An answer was accepted.
    Reviewed,
    /// No answer was accepted.
    Unreviewed,
}

/// The results of all units together, before the summary is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Merged findings without duplicates, worst first.
    pub findings: Vec<Finding>,
    /// One entry for each changed file, in the change's order.
    pub coverage: Vec<Coverage>,
    /// The model's summary of each reviewed file.
    pub summaries: Vec<FileSummary>,
    /// Model calls of all attempts so far.
    pub usage: Usage,
    /// Notes for the reader.
    pub notes: Vec<String>,
    /// The readers of each unit, by its id. Empty in runs of earlier versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub readers: BTreeMap<String, Readers>,
    /// What comments in the code silence.
    #[serde(default, skip_serializing_if = "Silencing::is_empty")]
    pub silencing: Silencing,
}

/// The readers of a unit in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readers {
    /// A model's answer about exactly this text was accepted, now or in an earlier run.
    pub model: bool,
    /// The rules ran.
    pub rules: bool,
}

/// The model's summary of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSummary {
    /// The file.
    pub path: String,
    /// A few sentences of plain text.
    pub text: String,
}

/// The effects of a run on the pull request, which an undo needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The check run in progress, where the credentials may write checks.
    pub check_run: Option<u64>,
    /// Whether the run has ended on the pull request: its comment and review are its result then, and a later run
    /// doesn't undo them.
    #[serde(default)]
    pub settled: bool,
    /// Whether the check shows that a person has to decide: it is complete then, and an undo has to change it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaiting: bool,
    /// Whether a settled run's review was submitted.
    #[serde(default)]
    pub published: bool,
    /// Whether the run publishes in two parts: first what is below the gate, then what was approved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_parts: bool,
    /// Whether GitHub refused the comments of the first part: the summary has the texts of its findings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncommented: bool,
    /// The name of the error whose failure the summary comment shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl Announcement {
    /// Returns the part that a run has published that failed. `is_published` is true if GitHub has a submitted review.
    pub const fn published_part(&self, is_published: bool) -> PublishedPart {
        match (is_published, self.in_parts) {
            (false, _) => PublishedPart::Nothing,
            (true, true) => PublishedPart::BelowGate,
            (true, false) => PublishedPart::Review,
        }
    }
}

/// The part of a failed review that others have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishedPart {
    /// Nothing.
    Nothing,
    /// What is below the gate; of what waited for an approval, it is not known.
    BelowGate,
    /// The review, without its last steps.
    Review,
}
