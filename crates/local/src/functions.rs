//! The functions of the workflow, in this process: name to stage, as the Lambda functions do it.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::port::{
    AskModel, KeepRows, NotifyPeople, PublishReview, ReadChange, SourceSyntax, StopRun, StoreArtifact,
};
use holdfast_core::stage::request_approval::Asking;
use holdfast_core::stage::{self, StageError, call};
use serde_json::Value;

use holdfast_engine::{FunctionFailure, Functions, Invocation, Naming};

/// The stages with this machine's adapters.
pub struct StageFunctions {
    /// Reads changes.
    pub read: Arc<dyn ReadChange>,
    /// Writes to pull requests.
    pub publish: Arc<dyn PublishReview>,
    /// Asks models.
    pub model: Arc<dyn AskModel>,
    /// Reads syntax.
    pub syntax: Arc<dyn SourceSyntax>,
    /// Asks people.
    pub notify: Arc<dyn NotifyPeople>,
    /// Keeps claims.
    pub rows: Arc<dyn KeepRows>,
    /// Stops runs.
    pub runs: Arc<dyn StopRun>,
    /// Keeps artifacts.
    pub store: Arc<dyn StoreArtifact>,
    /// Who is asked for approval.
    pub asking: Asking,
}

impl StageFunctions {
    /// The same stages, asking another model.
    pub fn with_model(&self, model: Arc<dyn AskModel>) -> Self {
        Self {
            read: Arc::clone(&self.read),
            publish: Arc::clone(&self.publish),
            model,
            syntax: Arc::clone(&self.syntax),
            notify: Arc::clone(&self.notify),
            rows: Arc::clone(&self.rows),
            runs: Arc::clone(&self.runs),
            store: Arc::clone(&self.store),
            asking: self.asking.clone(),
        }
    }
}

/// Whether an execution, or a map's child, is of the machine that this program brings. Whoever can make another one, by the
/// Step Functions API, could else hand a stage a token or a run of their own choice.
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
                message: format!("{function} answers to the state machine of reviews only: another one can't call it"),
            });
        }
        let (read, publish, model, store) = (
            self.read.as_ref(),
            self.publish.as_ref(),
            self.model.as_ref(),
            self.store.as_ref(),
        );
        let (syntax, notify) = (self.syntax.as_ref(), self.notify.as_ref());
        let (rows, runs) = (self.rows.as_ref(), self.runs.as_ref());
        macro_rules! run {
            ($stage:ident($($port:expr),+)) => {
                call(payload, async |input| stage::$stage::$stage(&input, $($port),+).await).await
            };
        }
        let done = match function {
            "open-review" => run!(open_review(read, publish, rows, runs, store)),
            "plan-review" => run!(plan_review(read, store)),
            "gather-context" => run!(gather_context(read, syntax, store)),
            "review-unit" => run!(review_unit(model, store)),
            "validate-findings" => run!(validate_findings(store)),
            "correct-findings" => run!(correct_findings(store)),
            "aggregate-findings" => run!(aggregate_findings(store)),
            "summarize-review" => run!(summarize_review(model, store)),
            "request-approval" => run!(request_approval(&self.asking, notify, rows, store)),
            "escalate-approval" => run!(escalate_approval(notify, rows)),
            "publish-review" => run!(publish_review(read, publish, rows, store)),
            "discard-review" => run!(discard_review(publish, store)),
            "withdraw-announcement" => run!(withdraw_announcement(publish, rows, store)),
            "report-failure" => run!(report_failure(publish, store)),
            "raise-alarm" => run!(raise_alarm(notify)),
            unknown => Err(StageError::new(
                ErrorName::PayloadInvalid,
                format!("there is no function {unknown:?}"),
            )),
        };
        done.map_err(|error| FunctionFailure {
            error_type: error.name.as_str().to_owned(),
            message: error.message,
        })
    }
}
