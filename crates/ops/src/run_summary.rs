//! Summaries of runs (execution, report, change), and the trait for the places that hold runs. A data directory, which
//! can be read while an engine runs on it, implements it here; a deployment does in `deployment`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};

use holdfast_asl::{HistoryEvent, Timestamp};
use holdfast_core::claim;
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{KeepRows, StoreArtifact};
use holdfast_core::retry;
use holdfast_core::stage::{ReportHeader, RunHeader, StoredChange, explain_failure, find_change_of};
use holdfast_stores::files::FilesStoreArtifact;
use holdfast_stores::sqlite::{SqliteKeepRows, TABLES_FILE};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;
use crate::find_run;
use crate::machine;
use holdfast_engine::{Archive, EngineError, ExecutionRecord, ExecutionStatus};

/// The note on a run that succeeded and whose report is missing.
const ARTIFACTS_MISSING: &str = "its artifacts are missing";

/// Number of runs that are read concurrently for a list.
pub const READS_IN_FLIGHT: usize = 16;

/// Maximum number of runs that are listed or searched: the newest.
pub const MAX_RUNS: u32 = 10_000;

/// An execution, on this machine or on AWS.
#[derive(Clone, Debug)]
pub struct ExecutionSummary {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: ExecutionStatus,
    /// Its input; null in a list of a deployment's executions.
    pub input: Value,
    /// The name of the error that ended it; `None` after success.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
    /// The run's status in its output; `None` without success, and in a list of a deployment's executions.
    pub result: Option<RunStatus>,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended; `None` while it runs.
    pub stopped: Option<Timestamp>,
}

impl ExecutionSummary {
    /// Returns whether it ended without success.
    pub fn has_failed(&self) -> bool {
        self.status.is_final() && self.status != ExecutionStatus::Succeeded
    }
}

impl From<ExecutionRecord> for ExecutionSummary {
    fn from(stored: ExecutionRecord) -> Self {
        Self {
            arn: stored.arn,
            name: stored.name,
            status: stored.status,
            input: stored.input,
            error: stored.error,
            cause: stored.cause,
            result: stored.output.as_ref().and_then(status_in),
            started: stored.started,
            stopped: stored.stopped,
        }
    }
}

/// Returns the run's status in an execution's output.
pub fn status_in(output: &Value) -> Option<RunStatus> {
    RunStatus::deserialize(output.get("status")?).ok()
}

/// The execution of one unit.
pub struct Child {
    /// The execution.
    pub row: ExecutionSummary,
    /// Its history.
    pub history: Vec<HistoryEvent>,
}

/// A place that holds runs.
#[async_trait(?Send)]
pub trait ReadRuns {
    /// Returns its name for people.
    fn place(&self) -> String;
    /// Returns the command-line option that selects it, with a blank before it; empty for a data directory.
    fn option(&self) -> String;
    /// Returns the artifacts.
    fn store(&self) -> &dyn StoreArtifact;
    /// Returns the names of runs that start with `beginning`, newest first. If a run has exactly that name, returns
    /// only that one.
    ///
    /// # Errors
    /// The place can't be read.
    async fn names(&self, beginning: &str) -> Result<Vec<RunName>, Failure>;
    /// Lists every run, newest first.
    ///
    /// # Errors
    /// A run can't be read.
    async fn list(&self) -> Result<Vec<RunSummary>, Failure>;
    /// Reads one run by its whole name.
    ///
    /// # Errors
    /// There is no such run: a usage error. It can't be read.
    async fn read(&self, run: &RunName) -> Result<RunSummary, Failure>;
    /// Reads a run's history; without payloads, if the place can leave them out.
    ///
    /// # Errors
    /// It can't be read.
    async fn history(&self, record: &RunSummary) -> Result<Vec<HistoryEvent>, Failure>;
    /// Reads the executions of a run's units.
    ///
    /// # Errors
    /// They can't be read.
    async fn children(&self, record: &RunSummary) -> Result<Vec<Child>, Failure>;
    /// Reads the definition that a run was started with.
    ///
    /// # Errors
    /// It can't be read.
    async fn definition(&self, record: &RunSummary) -> Result<String, Failure>;
    /// Returns the end of the time in which an ended run is retried by itself, in ms since 1970; `None` if it isn't.
    async fn retried_until_ms(&self, run: &RunName) -> Option<i64>;
}

/// Returns the end of a run's time for a retry, from its row, unless that is over. What can't be read is logged: it is
/// no reason to show nothing of the run.
pub async fn retry_in(rows: &dyn KeepRows, run: &RunName) -> Option<i64> {
    match retry::find(rows, run).await {
        Ok(found) => found
            .map(|retry| retry.until_ms)
            .filter(|until_ms| *until_ms > machine::now_ms()),
        Err(error) => {
            tracing::warn!(run = run.as_str(), %error, "the run's retry can't be read");
            None
        }
    }
}

/// One run, in bounded size: [`read_report`] and [`read_change`] read the parts that can grow.
pub struct RunSummary {
    /// Its name.
    pub run: RunName,
    /// Its execution.
    pub row: ExecutionSummary,
    /// Its status.
    pub status: RunStatus,
    /// The parts of its change and its report that lists show.
    pub header: RunHeader,
    /// Why the execution failed.
    pub failure: Option<String>,
    /// Whether the run may have left side effects: its undo wasn't completed.
    pub needs_cleaning: bool,
    /// Whether the run succeeded and its report is missing: its artifacts were lost. Its status is that of its
    /// execution's output.
    pub lacks_artifacts: bool,
}

impl RunSummary {
    /// Returns the status for lists; `None` where neither the artifacts nor the execution's output are known.
    pub fn known_status(&self) -> Option<RunStatus> {
        (!self.lacks_artifacts || self.row.result.is_some()).then_some(self.status)
    }

    /// Returns whether the run writes to a pull request.
    pub fn publishes(&self) -> bool {
        Run::deserialize(&self.row.input).is_ok_and(|run| run.publish)
    }
}

/// Reads one run by its whole name.
///
/// # Errors
/// There is no such run, or a file can't be read.
pub async fn read(data: &Path, run: &RunName) -> Result<RunSummary, Failure> {
    LocalRuns::open(data).await?.read(run).await
}

/// The runs of a data directory.
pub struct LocalRuns {
    data: PathBuf,
    store: FilesStoreArtifact,
    archive: Archive,
    rows: Option<Arc<dyn KeepRows>>,
}

impl LocalRuns {
    /// Opens a data directory to read it.
    ///
    /// # Errors
    /// There is no data, or it can't be read.
    pub async fn open(data: &Path) -> Result<Self, Failure> {
        let rows: Option<Arc<dyn KeepRows>> = match data.join(TABLES_FILE).exists() {
            true => Some(Arc::new(SqliteKeepRows::open(data).await.map_err(Failure::usage)?)),
            false => None,
        };
        Self::with_rows(data, rows)
    }

    /// Opens a data directory whose rows the caller has open: opening their file again would check all of it again.
    ///
    /// # Errors
    /// There is no data, or it can't be read.
    pub fn with_rows(data: &Path, rows: Option<Arc<dyn KeepRows>>) -> Result<Self, Failure> {
        Ok(Self {
            data: data.to_path_buf(),
            store: machine::artifacts(data),
            archive: Archive::open(data).map_err(Failure::of_engine)?,
            rows,
        })
    }

    /// Returns the number of a run's units that are finished, and the number of all its units. Both are 0 before the
    /// first unit begins.
    ///
    /// # Errors
    /// The run can't be read.
    pub fn finished_units(&self, run: &RunName) -> Result<(u64, u64), Failure> {
        let read = || {
            let (mut finished, mut total) = (0, 0);
            for map_run in self.archive.map_runs(self.archive.execution(run.as_str())?.id)? {
                total += map_run.total;
                let children = self.archive.children(map_run.id)?;
                finished += children.iter().filter(|child| child.status.is_final()).count() as u64;
            }
            Ok((finished, total))
        };
        read().map_err(|error: EngineError| Failure::incomplete(error))
    }

    /// Returns the executions of a run's units, without their histories.
    pub(crate) fn units(&self, run: &RunName) -> Result<Vec<ExecutionRecord>, Failure> {
        let read = || {
            let mut units = Vec::new();
            for map_run in self.archive.map_runs(self.archive.execution(run.as_str())?.id)? {
                units.extend(self.archive.children(map_run.id)?);
            }
            Ok(units)
        };
        read().map_err(|error: EngineError| Failure::incomplete(error))
    }

    /// Returns the name of the newest finished review of the work tree at `root`.
    ///
    /// # Errors
    /// The runs can't be read.
    pub fn newest_review(&self, root: &Path) -> Result<Option<RunName>, Failure> {
        let rows = self.newest()?;
        let is_of_tree = |row: &&ExecutionRecord| {
            let target = Run::deserialize(&row.input).map(|run| run.target);
            matches!(target, Ok(Target::WorkTree { path, .. }) if Path::new(&path) == root)
        };
        let finished = rows.iter().filter(|row| row.status == ExecutionStatus::Succeeded);
        let mut of_tree = finished.filter(is_of_tree);
        Ok(of_tree.find_map(|row| RunName::of_listed(&row.name)))
    }

    /// Returns the newest executions, at most [`MAX_RUNS`].
    pub(crate) fn newest(&self) -> Result<Vec<ExecutionRecord>, Failure> {
        self.archive.executions(MAX_RUNS).map_err(Failure::incomplete)
    }

    pub(crate) async fn record(&self, run: RunName, stored: ExecutionRecord) -> Result<RunSummary, Failure> {
        let is_open = !stored.status.is_final();
        let pending = || self.archive.pending_tokens(stored.id).map_err(Failure::incomplete);
        let waits = is_open && !pending()?.is_empty();
        let row = ExecutionSummary::from(stored);
        let needs_cleaning = match &self.rows {
            Some(rows) if row.has_failed() => claim::needs_cleaning(rows.as_ref(), &run)
                .await
                .map_err(Failure::incomplete)?,
            _ => false,
        };
        summarize(run, row, waits, needs_cleaning, &self.store).await
    }

    fn stored(&self, record: &RunSummary) -> Result<ExecutionRecord, Failure> {
        self.archive.execution(record.run.as_str()).map_err(Failure::incomplete)
    }
}

#[async_trait(?Send)]
impl ReadRuns for LocalRuns {
    fn place(&self) -> String {
        self.data.display().to_string()
    }

    fn option(&self) -> String {
        String::new()
    }

    fn store(&self) -> &dyn StoreArtifact {
        &self.store
    }

    async fn names(&self, beginning: &str) -> Result<Vec<RunName>, Failure> {
        let rows = self.newest()?;
        let names = rows.iter().filter_map(|row| RunName::of_listed(&row.name));
        Ok(find_run::narrowed(names.collect(), beginning))
    }

    async fn list(&self) -> Result<Vec<RunSummary>, Failure> {
        let stored = self.newest()?;
        let named = |stored: ExecutionRecord| Some((RunName::of_listed(&stored.name)?, stored));
        stream::iter(stored.into_iter().filter_map(named))
            .map(|(run, stored)| self.record(run, stored))
            .buffered(READS_IN_FLIGHT)
            .try_collect()
            .await
    }

    async fn read(&self, run: &RunName) -> Result<RunSummary, Failure> {
        let stored = self.archive.execution(run.as_str()).map_err(|error| match error {
            EngineError::ExecutionUnknown { .. } => Failure::usage(error),
            other => Failure::incomplete(other),
        })?;
        self.record(run.clone(), stored).await
    }

    async fn history(&self, record: &RunSummary) -> Result<Vec<HistoryEvent>, Failure> {
        let stored = self.stored(record)?;
        self.archive.history(stored.id).map_err(Failure::incomplete)
    }

    async fn children(&self, record: &RunSummary) -> Result<Vec<Child>, Failure> {
        let mut children = Vec::new();
        for stored in self.units(&record.run)? {
            children.push(Child {
                history: self.archive.history(stored.id).map_err(Failure::incomplete)?,
                row: ExecutionSummary::from(stored),
            });
        }
        Ok(children)
    }

    async fn definition(&self, record: &RunSummary) -> Result<String, Failure> {
        let stored = self.stored(record)?;
        self.archive
            .definition(&stored.definition_sha256)
            .map_err(Failure::incomplete)
    }

    async fn retried_until_ms(&self, run: &RunName) -> Option<i64> {
        retry_in(self.rows.as_deref()?, run).await
    }
}

/// Summarizes a run from its execution and its header.
///
/// # Errors
/// An artifact can't be read.
pub async fn summarize(
    run: RunName,
    row: ExecutionSummary,
    waits: bool,
    needs_cleaning: bool,
    store: &dyn StoreArtifact,
) -> Result<RunSummary, Failure> {
    let is_open = !row.status.is_final();
    let header = read_header(&run, is_open, store).await?;
    let lacks_artifacts = row.status == ExecutionStatus::Succeeded && header.report.is_none();
    let failure = match &row.error {
        Some(error) => Some(explain_failure(error, row.cause.as_deref())),
        None => lacks_artifacts.then(|| ARTIFACTS_MISSING.to_owned()),
    };
    let status = match (&header.report, is_open) {
        (_, true) if waits => RunStatus::AwaitingApproval,
        (_, true) => RunStatus::Running,
        (Some(report), false) => report.status,
        (None, false) if row.error.as_deref() == Some(ErrorName::RunSuperseded.as_str()) => RunStatus::Superseded,
        (None, false) => row.result.unwrap_or(RunStatus::Failed),
    };
    Ok(RunSummary {
        run,
        row,
        status,
        header,
        failure,
        needs_cleaning,
        lacks_artifacts,
    })
}

/// Reads a run's header. A run that version 0.1 started has none: its change and its report hold the same.
async fn read_header(run: &RunName, is_open: bool, store: &dyn StoreArtifact) -> Result<RunHeader, Failure> {
    let (mut header, is_whole) = match read_json::<RunHeader>(store, &key::header(run)).await? {
        // Version 0.1 may have finished a run that this version started.
        Some(header) => {
            let is_whole = is_open || header.report.is_some();
            (header, is_whole)
        }
        None => (header_of_change(read_json(store, &key::change(run)).await?), false),
    };
    if !is_whole {
        let report: Option<Report> = read_json(store, &key::report(run)).await?;
        header.report = report.map(|report| ReportHeader {
            status: report.status,
            findings: u64::try_from(report.findings.len()).unwrap_or(u64::MAX),
            gate: report.gate,
            usage: report.usage,
        });
    }
    Ok(header)
}

fn header_of_change(change: Option<StoredChange>) -> RunHeader {
    let change = change.map(|change| change.header);
    RunHeader {
        title: change.as_ref().map(|change| change.title.clone()),
        author: change.as_ref().and_then(|change| change.author.clone()),
        url: change.as_ref().and_then(|change| change.url.clone()),
        base: change.as_ref().map(|change| change.base.to_string()),
        files: change.as_ref().map_or(0, |change| change.files_total),
        report: None,
    }
}

/// Reads a run's report, if one was written; status and wall time are those of the run.
///
/// # Errors
/// It can't be read.
pub async fn read_report(summary: &RunSummary, store: &dyn StoreArtifact) -> Result<Option<Report>, Failure> {
    let report: Option<Report> = read_json(store, &key::report(&summary.run)).await?;
    Ok(report.map(|mut report| {
        report.status = summary.status;
        report.usage.wall_ms = wall_ms(&summary.row);
        report
    }))
}

/// Reads a run's change, if the run has stored one, with the patches of the files that have findings in its report.
///
/// # Errors
/// It can't be read.
pub async fn read_change(
    run: &RunName,
    report: Option<&Report>,
    store: &dyn StoreArtifact,
) -> Result<Option<Change>, Failure> {
    let findings = report.into_iter().flat_map(|report| &report.findings);
    let paths: BTreeSet<&str> = findings.map(|finding| finding.path.as_str()).collect();
    if paths.is_empty() {
        let stored: Option<StoredChange> = read_json(store, &key::change(run)).await?;
        return Ok(stored.map(|stored| stored.header));
    }
    find_change_of(run, &paths, store).await.map_err(Failure::incomplete)
}

/// Returns a run's duration from start to end, waits included; 0 for an open run.
pub(crate) fn wall_ms(row: &ExecutionSummary) -> u64 {
    let stopped = row.stopped.unwrap_or(row.started);
    u64::try_from(stopped.0.saturating_sub(row.started.0)).unwrap_or(0)
}

/// Reads a JSON artifact; `None` where there is none.
///
/// # Errors
/// It can't be read, or has another shape.
pub async fn read_json<T: DeserializeOwned>(store: &dyn StoreArtifact, key: &str) -> Result<Option<T>, Failure> {
    let Some(bytes) = store.get(key).await.map_err(Failure::incomplete)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Failure::incomplete(format!("artifact {key} is damaged: {error}")))
}

#[cfg(test)]
#[path = "run_summary_tests.rs"]
mod tests;
