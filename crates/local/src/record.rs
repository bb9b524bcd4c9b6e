//! A run as its data directory holds it: the engine's row, the report, the change. Read only: works beside a running engine.

use std::path::Path;
use std::sync::Arc;

use holdfast_adapters::files::FilesStoreArtifact;
use holdfast_adapters::sqlite::{SqliteKeepRows, TABLES_FILE};
use holdfast_core::claim;
use holdfast_core::model::change::Change;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::port::{KeepRows, StoreArtifact};
use holdfast_core::stage::explain_failure;
use serde::de::DeserializeOwned;

use crate::engine::{Archive, ExecutionRecord, ExecutionStatus};
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
    /// Whether something that it did may still stand: its undo did not come to its end.
    pub needs_cleaning: bool,
}

/// Reads one run by its whole name. Errors: it is not there; a file cannot be read.
pub async fn read(data: &Path, run: &str) -> Result<Record, Failure> {
    Records::open(data).await?.read(run).await
}

/// The runs of a data directory.
pub struct Records {
    store: FilesStoreArtifact,
    archive: Archive,
    rows: Option<Arc<dyn KeepRows>>,
}

impl Records {
    /// Opens what is there. Errors: there is no data, or it cannot be read.
    pub async fn open(data: &Path) -> Result<Self, Failure> {
        let rows: Option<Arc<dyn KeepRows>> = match data.join(TABLES_FILE).exists() {
            true => Some(Arc::new(SqliteKeepRows::open(data).await.map_err(Failure::usage)?)),
            false => None,
        };
        Self::with_rows(data, rows)
    }

    /// The same beside whoever has the rows open: opening their file checks all of it. Errors: there is no data, or it
    /// cannot be read.
    pub fn with_rows(data: &Path, rows: Option<Arc<dyn KeepRows>>) -> Result<Self, Failure> {
        Ok(Self {
            store: machine::artifacts(data),
            archive: Archive::open(data).map_err(Failure::usage)?,
            rows,
        })
    }

    /// One run by its whole name. Errors: it is not there; a file cannot be read.
    pub async fn read(&self, run: &str) -> Result<Record, Failure> {
        let row = self.archive.execution(run).map_err(Failure::usage)?;
        from_row(self, row).await
    }

    /// Every run, newest first. Errors: a file cannot be read.
    pub async fn list(&self) -> Result<Vec<Record>, Failure> {
        let mut records = Vec::new();
        for row in self.archive.executions(RUNS_MOST).map_err(Failure::usage)? {
            records.push(from_row(self, row).await?);
        }
        Ok(records)
    }

    async fn needs_cleaning(&self, row: &ExecutionRecord) -> Result<bool, Failure> {
        let failed = row.status.is_final() && row.status != ExecutionStatus::Succeeded;
        match &self.rows {
            Some(rows) if failed => claim::needs_cleaning(rows.as_ref(), &row.name)
                .await
                .map_err(Failure::incomplete),
            _ => Ok(false),
        }
    }
}

/// The record of a row.
async fn from_row(records: &Records, row: ExecutionRecord) -> Result<Record, Failure> {
    let (store, archive) = (&records.store, &records.archive);
    let mut report: Option<Report> = read_json(store, &key::report(&row.name)).await?;
    let change = read_json(store, &key::change(&row.name)).await?;
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
        (None, false) if row.error.as_deref() == Some(ErrorName::RunSuperseded.as_str()) => RunStatus::Superseded,
        (None, false) => RunStatus::Failed,
    };
    let needs_cleaning = records.needs_cleaning(&row).await?;
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
        needs_cleaning,
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
