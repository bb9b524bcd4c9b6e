//! The reports that PlanReview reads: alerts of code scanning, and the tools that Holdfast runs.

use crate::evidence::{Evidence, ToolRequest, ToolRuns, jobs};
use crate::model::change::Change;
use crate::model::plan::Plan;
use crate::model::policy::Policy;
use crate::model::run::Run;
use crate::model::sha::CommitSha;
use crate::port::{ReadChange, ReadError};
use crate::render::counted;

use super::StageError;

/// Reads the reports that the settings name; none if they name no source, or if the run came with files.
///
/// # Errors
/// GitHub doesn't answer or limits requests. Everything else is a part of the evidence, because a review is complete
/// without.
pub(super) async fn read_evidence(
    run: &Run,
    change: &Change,
    (policy, plan): (&Policy, &Plan),
    read: &dyn ReadChange,
) -> Result<Option<Evidence>, StageError> {
    if run.evidence.is_some() {
        return Ok(None);
    }
    let scans = reads_code_scanning(run, policy);
    let jobs = jobs(&policy.evidence.tools, plan.units.iter().map(|unit| unit.path.as_str()));
    if !scans && jobs.is_empty() {
        return Ok(None);
    }
    let mut evidence = match scans {
        true => read_code_scanning(run, &change.head, read).await?,
        false => Evidence::default(),
    };
    evidence.ran = None;
    if !jobs.is_empty() {
        let request = ToolRequest {
            head: change.head.clone(),
            settings: change.settings_commit().clone(),
            jobs,
        };
        evidence.ran = Some(match read.run_tools(&run.target, &request).await {
            Err(error @ (ReadError::RateLimited { .. } | ReadError::Unavailable(_))) => return Err(error.into()),
            Err(error) => ToolRuns {
                notes: vec![format!("Tools of the settings did not run: {error}")],
                ..ToolRuns::default()
            },
            Ok(ran) => ran,
        });
    }
    Ok(Some(evidence))
}

async fn read_code_scanning(run: &Run, head: &CommitSha, read: &dyn ReadChange) -> Result<Evidence, StageError> {
    match read.code_scanning(&run.target, head).await {
        Err(error @ (ReadError::RateLimited { .. } | ReadError::Unavailable(_))) => Err(error.into()),
        Err(error) => Ok(Evidence {
            missing: Some(error.to_string()),
            ..Evidence::default()
        }),
        Ok(evidence) => Ok(evidence),
    }
}

/// Returns the lines for people about the reports.
pub(super) fn notes_of(evidence: &Evidence, run: &Run, policy: &Policy) -> Vec<String> {
    let mut notes = Vec::new();
    if reads_code_scanning(run, policy) {
        notes.push(match &evidence.missing {
            Some(missing) => format!("Alerts of code scanning are missing: {missing}"),
            None if evidence.tools.is_empty() => {
                "Code scanning has no analysis of this head yet: a later review reads it.".to_owned()
            }
            None => format!("Evidence: {}", evidence.note("code scanning")),
        });
    }
    if let Some(ran) = &evidence.ran {
        if !ran.tools.is_empty() {
            let tools: Vec<String> = ran.tools.iter().map(ToString::to_string).collect();
            notes.push(format!(
                "Evidence: {} in the changed files by {}; those on added lines count.",
                counted(ran.number(), "report"),
                tools.join(", ")
            ));
        }
        notes.extend(ran.notes.iter().cloned());
    }
    notes
}

fn reads_code_scanning(run: &Run, policy: &Policy) -> bool {
    policy.evidence.code_scanning && run.target.pull_request().is_some()
}
