//! Restores the artifacts that each recorded state wrote, so that a replay that starts after the state finds exactly
//! them.

use holdfast_core::model::change::Change;
use holdfast_core::model::key;
use holdfast_core::model::noise::NoiseFacts;
use holdfast_core::model::report::Report;
use holdfast_core::model::run::{Aggregate, Announcement};
use holdfast_core::model::run_name::RunName;
use holdfast_core::stage::summarize_review::decide_status;
use serde_json::{Value, json};

use crate::failure::Failure;

use super::memory::MemoryStore;
use super::recording::Recording;

/// Copies the recorded state of the pull request, so that the findings are compared with it again.
pub fn restore_pull_state(recording: &Recording, to: &MemoryStore) {
    let key = key::pull_state(recording.name());
    if let Some(bytes) = recording.store.bytes(&key) {
        to.insert(&key, bytes);
    }
}

/// Copies the recorded permissions, so that the same silencing comments count again.
pub fn restore_permissions(recording: &Recording, to: &MemoryStore) {
    let key = key::permissions(recording.name());
    if let Some(bytes) = recording.store.bytes(&key) {
        to.insert(&key, bytes);
    }
}

/// Copies what the run read of its base to skip files, so that the change is planned from the same facts. A run of an
/// earlier version read nothing.
pub fn restore_noise(recording: &Recording, to: &MemoryStore) {
    let key = key::noise(recording.name());
    let bytes = recording.store.bytes(&key);
    to.insert(
        &key,
        bytes.unwrap_or_else(|| json!(NoiseFacts::default()).to_string().into_bytes()),
    );
}

/// Copies the artifacts that a recorded call of a function wrote.
///
/// # Errors
/// An artifact has another shape.
pub fn restore(function: &str, payload: &Value, recording: &Recording, to: &MemoryStore) -> Result<(), Failure> {
    let run = recording.name();
    let unit = payload.get("unit").and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| -> u32 {
        let number = payload.get(name).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1)
    };
    let attempt = number("attempt");
    let is_ungated = payload.get("part").is_some_and(|part| part == "ungated");
    let keys = match function {
        "open-review" => {
            let chunks = (0..recording.chunks).map(|chunk| key::patches(run, chunk));
            chunks
                .chain([key::run(run), key::change(run), key::announcement(run)])
                .collect()
        }
        "plan-review" => vec![
            key::policy(run),
            key::team_rules(run),
            key::noise(run),
            key::plan(run),
            key::items(run),
            key::permissions(run),
            key::evidence(run),
        ],
        "gather-context" => {
            let units = recording.plan.iter().flat_map(|plan| &plan.units);
            units
                .flat_map(|unit| [key::unit(run, &unit.id), key::context(run, &unit.id)])
                .collect()
        }
        "review-unit" => vec![key::prompt(run, unit, attempt), key::answer(run, unit, attempt)],
        "validate-findings" => vec![key::verdict(run, unit, attempt)],
        "correct-findings" => vec![key::prompt(run, unit, attempt + 1)],
        "aggregate-findings" => vec![key::aggregate(run)],
        "reconcile-findings" => vec![key::pull_state(run), key::reconciled(run)],
        "summarize-review" => vec![key::summary_prompt(run), key::summary_answer(run), key::report(run)],
        "request-approval" => vec![key::approval(run, number("round")), key::announcement(run)],
        // What is below the gate, before the request for an approval.
        "publish-review" if is_ungated => vec![key::announcement(run)],
        "publish-review" => vec![key::announcement(run), key::report(run)],
        "discard-review" | "report-failure" => vec![key::report(run)],
        _ => Vec::new(),
    };
    for key in &keys {
        if let Some(bytes) = recording.store.bytes(key) {
            to.insert(key, bytes);
        }
    }
    match function {
        "open-review" => as_open(run, false, to),
        "publish-review" if is_ungated => as_open(run, false, to),
        "request-approval" => as_open(run, true, to),
        "summarize-review" => as_summarized(run, recording, to),
        _ => Ok(()),
    }
}

/// Resets the announcement to its content before the run ended, and before it requested an approval unless `is_asked`.
fn as_open(run: &RunName, is_asked: bool, to: &MemoryStore) -> Result<(), Failure> {
    let key = key::announcement(run);
    if let Some(mut announcement) = to.document::<Announcement>(&key)? {
        announcement.settled = false;
        announcement.awaiting &= is_asked;
        to.insert(&key, json!(announcement).to_string().into_bytes());
    }
    Ok(())
}

/// Resets the report to its content before later states set its end and their notes.
fn as_summarized(run: &RunName, recording: &Recording, to: &MemoryStore) -> Result<(), Failure> {
    let aggregate: Option<Aggregate> = recording.store.document(&key::aggregate(run))?;
    let report: Option<Report> = recording.store.document(&key::report(run))?;
    let change: Option<Change> = recording.store.document(&key::change(run))?;
    if let (Some(mut aggregate), Some(mut report)) = (aggregate, report) {
        aggregate.notes.extend(report.template_note().map(str::to_owned));
        report.status = decide_status(&aggregate, change.map_or(0, |change| change.unlisted()));
        report.notes = aggregate.notes;
        to.insert(&key::report(run), json!(report).to_string().into_bytes());
    }
    Ok(())
}
