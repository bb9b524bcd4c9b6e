//! A run as it is told: its execution, the report, the change; and what is asked of where runs are. Here that is a data
//! directory, read beside a running engine; a deployment is in `deployment`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use holdfast_asl::{HistoryEvent, Timestamp};
use holdfast_core::claim;
use holdfast_core::model::change::Change;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::port::{KeepRows, StoreArtifact};
use holdfast_core::stage::{RunHeader, StoredChange, explain_failure, find_change_of};
use holdfast_stores::files::FilesStoreArtifact;
use holdfast_stores::sqlite::{SqliteKeepRows, TABLES_FILE};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::machine;
use holdfast_engine::{Archive, ExecutionRecord, ExecutionStatus};

/// Runs that are listed or searched at most, the newest.
pub const RUNS_MOST: u32 = 10_000;

/// An execution, wherever it runs.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// How it stands.
    pub status: ExecutionStatus,
    /// Its input; nothing in a list of a deployment's.
    pub input: Value,
    /// The error's name, where it ended with one.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Option<Timestamp>,
}

impl Row {
    /// Whether it ended otherwise than well.
    pub fn has_failed(&self) -> bool {
        self.status.is_final() && self.status != ExecutionStatus::Succeeded
    }
}

impl From<ExecutionRecord> for Row {
    fn from(stored: ExecutionRecord) -> Self {
        Self {
            arn: stored.arn,
            name: stored.name,
            status: stored.status,
            input: stored.input,
            error: stored.error,
            cause: stored.cause,
            started: stored.started,
            stopped: stored.stopped,
        }
    }
}

/// The execution of one unit.
pub struct Child {
    /// The execution.
    pub row: Row,
    /// Its history.
    pub history: Vec<HistoryEvent>,
}

/// Where runs are, to be looked at.
#[async_trait(?Send)]
pub trait ReadRuns {
    /// What people know it by.
    fn place(&self) -> String;
    /// What `holdfast runs` takes to list it.
    fn option(&self) -> String;
    /// The artifacts.
    fn store(&self) -> &dyn StoreArtifact;
    /// The names that begin so, newest first; the name itself alone, where a run has it. Errors: it cannot be read.
    async fn names(&self, beginning: &str) -> Result<Vec<String>, Failure>;
    /// Every run, newest first. Errors: it cannot be read.
    async fn list(&self) -> Result<Vec<Record>, Failure>;
    /// One run by its whole name. Errors: it is not there; it cannot be read.
    async fn read(&self, run: &str) -> Result<Record, Failure>;
    /// A run's history, without payloads where there is a choice. Errors: it cannot be read.
    async fn history(&self, record: &Record) -> Result<Vec<HistoryEvent>, Failure>;
    /// The executions of a run's units. Errors: they cannot be read.
    async fn children(&self, record: &Record) -> Result<Vec<Child>, Failure>;
    /// The definition that a run was started with. Errors: it cannot be read.
    async fn definition(&self, record: &Record) -> Result<String, Failure>;
}

/// One run.
pub struct Record {
    /// Its name.
    pub run: String,
    /// Its execution.
    pub row: Row,
    /// How it stands.
    pub status: RunStatus,
    /// What lists show of it.
    pub header: RunHeader,
    /// The report, when one was written; its status and wall time are filled in. None in lists.
    pub report: Option<Report>,
    /// The change, when it was read, with the patches of the files that have findings. None in lists.
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
    data: PathBuf,
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
            data: data.to_path_buf(),
            store: machine::artifacts(data),
            archive: Archive::open(data).map_err(Failure::of_engine)?,
            rows,
        })
    }

    async fn record(&self, stored: ExecutionRecord) -> Result<Record, Failure> {
        let is_open = !stored.status.is_final();
        let pending = || self.archive.pending_tokens(stored.id).map_err(Failure::incomplete);
        let waits = is_open && !pending()?.is_empty();
        let row = Row::from(stored);
        let needs_cleaning = match &self.rows {
            Some(rows) if row.has_failed() => claim::needs_cleaning(rows.as_ref(), &row.name)
                .await
                .map_err(Failure::incomplete)?,
            _ => false,
        };
        tell(row, waits, needs_cleaning, &self.store).await
    }

    fn stored(&self, record: &Record) -> Result<ExecutionRecord, Failure> {
        self.archive.execution(&record.run).map_err(Failure::incomplete)
    }
}

#[async_trait(?Send)]
impl ReadRuns for Records {
    fn place(&self) -> String {
        self.data.display().to_string()
    }

    fn option(&self) -> String {
        String::new()
    }

    fn store(&self) -> &dyn StoreArtifact {
        &self.store
    }

    async fn names(&self, beginning: &str) -> Result<Vec<String>, Failure> {
        let rows = self.archive.executions(RUNS_MOST).map_err(Failure::usage)?;
        let names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
        Ok(narrowed(names, beginning))
    }

    async fn list(&self) -> Result<Vec<Record>, Failure> {
        let mut records = Vec::new();
        for stored in self.archive.executions(RUNS_MOST).map_err(Failure::usage)? {
            records.push(self.record(stored).await?);
        }
        Ok(records)
    }

    async fn read(&self, run: &str) -> Result<Record, Failure> {
        let stored = self.archive.execution(run).map_err(Failure::usage)?;
        with_report(self.record(stored).await?, &self.store).await
    }

    async fn history(&self, record: &Record) -> Result<Vec<HistoryEvent>, Failure> {
        let stored = self.stored(record)?;
        self.archive.history(stored.id).map_err(Failure::incomplete)
    }

    async fn children(&self, record: &Record) -> Result<Vec<Child>, Failure> {
        let mut children = Vec::new();
        let map_runs = self.archive.map_runs(self.stored(record)?.id);
        for map_run in map_runs.map_err(Failure::incomplete)? {
            for stored in self.archive.children(map_run.id).map_err(Failure::incomplete)? {
                children.push(Child {
                    history: self.archive.history(stored.id).map_err(Failure::incomplete)?,
                    row: Row::from(stored),
                });
            }
        }
        Ok(children)
    }

    async fn definition(&self, record: &Record) -> Result<String, Failure> {
        let stored = self.stored(record)?;
        self.archive
            .definition(&stored.definition_sha256)
            .map_err(Failure::incomplete)
    }
}

/// Tells a run from its execution and its artifacts. Errors: an artifact cannot be read.
pub async fn tell(row: Row, waits: bool, needs_cleaning: bool, store: &dyn StoreArtifact) -> Result<Record, Failure> {
    let header = read_header(&row.name, store).await?;
    let is_open = !row.status.is_final();
    let failure = row
        .error
        .clone()
        .map(|error| explain_failure(&error, row.cause.as_deref()));
    let status = match (&header.report, is_open) {
        (_, true) if waits => RunStatus::AwaitingApproval,
        (_, true) => RunStatus::Running,
        (Some(report), false) => report.status,
        (None, false) if row.error.as_deref() == Some(ErrorName::RunSuperseded.as_str()) => RunStatus::Superseded,
        (None, false) => RunStatus::Failed,
    };
    Ok(Record {
        run: row.name.clone(),
        row,
        status,
        header,
        report: None,
        change: None,
        failure,
        needs_cleaning,
    })
}

/// Reads what lists show of a run. Version 1 wrote no header: there it is taken from the report and the change.
async fn read_header(run: &str, store: &dyn StoreArtifact) -> Result<RunHeader, Failure> {
    if let Some(header) = read_json(store, &key::header(run)).await? {
        return Ok(header);
    }
    let report: Option<Report> = read_json(store, &key::report(run)).await?;
    let change: Option<StoredChange> = read_json(store, &key::change(run)).await?;
    Ok(RunHeader::of(change.map(|change| change.header).as_ref(), report.as_ref()))
}

/// Adds to a run its report, and its change with the patches of the files that have findings.
///
/// # Errors
/// An artifact can't be read.
pub async fn with_report(mut record: Record, store: &dyn StoreArtifact) -> Result<Record, Failure> {
    let mut report: Option<Report> = read_json(store, &key::report(&record.run)).await?;
    if let Some(report) = &mut report {
        report.status = record.status;
        report.usage.wall_ms = wall_ms(&record.row);
    }
    let findings = report.iter().flat_map(|report| &report.findings);
    let paths: BTreeSet<&str> = findings.map(|finding| finding.path.as_str()).collect();
    let change = find_change_of(&record.run, &paths, store).await;
    record.change = change.map_err(Failure::incomplete)?;
    record.report = report;
    Ok(record)
}

/// From start to end, waits included; of an open run, to its last event's time as far as it is known.
fn wall_ms(row: &Row) -> u64 {
    let stopped = row.stopped.unwrap_or(row.started);
    u64::try_from(stopped.0.saturating_sub(row.started.0)).unwrap_or(0)
}

/// Those of the names that begin so; the name itself alone, where it is among them.
pub fn narrowed(names: Vec<String>, beginning: &str) -> Vec<String> {
    if names.iter().any(|name| name == beginning) {
        return vec![beginning.to_owned()];
    }
    names.into_iter().filter(|name| name.starts_with(beginning)).collect()
}

/// Finds a run by an unambiguous beginning of its name. Errors: none, or several.
pub async fn find_name(runs: &dyn ReadRuns, beginning: &str) -> Result<String, Failure> {
    let names = runs.names(beginning).await?;
    match names.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Failure::usage(format!(
            "there is no run {beginning:?} in {}; holdfast{} runs lists them",
            runs.place(),
            runs.option()
        ))),
        several => Err(Failure::usage(format!(
            "{beginning:?} is the beginning of {} runs: {}",
            several.len(),
            several.join(", ")
        ))),
    }
}

/// Reads a JSON artifact; `None` where there is none. Errors: it cannot be read or has another shape.
pub async fn read_json<T: DeserializeOwned>(store: &dyn StoreArtifact, key: &str) -> Result<Option<T>, Failure> {
    let Some(bytes) = store.get(key).await.map_err(Failure::incomplete)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Failure::incomplete(format!("artifact {key} is damaged: {error}")))
}
