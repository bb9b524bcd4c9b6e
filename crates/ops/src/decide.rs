//! Decisions about a review that waits for a person: stores the decision, resumes the review and follows it to its end.
//! Access to the data directory, or to the deployment's account, is enough to decide: no code from a mail is needed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use holdfast_core::approval::{self, Question, Refusal};
use holdfast_core::model::approval::{Ballot, KnownBy, Person, Verdict};
use holdfast_core::model::report::RunStatus;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{AnswerTask, KeepRows};

use crate::access::Access;
use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::find_run;
use crate::machine;
use crate::run_summary::{self, LocalRuns, ReadRuns, RunSummary};

/// How long a deployment's review is followed after the decision.
const MAX_WAIT_FOR_END: Duration = Duration::from_mins(2);
/// How often its status is read.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A verdict with its reason.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Approved or rejected.
    pub verdict: Verdict,
    /// Why, for a rejection.
    pub reason: Option<String>,
}

/// The effect of a decision.
pub enum Decided {
    /// It was counted; more approvals are needed.
    Counted {
        /// Approvals so far.
        have: usize,
        /// Approvals that are needed.
        needed: usize,
    },
    /// The review ended.
    Ended(Box<RunSummary>),
    /// The review was still running when the time to follow it was over.
    StillRunning,
}

/// Decides a run of a data directory in the name of `by`.
///
/// # Errors
/// The run waits for no decision; a setting is invalid; the decision is refused.
pub async fn on_machine(data: &Path, name: &RunName, by: String, decision: Decision) -> Result<Decided, Failure> {
    let record = waiting(&LocalRuns::open(data).await?, name.as_str()).await?;
    let settings = machine::read_settings()?;
    let what = match decision.verdict {
        Verdict::Approved => "the approval",
        Verdict::Rejected => "the rejection",
    };
    machine::check_writable(data, &settings, &record, what).await?;
    let name = record.run;
    let opened = machine::open(data, &settings, Access::run(&name)).await?;
    let (rows, tasks) = (opened.stages.rows.as_ref(), opened.runs.as_ref());
    let outcome = match decide(rows, tasks, &name, by, decision).await {
        Ok(question) if question.decided.is_some() => {
            let ended = opened.engine.wait(name.as_str()).await;
            ended.map(|_| None).map_err(Failure::incomplete)
        }
        outcome => outcome.map(Some),
    };
    opened.engine.shutdown().await;
    match outcome? {
        Some(question) => Ok(counted(&question)),
        None => Ok(Decided::Ended(Box::new(run_summary::read(data, &name).await?))),
    }
}

/// Decides a run of a deployment in the name of the account's user; returns the run's whole name too.
///
/// # Errors
/// The run waits for no decision; the decision is refused.
pub async fn on_deployment(
    deployment: &dyn Deployment,
    beginning: &str,
    decision: Decision,
) -> Result<(RunName, Decided), Failure> {
    let name = waiting(deployment, beginning).await?.run;
    let by = deployment.caller().await?;
    let question = decide(deployment.rows(), deployment.workflow(), &name, by, decision).await?;
    if question.decided.is_none() {
        return Ok((name, counted(&question)));
    }
    let began = Instant::now();
    loop {
        let record = deployment.read(&name).await?;
        if record.row.status.is_final() {
            return Ok((name, Decided::Ended(Box::new(record))));
        }
        if began.elapsed() > MAX_WAIT_FOR_END {
            return Ok((name, Decided::StillRunning));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn counted(question: &Question) -> Decided {
    Decided::Counted {
        have: question.votes.len(),
        needed: usize::try_from(question.approval.needed).unwrap_or(usize::MAX),
    }
}

/// Finds the run, if it waits for a decision.
async fn waiting(runs: &dyn ReadRuns, beginning: &str) -> Result<RunSummary, Failure> {
    let name = find_run::find_name(runs, beginning).await?;
    let record = runs.read(&name).await?;
    if record.status == RunStatus::AwaitingApproval {
        return Ok(record);
    }
    // A process that was stopped after a decision leaves its run open.
    let remedy = match record.row.status.is_final() || !runs.option().is_empty() {
        true => "",
        false => ". If its process was stopped, start holdfast serve or the same holdfast review: it resumes the run",
    };
    Err(Failure::usage(format!(
        "run {name} does not wait for a decision: it is {}{remedy}",
        record.status.as_str()
    )))
}

/// Stores the decision, and delivers it to the workflow where it settles the question.
async fn decide(
    rows: &dyn KeepRows,
    tasks: &dyn AnswerTask,
    name: &RunName,
    by: String,
    decision: Decision,
) -> Result<Question, Failure> {
    let decided = async {
        let question = approval::find_open(rows, name).await?;
        let (round, content) = (question.approval.round, question.approval.content);
        let ballot = Ballot {
            verdict: decision.verdict,
            reason: decision.reason,
            content,
            dropped: Vec::new(),
            edited: BTreeMap::new(),
        };
        let by = Person {
            name: by,
            known_by: KnownBy::Terminal,
            address: None,
        };
        let question = approval::decide(rows, name, round, &by, &ballot, machine::now_ms()).await?;
        approval::deliver(rows, tasks, name, round).await?;
        Ok(question)
    };
    decided.await.map_err(|refusal| match refusal {
        Refusal::Failed(error) => Failure::incomplete(error),
        refusal => Failure::usage(format!("run {name}: {refusal}")),
    })
}
