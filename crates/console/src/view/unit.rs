//! One unit of a run with its attempts.

use holdfast_core::model::plan::Tier;
use holdfast_core::model::run::{Prompt, RecordedAnswer, Verdict};

use super::Frame;

/// What one unit's page is told.
#[derive(Clone, Debug)]
pub struct UnitView {
    /// Around it.
    pub frame: Frame,
    /// The run's name.
    pub run: String,
    /// The unit.
    pub unit: UnitSummary,
    /// Risk from 0 to 100, as the plan has it.
    pub risk: u8,
    /// The tier that started.
    pub tier: Tier,
    /// Each attempt, the first one first.
    pub attempts: Vec<Attempt>,
    /// The attempt whose findings count, where one does.
    pub accepted_attempt: Option<u32>,
}

/// One unit in a list.
#[derive(Clone, Debug)]
pub struct UnitSummary {
    /// `u0001`….
    pub id: String,
    /// Its file.
    pub path: String,
    /// How it stands.
    pub end: UnitEnd,
    /// How often a model was asked so far.
    pub attempts: u32,
    /// When it began; none while it waits for its turn.
    pub started_ms: Option<i64>,
    /// When it ended.
    pub ended_ms: Option<i64>,
}

/// How a unit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitEnd {
    /// Waits for its turn.
    Queued,
    /// Is at work, or waits for the model's budget.
    Running,
    /// An answer was accepted.
    Reviewed,
    /// None was, for this reason.
    Unreviewed(String),
}

/// One attempt; each part is there as soon as its artifact is.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// The tier that was asked.
    pub tier: Tier,
    /// What was asked.
    pub prompt: Option<Prompt>,
    /// What was answered.
    pub answer: Option<RecordedAnswer>,
    /// What the checks said.
    pub verdict: Option<Verdict>,
    /// How long the call took, in milliseconds.
    pub took_ms: Option<u64>,
}
