//! The table of stages, with one row for each stage. Its rows generate the state-name constants, the stages' functions
//! on one machine and on AWS, and the tests of the definition, the template and the documents.
//!
//! "Add a stage" in ARCHITECTURE.md lists what belongs to a row; `tests/contract/names.rs` and
//! `tests/python/template.py` name what is missing.

/// Passes the table to the macro `$with`, which is in scope where this is called.
///
/// A row is `CONSTANT = "State", "function": stage(ports)`: the state in `state-machine/review.asl.json`, the binary
/// below `functions/src/bin` and the function's name on AWS, the module and function below `stage`, and the ports that
/// it takes after its input. A port is a field of the local `StageFunctions` and a name in `functions/src/stages.rs`;
/// `deadline` is made for each call in both.
#[macro_export]
macro_rules! for_each_stage {
    ($with:ident) => {
        $with! {
            OPEN_REVIEW = "OpenReview", "open-review": open_review(read, publish, rows, runs, store);
            PLAN_REVIEW = "PlanReview", "plan-review": plan_review(read, permission, store);
            GATHER_CONTEXT = "GatherContext", "gather-context": gather_context(read, syntax, store, deadline);
            REVIEW_UNIT = "ReviewUnit", "review-unit": review_unit(model, store);
            VALIDATE_FINDINGS = "ValidateFindings", "validate-findings": validate_findings(store);
            CORRECT_FINDINGS = "CorrectFindings", "correct-findings": correct_findings(store);
            AGGREGATE_FINDINGS = "AggregateFindings", "aggregate-findings": aggregate_findings(store, deadline);
            RECONCILE_FINDINGS = "ReconcileFindings", "reconcile-findings": reconcile_findings(read, threads, permission, rows, store, deadline);
            SUMMARIZE_REVIEW = "SummarizeReview", "summarize-review": summarize_review(model, approval_settings, store);
            REQUEST_APPROVAL = "RequestApproval", "request-approval": request_approval(approval_settings, notify, publish, rows, store);
            ESCALATE_APPROVAL = "EscalateApproval", "escalate-approval": escalate_approval(notify, rows);
            PUBLISH_REVIEW = "PublishReview", "publish-review": publish_review(retries, read, publish, rows, store);
            DISCARD_REVIEW = "DiscardReview", "discard-review": discard_review(publish, rows, store);
            WITHDRAW_ANNOUNCEMENT = "WithdrawAnnouncement", "withdraw-announcement": withdraw_announcement(retries, publish, rows, store);
            REPORT_FAILURE = "ReportFailure", "report-failure": report_failure(store);
            RAISE_ALARM = "RaiseAlarm", "raise-alarm": raise_alarm(notify);
        }
    };
}

/// A stage's names and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageRow {
    /// The state in `state-machine/review.asl.json`.
    pub state: &'static str,
    /// The binary of `functions/`, and the function's name on AWS after the stack's.
    pub function: &'static str,
    /// The module and its function below `stage`, and the tracing span.
    pub module: &'static str,
    /// The ports that the stage takes, in order.
    pub ports: &'static [&'static str],
}

impl StageRow {
    /// Returns true if the stage takes this port.
    pub fn reaches(&self, port: &str) -> bool {
        self.ports.contains(&port)
    }
}

/// The task states that call another state's stage, each with that state.
pub const SECOND_STATES: &[(&str, &str)] = &[(super::state::PUBLISH_UNGATED, super::state::PUBLISH_REVIEW)];

/// Returns the stage that a task state calls.
pub fn stage_of(state: &str) -> Option<&'static StageRow> {
    let second = SECOND_STATES.iter().find(|(second, _)| *second == state);
    let state = second.map_or(state, |(_, first)| first);
    STAGES.iter().find(|stage| stage.state == state)
}

macro_rules! rows {
    ($($constant:ident = $state:literal, $function:literal: $stage:ident($($port:ident),+);)+) => {
        /// Every stage, in the order of the workflow.
        pub const STAGES: &[StageRow] = &[$(StageRow {
            state: $state,
            function: $function,
            module: stringify!($stage),
            ports: &[$(stringify!($port)),+],
        }),+];
    };
}
for_each_stage!(rows);
