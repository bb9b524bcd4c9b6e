//! Names the run of a pull request's current state, and starts it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::artifact::find_artifact;
use crate::claim;
use crate::error::StageError;
use crate::model::change::{Change, Target};
use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::run::{GateMode, PAYLOAD_VERSION, Run};
use crate::model::run_name::{RunName, is_same_review, stem, stem_without_base};
use crate::port::{KeepRows, Row, StartedRun};
use crate::rows::{self, Update};

use super::delivery::{Delivery, NotStored, Progress};
use super::{Ports, Receipt, RunSettings, ignored};

/// Maximum number of attempts at one review.
const MAX_ATTEMPTS: u32 = 1_000;

/// The condition under which an ended review is started again.
pub(super) enum StartAgain {
    /// Only if another review has run since: a push back to an earlier head.
    AfterAnotherReview,
    /// Also if it has no result, because it was cancelled or failed; only once for each event.
    WithoutResult(Delivery),
    /// Always; only once for each command.
    Always(Delivery),
}

/// The run that was started last for a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastStart {
    /// Its name.
    pub run: RunName,
    /// Time of the start, in milliseconds since 1970.
    pub at_ms: i64,
    /// The comment with the command that started it, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<u64>,
}

/// Starts the run of a target, or finds it. Returns the receipt, and the delivery to finish after all its effects.
///
/// # Errors
///
/// The engine or the table fails; the head was reviewed [`MAX_ATTEMPTS`] times.
pub(super) async fn start(
    target: &Target,
    settings: &RunSettings,
    ports: Ports<'_>,
    again: StartAgain,
    comment: Option<u64>,
) -> Result<(Receipt, Option<Delivery>), StageError> {
    let stem = stem(target, &settings.model, &settings.model_light, true);
    let (is_forced, is_repeatable, mut delivery) = match again {
        StartAgain::AfterAnotherReview => (false, false, None),
        StartAgain::WithoutResult(delivery) => (false, true, Some(delivery)),
        StartAgain::Always(delivery) => (true, true, Some(delivery)),
    };
    if !is_forced
        && let Some(run) = same_review_of_holder(target, &stem, settings, ports).await?
        && !(is_repeatable && claim::is_closed(ports.rows, &run).await?)
    {
        return Ok((Receipt::Duplicate { run }, delivery));
    }
    let own_attempt = delivery.as_ref().and_then(|delivery| delivery.progress.attempt);
    for attempt in own_attempt.unwrap_or(1)..=MAX_ATTEMPTS {
        let name = RunName::of_attempt(&stem, attempt)
            .map_err(|error| StageError::new(ErrorName::PayloadInvalid, error.to_string()))?;
        let run = Run {
            urgent: is_forced || comment.is_some(),
            ..run_of(target, settings, name)
        };
        let name = run.run.clone();
        if let Some(delivery) = &mut delivery {
            let progress = Progress {
                attempt: Some(attempt),
                ..delivery.progress.clone()
            };
            match delivery.store(ports.rows, progress).await {
                Ok(()) => {}
                Err(NotStored::ChangedByDuplicate) => return Ok((ignored("a duplicate delivery starts it"), None)),
                Err(NotStored::Failed(error)) => return Err(error),
            }
        }
        let started = ports.start.start_run(&run).await?;
        let is_own = own_attempt == Some(attempt);
        match started {
            StartedRun::New => {
                store_start(ports.rows, ports.now_ms, target, &name, comment).await?;
                return Ok((Receipt::Started { run: name }, delivery));
            }
            StartedRun::Running => {
                if is_own {
                    store_start(ports.rows, ports.now_ms, target, &name, comment).await?;
                }
                return Ok((Receipt::Duplicate { run: name }, delivery));
            }
            // An earlier delivery of the same command started it.
            StartedRun::Ended if is_own => return Ok((Receipt::Duplicate { run: name }, delivery)),
            StartedRun::Ended if is_forced => {}
            StartedRun::Ended => {
                let holder = claim::holder(ports.rows, target).await?;
                let is_last = holder.is_none_or(|holder| holder == name);
                if is_last && !(is_repeatable && claim::is_closed(ports.rows, &name).await?) {
                    return Ok((Receipt::Duplicate { run: name }, delivery));
                }
            }
        }
    }
    Err(StageError::new(
        ErrorName::PayloadInvalid,
        format!("this head was reviewed {MAX_ATTEMPTS} times"),
    ))
}

fn run_of(target: &Target, settings: &RunSettings, name: RunName) -> Run {
    Run {
        version: PAYLOAD_VERSION,
        run: name,
        bucket: settings.bucket.clone(),
        target: target.clone(),
        publish: true,
        max_concurrency: settings.max_concurrency,
        model: settings.model.clone(),
        model_light: settings.model_light.clone(),
        notes: Vec::new(),
        tokens: settings.tokens,
        gate: GateMode::default(),
        urgent: false,
        evidence: None,
    }
}

/// Returns the run that holds the pull request, if it is the same review under another name: the repository was renamed
/// since, or version 0.1 named the run.
async fn same_review_of_holder(
    target: &Target,
    stem: &str,
    settings: &RunSettings,
    ports: Ports<'_>,
) -> Result<Option<RunName>, StageError> {
    let Some(holder) = claim::holder(ports.rows, target).await? else {
        return Ok(None);
    };
    let held = holder.stem();
    if held == stem {
        return Ok(None);
    }
    if is_same_review(held, stem) {
        return Ok(Some(holder));
    }
    if !is_same_review(
        held,
        &stem_without_base(target, &settings.model, &settings.model_light, true),
    ) {
        return Ok(None);
    }
    let change: Option<Change> = find_artifact(ports.store, &key::change(&holder)).await?;
    let is_same = change
        .zip(target.pinned())
        .is_some_and(|(change, pinned)| change.base == pinned.merge_base);
    Ok(is_same.then_some(holder))
}

/// Stores the run that was started last, so that a run can be stopped before it opens.
///
/// # Errors
///
/// The table fails.
pub async fn store_start(
    rows: &dyn KeepRows,
    now_ms: i64,
    target: &Target,
    run: &RunName,
    comment: Option<u64>,
) -> Result<(), StageError> {
    let start = LastStart {
        run: run.clone(),
        at_ms: now_ms,
        comment,
    };
    let start = &start;
    // The previous value is overwritten, whatever its shape.
    rows::update(rows, &last_key(target), |_: Option<Value>| async move {
        Ok(Update::Write(json!(start), ()))
    })
    .await
}

/// Returns the run that was started last for a pull request.
///
/// # Errors
///
/// The table fails.
pub async fn last_start(rows: &dyn KeepRows, target: &Target) -> Result<Option<LastStart>, StageError> {
    let row: Option<Row> = rows.get(&last_key(target)).await?;
    // A row of another version counts as missing.
    Ok(row.and_then(|row| LastStart::deserialize(&row.value).ok()))
}

fn last_key(target: &Target) -> String {
    format!("started/{}", target.place())
}
