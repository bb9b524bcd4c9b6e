//! The header of a run, `header.json`: what lists show of it. It is small however large the change is; a list of a thousand
//! runs reads no report and no list of files.

use serde::{Deserialize, Serialize};

use crate::model::change::Change;
use crate::model::key;
use crate::model::report::{Gate, Report, RunStatus, Usage};
use crate::port::StoreArtifact;

use super::{StageError, find_artifact, write_artifact};

/// What lists show of a run. Runs of version 1 have none: their report and change say it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The change's title; none where the run ended before it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Login or name of the change's author, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The pull request's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where the diff starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// How many files changed.
    #[serde(default)]
    pub files: u64,
    /// Of the report, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportHeader>,
}

/// What lists show of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportHeader {
    /// How the run stands.
    pub status: RunStatus,
    /// What the gate decided.
    pub gate: Gate,
    /// How many findings there are.
    pub findings: u64,
    /// What it took.
    pub usage: Usage,
}

impl RunHeader {
    /// The header of what is there of a run.
    pub fn of(change: Option<&Change>, report: Option<&Report>) -> Self {
        Self {
            title: change.map(|change| change.title.clone()),
            author: change.and_then(|change| change.author.clone()),
            url: change.and_then(|change| change.url.clone()),
            base: change.map(|change| change.base.to_string()),
            files: change.map_or(0, |change| change.files_total),
            report: report.map(ReportHeader::of),
        }
    }
}

impl ReportHeader {
    fn of(report: &Report) -> Self {
        Self {
            status: report.status,
            gate: report.gate.clone(),
            findings: u64::try_from(report.findings.len()).unwrap_or(u64::MAX),
            usage: report.usage,
        }
    }
}

/// Writes the header of a run whose change was read.
///
/// # Errors
/// The store fails.
pub(super) async fn write_header(run: &str, change: &Change, store: &dyn StoreArtifact) -> Result<(), StageError> {
    write_artifact(store, &key::header(run), &RunHeader::of(Some(change), None)).await
}

/// Writes a run's report, and what lists show of it into the header: the report last, because it is what counts.
///
/// # Errors
/// The store fails.
pub(super) async fn write_report(run: &str, report: &Report, store: &dyn StoreArtifact) -> Result<(), StageError> {
    let found: Option<RunHeader> = find_artifact(store, &key::header(run)).await?;
    // Where there is none, version 1 opened the run, or it failed before its change was read: lists read the rest elsewhere.
    if let Some(header) = found {
        let header = RunHeader {
            report: Some(ReportHeader::of(report)),
            ..header
        };
        write_artifact(store, &key::header(run), &header).await?;
    }
    write_artifact(store, &key::report(run), report).await
}
