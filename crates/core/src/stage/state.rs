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

/// The task state `PublishUngated`, which calls the stage of `PublishReview`.
pub const PUBLISH_UNGATED: &str = "PublishUngated";

macro_rules! other_states {
    ($($(#[$doc:meta])+ $constant:ident = $state:literal;)+) => {
        $($(#[$doc])+ pub const $constant: &str = $state;)+

        /// Every state that is no task; a test compares them with the definition.
        pub const OTHER_STATES: &[&str] = &[$($constant),+];
    };
}
other_states! {
    /// Goes to `GatherContext`, or to `AggregateFindings` if there is no unit.
    ROUTE_REVIEWABLE = "RouteReviewable";
    /// The distributed map; each unit is a child execution.
    REVIEW_EACH_UNIT = "ReviewEachUnit";
    /// Goes to the checks of an answer, or to a wait for a rate limit.
    ROUTE_ANSWER = "RouteAnswer";
    /// A unit waits until its provider accepts the call.
    WAIT_FOR_MODEL = "WaitForModel";
    /// Accepts the answer, has it corrected, or gives up.
    ROUTE_VALIDATION = "RouteValidation";
    /// A unit's end: an answer was accepted.
    UNIT_REVIEWED = "UnitReviewed";
    /// A unit's end: no answer was accepted.
    UNIT_UNREVIEWED = "UnitUnreviewed";
    /// The walkthrough waits until its provider accepts the call.
    WAIT_FOR_WALKTHROUGH = "WaitForWalkthrough";
    /// Goes to an approval, straight to publication, or first to the publication of what is below the gate; to a wait if
    /// the walkthrough's provider limits.
    ROUTE_BY_GATE = "RouteByGate";
    /// Goes to an approval of the rest, or ends if nobody has decided about it.
    ROUTE_UNGATED = "RouteUngated";
    /// After a wait without an answer: requests the approval again, publishes what is below the gate, or discards the
    /// review. A stored decision counts.
    ROUTE_UNANSWERED = "RouteUnanswered";
    /// A run's end: the review was published, or only written in a run that publishes nothing.
    REVIEW_PUBLISHED = "ReviewPublished";
    /// A run's end: a person rejected it, or nobody answered twice.
    REVIEW_REJECTED = "ReviewRejected";
    /// Goes to the wait for GitHub, or to the failure if the run has waited long enough.
    ROUTE_GITHUB_WAIT = "RouteGithubWait";
    /// The run waits until GitHub accepts requests again.
    WAIT_FOR_GITHUB = "WaitForGithub";
    /// Goes back to the state that GitHub stopped.
    ROUTE_AFTER_GITHUB = "RouteAfterGithub";
    /// Goes to the undo, or to the alarm if GitHub stopped the undo itself.
    ROUTE_GITHUB_FAILURE = "RouteGithubFailure";
    /// Ends in `ReviewSuperseded` or in `ReviewFailed`.
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

/// A unit's wait for its provider, in the workflow of version 0.1.
const WAIT_FOR_MODEL_BUDGET: &str = "WaitForModelBudget";

/// Returns true for a state that waits until a model's provider accepts a call.
pub fn waits_for_model(state: &str) -> bool {
    [WAIT_FOR_MODEL, WAIT_FOR_WALKTHROUGH, WAIT_FOR_MODEL_BUDGET].contains(&state)
}

/// Returns true for a state that waits until a service accepts a request.
pub fn waits_for_service(state: &str) -> bool {
    state == WAIT_FOR_GITHUB || waits_for_model(state)
}
