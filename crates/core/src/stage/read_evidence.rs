//! The reports that PlanReview reads: alerts of code scanning, artifacts of workflows, and the tools that Holdfast runs.

use crate::evidence::{Evidence, ToolRequest, ToolRuns, jobs, named};
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
    let has_artifacts = reads_artifacts(run, policy);
    let jobs = jobs(&policy.evidence.tools, plan.units.iter().map(|unit| unit.path.as_str()));
    if !scans && !has_artifacts && jobs.is_empty() {
        return Ok(None);
    }
    let mut evidence = match scans {
        true => read_code_scanning(run, &change.head, read).await?,
        false => Evidence::default(),
    };
    evidence.artifacts = match has_artifacts {
        true => {
            let found = read.artifacts(&run.target, &change.head, &policy.evidence.artifacts);
            Some(or_note(found.await, "Artifacts of workflows are missing")?)
        }
        false => None,
    };
    evidence.ran = match jobs.is_empty() {
        true => None,
        false => {
            let request = ToolRequest {
                head: change.head.clone(),
                settings: change.settings_commit().clone(),
                jobs,
            };
            let ran = read.run_tools(&run.target, &request).await;
            Some(or_note(ran, "Tools of the settings did not run")?)
        }
    };
    Ok(Some(evidence))
}

/// Returns the runs, or a note with the reason why there are none.
fn or_note(runs: Result<ToolRuns, ReadError>, what: &str) -> Result<ToolRuns, StageError> {
    match runs {
        Err(error @ (ReadError::RateLimited { .. } | ReadError::Unavailable(_))) => Err(error.into()),
        Err(error) => Ok(ToolRuns {
            notes: vec![format!("{what}: {error}")],
            ..ToolRuns::default()
        }),
        Ok(runs) => Ok(runs),
    }
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
    let sources = [
        (&evidence.artifacts, "artifacts of workflows"),
        (&evidence.ran, "the changed files"),
    ];
    for (runs, place) in sources {
        let Some(runs) = runs else {
            continue;
        };
        if !runs.tools.is_empty() {
            notes.push(format!(
                "Evidence: {} in {place} by {}; those on added lines count.",
                counted(runs.number(), "report"),
                named(&runs.tools)
            ));
        }
        notes.extend(runs.notes.iter().cloned());
    }
    notes
}

/// Returns the tools that have run: a finding that none of their reports repeats is fixed. The artifacts of a fork's
/// workflows are claims of its author, who may name any tool in them. Where the settings have another source that may
/// report a tool's findings, such a claim takes none of them back.
pub(super) fn tools_that_ran(evidence: &Evidence, change: &Change, policy: &Policy) -> Vec<String> {
    let mut names = evidence.tool_names();
    let has_other_source = |name: &str| {
        let mut tools = policy.evidence.tools.iter();
        policy.evidence.code_scanning || tools.any(|tool| tool.name().eq_ignore_ascii_case(name))
    };
    for tool in evidence.artifacts.iter().flat_map(|found| &found.tools) {
        let is_proof = change.is_branch_here || !has_other_source(&tool.name);
        if is_proof && !names.contains(&tool.name) {
            names.push(tool.name.clone());
        }
    }
    names
}

fn reads_code_scanning(run: &Run, policy: &Policy) -> bool {
    policy.evidence.code_scanning && run.target.pull_request().is_some()
}

/// Returns whether the run has reports in artifacts of workflows, if there are any.
pub(super) fn reads_artifacts(run: &Run, policy: &Policy) -> bool {
    !policy.evidence.artifacts.is_empty() && run.evidence.is_none() && run.target.pull_request().is_some()
}
