//! `holdfast approve` and `holdfast reject`: the decision is stored, wakes the review, and that goes on to its end. Who
//! decides is whoever has the data directory: no mail's code is asked for.

use std::collections::BTreeMap;
use std::path::Path;

use holdfast_core::approval::{self, Refusal};
use holdfast_core::model::approval::{Ballot, KnownBy, Person, Verdict};
use holdfast_core::model::report::RunStatus;

use crate::cli::{DecideArgs, RejectArgs};
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output;
use crate::record;

/// `holdfast approve`. Errors: nothing waits there; the review fails afterwards.
pub async fn approve(args: &DecideArgs) -> Result<Exit, Failure> {
    decide(&args.data.data, &args.run, Verdict::Approved, None).await
}

/// `holdfast reject`. Errors: nothing waits there; the review fails afterwards.
pub async fn reject(args: &RejectArgs) -> Result<Exit, Failure> {
    if args.reason.trim().is_empty() {
        return Err(Failure::usage(
            "--reason must not be empty: it stands in the check's summary",
        ));
    }
    decide(&args.data.data, &args.run, Verdict::Rejected, Some(args.reason.clone())).await
}

async fn decide(data: &Path, beginning: &str, verdict: Verdict, reason: Option<String>) -> Result<Exit, Failure> {
    let name = record::find_name(data, beginning)?;
    let settings = machine::read_settings()?;
    let status = record::read(data, &name).await?.status;
    if status != RunStatus::AwaitingApproval {
        return Err(Failure::usage(format!(
            "run {name} does not wait for a decision: it is {}",
            status.as_str()
        )));
    }
    let opened = machine::open(data, &settings).await?;
    let rows = opened.stages.rows.as_ref();
    let decided = async {
        let question = approval::find_open(rows, &name).await?;
        let (round, content) = (question.approval.round, question.approval.content);
        let ballot = Ballot {
            verdict,
            reason,
            content,
            dropped: Vec::new(),
            edited: BTreeMap::new(),
        };
        let by = Person {
            name: user(),
            known_by: KnownBy::Terminal,
        };
        let question = approval::decide(rows, &name, round, &by, &ballot, machine::now_ms()).await?;
        approval::deliver(rows, opened.runs.as_ref(), &name, round).await?;
        Ok::<_, Refusal>(question)
    };
    let outcome = match decided.await {
        Ok(question) if question.decided.is_none() => Ok(Some(question)),
        Ok(_) => opened
            .engine
            .wait(&name)
            .await
            .map(|_| None)
            .map_err(Failure::incomplete),
        Err(Refusal::Failed(error)) => Err(Failure::incomplete(error)),
        Err(refusal) => Err(Failure::usage(format!("run {name}: {refusal}"))),
    };
    opened.engine.shutdown().await;
    if let Some(question) = outcome? {
        let (have, needed) = (question.votes.len(), question.approval.needed);
        output::print(&format!("{name}: {have} of {needed} approvals\n")).map_err(Failure::incomplete)?;
        return Ok(Exit::Clean);
    }
    let record = record::read(data, &name).await?;
    output::print(&format!("{name}: {}\n", record.status.as_str())).map_err(Failure::incomplete)?;
    match record.failure {
        Some(failure) => Err(Failure::incomplete(format!("run {name}: {failure}"))),
        None => Ok(Exit::Clean),
    }
}

/// Who is at the terminal, as the system names them.
fn user() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    named
        .filter(|name| !name.trim().is_empty())
        .unwrap_or_else(|| "somebody".to_owned())
        + " (terminal)"
}
