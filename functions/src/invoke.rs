//! Calls a stage with an event's payload, and answers with its output or its typed failure.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::stage::{StageError, call};
use lambda_runtime::{Diagnostic, LambdaEvent, run, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::metrics;
use crate::wiring::Wiring;

/// A Lambda event.
pub type Event = LambdaEvent<Value>;
/// The answer to Lambda. A failure's `errorType` is the name that the workflow's Retry and Catch match.
pub type Answer = Result<Value, Diagnostic>;

/// Serves events until Lambda ends the process.
///
/// # Errors
///
/// The runtime's interface can't be reached.
pub async fn serve<P, F, R>(wiring: Wiring<P>, handle: F) -> Result<(), lambda_runtime::Error>
where
    F: Fn(Event, Arc<P>) -> R,
    R: Future<Output = Answer>,
{
    run(service_fn(async |event| {
        let answer = handle(event, wiring.ports().await).await;
        if answer.is_err() {
            wiring.reread_secrets_soon().await;
        }
        answer
    }))
    .await
}

/// Calls a stage with an event's payload. Logs and counts a failure: no other code does. `github_patience` is the longest
/// time that the stage's state waits for GitHub; `None` where no state does.
///
/// # Errors
/// The payload has another shape, or the stage fails: the error's type is its workflow name.
pub async fn through<I, O, R>(payload: Value, github_patience: Option<Duration>, stage: impl FnOnce(I) -> R) -> Answer
where
    I: DeserializeOwned,
    O: Serialize,
    R: Future<Output = Result<O, StageError>>,
{
    call(payload, stage).await.map_err(|error| {
        tracing::error!(error = error.name.as_str(), message = error.message, "the stage failed");
        metrics::count_failure(error.name);
        Diagnostic {
            error_type: error.name.as_str().to_owned(),
            error_message: match github_patience {
                Some(patience) => error.workflow_message(patience),
                None => error.message,
            },
        }
    })
}
