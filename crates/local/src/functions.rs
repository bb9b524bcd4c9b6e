//! The functions of the workflow, in this process: name to stage, as the Lambda functions do it.

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::port::{AskModel, NotifyPeople, PublishReview, ReadChange, SourceSyntax, StoreArtifact};
use holdfast_core::stage::{self, StageError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::engine::{FunctionFailure, Functions, Invocation};

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
    /// Keeps artifacts.
    pub store: Arc<dyn StoreArtifact>,
}

#[async_trait]
impl Functions for StageFunctions {
    async fn invoke(&self, function: &str, payload: Value, _invocation: Invocation) -> Result<Value, FunctionFailure> {
        let (read, publish, model, store) = (
            self.read.as_ref(),
            self.publish.as_ref(),
            self.model.as_ref(),
            self.store.as_ref(),
        );
        let (syntax, notify) = (self.syntax.as_ref(), self.notify.as_ref());
        match function {
            "open-review" => {
                call(payload, async |input| {
                    stage::open_review::open_review(&input, read, publish, store).await
                })
                .await
            }
            "plan-review" => {
                call(payload, async |input| {
                    stage::plan_review::plan_review(&input, read, store).await
                })
                .await
            }
            "gather-context" => {
                call(payload, async |input| {
                    stage::gather_context::gather_context(&input, read, syntax, store).await
                })
                .await
            }
            "review-unit" => {
                call(payload, async |input| {
                    stage::review_unit::review_unit(&input, model, store).await
                })
                .await
            }
            "validate-findings" => {
                call(payload, async |input| {
                    stage::validate_findings::validate_findings(&input, store).await
                })
                .await
            }
            "correct-findings" => {
                call(payload, async |input| {
                    stage::correct_findings::correct_findings(&input, store).await
                })
                .await
            }
            "aggregate-findings" => {
                call(payload, async |input| {
                    stage::aggregate_findings::aggregate_findings(&input, store).await
                })
                .await
            }
            "summarize-review" => {
                call(payload, async |input| {
                    stage::summarize_review::summarize_review(&input, model, store).await
                })
                .await
            }
            "request-approval" => {
                call(payload, async |input| {
                    stage::request_approval::request_approval(&input, notify, store).await
                })
                .await
            }
            "escalate-approval" => {
                call(payload, async |input| {
                    stage::escalate_approval::escalate_approval(&input, notify).await
                })
                .await
            }
            "publish-review" => {
                call(payload, async |input| {
                    stage::publish_review::publish_review(&input, read, publish, store).await
                })
                .await
            }
            "discard-review" => {
                call(payload, async |input| {
                    stage::discard_review::discard_review(&input, publish, store).await
                })
                .await
            }
            "withdraw-announcement" => {
                call(payload, async |input| {
                    stage::withdraw_announcement::withdraw_announcement(&input, publish, store).await
                })
                .await
            }
            "report-failure" => {
                call(payload, async |input| {
                    stage::report_failure::report_failure(&input, store).await
                })
                .await
            }
            "raise-alarm" => {
                call(payload, async |input| {
                    stage::raise_alarm::raise_alarm(&input, notify).await
                })
                .await
            }
            unknown => Err(failure(
                ErrorName::PayloadInvalid,
                format!("there is no function {unknown:?}"),
            )),
        }
    }
}

/// JSON in, JSON out, the stage between.
async fn call<I, O, F, R>(payload: Value, run: F) -> Result<Value, FunctionFailure>
where
    I: DeserializeOwned,
    O: Serialize,
    F: FnOnce(I) -> R,
    R: Future<Output = Result<O, StageError>>,
{
    let input = serde_json::from_value(payload)
        .map_err(|error| failure(ErrorName::PayloadInvalid, format!("the payload: {error}")))?;
    let output = run(input).await.map_err(|error| failure(error.name, error.message))?;
    serde_json::to_value(output).map_err(|error| failure(ErrorName::PayloadInvalid, format!("the answer: {error}")))
}

fn failure(name: ErrorName, message: String) -> FunctionFailure {
    FunctionFailure {
        error_type: name.as_str().to_owned(),
        message,
    }
}
