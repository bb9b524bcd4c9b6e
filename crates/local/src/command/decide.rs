//! `holdfast approve` and `holdfast reject`: the decision is stored, wakes the review, and that goes on to its end. Who
//! decides is whoever has the data directory, or the deployment's account: no mail's code is asked for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use holdfast_core::approval::{self, Question, Refusal};
use holdfast_core::model::approval::{Ballot, KnownBy, Person, Verdict};
use holdfast_core::model::report::RunStatus;
use holdfast_core::port::{AnswerTask, KeepRows};

use crate::cli::{DecideArgs, RejectArgs};
use crate::deployment::Deployment;
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output;
use crate::reach::Reach;
use crate::record::{self, ReadRuns, Record, Records};

/// How long a deployment's review may take to its end until the command leaves it alone.
const PATIENCE: Duration = Duration::from_mins(2);
/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What was decided, and why.
struct Decision {
    verdict: Verdict,
    reason: Option<String>,
}

impl Decision {
    const APPROVED: Self = Self {
        verdict: Verdict::Approved,
        reason: None,
    };

    fn rejected(args: &RejectArgs) -> Result<Self, Failure> {
        if args.reason.trim().is_empty() {
            return Err(Failure::usage(
                "--reason must not be empty: it stands in the check's summary",
            ));
        }
        Ok(Self {
            verdict: Verdict::Rejected,
            reason: Some(args.reason.clone()),
        })
    }
}

/// `holdfast approve`. Errors: nothing waits there; the review fails afterwards.
pub async fn approve(args: &DecideArgs) -> Result<Exit, Failure> {
    here(args, Decision::APPROVED).await
}

/// `holdfast reject`. Errors: nothing waits there; the review fails afterwards.
pub async fn reject(args: &RejectArgs) -> Result<Exit, Failure> {
    let decision = Decision::rejected(args)?;
    here(&args.decide, decision).await
}

/// `holdfast approve` on a deployment.
pub async fn approve_on(deployment: &Deployment, args: &DecideArgs) -> Result<Exit, Failure> {
    on(deployment, args, Decision::APPROVED).await
}

/// `holdfast reject` on a deployment.
pub async fn reject_on(deployment: &Deployment, args: &RejectArgs) -> Result<Exit, Failure> {
    on(deployment, &args.decide, Decision::rejected(args)?).await
}

async fn here(args: &DecideArgs, decision: Decision) -> Result<Exit, Failure> {
    let (directory, name) = args.data.find_run(&args.run).await?;
    let data = directory.path.as_path();
    let name = waiting(&Records::open(data).await?, &name).await?;
    let settings = machine::read_settings()?;
    let opened = machine::open(data, &settings, Reach::run(&name)).await?;
    let outcome = match decide(
        opened.stages.rows.as_ref(),
        opened.runs.as_ref(),
        &name,
        user(),
        decision,
    )
    .await
    {
        Ok(question) if question.decided.is_some() => {
            let ended = opened.engine.wait(&name).await;
            ended.map(|_| None).map_err(Failure::incomplete)
        }
        outcome => outcome.map(Some),
    };
    opened.engine.shutdown().await;
    match outcome? {
        Some(question) => count(&name, &question),
        None => end(&record::read(data, &name).await?),
    }
}

async fn on(deployment: &Deployment, args: &DecideArgs, decision: Decision) -> Result<Exit, Failure> {
    let name = waiting(deployment, &args.run).await?;
    let verdict = decision.verdict;
    let by = deployment.caller().await?;
    let question = decide(&deployment.rows, &deployment.runs, &name, by, decision).await?;
    if question.decided.is_none() {
        return count(&name, &question);
    }
    let began = Instant::now();
    loop {
        let record = deployment.read(&name).await?;
        if record.row.status.is_final() {
            return end(&record);
        }
        if began.elapsed() > PATIENCE {
            let (verdict, option) = (verdict.as_str(), deployment.option());
            let said = format!("{name}: {verdict}; the review goes on, holdfast{option} show {name} tells how\n");
            output::print(&said).map_err(Failure::incomplete)?;
            return Ok(Exit::Clean);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The run, if it waits for a decision.
async fn waiting(runs: &dyn ReadRuns, beginning: &str) -> Result<String, Failure> {
    let name = record::find_name(runs, beginning).await?;
    let status = runs.read(&name).await?.status;
    if status == RunStatus::AwaitingApproval {
        return Ok(name);
    }
    Err(Failure::usage(format!(
        "run {name} does not wait for a decision: it is {}",
        status.as_str()
    )))
}

/// Stores the decision and tells the workflow, where that settles it.
async fn decide(
    rows: &dyn KeepRows,
    tasks: &dyn AnswerTask,
    name: &str,
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

/// Others have to decide as well.
fn count(name: &str, question: &Question) -> Result<Exit, Failure> {
    let (have, needed) = (question.votes.len(), question.approval.needed);
    output::print(&format!("{name}: {have} of {needed} approvals\n")).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

/// How the review ended.
fn end(record: &Record) -> Result<Exit, Failure> {
    let name = &record.run;
    output::print(&format!("{name}: {}\n", record.status.as_str())).map_err(Failure::incomplete)?;
    match &record.failure {
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
