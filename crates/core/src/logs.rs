//! Logs as typed state: a row that many callers change at the same time. A caller appends its entry with one write and
//! gets the answer that the entry has at its position ([ADR 0022](../../../docs/adr/0022-a-shared-row-is-a-short-log.md)).

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::StageError;
use crate::model::error_name::ErrorName;
use crate::port::row_form::MAX_FOLDED;
use crate::port::{KeepLogs, Log};

/// Number of entries after the base from which callers fold.
pub const FOLD_AFTER: usize = 32;

/// Callers beyond [`FOLD_AFTER`] for each one that tries to fold: the others would lose the race.
const CALLERS_PER_FOLD: u64 = 8;

/// A state that entries change one after the other. It is the base of a log.
pub trait State: Default + Serialize + DeserializeOwned {
    /// A change of the state, by one caller.
    type Entry: Serialize + DeserializeOwned;
    /// The caller's answer.
    type Answer;
    /// Changes the state, and returns the answer for the caller of this entry. Depends on nothing else.
    fn apply(&mut self, entry: &Self::Entry) -> Self::Answer;
}

/// Appends an entry, and returns the state after it with the entry's answer. Folds the log when it is long.
///
/// # Errors
///
/// The table can't be reached; the log has another shape.
pub async fn append<S: State>(logs: &dyn KeepLogs, key: &str, entry: &S::Entry) -> Result<(S, S::Answer), StageError> {
    append_folding(logs, key, entry, FOLD_AFTER, CALLERS_PER_FOLD).await
}

/// Appends as [`append`] does, and folds above `fold_after` entries, one of `callers_per_fold` callers.
///
/// # Errors
///
/// The same as [`append`].
pub async fn append_folding<S: State>(
    logs: &dyn KeepLogs,
    key: &str,
    entry: &S::Entry,
    fold_after: usize,
    callers_per_fold: u64,
) -> Result<(S, S::Answer), StageError> {
    let log = match logs.append(key, &json!(entry)).await {
        Ok(log) => log,
        Err(error) => {
            // A full log gets room for the retry, even if each caller that should have folded it died.
            if let Ok(log) = logs.read(key).await
                && log.entries.len() > fold_after
            {
                fold::<S>(logs, key, &log).await;
            }
            return Err(error.into());
        }
    };
    let (state, answer) = replay::<S>(key, &log, log.entries.len())?;
    let answer = answer.ok_or_else(|| unreadable(key))?;
    let position = log.folded.saturating_add(log.entries.len() as u64);
    if log.entries.len() > fold_after && position.is_multiple_of(callers_per_fold) {
        fold::<S>(logs, key, &log).await;
    }
    Ok((state, answer))
}

/// Reads the state, without a change.
///
/// # Errors
///
/// The table can't be reached; the log has another shape.
pub async fn read<S: State>(logs: &dyn KeepLogs, key: &str) -> Result<S, StageError> {
    let log = logs.read(key).await?;
    Ok(replay(key, &log, log.entries.len())?.0)
}

/// Returns the state after the first `count` entries, with the answer to the last of them.
fn replay<S: State>(key: &str, log: &Log, count: usize) -> Result<(S, Option<S::Answer>), StageError> {
    let mut state = match &log.base {
        Some(base) => parse(key, base)?,
        None => S::default(),
    };
    let mut answer = None;
    for entry in log.entries.iter().take(count) {
        answer = Some(state.apply(&parse(key, entry)?));
    }
    Ok((state, answer))
}

/// Folds the first entries. The result doesn't matter: if it fails, or another caller was faster, a later one folds.
async fn fold<S: State>(logs: &dyn KeepLogs, key: &str, log: &Log) {
    let count = log.entries.len().min(MAX_FOLDED);
    let Ok((state, _)) = replay::<S>(key, log, count) else {
        return;
    };
    if let Err(error) = logs.fold(key, log.folded, count, &json!(state)).await {
        tracing::warn!(%error, "a log was not folded");
    }
}

fn parse<T: DeserializeOwned>(key: &str, value: &Value) -> Result<T, StageError> {
    T::deserialize(value).map_err(|_| unreadable(key))
}

fn unreadable(key: &str) -> StageError {
    let message = format!(
        "log {key} has another shape: it was damaged, or another version wrote it. Use the newer version, or delete the row"
    );
    StageError::new(ErrorName::PayloadInvalid, message)
}
