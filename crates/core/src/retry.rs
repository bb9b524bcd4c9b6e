//! Reviews that are retried without a person: an outage or a limit ended their run, so the same review may succeed once
//! that is over. A run records itself at its end, and `redrive` starts its next attempt. An attempt that was started in
//! this way isn't retried again; those that people start are.

use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::model::error_name::Dependency;
use crate::model::report::{Outcome, Report};
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::port::{KeepRows, Row};
use crate::rows;

/// Maximum number of reviews that wait for their retry; the others wait until these are done.
const MAX_PENDING: usize = 1_000;

/// A deployment's settings for retries.
#[derive(Clone, Copy, Debug)]
pub struct RetrySettings {
    /// The time after a run's end in which it is retried, in milliseconds; none: never.
    pub within_ms: Option<i64>,
    /// Returns the time, in milliseconds since 1970.
    pub clock: fn() -> i64,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self::OFF
    }
}

impl RetrySettings {
    /// No run is retried.
    pub const OFF: Self = Self {
        within_ms: None,
        clock: || 0,
    };
}

/// A run that is retried once its cause is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// The run that ended.
    pub run: RunName,
    /// The service whose outage or limit ended it.
    pub awaits: Dependency,
    /// The end of the time in which it is retried, in milliseconds since 1970.
    pub until_ms: i64,
    /// Whether the run's models have answered a call since its end.
    #[serde(default)]
    pub is_model_back: bool,
}

/// The mark of an attempt that was started without a person.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    /// The run before it.
    before: RunName,
}

/// Records that a run is retried once `awaits` is over, unless retries are off, it doesn't publish on a pull request, or
/// it is a retry itself. Repeating it changes nothing.
///
/// # Errors
///
/// The table fails.
pub async fn record(
    rows: &dyn KeepRows,
    run: &Run,
    awaits: Dependency,
    settings: &RetrySettings,
) -> Result<(), StageError> {
    let (Some(within_ms), Some(next)) = (settings.within_ms, run.run.next_attempt()) else {
        return Ok(());
    };
    if !run.publish || run.target.pull_request().is_none() {
        return Ok(());
    }
    for retried in [&run.run, &next] {
        if is_retry(rows, retried).await? {
            return Ok(());
        }
    }
    let retry = Retry {
        run: run.run.clone(),
        awaits,
        until_ms: (settings.clock)().saturating_add(within_ms),
        is_model_back: false,
    };
    rows::create(rows, &key(&run.run), &retry).await?;
    Ok(())
}

/// Returns the service that a partial review waits for: one whose outage or limit left a file unreviewed.
pub fn awaited(report: &Report) -> Option<Dependency> {
    let unreviewed = report
        .coverage
        .iter()
        .filter(|entry| entry.outcome == Outcome::Unreviewed);
    unreviewed.filter_map(|entry| entry.failure?.outage_of()).min()
}

/// Returns the retry of a run, if it is still to come.
///
/// # Errors
///
/// The table fails.
pub async fn find(rows: &dyn KeepRows, run: &RunName) -> Result<Option<Retry>, StageError> {
    Ok(rows::find(rows, &key(run)).await?.map(|stored| stored.value))
}

/// Deletes the record of a run: it isn't retried, or the retry has started.
///
/// # Errors
///
/// The table fails.
pub async fn forget(rows: &dyn KeepRows, run: &RunName) -> Result<(), StageError> {
    rows::remove(rows, &key(run)).await
}

/// Lists the runs that are still to be retried. A row that this version can't read is left out with a warning.
///
/// # Errors
///
/// The table fails.
pub async fn pending(rows: &dyn KeepRows) -> Result<Vec<Retry>, StageError> {
    let listed = rows.list("retry/", MAX_PENDING).await?;
    let read = |(key, row): &(String, Row)| match rows::parse(key, row) {
        Ok(retry) => Some(retry),
        Err(error) => {
            tracing::warn!(%error, "a review is not retried");
            None
        }
    };
    Ok(listed.iter().filter_map(read).collect())
}

/// Records that the run's models have answered.
///
/// # Errors
///
/// The table fails.
pub async fn note_model_back(rows: &dyn KeepRows, run: &RunName) -> Result<(), StageError> {
    rows::update(rows, &key(run), |found: Option<Retry>| async move {
        Ok(match found {
            // Forgotten in the meantime.
            None => rows::Update::Keep(()),
            Some(retry) => rows::Update::Write(
                Retry {
                    is_model_back: true,
                    ..retry
                },
                (),
            ),
        })
    })
    .await
}

/// Marks an attempt as the retry of `before`. Call it before the attempt's start.
///
/// # Errors
///
/// The table fails.
pub async fn mark(rows: &dyn KeepRows, attempt: &RunName, before: &RunName) -> Result<(), StageError> {
    let before = before.clone();
    rows::create(rows, &mark_key(attempt), &Mark { before }).await?;
    Ok(())
}

/// Returns whether a run was started, or is about to be started, as the retry of another one.
///
/// # Errors
///
/// The table fails.
pub async fn is_retry(rows: &dyn KeepRows, run: &RunName) -> Result<bool, StageError> {
    Ok(rows.get(&mark_key(run)).await?.is_some())
}

fn key(run: &RunName) -> String {
    format!("retry/{run}")
}

fn mark_key(attempt: &RunName) -> String {
    format!("retried/{attempt}")
}
