//! ReportFailure: writes to the run's report that the run failed, and why. The commands `runs` and `show` read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::change::Change;
use crate::model::failure::Failure;
use crate::model::key;
use crate::model::plan::Plan;
use crate::model::report::{
    Coverage, Gate, GateDecision, Outcome, REPORT_VERSION, Report, ReportModel, ReportTarget, RunStatus, Usage,
};
use crate::model::run::{Aggregate, Run};
use crate::model::run_name::RunName;
use crate::port::StoreArtifact;

use super::run_header::write_report;
use super::{StageError, explain_failure};
use crate::artifact::find_artifact;
use crate::artifact::find_run;
use crate::model::failure::is_superseded;

/// The failure.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The run.
    pub run: RunName,
    /// The execution's input: known even if the first state failed before it stored the run.
    #[serde(default)]
    pub started_with: Value,
    /// The workflow's name of the error.
    pub error: String,
    /// The error's cause.
    pub cause: Option<String>,
}

/// The run's end.
#[derive(Debug, Serialize)]
pub struct Output {
    /// `failed` or `superseded`.
    pub status: RunStatus,
}

/// Writes the failed run's report.
///
/// # Errors
/// The store fails.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn report_failure(input: &Input, store: &dyn StoreArtifact) -> Result<Output, StageError> {
    let status = if is_superseded(&input.error) {
        RunStatus::Superseded
    } else {
        RunStatus::Failed
    };
    let Some(run) = find_run(&input.run, &input.started_with, store).await? else {
        return Ok(Output { status });
    };
    let change: Option<Change> = find_artifact(store, &key::change(&input.run)).await?;
    let plan: Option<Plan> = find_artifact(store, &key::plan(&input.run)).await?;
    let existing: Option<Report> = find_artifact(store, &key::report(&input.run)).await?;
    if status == RunStatus::Superseded
        && existing
            .as_ref()
            .is_some_and(|report| report.status == RunStatus::Failed)
    {
        // It failed before the newer run started.
        return Ok(Output {
            status: RunStatus::Failed,
        });
    }
    let failure = Failure::of_reason(&input.error);
    let mut report = match existing {
        Some(report) => report,
        None => {
            let mut report = empty_report(&run, change.as_ref(), plan.as_ref(), failure);
            // Units were reviewed before: their own reasons say more.
            if let Some(aggregate) = find_artifact::<Aggregate>(store, &key::aggregate(&input.run)).await? {
                (report.coverage, report.usage) = (aggregate.coverage, aggregate.usage);
            }
            report
        }
    };
    report.status = status;
    let note = explain_failure(&input.error, input.cause.as_deref());
    report.add_private_note(note, failure.sentence().to_owned());
    write_report(&input.run, &report, store).await?;
    Ok(Output { status })
}

fn empty_report(run: &Run, change: Option<&Change>, plan: Option<&Plan>, failure: Failure) -> Report {
    let skipped = |path: &str| {
        plan.and_then(|plan| plan.settled.iter().find(|entry| entry.path == path))
            .cloned()
    };
    let unread = |path: &str| Coverage {
        path: path.to_owned(),
        outcome: Outcome::Unreviewed,
        reason: Some("the review failed before it".to_owned()),
        attempts: 0,
        failure: Some(failure),
    };
    let base = change.map_or_else(String::new, |change| change.base.to_string());
    Report {
        version: REPORT_VERSION,
        run: run.run.clone(),
        status: RunStatus::Failed,
        target: ReportTarget {
            repository: run.target.repository(),
            pull_request: run.target.pull_request(),
            url: change.and_then(|change| change.url.clone()),
            base,
            head: run.target.head().to_string(),
        },
        model: ReportModel::from(&run.model),
        summary: "The review could not be completed.".to_owned(),
        gate: Gate {
            decision: GateDecision::Publish,
            worst: None,
        },
        findings: Vec::new(),
        coverage: change.map_or_else(Vec::new, |change| {
            change
                .files
                .iter()
                .map(|file| skipped(&file.path).unwrap_or_else(|| unread(&file.path)))
                .collect()
        }),
        usage: Usage::default(),
        notes: Vec::new(),
        private_notes: Vec::new(),
        withheld: 0,
        is_undecided: false,
        earlier: Vec::new(),
        silenced: Vec::new(),
        dependencies: Default::default(),
    }
}
