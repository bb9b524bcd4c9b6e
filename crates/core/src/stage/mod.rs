//! The stages: one file for each task state of the workflow. A stage takes a payload and ports and returns a payload;
//! names of states, functions, folders and spans are all in [`STAGES`].

mod artifact;
mod call;
mod error;
mod merge_findings;
mod stored_change;
mod unit_document;
mod version_1;

pub mod aggregate_findings;
pub mod correct_findings;
pub mod discard_review;
pub mod escalate_approval;
pub mod gather_context;
pub mod open_review;
pub mod plan_review;
pub mod publish_review;
pub mod raise_alarm;
pub mod report_failure;
pub mod request_approval;
pub mod review_unit;
pub mod summarize_review;
pub mod validate_findings;
pub mod withdraw_announcement;

mod supersede;

pub use artifact::{find_artifact, read_artifact, write_artifact};
pub use call::call;
pub use error::{StageError, explain_failure};
pub use stored_change::{
    MAX_CHUNK_FILES, PatchChunk, StoredChange, find_change_of, find_whole_change, read_change, write_change,
};
pub use unit_document::{Ambient, UnitDocument, read_unit};

/// Artifacts that one stage reads or writes at a time.
const AT_ONCE: usize = 16;

/// One stage's names: state `PlanReview`, folder `functions/plan-review`, span `plan_review`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageName {
    /// The state in `state-machine/review.asl.json`.
    pub state: &'static str,
    /// The folder below `functions/`, and the function's own name.
    pub function: &'static str,
}

/// Every stage, in the order that data takes.
pub const STAGES: &[StageName] = &[
    StageName {
        state: "OpenReview",
        function: "open-review",
    },
    StageName {
        state: "PlanReview",
        function: "plan-review",
    },
    StageName {
        state: "GatherContext",
        function: "gather-context",
    },
    StageName {
        state: "ReviewUnit",
        function: "review-unit",
    },
    StageName {
        state: "ValidateFindings",
        function: "validate-findings",
    },
    StageName {
        state: "CorrectFindings",
        function: "correct-findings",
    },
    StageName {
        state: "AggregateFindings",
        function: "aggregate-findings",
    },
    StageName {
        state: "SummarizeReview",
        function: "summarize-review",
    },
    StageName {
        state: "RequestApproval",
        function: "request-approval",
    },
    StageName {
        state: "EscalateApproval",
        function: "escalate-approval",
    },
    StageName {
        state: "PublishReview",
        function: "publish-review",
    },
    StageName {
        state: "DiscardReview",
        function: "discard-review",
    },
    StageName {
        state: "WithdrawAnnouncement",
        function: "withdraw-announcement",
    },
    StageName {
        state: "ReportFailure",
        function: "report-failure",
    },
    StageName {
        state: "RaiseAlarm",
        function: "raise-alarm",
    },
];
