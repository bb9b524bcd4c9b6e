//! `holdfast approve` and `holdfast reject`: the decision wakes the review, which then goes on to its end.

use std::path::Path;

use holdfast_asl::TaskFailure;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::report::RunStatus;
use serde_json::json;

use crate::cli::{DecideArgs, RejectArgs};
use crate::engine::Engine;
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output;
use crate::record;

/// `holdfast approve`. Errors: nothing waits there; the review fails afterwards.
pub async fn approve(args: &DecideArgs) -> Result<Exit, Failure> {
    decide(&args.data.data, &args.run, None).await
}

/// `holdfast reject`. Errors: nothing waits there; the review fails afterwards.
pub async fn reject(args: &RejectArgs) -> Result<Exit, Failure> {
    if args.reason.trim().is_empty() {
        return Err(Failure::usage(
            "--reason must not be empty: it stands in the check's summary",
        ));
    }
    decide(&args.data.data, &args.run, Some(&args.reason)).await
}

async fn decide(data: &Path, beginning: &str, rejection: Option<&str>) -> Result<Exit, Failure> {
    let name = record::find_name(data, beginning)?;
    let settings = machine::read_settings()?;
    let status = record::read(data, &name).await?.status;
    if status != RunStatus::AwaitingApproval {
        return Err(Failure::usage(format!(
            "run {name} does not wait for a decision: it is {}",
            status.as_str()
        )));
    }
    let (engine, _recovered) = machine::open_engine(data, &settings).await?;
    let decided = deliver(&engine, &name, rejection).await;
    let outcome = match decided {
        Ok(()) => engine.wait(&name).await.map(drop).map_err(Failure::incomplete),
        Err(failure) => Err(failure),
    };
    engine.shutdown().await;
    outcome?;
    let record = record::read(data, &name).await?;
    output::print(&format!("{name}: {}\n", record.status.as_str())).map_err(Failure::incomplete)?;
    match record.failure {
        Some(failure) => Err(Failure::incomplete(format!("run {name}: {failure}"))),
        None => Ok(Exit::Clean),
    }
}

async fn deliver(engine: &Engine, name: &str, rejection: Option<&str>) -> Result<(), Failure> {
    for pending in engine.pending_tokens(name).await.map_err(Failure::incomplete)? {
        match rejection {
            None => {
                engine
                    .send_task_success(&pending.token, json!({ "decision": "approved" }))
                    .await
            }
            Some(reason) => {
                let failure = TaskFailure {
                    error: ErrorName::ApprovalRejected.to_string(),
                    cause: Some(reason.to_owned()),
                };
                engine.send_task_failure(&pending.token, failure).await
            }
        }
        .map_err(Failure::incomplete)?;
    }
    Ok(())
}
