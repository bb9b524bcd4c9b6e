//! The claim on a pull request: only the run that took it last may write. A run takes the claim once and checks before
//! each write that it still holds it, so that an old run that wakes late finds itself superseded.

use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::model::run_name::RunName;
use crate::model::sha::CommitSha;
use crate::port::{KeepRows, ReadChange};
use crate::rows::{self, Update};

/// The claim of a run on a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Grows with each run, from 1; 0 for a run that was closed before it took a claim.
    pub generation: u64,
    /// The run that holds it.
    pub run: RunName,
    /// The run that held the pull request before. This run stops it and undoes its effects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<RunName>,
    /// Whether the run may no longer write, because its effects are being undone.
    #[serde(default)]
    pub closed: bool,
    /// Whether all effects of the run are undone.
    #[serde(default)]
    pub undone: bool,
}

/// Takes the pull request for a run. A repeated call returns the run's own claim, or fails if the run was superseded.
///
/// # Errors
///
/// `PullRequestHeadMoved`; `RunSuperseded`; the read or the table fails.
pub async fn take(
    rows: &dyn KeepRows,
    read: &dyn ReadChange,
    target: &Target,
    run: &RunName,
) -> Result<Claim, StageError> {
    if let Some(stored) = rows::find::<Claim>(rows, &run_key(run)).await? {
        hold(rows, target, run).await?;
        return Ok(stored.value);
    }
    let claim: Claim = rows::update(rows, &claim_key(target), |found: Option<Claim>| async move {
        let before = match found {
            // This run took it, and its process died before it stored the run's row.
            Some(claim) if claim.run == *run => return Ok(Update::Keep(claim)),
            None => find_named(rows, target).await?,
            found => found,
        };
        // This check is between the read and the write of the row: a run that takes the pull request for a newer head
        // either shows here by its head, or makes the write conflict.
        check_head(target, &read.current_head(target).await?)?;
        let claim = next(before, run);
        Ok::<_, StageError>(Update::Write(claim.clone(), claim))
    })
    .await?;
    retire_named(rows, target, &claim).await?;
    // An existing row means that the run was closed in the meantime.
    rows::create(rows, &run_key(run), &claim).await?;
    hold(rows, target, run).await?;
    Ok(claim)
}

/// Returns the run that holds a pull request, if there is one.
///
/// # Errors
///
/// The table fails.
pub async fn holder(rows: &dyn KeepRows, target: &Target) -> Result<Option<RunName>, StageError> {
    let claim = match find(rows, &claim_key(target)).await? {
        None => find_named(rows, target).await?,
        found => found,
    };
    Ok(claim.map(|claim| claim.run))
}

/// Returns whether a run that failed has the pull request. If it failed before it could take it, it takes it now, so that
/// a newer run undoes what this one shows; but not from another run than `ended`.
///
/// # Errors
///
/// The table fails.
pub async fn take_failed(
    rows: &dyn KeepRows,
    target: &Target,
    run: &RunName,
    ended: Option<&RunName>,
) -> Result<bool, StageError> {
    let was_taken = find(rows, &run_key(run))
        .await?
        .is_some_and(|claim| claim.generation > 0);
    rows::update(rows, &claim_key(target), |found: Option<Claim>| async move {
        let before = match found {
            None => find_named(rows, target).await?,
            found => found,
        };
        match before {
            Some(claim) if claim.run == *run => Ok(Update::Keep(true)),
            Some(claim) if was_taken || Some(&claim.run) != ended => Ok(Update::Keep(false)),
            before => Ok::<_, StageError>(Update::Write(next(before, run), true)),
        }
    })
    .await
}

/// Returns the claim of a run that takes a pull request.
fn next(before: Option<Claim>, run: &RunName) -> Claim {
    Claim {
        generation: before.as_ref().map_or(1, |claim| claim.generation + 1),
        run: run.clone(),
        before: before.map(|claim| claim.run),
        closed: false,
        undone: false,
    }
}

/// Returns whether a run may no longer write: its effects are undone, or are being undone.
///
/// # Errors
///
/// The table fails.
pub async fn is_closed(rows: &dyn KeepRows, run: &RunName) -> Result<bool, StageError> {
    Ok(find(rows, &run_key(run)).await?.is_some_and(|claim| claim.closed))
}

/// Returns the claim of a run of version 0.1, whose key has the repository's name.
async fn find_named(rows: &dyn KeepRows, target: &Target) -> Result<Option<Claim>, StageError> {
    let Some(key) = named_claim_key(target) else {
        return Ok(None);
    };
    find(rows, &key).await
}

/// Replaces another run's claim under the key of version 0.1, so that a run of that version finds itself superseded.
async fn retire_named(rows: &dyn KeepRows, target: &Target, claim: &Claim) -> Result<(), StageError> {
    let Some(key) = named_claim_key(target) else {
        return Ok(());
    };
    rows::update(rows, &key, |found: Option<Claim>| async move {
        Ok(match found {
            None => Update::Keep(()),
            Some(found) if found.run == claim.run => Update::Keep(()),
            Some(_) => Update::Write(claim.clone(), ()),
        })
    })
    .await
}

/// Ends a run's right to write, before its effects are undone.
///
/// # Errors
///
/// The table fails.
pub async fn close(rows: &dyn KeepRows, run: &RunName) -> Result<(), StageError> {
    set_undone(rows, run, false).await
}

/// Stores that all effects of a closed run are undone.
///
/// # Errors
///
/// The table fails.
pub async fn note_undone(rows: &dyn KeepRows, run: &RunName) -> Result<(), StageError> {
    set_undone(rows, run, true).await
}

/// Returns whether a run may have left side effects: it has a row, and its effects are not all undone. Call this only
/// for runs that ended without success.
///
/// # Errors
///
/// The table fails.
pub async fn needs_cleaning(rows: &dyn KeepRows, run: &RunName) -> Result<bool, StageError> {
    let found = find(rows, &run_key(run)).await?;
    Ok(found.is_some_and(|claim| !claim.undone))
}

/// Returns the run that held the pull request before a run.
///
/// # Errors
///
/// The table fails.
pub async fn before(rows: &dyn KeepRows, run: &RunName) -> Result<Option<RunName>, StageError> {
    let found = find(rows, &run_key(run)).await?;
    Ok(found.and_then(|claim| claim.before))
}

async fn set_undone(rows: &dyn KeepRows, run: &RunName, undone: bool) -> Result<(), StageError> {
    rows::update(rows, &run_key(run), |found: Option<Claim>| async move {
        let claim = found.unwrap_or_else(|| Claim {
            generation: 0,
            run: run.clone(),
            before: None,
            closed: false,
            undone: false,
        });
        if claim.closed && (claim.undone || !undone) {
            return Ok(Update::Keep(()));
        }
        let claim = Claim {
            closed: true,
            undone,
            ..claim
        };
        Ok(Update::Write(claim, ()))
    })
    .await
}

/// Checks that a run holds the pull request. Callers do so right before each write.
///
/// # Errors
///
/// `RunSuperseded`; the table fails.
pub async fn hold(rows: &dyn KeepRows, target: &Target, run: &RunName) -> Result<(), StageError> {
    let superseded = |message: String| Err(StageError::new(ErrorName::RunSuperseded, message));
    match find(rows, &claim_key(target)).await? {
        Some(claim) if claim.run == *run => {}
        Some(claim) => {
            return superseded(format!(
                "run {} of {} has replaced this one",
                claim.run,
                target.repository()
            ));
        }
        None => return superseded(format!("run {run} has no claim")),
    }
    check_open(rows, run).await
}

/// Checks that a run was not closed.
///
/// # Errors
///
/// `RunSuperseded` where its effects are undone or being undone; the table fails.
pub async fn check_open(rows: &dyn KeepRows, run: &RunName) -> Result<(), StageError> {
    match find(rows, &run_key(run)).await? {
        Some(claim) if claim.closed => Err(StageError::new(
            ErrorName::RunSuperseded,
            format!("run {run} was withdrawn"),
        )),
        _ => Ok(()),
    }
}

/// Checks that the pull request's head is still the run's.
///
/// # Errors
///
/// `PullRequestHeadMoved`.
pub fn check_head(target: &Target, now: &CommitSha) -> Result<(), StageError> {
    if now == target.head() {
        return Ok(());
    }
    let message = format!(
        "the head is now {}, and this run reviews {}",
        now.short(),
        target.head().short()
    );
    Err(StageError::new(ErrorName::PullRequestHeadMoved, message))
}

/// Checks that the reviewed diff still starts at the same commit. `now` is `None` where the source doesn't know it.
///
/// # Errors
///
/// `PullRequestBaseMoved`.
pub fn check_base(base: &CommitSha, now: Option<&CommitSha>) -> Result<(), StageError> {
    match now {
        Some(now) if now != base => {
            let message = format!(
                "the diff now starts at {}, and this run reviews it from {}: the pull request was retargeted or its base \
                 branch changed",
                now.short(),
                base.short()
            );
            Err(StageError::new(ErrorName::PullRequestBaseMoved, message))
        }
        _ => Ok(()),
    }
}

fn claim_key(target: &Target) -> String {
    format!("claim/{}", target.place())
}

/// Returns the key of version 0.1, if it differs.
fn named_claim_key(target: &Target) -> Option<String> {
    let key = format!("claim/{}", target.named_place());
    (key != claim_key(target)).then_some(key)
}

fn run_key(run: &RunName) -> String {
    format!("run/{run}")
}

async fn find(rows: &dyn KeepRows, key: &str) -> Result<Option<Claim>, StageError> {
    Ok(rows::find(rows, key).await?.map(|stored| stored.value))
}
