//! The shapes of documents: their fields, the type that reads each document, and the fields that a type loses.

use holdfast_core::approval::{Link, Question};
use holdfast_core::claim::Claim;
use holdfast_core::evidence::Evidence;
use holdfast_core::ledger::Ledger;
use holdfast_core::model::approval::Approval;
use holdfast_core::model::change::{FileKind, FileStatus};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::finding::{Category, Severity, Side, TrackedState};
use holdfast_core::model::noise::NoiseFacts;
use holdfast_core::model::plan::{ContextPack, Plan, Tier, UnitItem};
use holdfast_core::model::policy::Policy;
use holdfast_core::model::report::{EarlierState, GateDecision, Outcome, Report, RunStatus};
use holdfast_core::model::run::{
    Aggregate, Announcement, Prompt, RecordedAnswer, Role, Run, Stop, UnitResult, UnitStatus, Verdict,
};
use holdfast_core::model::silencing::WritePermissions;
use holdfast_core::pull_ledger::PullRow;
use holdfast_core::stage::{PatchChunk, PullState, Reconciliation, RunHeader, StoredChange, UnitDocument};
use holdfast_core::team_rules::TeamRules;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Returns every field of a document by its path, `findings[].line`; the items of a list share one path.
pub fn paths(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(document, String::new(), &mut found);
    found.sort();
    found.dedup();
    found
}

fn collect(value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, format!("{path}.{name}"), found);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(item, format!("{path}[]"), found);
            }
        }
        _ => {}
    }
    found.push(path);
}

/// Returns the fields of `before` that `after` lacks or has with another value.
pub fn loses(before: &Value, after: &Value) -> Vec<String> {
    let mut lost = Vec::new();
    compare(before, after, "", &mut lost);
    lost
}

fn compare(before: &Value, after: &Value, path: &str, lost: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before {
                let path = format!("{path}.{name}");
                match after.get(name) {
                    Some(other) => compare(value, other, &path, lost),
                    None => lost.push(path),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (value, other) in before.iter().zip(after) {
                compare(value, other, &format!("{path}[]"), lost);
            }
        }
        (before, after) if before == after => {}
        _ => lost.push(path.to_owned()),
    }
}

/// Reads a document by its type and writes it again. Fails if it has another shape or an unknown kind.
pub fn reread(name: &str, document: &Value) -> Result<Value, String> {
    let again = match name {
        "artifact/run" => through::<Run>,
        "artifact/change" => through::<StoredChange>,
        "artifact/patches" => through::<PatchChunk>,
        "artifact/unit" => through::<UnitDocument>,
        "artifact/header" => through::<RunHeader>,
        "artifact/plan" => through::<Plan>,
        "artifact/policy" => through::<Policy>,
        "artifact/noise" => through::<NoiseFacts>,
        "artifact/permissions" => through::<WritePermissions>,
        "artifact/evidence" => through::<Evidence>,
        "artifact/team-rules" => through::<TeamRules>,
        "artifact/items" => through::<Vec<UnitItem>>,
        "artifact/context" => through::<ContextPack>,
        "artifact/prompt" | "artifact/summary_prompt" => through::<Prompt>,
        "artifact/answer" | "artifact/cached_answer" | "artifact/summary_answer" => through::<RecordedAnswer>,
        "artifact/verdict" => through::<Verdict>,
        "artifact/results" => through::<Vec<UnitResult>>,
        // A document of AWS's that AggregateFindings reads.
        "artifact/results_manifest" => through::<Value>,
        "artifact/aggregate" => through::<Aggregate>,
        "artifact/pull" => through::<PullState>,
        "artifact/reconciled" => through::<Reconciliation>,
        "artifact/ledger" => through::<Ledger>,
        "artifact/report" => through::<Report>,
        "artifact/approval" => through::<Approval>,
        "artifact/announcement" => through::<Announcement>,
        "row/claim" | "row/run" => through::<Claim>,
        "row/pull" => through::<PullRow>,
        "row/question" => through::<Question>,
        "row/link" => through::<Link>,
        name if name.starts_with("word/") => {
            let words = words().into_iter().find(|(kind, _)| name == *kind);
            return words
                .map(|(_, words)| words)
                .ok_or_else(|| format!("no type has the words of {name}"));
        }
        unknown => return Err(format!("no type is known for {unknown}: add it here")),
    };
    again(document)
}

/// Returns the words of each enumeration, as fields.
pub fn words() -> Vec<(&'static str, Value)> {
    vec![
        ("word/category", words_of::<Category>()),
        ("word/earlier_state", words_of::<EarlierState>()),
        ("word/error_name", words_of::<ErrorName>()),
        ("word/file_kind", words_of::<FileKind>()),
        ("word/file_status", words_of::<FileStatus>()),
        ("word/gate_decision", words_of::<GateDecision>()),
        ("word/outcome", words_of::<Outcome>()),
        ("word/role", words_of::<Role>()),
        ("word/run_status", words_of::<RunStatus>()),
        ("word/severity", words_of::<Severity>()),
        ("word/side", words_of::<Side>()),
        ("word/stop", words_of::<Stop>()),
        ("word/tier", words_of::<Tier>()),
        ("word/tracked_state", words_of::<TrackedState>()),
        ("word/unit_status", words_of::<UnitStatus>()),
    ]
}

/// Returns the words of an enumeration, from the error message for a wrong word, which lists them all.
fn words_of<T: DeserializeOwned + Serialize>() -> Value {
    let refusal = serde_json::from_value::<T>(Value::from("no such word"))
        .err()
        .unwrap()
        .to_string();
    let (_, allowed) = refusal.split_once("expected").unwrap();
    let words: Vec<&str> = allowed.split('`').skip(1).step_by(2).collect();
    for word in &words {
        serde_json::from_value::<T>(Value::from(*word)).unwrap();
    }
    words.into_iter().map(|word| (word.to_owned(), Value::Null)).collect()
}

fn through<T: DeserializeOwned + Serialize>(document: &Value) -> Result<Value, String> {
    let read: T = serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

/// Returns an artifact's kind by its key. Fails on a key of unknown form.
pub fn kind_of(key: &str) -> Result<String, String> {
    let parts: Vec<&str> = key.split('/').collect();
    let kind = match parts.as_slice() {
        ["cache", "answers", _] => "cached_answer",
        ["pull", .., "ledger", _] => "ledger",
        ["runs", _, "summary", "answer.json"] => "summary_answer",
        ["runs", _, "summary", "prompt.json"] => "summary_prompt",
        ["runs", _, "patches", _] => "patches",
        ["runs", _, "results", _, "manifest.json"] => "results_manifest",
        ["runs", _, "results", _, file] if file.starts_with("SUCCEEDED_") => "results",
        ["runs", _, file] if file.starts_with("approval-") => "approval",
        ["runs", _, file] | ["runs", _, "units", _, file] | ["runs", _, "units", _, _, file] => {
            file.trim_end_matches(".json")
        }
        _ => return Err(format!("the artifact {key} is of no known form: add it here")),
    };
    Ok(format!("artifact/{kind}"))
}
