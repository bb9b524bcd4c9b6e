//! Data of a unit's page, with its attempts.

use holdfast_core::model::plan::Tier;
use holdfast_core::model::run::{Prompt, RecordedAnswer, Verdict};

use super::Frame;

/// The data of a unit's page.
#[derive(Clone, Debug)]
pub struct UnitView {
    /// The frame of the page.
    pub frame: Frame,
    /// The run's name.
    pub run: String,
    /// The unit.
    pub unit: UnitSummary,
    /// Risk from 0 to 100, from the plan.
    pub risk: u8,
    /// The planned tier; attempts may use another one.
    pub tier: Tier,
    /// The attempts, the first one first.
    pub attempts: Vec<Attempt>,
    /// The attempt whose findings count, if one was accepted.
    pub accepted_attempt: Option<u32>,
}

/// One unit in a list.
#[derive(Clone, Debug)]
pub struct UnitSummary {
    /// `u0001`….
    pub id: String,
    /// Its file.
    pub path: String,
    /// Its state.
    pub end: UnitEnd,
    /// Number of model calls so far.
    pub attempts: u32,
    /// Its start; none while it is queued.
    pub started_ms: Option<i64>,
    /// Its end.
    pub ended_ms: Option<i64>,
}

/// The state of a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitEnd {
    /// Queued.
    Queued,
    /// In progress, or waiting for the model's budget.
    Running,
    /// An answer was accepted.
    Reviewed,
    /// No answer was accepted, for this reason.
    Unreviewed(String),
}

/// One attempt; each part appears as soon as its artifact exists.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// The tier of the model that answered, or the planned one before there is an answer.
    pub tier: Tier,
    /// The prompt.
    pub prompt: Option<Prompt>,
    /// The model's answer.
    pub answer: Option<RecordedAnswer>,
    /// The verdict of the checks.
    pub verdict: Option<Verdict>,
    /// Duration of the call, in milliseconds.
    pub took_ms: Option<u64>,
}
