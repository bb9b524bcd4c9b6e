//! The names of the states in `state-machine/review.asl.json`, as constants: views, progress, metrics and replay compare with
//! these. Task states come from the table of stages; of the others, those that code names.

macro_rules! task_states {
    ($($constant:ident = $state:literal, $function:literal: $stage:ident($($port:ident),+);)+) => {
        $(#[doc = concat!("The task state `", $state, "`.")]
        pub const $constant: &str = $state;)+
    };
}
crate::for_each_stage!(task_states);

/// No unit: the workflow continues with `AggregateFindings`.
pub const ROUTE_REVIEWABLE: &str = "RouteReviewable";
/// The distributed map; each unit is a child execution.
pub const REVIEW_EACH_UNIT: &str = "ReviewEachUnit";
/// A unit waits until the provider takes calls again.
pub const WAIT_FOR_MODEL_BUDGET: &str = "WaitForModelBudget";
/// A unit's end: an answer was accepted.
pub const UNIT_REVIEWED: &str = "UnitReviewed";
/// A unit's end: no answer was accepted.
pub const UNIT_UNREVIEWED: &str = "UnitUnreviewed";
/// Whether a person decides before publication.
pub const ROUTE_BY_GATE: &str = "RouteByGate";

/// The constants that don't come from the table of stages; a test compares them with the definition.
pub const OTHER_STATES: &[&str] = &[
    ROUTE_REVIEWABLE,
    REVIEW_EACH_UNIT,
    WAIT_FOR_MODEL_BUDGET,
    UNIT_REVIEWED,
    UNIT_UNREVIEWED,
    ROUTE_BY_GATE,
];
