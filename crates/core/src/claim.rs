//! Which run may write to a pull request: the newest that opened it. A run takes a generation once, and is fenced by it
//! before each write: an old run that wakes late finds that it is not the newest any more.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::port::{Expect, KeepRows, Row, Written};
use crate::stage::StageError;

/// Conflicts that are sat out: each means that another run has just written.
const TRIES: usize = 20;

/// Who holds a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Grows with each run, from 1; 0 for a run that was closed before it took anything.
    pub generation: u64,
    /// The run that holds it.
    pub run: String,
    /// Whether what the run did is being undone: from then on it writes no more, however late a call of it wakes.
    #[serde(default)]
    pub closed: bool,
}

/// What taking a claim found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Our claim.
    pub claim: Claim,
    /// The run that held the pull request before: what it announced is to be undone.
    pub before: Option<String>,
}

/// Takes the pull request for a run; a run that has done so before finds its own claim, or that it was superseded.
///
/// Errors: `RunSuperseded`; what the table says.
pub async fn take(rows: &dyn KeepRows, target: &Target, run: &str) -> Result<Taken, StageError> {
    if let Some((_, claim)) = find(rows, &run_key(run)).await? {
        hold(rows, target, run).await?;
        return Ok(Taken { claim, before: None });
    }
    let key = claim_key(target);
    for _ in 0..TRIES {
        let found = find(rows, &key).await?;
        let before = found.as_ref().map(|(_, claim)| claim.clone());
        let claim = match &before {
            // Taken by us, and then the process died before it noted so.
            Some(claim) if claim.run == run => claim.clone(),
            _ => Claim {
                generation: before.as_ref().map_or(1, |claim| claim.generation + 1),
                run: run.to_owned(),
                closed: false,
            },
        };
        let is_ours = before.as_ref() == Some(&claim);
        if !is_ours && !put(rows, &key, &claim, found.map(|(row, _)| row.version)).await? {
            continue;
        }
        // A conflict means that the run was closed meanwhile.
        put(rows, &run_key(run), &claim, None).await?;
        hold(rows, target, run).await?;
        let before = before.filter(|_| !is_ours).map(|claim| claim.run);
        return Ok(Taken { claim, before });
    }
    Err(contended(&key))
}

/// Ends a run's right to write, before what it did is undone. Errors: what the table says.
pub async fn close(rows: &dyn KeepRows, run: &str) -> Result<(), StageError> {
    let key = run_key(run);
    for _ in 0..TRIES {
        let found = find(rows, &key).await?;
        let claim = match &found {
            Some((_, claim)) if claim.closed => return Ok(()),
            Some((_, claim)) => Claim {
                closed: true,
                ..claim.clone()
            },
            None => Claim {
                generation: 0,
                run: run.to_owned(),
                closed: true,
            },
        };
        if put(rows, &key, &claim, found.map(|(row, _)| row.version)).await? {
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

fn claim_key(target: &Target) -> String {
    let number = target.pull_request().unwrap_or_default();
    format!("claim/{}#{number}", target.repository().to_ascii_lowercase())
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
