//! The names of all states in `state-machine/review.asl.json`, as constants: views, progress, metrics and replay
//! compare with these. Task states come from the table of stages. `cargo xtask tidy` refuses these names as literals
//! elsewhere.

macro_rules! task_states {
    ($($constant:ident = $state:literal, $function:literal: $stage:ident($($port:ident),+);)+) => {
        $(#[doc = concat!("The task state `", $state, "`.")]
        pub const $constant: &str = $state;)+
    };
}
crate::for_each_stage!(task_states);

macro_rules! other_states {
    ($($(#[$doc:meta])+ $constant:ident = $state:literal;)+) => {
        $($(#[$doc])+ pub const $constant: &str = $state;)+

        /// Every state that is no task; a test compares them with the definition.
        pub const OTHER_STATES: &[&str] = &[$($constant),+];
    };
}
other_states! {
    /// No unit: the workflow continues with `AggregateFindings`.
    ROUTE_REVIEWABLE = "RouteReviewable";
    /// The distributed map; each unit is a child execution.
    REVIEW_EACH_UNIT = "ReviewEachUnit";
    /// An answer to check, or a limit to wait for.
    ROUTE_ANSWER = "RouteAnswer";
    /// A unit waits until the provider accepts calls again.
    WAIT_FOR_MODEL_BUDGET = "WaitForModelBudget";
    /// Accept the answer, correct it, or give up.
    ROUTE_VALIDATION = "RouteValidation";
    /// A unit's end: an answer was accepted.
    UNIT_REVIEWED = "UnitReviewed";
    /// A unit's end: no answer was accepted.
    UNIT_UNREVIEWED = "UnitUnreviewed";
    /// To an approval first, or straight to publication.
    ROUTE_BY_GATE = "RouteByGate";
    /// Nobody answered: request the approval again, or discard the review.
    ROUTE_UNANSWERED = "RouteUnanswered";
    /// A run's end: the review was published, or written where nothing is published.
    REVIEW_PUBLISHED = "ReviewPublished";
    /// A run's end: a person rejected it, or nobody answered twice.
    REVIEW_REJECTED = "ReviewRejected";
    /// To `ReviewSuperseded` or to `ReviewFailed`.
    ROUTE_FAILURE = "RouteFailure";
    /// A run's end: the head moved, or a newer run took over.
    REVIEW_SUPERSEDED = "ReviewSuperseded";
    /// A run's end: it failed, and its effects were undone.
    REVIEW_FAILED = "ReviewFailed";
}

/// Returns true for a state that only decides where the workflow continues.
pub fn is_route(state: &str) -> bool {
    state.starts_with("Route")
}
