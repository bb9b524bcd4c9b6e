//! The workflow's functions in this process: the stages from the table of stages, with this machine's adapters.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::for_each_stage;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::port::{
    KeepRows, NotifyPeople, PublishReview, ReachModel, ReadChange, ReadPermission, ReadThreads, SourceSyntax, StopRun,
    StoreArtifact,
};
use holdfast_core::retry::RetrySettings;
use holdfast_core::stage::request_approval::ApprovalSettings;
use holdfast_core::stage::{self, StageError, call};
use serde_json::Value;

use crate::deadline::Until;
use holdfast_engine::{FunctionFailure, Functions, Invocation, Naming};

/// The stages with this machine's adapters.
pub struct StageFunctions {
    /// Reads changes.
    pub read: Arc<dyn ReadChange>,
    /// Reads the threads of published findings.
    pub threads: Arc<dyn ReadThreads>,
    /// Reads people's permissions.
    pub permission: Arc<dyn ReadPermission>,
    /// Writes to pull requests.
    pub publish: Arc<dyn PublishReview>,
    /// Calls models.
    pub model: Arc<dyn ReachModel>,
    /// Reads syntax.
    pub syntax: Arc<dyn SourceSyntax>,
    /// Notifies people.
    pub notify: Arc<dyn NotifyPeople>,
    /// Stores rows: claims, approvals and others that several runs may change.
    pub rows: Arc<dyn KeepRows>,
    /// Stops runs.
    pub runs: Arc<dyn StopRun>,
    /// Stores artifacts.
    pub store: Arc<dyn StoreArtifact>,
    /// The approvers, and the address of the approval page.
    pub approval_settings: Arc<ApprovalSettings>,
    /// The longest time that a state waits for GitHub.
    pub github_patience: Duration,
    /// Whether failed runs are retried, and how long.
    pub retries: Arc<RetrySettings>,
}

impl StageFunctions {
    /// Returns the same stages with another model.
    pub fn with_model(&self, model: Arc<dyn ReachModel>) -> Self {
        Self {
            read: Arc::clone(&self.read),
            threads: Arc::clone(&self.threads),
            permission: Arc::clone(&self.permission),
            publish: Arc::clone(&self.publish),
            model,
            syntax: Arc::clone(&self.syntax),
            notify: Arc::clone(&self.notify),
            rows: Arc::clone(&self.rows),
            runs: Arc::clone(&self.runs),
            store: Arc::clone(&self.store),
            approval_settings: Arc::clone(&self.approval_settings),
            github_patience: self.github_patience,
            retries: Arc::clone(&self.retries),
        }
    }
}

/// The part of a state's time that is left for the stage's answer: the state's `TimeoutSeconds` is 30 seconds above the limit on AWS.
const MARGIN: Duration = Duration::from_secs(40);

/// Returns whether an execution, or a map's child, belongs to the program's own state machine. Without this check a
/// client of the Step Functions API could create another machine and pass a stage a token or a run of its choice.
fn is_of_review(execution_arn: &str) -> bool {
    let machine = execution_arn.split(':').nth(6).unwrap_or_default();
    machine.split('/').next() == Some(Naming::default().state_machine.as_str())
}

#[async_trait]
impl Functions for StageFunctions {
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        if !is_of_review(&invocation.execution_arn) {
            return Err(FunctionFailure {
                error_type: ErrorName::PayloadInvalid.as_str().to_owned(),
                message: format!("only the state machine of reviews may call {function}"),
            });
        }
        let deadline = Until::after(
            invocation
                .time_left
                .map_or(Duration::MAX, |time| time.saturating_sub(MARGIN)),
        );
        macro_rules! port {
            (deadline) => {
                &deadline
            };
            ($port:ident) => {
                self.$port.as_ref()
            };
        }
        macro_rules! run {
            ($($constant:ident = $state:literal, $function:literal: $stage:ident($($port:ident),+);)+) => {
                match function {
                    $($function => {
                        call(payload, async |input| stage::$stage::$stage(&input, $(port!($port)),+).await).await
                    })+
                    unknown => Err(StageError::new(
                        ErrorName::PayloadInvalid,
                        format!("there is no function {unknown:?}"),
                    )),
                }
            };
        }
        let done = for_each_stage!(run);
        done.map_err(|error| FunctionFailure {
            error_type: error.name.as_str().to_owned(),
            message: error.workflow_message(self.github_patience),
        })
    }
}
