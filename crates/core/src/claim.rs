//! Which run may write to a pull request: the newest that opened it. A run takes a generation once, and is fenced by it
//! before each write: an old run that wakes late finds that it is not the newest any more.

use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::model::sha::CommitSha;
use crate::port::{KeepRows, ReadChange};
use crate::rows::{self, Update};

/// Who holds a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Grows with each run, from 1; 0 for a run that was closed before it took anything.
    pub generation: u64,
    /// The run that holds it.
    pub run: String,
    /// The run that held the pull request before: it is to be stopped, and what it announced undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Whether what the run did is being undone: from then on it writes no more, however late a call of it wakes.
    #[serde(default)]
    pub closed: bool,
    /// Whether all that the run did is undone.
    #[serde(default)]
    pub undone: bool,
}

/// Takes the pull request for a run; a run that has done so before finds its own claim, as it was taken, or that it was
/// superseded.
///
/// Errors: `PullRequestHeadMoved`; `RunSuperseded`; what reading and the table say.
pub async fn take(rows: &dyn KeepRows, read: &dyn ReadChange, target: &Target, run: &str) -> Result<Claim, StageError> {
    if let Some(stored) = rows::find::<Claim>(rows, &run_key(run)).await? {
        hold(rows, target, run).await?;
        return Ok(stored.value);
    }
    let claim: Claim = rows::update(rows, &claim_key(target), |found: Option<Claim>| async move {
        let before = match found {
            // Taken by us, and then the process died before it noted so.
            Some(claim) if claim.run == run => return Ok(Update::Keep(claim)),
            None => find_named(rows, target).await?,
            found => found,
        };
        // Asked after the row was read, and before it is written in the version that was read: whoever took it for a newer
        // head is either seen here, by its head, or makes the write conflict.
        check_head(target, &read.current_head(target).await?)?;
        let claim = Claim {
            generation: before.as_ref().map_or(1, |claim| claim.generation + 1),
            run: run.to_owned(),
            before: before.map(|claim| claim.run),
            closed: false,
            undone: false,
        };
        Ok::<_, StageError>(Update::Write(claim.clone(), claim))
    })
    .await?;
    retire_named(rows, target, &claim).await?;
    // One that is there means that the run was closed meanwhile.
    rows::create(rows, &run_key(run), &claim).await?;
    hold(rows, target, run).await?;
    Ok(claim)
}

/// The run that holds a pull request, if there is one. Errors: what the table says.
pub async fn holder(rows: &dyn KeepRows, target: &Target) -> Result<Option<String>, StageError> {
    let claim = match find(rows, &claim_key(target)).await? {
        None => find_named(rows, target).await?,
        found => found,
    };
    Ok(claim.map(|claim| claim.run))
}

/// Whether the run's right to write was ended: what it did is undone, or is being undone. Errors: what the table says.
pub async fn is_closed(rows: &dyn KeepRows, run: &str) -> Result<bool, StageError> {
    Ok(find(rows, &run_key(run)).await?.is_some_and(|claim| claim.closed))
}

/// The claim of a run of version 0.1, which was kept by the repository's name.
async fn find_named(rows: &dyn KeepRows, target: &Target) -> Result<Option<Claim>, StageError> {
    let Some(key) = named_claim_key(target) else {
        return Ok(None);
    };
    find(rows, &key).await
}

/// Makes a run of version 0.1 find at its fence that `claim` has taken over.
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

/// Ends a run's right to write, before what it did is undone. Errors: what the table says.
pub async fn close(rows: &dyn KeepRows, run: &str) -> Result<(), StageError> {
    set_undone(rows, run, false).await
}

/// Notes that all that a closed run did is undone. Errors: what the table says.
pub async fn note_undone(rows: &dyn KeepRows, run: &str) -> Result<(), StageError> {
    set_undone(rows, run, true).await
}

/// Whether something that the run did may still stand: it was taken or closed, and never undone to the end. Asked of runs
/// that ended without success. Errors: what the table says.
pub async fn needs_cleaning(rows: &dyn KeepRows, run: &str) -> Result<bool, StageError> {
    let found = find(rows, &run_key(run)).await?;
    Ok(found.is_some_and(|claim| !claim.undone))
}

async fn set_undone(rows: &dyn KeepRows, run: &str, undone: bool) -> Result<(), StageError> {
    rows::update(rows, &run_key(run), |found: Option<Claim>| async move {
        let claim = found.unwrap_or_else(|| Claim {
            generation: 0,
            run: run.to_owned(),
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

/// The fence: to be asked right before each write. Errors: `RunSuperseded`; what the table says.
pub async fn hold(rows: &dyn KeepRows, target: &Target, run: &str) -> Result<(), StageError> {
    let superseded = |message: String| Err(StageError::new(ErrorName::RunSuperseded, message));
    match find(rows, &claim_key(target)).await? {
        Some(claim) if claim.run == run => {}
        Some(claim) => return superseded(format!("run {} has taken {} over", claim.run, target.repository())),
        None => return superseded(format!("run {run} holds no claim")),
    }
    check_open(rows, run).await
}

/// Whether a run may still begin. Errors: `RunSuperseded` where what it did is being undone; what the table says.
pub async fn check_open(rows: &dyn KeepRows, run: &str) -> Result<(), StageError> {
    match find(rows, &run_key(run)).await? {
        Some(claim) if claim.closed => Err(StageError::new(
            ErrorName::RunSuperseded,
            format!("run {run} was withdrawn"),
        )),
        _ => Ok(()),
    }
}

/// Whether the pull request's head is still the one that the run is of. Errors: `PullRequestHeadMoved`.
pub fn check_head(target: &Target, now: &CommitSha) -> Result<(), StageError> {
    if now == target.head() {
        return Ok(());
    }
    let message = format!(
        "the head is {} now, this run is of {}",
        now.short(),
        target.head().short()
    );
    Err(StageError::new(ErrorName::PullRequestHeadMoved, message))
}

/// Whether the reviewed diff still starts where it did. `now` is `None` where the source cannot tell. Errors:
/// `PullRequestBaseMoved`.
pub fn check_base(base: &CommitSha, now: Option<&CommitSha>) -> Result<(), StageError> {
    match now {
        Some(now) if now != base => {
            let message = format!(
                "the diff starts at {} now, this run is of the diff from {}: the pull request was retargeted or its base \
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

/// The key of version 0.1, where it is another one.
fn named_claim_key(target: &Target) -> Option<String> {
    let key = format!("claim/{}", target.named_place());
    (key != claim_key(target)).then_some(key)
}

fn run_key(run: &str) -> String {
    format!("run/{run}")
}

async fn find(rows: &dyn KeepRows, key: &str) -> Result<Option<Claim>, StageError> {
    Ok(rows::find(rows, key).await?.map(|stored| stored.value))
}
