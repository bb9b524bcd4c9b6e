//! The header of a run, `header.json`: the fields that lists show. It is small however large the change is, so a list
//! of a thousand runs reads no report and no list of files.

use serde::{Deserialize, Serialize};

use crate::model::change::Change;
use crate::model::key;
use crate::model::report::{Gate, Report, RunStatus, Usage};
use crate::model::run_name::RunName;
use crate::port::StoreArtifact;

use super::{StageError, find_artifact, write_artifact};

/// The fields of a run that lists show. A run of version 1 has no header: lists read its report and its change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The change's title; none if the run ended before it read the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Login or name of the change's author, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The pull request's page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The commit that the diff starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The number of changed files.
    #[serde(default)]
    pub files: u64,
    /// The fields of the report, once it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportHeader>,
}

/// The fields of a report that lists show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportHeader {
    /// The run's status.
    pub status: RunStatus,
    /// The gate's decision.
    pub gate: Gate,
    /// The number of findings.
    pub findings: u64,
    /// Model calls, tokens, cost and time.
    pub usage: Usage,
}

impl RunHeader {
    /// Makes the header of a run whose change or report may be missing.
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

/// Writes the header of a run after its change was read.
///
/// # Errors
/// The store fails.
pub(super) async fn write_header(run: &RunName, change: &Change, store: &dyn StoreArtifact) -> Result<(), StageError> {
    write_artifact(store, &key::header(run), &RunHeader::of(Some(change), None)).await
}

/// Writes a run's report, and its fields in the header. The report comes last, because it is the one that counts.
///
/// # Errors
/// The store fails.
pub(super) async fn write_report(run: &RunName, report: &Report, store: &dyn StoreArtifact) -> Result<(), StageError> {
    let found: Option<RunHeader> = find_artifact(store, &key::header(run)).await?;
    // Without a header, version 1 opened the run, or it failed before its change was read: lists read the other
    // artifacts.
    if let Some(header) = found {
        let header = RunHeader {
            report: Some(ReportHeader::of(report)),
            ..header
        };
        write_artifact(store, &key::header(run), &header).await?;
    }
    write_artifact(store, &key::report(run), report).await
}
