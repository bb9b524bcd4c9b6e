//! Metrics for CloudWatch, as lines in its embedded metric format: files, findings, model calls, tokens and cost of
//! each review, and failures by stage and by error. A retried state counts again.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::report::{Outcome, Report};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{ModelEvent, StoreArtifact};
use holdfast_core::stage::{STAGES, find_artifact};
use serde_json::{Value, json};

/// The environment variable with the metrics' namespace. Without it, no metrics are written.
const NAMESPACE: &str = "HOLDFAST_METRICS_NAMESPACE";
/// The variable with the function's name; Lambda sets it.
const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// Writes the metrics of a run's report. If the report can't be read, only logs a warning.
pub async fn count_review(store: &dyn StoreArtifact, run: &RunName) {
    let Ok(namespace) = std::env::var(NAMESPACE) else {
        return;
    };
    match find_artifact::<Report>(store, &key::report(run)).await {
        Ok(Some(report)) => write(&review(&namespace, now_ms(), &report)),
        Ok(None) => tracing::warn!(run = run.as_str(), "no figures: the run has no report"),
        Err(error) => tracing::warn!(run = run.as_str(), %error, "no figures: the run's report cannot be read"),
    }
}

/// Counts a failure of this function's stage.
pub(crate) fn count_failure(error: ErrorName) {
    if let (Ok(namespace), Ok(function)) = (std::env::var(NAMESPACE), std::env::var(FUNCTION)) {
        write(&failure(&namespace, now_ms(), &function, error));
    }
}

/// Counts an event of this function's model calls.
pub(crate) fn count_model_event(model: &ModelId, event: &ModelEvent) {
    if let Ok(namespace) = std::env::var(NAMESPACE)
        && let Some(line) = model_event(&namespace, now_ms(), model, event)
    {
        write(&line);
    }
}

/// Counts a first answer by whether it passed all checks.
pub(crate) fn count_first_answer(is_valid: bool) {
    if let Ok(namespace) = std::env::var(NAMESPACE) {
        write(&first_answer(&namespace, now_ms(), is_valid));
    }
}

fn first_answer(namespace: &str, at_ms: u64, is_valid: bool) -> Value {
    let figures = [("FirstAnswersValid", json!(u8::from(is_valid)), "None")];
    line(namespace, at_ms, &json!([[]]), &figures)
}

fn model_event(namespace: &str, at_ms: u64, model: &ModelId, event: &ModelEvent) -> Option<Value> {
    let provider = |figures: &[(&str, Value, &str)]| line(namespace, at_ms, &json!([["Provider"]]), figures);
    let mut line = match event {
        ModelEvent::Wasted(error) => {
            let figures = [("ModelCallsWasted", json!(1), "Count")];
            let mut line = line(
                namespace,
                at_ms,
                &json!([["Provider"], ["Provider", "Error"]]),
                &figures,
            );
            line["Error"] = json!(error.as_str());
            line
        }
        ModelEvent::Waits { ms, .. } => {
            let seconds = *ms as f64 / 1_000.0;
            provider(&[
                ("ModelWaits", json!(1), "Count"),
                ("ModelWaitSeconds", json!(seconds), "Seconds"),
            ])
        }
        ModelEvent::Down => provider(&[("ModelProviderDown", json!(1), "None")]),
        ModelEvent::Up => provider(&[("ModelProviderDown", json!(0), "None")]),
        ModelEvent::Alarm(_) => return None,
    };
    line["Provider"] = json!(model.provider());
    Some(line)
}

fn review(namespace: &str, at_ms: u64, report: &Report) -> Value {
    let count = |outcome| report.coverage.iter().filter(|entry| entry.outcome == outcome).count();
    let usage = &report.usage;
    let figures = [
        ("FilesReviewed", json!(count(Outcome::Reviewed)), "Count"),
        ("FilesScanned", json!(count(Outcome::Scanned)), "Count"),
        ("FilesUnreviewed", json!(count(Outcome::Unreviewed)), "Count"),
        ("Findings", json!(report.findings.len()), "Count"),
        ("ModelCalls", json!(usage.model_calls), "Count"),
        ("InputTokens", json!(usage.input_tokens), "Count"),
        ("OutputTokens", json!(usage.output_tokens), "Count"),
        ("CostUsd", json!(usage.cost_usd), "None"),
    ];
    let mut line = line(namespace, at_ms, &json!([["Provider"]]), &figures);
    line["Provider"] = json!(report.model.provider);
    line["run"] = json!(report.run);
    line
}

fn failure(namespace: &str, at_ms: u64, function: &str, error: ErrorName) -> Value {
    let figures = [("StageFailures", json!(1), "Count")];
    let mut line = line(namespace, at_ms, &json!([["Stage"], ["Error"]]), &figures);
    // The function's name starts with the stack's name.
    let stage = STAGES.iter().find(|stage| function.ends_with(stage.function));
    line["Stage"] = json!(stage.map_or(function, |stage| stage.state));
    line["Error"] = json!(error.as_str());
    line
}

/// Returns a line with these figures. The caller adds the dimensions' values.
fn line(namespace: &str, at_ms: u64, dimensions: &Value, figures: &[(&str, Value, &str)]) -> Value {
    let metrics = figures
        .iter()
        .map(|(name, _, unit)| json!({ "Name": name, "Unit": unit }));
    let directive = json!({
        "Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics.collect::<Vec<_>>(),
    });
    let mut line = json!({ "_aws": { "Timestamp": at_ms, "CloudWatchMetrics": [directive] } });
    for (name, value, _) in figures {
        line[*name] = value.clone();
    }
    line
}

fn write(line: &Value) {
    // A function that can't write to its log can't report this failure either.
    let _ = std::io::stdout().lock().write_all(format!("{line}\n").as_bytes());
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use holdfast_core::port::WaitFor;
    use holdfast_core::stage::state;

    use super::*;

    /// Checks CloudWatch's condition for a line: each metric and each dimension that it names is a field at the top.
    fn check(line: &Value) {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Holdfast/s");
        assert_eq!(line["_aws"]["Timestamp"], 5);
        let named = |list: &Value| list.as_array().cloned().unwrap_or_default();
        for metric in named(&directive["Metrics"]) {
            let name = metric["Name"].as_str().unwrap_or_default();
            assert!(line[name].is_number(), "{name}: {line}");
        }
        for dimension in named(&directive["Dimensions"]).iter().flat_map(named) {
            let name = dimension.as_str().unwrap_or_default();
            assert!(
                line[name].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {line}"
            );
        }
    }

    #[test]
    fn a_first_answer_is_a_zero_or_a_one() {
        for (is_valid, value) in [(true, 1), (false, 0)] {
            let line = first_answer("Holdfast/s", 5, is_valid);
            check(&line);
            assert_eq!(line["FirstAnswersValid"], value);
        }
    }

    #[test]
    fn events_of_model_calls_are_counted_by_provider() {
        let Ok(model) = "openai/m".parse::<ModelId>() else {
            panic!("a model's name");
        };
        let subject = WaitFor::Outage;
        for (event, name, value) in [
            (ModelEvent::Wasted(ErrorName::ModelTimedOut), "ModelCallsWasted", 1.0),
            (ModelEvent::Waits { subject, ms: 1_500 }, "ModelWaitSeconds", 1.5),
            (ModelEvent::Down, "ModelProviderDown", 1.0),
            (ModelEvent::Up, "ModelProviderDown", 0.0),
        ] {
            let line = model_event("Holdfast/s", 5, &model, &event).unwrap_or_default();
            check(&line);
            assert_eq!(line[name].as_f64(), Some(value), "{line}");
            assert_eq!(line["Provider"], "openai");
        }
    }

    #[test]
    fn a_failure_is_counted_by_stage_and_by_error() {
        let line = failure("Holdfast/s", 5, "my-stack-review-unit", ErrorName::ModelTimedOut);
        check(&line);
        assert_eq!(
            (&line["Stage"], &line["Error"]),
            (&json!(state::REVIEW_UNIT), &json!("ModelTimedOut"))
        );
        let other = failure("Holdfast/s", 5, "my-stack-sweep", ErrorName::ArtifactUnavailable);
        check(&other);
        assert_eq!(other["Stage"], "my-stack-sweep");
    }

    #[test]
    fn a_review_is_counted_with_its_coverage_and_usage() {
        let entry =
            |path: &str, outcome: &str| json!({ "path": path, "outcome": outcome, "reason": null, "attempts": 1 });
        let report = json!({
            "version": 1, "run": "r", "status": "partial", "target": { "repository": "o/r", "pull_request": 1,
            "base": "0".repeat(40), "head": "1".repeat(40) }, "model": { "provider": "openai", "name": "m" },
            "summary": "", "gate": { "decision": "publish", "worst": null }, "findings": [],
            "coverage": [entry("a", "reviewed"), entry("b", "reviewed"), entry("c", "unreviewed"), entry("d", "skipped")],
            "usage": { "model_calls": 3, "input_tokens": 40, "output_tokens": 5, "cost_usd": 0.25, "cache_hits": 0, "wall_ms": 9 },
        });
        let report: Report = serde_json::from_value(report).unwrap_or_else(|error| panic!("{error}"));
        let line = review("Holdfast/s", 5, &report);
        check(&line);
        let figures = [
            "FilesReviewed",
            "FilesUnreviewed",
            "ModelCalls",
            "InputTokens",
            "OutputTokens",
            "Provider",
        ];
        assert_eq!(
            figures.map(|name| line[name].clone()),
            [json!(2), json!(1), json!(3), json!(40), json!(5), json!("openai")]
        );
    }
}
