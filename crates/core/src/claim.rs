//! Which run may write to a pull request: the newest that opened it. A run takes a generation once, and is fenced by it
//! before each write: an old run that wakes late finds that it is not the newest any more.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::model::sha::CommitSha;
use crate::port::{Expect, KeepRows, ReadChange, Row, Written};
use crate::error::StageError;

/// Conflicts that are sat out: each means that another run has just written.
const TRIES: usize = 20;

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
    if let Some((_, claim)) = find(rows, &run_key(run)).await? {
        hold(rows, target, run).await?;
        return Ok(claim);
    }
    let key = claim_key(target);
    for _ in 0..TRIES {
        let found = find(rows, &key).await?;
        let named = match &found {
            None => find_named(rows, target).await?,
            Some(_) => None,
        };
        let claim = match found {
            // Taken by us, and then the process died before it noted so.
            Some((_, claim)) if claim.run == run => claim,
            found => {
                // Asked after the row was read, and before it is written in the version that was read: whoever took it for
                // a newer head is either seen here, by its head, or makes the write conflict.
                check_head(target, &read.current_head(target).await?)?;
                let (version, before) = found.map(|(row, claim)| (row.version, claim)).unzip();
                let before = before.or(named);
                let claim = Claim {
                    generation: before.as_ref().map_or(1, |claim| claim.generation + 1),
                    run: run.to_owned(),
                    before: before.map(|claim| claim.run),
                    closed: false,
                    undone: false,
                };
                if !put(rows, &key, &claim, version).await? {
                    continue;
                }
                claim
            }
        };
        retire_named(rows, target, &claim).await?;
        // A conflict means that the run was closed meanwhile.
        put(rows, &run_key(run), &claim, None).await?;
        hold(rows, target, run).await?;
        return Ok(claim);
    }
    Err(contended(&key))
}

/// The run that holds a pull request, if there is one. Errors: what the table says.
pub async fn holder(rows: &dyn KeepRows, target: &Target) -> Result<Option<String>, StageError> {
    let claim = match find(rows, &claim_key(target)).await? {
        Some((_, claim)) => Some(claim),
        None => find_named(rows, target).await?,
    };
    Ok(claim.map(|claim| claim.run))
}

/// Whether the run's right to write was ended: what it did is undone, or is being undone. Errors: what the table says.
pub async fn is_closed(rows: &dyn KeepRows, run: &str) -> Result<bool, StageError> {
    Ok(find(rows, &run_key(run)).await?.is_some_and(|(_, claim)| claim.closed))
}

/// The claim of a run of version 0.1, which was kept by the repository's name.
async fn find_named(rows: &dyn KeepRows, target: &Target) -> Result<Option<Claim>, StageError> {
    let Some(key) = named_claim_key(target) else {
        return Ok(None);
    };
    Ok(find(rows, &key).await?.map(|(_, claim)| claim))
}

/// Makes a run of version 0.1 find at its fence that `claim` has taken over.
async fn retire_named(rows: &dyn KeepRows, target: &Target, claim: &Claim) -> Result<(), StageError> {
    let Some(key) = named_claim_key(target) else {
        return Ok(());
    };
    for _ in 0..TRIES {
        match find(rows, &key).await? {
            None => return Ok(()),
            Some((_, found)) if found.run == claim.run => return Ok(()),
            Some((row, _)) if put(rows, &key, claim, Some(row.version)).await? => return Ok(()),
            Some(_) => {}
        }
    }
    Err(contended(&key))
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
    Ok(found.is_some_and(|(_, claim)| !claim.undone))
}

async fn set_undone(rows: &dyn KeepRows, run: &str, undone: bool) -> Result<(), StageError> {
    let key = run_key(run);
    for _ in 0..TRIES {
        let (version, found) = find(rows, &key).await?.map(|(row, claim)| (row.version, claim)).unzip();
        let claim = found.unwrap_or_else(|| Claim {
            generation: 0,
            run: run.to_owned(),
            before: None,
            closed: false,
            undone: false,
        });
        if claim.closed && (claim.undone || !undone) {
            return Ok(());
        }
        let claim = Claim {
            closed: true,
            undone,
            ..claim
        };
        if put(rows, &key, &claim, version).await? {
            return Ok(());
        }
    }
    Err(contended(&key))
}

/// The fence: to be asked right before each write. Errors: `RunSuperseded`; what the table says.
pub async fn hold(rows: &dyn KeepRows, target: &Target, run: &str) -> Result<(), StageError> {
    let superseded = |message: String| Err(StageError::new(ErrorName::RunSuperseded, message));
    match find(rows, &claim_key(target)).await? {
        Some((_, claim)) if claim.run == run => {}
        Some((_, claim)) => return superseded(format!("run {} has taken {} over", claim.run, target.repository())),
        None => return superseded(format!("run {run} holds no claim")),
    }
    check_open(rows, run).await
}

/// Whether a run may still begin. Errors: `RunSuperseded` where what it did is being undone; what the table says.
pub async fn check_open(rows: &dyn KeepRows, run: &str) -> Result<(), StageError> {
    match find(rows, &run_key(run)).await? {
        Some((_, claim)) if claim.closed => Err(StageError::new(
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

async fn find(rows: &dyn KeepRows, key: &str) -> Result<Option<(Row, Claim)>, StageError> {
    let Some(row) = rows.get(key).await? else {
        return Ok(None);
    };
    let claim = Claim::deserialize(&row.value).map_err(|error| {
        StageError::new(
            ErrorName::PayloadInvalid,
            format!("row {key} has another shape: {error}"),
        )
    })?;
    Ok(Some((row, claim)))
}

/// Whether it was written: what stood there before, in this version or not at all, is what was expected.
async fn put(rows: &dyn KeepRows, key: &str, claim: &Claim, version: Option<u64>) -> Result<bool, StageError> {
    let expect = version.map_or(Expect::Absent, Expect::Version);
    let written = rows.put(key, &json!(claim), expect).await?;
    Ok(matches!(written, Written::Done { .. }))
}

fn contended(key: &str) -> StageError {
    StageError::new(
        ErrorName::ArtifactUnavailable,
        format!("row {key}: others wrote it {TRIES} times in a row"),
    )
}
