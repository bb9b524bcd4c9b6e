//! A run as its data directory holds it: the engine's row, the report, the change. Read only: works beside a running engine.

use std::path::Path;

use holdfast_adapters::files::FilesStoreArtifact;
use holdfast_core::model::change::Change;
use holdfast_core::model::key;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::port::StoreArtifact;
use holdfast_core::stage::explain_failure;
use serde::de::DeserializeOwned;

use crate::engine::{Archive, ExecutionRecord};
use crate::failure::Failure;
use crate::machine;

/// Runs that are listed or searched at most, the newest.
pub const RUNS_MOST: u32 = 10_000;

/// One run.
pub struct Record {
    /// Its name.
    pub run: String,
    /// The engine's row.
    pub row: ExecutionRecord,
    /// How it stands.
    pub status: RunStatus,
    /// The report, when one was written; its status and wall time are filled in.
    pub report: Option<Report>,
    /// The change, when it was read.
    pub change: Option<Change>,
    /// Why the execution failed.
    pub failure: Option<String>,
}

/// Reads one run by its whole name. Errors: it is not there; a file cannot be read.
pub async fn read(data: &Path, run: &str) -> Result<Record, Failure> {
    let archive = Archive::open(data).map_err(Failure::usage)?;
    let row = archive.execution(run).map_err(Failure::usage)?;
    from_row(data, &archive, row).await
}

/// The record of a row.
pub async fn from_row(data: &Path, archive: &Archive, row: ExecutionRecord) -> Result<Record, Failure> {
    let store = machine::artifacts(data);
    let mut report: Option<Report> = read_json(&store, &key::report(&row.name)).await?;
    let change = read_json(&store, &key::change(&row.name)).await?;
    let is_open = !row.status.is_final();
    let waits = is_open && !archive.pending_tokens(row.id).map_err(Failure::incomplete)?.is_empty();
    let failure = row
        .error
        .clone()
        .map(|error| explain_failure(&error, row.cause.as_deref()));
    let status = match (&report, is_open) {
        (_, true) if waits => RunStatus::AwaitingApproval,
        (_, true) => RunStatus::Running,
        (Some(report), false) => report.status,
        (None, false) => RunStatus::Failed,
    };
    if let Some(report) = &mut report {
        report.status = status;
        report.usage.wall_ms = wall_ms(&row);
    }
    Ok(Record {
        run: row.name.clone(),
        row,
        status,
        report,
        change,
        failure,
    })
}

/// From start to end, waits included; of an open run, to its last event's time as far as it is known.
fn wall_ms(row: &ExecutionRecord) -> u64 {
    let stopped = row.stopped.unwrap_or(row.started);
    u64::try_from(stopped.0.saturating_sub(row.started.0)).unwrap_or(0)
}

/// Finds a run by an unambiguous beginning of its name. Errors: none, or several.
pub fn find_name(data: &Path, beginning: &str) -> Result<String, Failure> {
    let rows = Archive::open(data)
        .and_then(|archive| archive.executions(RUNS_MOST))
        .map_err(Failure::usage)?;
    if let Some(exact) = rows.iter().find(|row| row.name == beginning) {
        return Ok(exact.name.clone());
    }
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row.name.as_str())
        .filter(|name| name.starts_with(beginning))
        .collect();
    match names.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Failure::usage(format!(
            "there is no run {beginning:?} in {}; holdfast runs lists them",
            data.display()
        ))),
        several => Err(Failure::usage(format!(
            "{beginning:?} is the beginning of {} runs: {}",
            several.len(),
            several.join(", ")
        ))),
    }
}

/// Reads a JSON artifact; `None` where there is none. Errors: it cannot be read or has another shape.
pub async fn read_json<T: DeserializeOwned>(store: &FilesStoreArtifact, key: &str) -> Result<Option<T>, Failure> {
    let Some(bytes) = store.get(key).await.map_err(Failure::incomplete)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Failure::incomplete(format!("artifact {key} is damaged: {error}")))
}
