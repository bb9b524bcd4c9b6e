//! Starts the next attempt of reviews that an outage or a limit ended, once that is over. Two halves, because no
//! function on AWS both calls models and writes to GitHub: [`try_models`] calls the models of waiting runs, [`start_due`]
//! starts what can continue. Both may run at any time, also twice at once: the attempt's name is derived, and its mark is
//! written before its start.

use std::collections::BTreeMap;

use crate::announcement;
use crate::artifact::find_artifact;
use crate::claim;
use crate::error::StageError;
use crate::intake::{is_paused, last_start, store_start};
use crate::model::error_name::Dependency;
use crate::model::key;
use crate::model::model_id::ModelId;
use crate::model::payer::Payer;
use crate::model::policy::Policy;
use crate::model::run::Run;
use crate::model::run_name::{RunName, is_same_review};
use crate::port::{
    Deadline, KeepRows, ModelCall, ModelError, ModelRequest, PublishReview, ReachModel, Reached, ReadError, ReadPull,
    StartRun, StartedRun, StoreArtifact, Waiting,
};
use crate::prompt::{probe_prompt, summary_schema};
use crate::retry::{self, Retry};
use crate::stage::payer_of;

/// The name of the call that tries a model, beside the run's units.
const PROBE: &str = "probe";
/// The output limit of that call, in tokens: a model that thinks first needs some.
const PROBE_TOKENS: u32 = 1_024;

/// The ports of [`start_due`].
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Reads pull requests.
    pub pulls: &'a dyn ReadPull,
    /// Writes to pull requests.
    pub publish: &'a dyn PublishReview,
    /// Starts runs.
    pub runs: &'a dyn StartRun,
    /// Stores claims, pauses and retries.
    pub rows: &'a dyn KeepRows,
    /// Stores artifacts.
    pub store: &'a dyn StoreArtifact,
    /// Limits the time.
    pub deadline: &'a dyn Deadline,
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
    /// Whether retries are turned off by now: the runs that wait are forgotten.
    pub is_off: bool,
}

/// The result of [`start_due`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// The attempts that were started.
    pub started: Vec<RunName>,
    /// One line for each run that could not be started now.
    pub left: Vec<String>,
}

/// Calls the models of runs that wait for them, each model at most once and only if its provider's limits and health
/// allow a call now. Notes the runs whose models have answered.
///
/// # Errors
///
/// The table or the store fails.
pub async fn try_models(
    model: &dyn ReachModel,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
    deadline: &dyn Deadline,
    now_ms: i64,
) -> Result<(), StageError> {
    let mut tried: BTreeMap<String, bool> = BTreeMap::new();
    for retry in retry::pending(rows).await? {
        if deadline.is_over() {
            break;
        }
        if retry.awaits != Dependency::Model || retry.is_model_back || retry.until_ms <= now_ms {
            continue;
        }
        let Some(run) = find_artifact::<Run>(store, &key::run(&retry.run)).await? else {
            continue;
        };
        let mut answers = true;
        for id in [&run.model, &run.model_light] {
            answers = answers
                && match tried.get(&id.to_string()) {
                    Some(answers) => *answers,
                    None => {
                        let answers = does_answer(id, &run, model).await;
                        tried.insert(id.to_string(), answers);
                        answers
                    }
                };
        }
        if answers {
            retry::note_model_back(rows, &retry.run).await?;
        }
    }
    Ok(())
}

/// Makes one small call, which pays for a few words.
async fn does_answer(id: &ModelId, run: &Run, model: &dyn ReachModel) -> bool {
    if id.is_rules() {
        return true;
    }
    let request = ModelRequest {
        model: id.clone(),
        prompt: probe_prompt(),
        schema: summary_schema(),
        max_output_tokens: PROBE_TOKENS.min(run.tokens.summary_output()),
        time_limit: None,
    };
    let payer: Payer = payer_of(run, None, &Policy::default());
    let call = ModelCall {
        run: &run.run,
        payer: &payer,
        part: PROBE,
        attempt: 1,
        is_risky: false,
        may_batch: false,
        waiting: Waiting::default(),
    };
    match model.reach(&call, &request).await {
        // A refusal of this request only is an answer too.
        Ok(Reached::Answered(_)) | Err(ModelError::Rejected(_)) => true,
        Ok(Reached::Wait { .. }) => false,
        Err(error) => {
            tracing::debug!(model = %id, %error, "no retry yet");
            false
        }
    }
}

/// Starts the next attempt of each waiting run whose outage is over, and forgets runs that nobody needs any more: the
/// pull request is closed, has another head or a newer run, or the time is over. A failure of one doesn't stop the
/// others.
///
/// # Errors
///
/// The table can't be read.
pub async fn start_due(ports: Ports<'_>) -> Result<Redriven, StageError> {
    let mut redriven = Redriven::default();
    for retry in retry::pending(ports.rows).await? {
        if ports.deadline.is_over() {
            redriven.left.push("the time to start retries ran out".to_owned());
            break;
        }
        match start(&retry, ports).await {
            Ok(Due::Started(attempt)) => redriven.started.push(attempt),
            Ok(Due::Waits | Due::Forgotten) => {}
            // The other runs would only ask GitHub in vain.
            Ok(Due::GithubIsDown) => break,
            Err(error) => redriven
                .left
                .push(format!("run {} isn't retried yet: {error}", retry.run)),
        }
    }
    Ok(redriven)
}

/// What became of a waiting run.
enum Due {
    Started(RunName),
    Waits,
    Forgotten,
    GithubIsDown,
}

async fn start(retry: &Retry, ports: Ports<'_>) -> Result<Due, StageError> {
    let Ports { rows, store, .. } = ports;
    let forget = async || retry::forget(rows, &retry.run).await.map(|()| Due::Forgotten);
    let found: Option<Run> = find_artifact(store, &key::run(&retry.run)).await?;
    let Some((before, next)) = found.and_then(|run| Some((run, retry.run.next_attempt()?))) else {
        return forget().await;
    };
    if !is_newest(&before, &next, rows).await? {
        return forget().await;
    }
    // A process died between the mark and the start: only the start is missing.
    if !retry::is_retry(rows, &next).await? {
        let is_over = ports.is_off || retry.until_ms <= ports.now_ms;
        let is_model_down = retry.awaits == Dependency::Model && !retry.is_model_back;
        if !is_over && (is_model_down || is_paused(rows, &before.target).await?) {
            return Ok(Due::Waits);
        }
        // The only retry isn't spent while GitHub still refuses the account's writes; its reads may be answered.
        if !ports.publish.limited_for(&before.target).await?.is_zero() {
            return Ok(Due::Waits);
        }
        let is_wanted = match is_over {
            true => Ok(false),
            false => is_current(&before, ports.pulls).await,
        };
        match is_wanted {
            Ok(true) => {}
            Ok(false) => {
                let ended = announcement::end_retry(&before, ports.publish, rows, store).await;
                let is_github = |error: &StageError| error.name.outage_of() == Some(Dependency::Github);
                if ended.as_ref().is_err_and(is_github) {
                    return Ok(Due::GithubIsDown);
                }
                ended?;
                return forget().await;
            }
            Err(ReadError::RateLimited { .. } | ReadError::Unavailable(_)) => return Ok(Due::GithubIsDown),
            Err(error) => return Err(error.into()),
        }
        // A person may have cancelled it meanwhile.
        if retry::find(rows, &retry.run).await?.is_none() {
            return Ok(Due::Forgotten);
        }
        retry::mark(rows, &next, &before.run).await?;
    }
    let target = before.target.clone();
    let attempt = Run {
        run: next.clone(),
        ..before
    };
    let started = ports.runs.start_run(&attempt).await?;
    if started == StartedRun::New {
        store_start(rows, ports.now_ms, &target, &next, None).await?;
    }
    retry::forget(rows, &retry.run).await?;
    Ok(match started {
        StartedRun::New => Due::Started(next),
        StartedRun::Running | StartedRun::Ended => Due::Forgotten,
    })
}

/// Returns whether no newer review of the pull request was started. `next` is the run's next attempt.
async fn is_newest(run: &Run, next: &RunName, rows: &dyn KeepRows) -> Result<bool, StageError> {
    let last = last_start(rows, &run.target).await?.map(|start| start.run);
    let is_same = |other: &RunName| is_same_review(other.stem(), run.run.stem());
    if last.as_ref().is_some_and(|last| last == next || !is_same(last)) {
        return Ok(false);
    }
    Ok(match claim::holder(rows, &run.target).await? {
        None => true,
        Some(holder) if holder == run.run => true,
        // The run failed before it could take the pull request over from an older one.
        Some(holder) => last.as_ref() == Some(&run.run) && !is_same(&holder),
    })
}

/// Returns whether the pull request is open with the run's head.
async fn is_current(run: &Run, pulls: &dyn ReadPull) -> Result<bool, ReadError> {
    let (Some(repository), Some(number)) = (run.target.repository_name(), run.target.pull_request()) else {
        return Ok(false);
    };
    let pull = pulls.pull(repository, number).await?;
    Ok(pull.is_open && !pull.is_draft && pull.head == *run.target.head())
}
