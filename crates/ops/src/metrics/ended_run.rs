//! Counts an ended run from its execution, its report and its units.

use std::path::Path;

use holdfast_core::model::finding::Finding;
use holdfast_core::model::key;
use holdfast_core::model::report::{EarlierFinding, EarlierState, Outcome, Report, RunStatus};
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::RunName;
use holdfast_core::quality::{Measure, Outcomes};
use holdfast_core::stage::{PullState, Reconciliation};
use holdfast_engine::ExecutionStatus;
use serde::Deserialize;
use serde_json::{Value, json};

use super::registry::Metrics;
use super::table;
use super::units;
use crate::failure::Failure;
use crate::quality_watch::RunOutcomes;
use crate::run_log;
use crate::run_summary::{LocalRuns, ReadRuns, RunSummary, read_json, read_report, wall_ms};

/// Counts a run that ended, and logs it. Returns the outcomes of its answers and findings. The status counts last, and
/// also where a part of the run can't be read.
///
/// # Errors
/// The run, its report or its units can't be read.
pub async fn count(metrics: &Metrics, data: &Path, run: &RunName) -> Result<RunOutcomes, Failure> {
    let runs = LocalRuns::with_rows(data, None)?;
    let summary = runs.read(run).await?;
    let counted = count_parts(metrics, &runs, &summary).await;
    metrics.observe(&table::RUN_DURATION, &[], wall_ms(&summary.row) as f64 / 1000.0);
    metrics.increment(&table::RUNS_ENDED, &[summary.status.as_str()]);
    counted
}

async fn count_parts(metrics: &Metrics, runs: &LocalRuns, summary: &RunSummary) -> Result<RunOutcomes, Failure> {
    let report = read_report(summary, runs.store()).await;
    run_log::log_end(summary, report.as_ref().ok().and_then(Option::as_ref));
    let calls = units::read(runs, summary).await?;
    calls.count(metrics);
    let of_answers = calls.first_answers().into_iter();
    let mut outcomes: Vec<_> = of_answers
        .map(|(model, outcomes)| (Measure::Validity, model, outcomes))
        .collect();
    let Some(report) = report? else {
        return Ok(RunOutcomes(outcomes));
    };
    count_report(metrics, &report);
    if summary.status == RunStatus::Rejected {
        count_outcomes(metrics, [("rejected", number(&report, Finding::needs_approval))]);
    } else if is_published(summary) {
        let dismissed = dismissed(runs, &summary.run).await?;
        let published = published_outcomes(&report, dismissed);
        count_outcomes(metrics, published);
        if let Ok(run) = Run::deserialize(&summary.row.input)
            && !run.is_rules_only()
        {
            let [_, (_, fixed), (_, dismissed)] =
                published.map(|(word, count)| (word, u32::try_from(count).unwrap_or(0)));
            let all = fixed.saturating_add(dismissed);
            outcomes.push((Measure::Acceptance, run.model, Outcomes { good: fixed, all }));
        }
    }
    Ok(RunOutcomes(outcomes))
}

/// Returns whether the review is on the pull request. A partial one stays partial.
fn is_published(summary: &RunSummary) -> bool {
    summary.publishes()
        && summary.row.status == ExecutionStatus::Succeeded
        && !matches!(summary.status, RunStatus::Rejected | RunStatus::Superseded)
}

/// Returns the number of findings that people dismissed since the review before.
async fn dismissed(runs: &LocalRuns, run: &RunName) -> Result<usize, Failure> {
    let before: Option<PullState> = read_json(runs.store(), &key::pull_state(run)).await?;
    let after: Option<Reconciliation> = read_json(runs.store(), &key::reconciled(run)).await?;
    let both = before.zip(after);
    Ok(both.map_or(0, |(before, after)| before.new_dismissals(&after.ledger)))
}

fn count_report(metrics: &Metrics, report: &Report) {
    for entry in &report.coverage {
        metrics.increment(&table::FILES, &[entry.outcome.as_str()]);
        if entry.outcome == Outcome::Unreviewed {
            let word = entry.failure.map(|failure| json!(failure));
            let word = word.as_ref().and_then(Value::as_str).unwrap_or("other");
            metrics.increment(&table::FILES_UNREVIEWED, &[word]);
        }
    }
    for finding in &report.findings {
        metrics.increment(&table::FINDINGS, &[finding.severity.as_str()]);
    }
}

fn published_outcomes(report: &Report, dismissed: usize) -> [(&'static str, usize); 3] {
    let withheld = usize::try_from(report.withheld).unwrap_or(usize::MAX);
    let published = number(report, Finding::is_unpublished).saturating_sub(withheld);
    let is_fixed = |finding: &&EarlierFinding| finding.state == EarlierState::Fixed;
    let fixed = report.earlier.iter().filter(is_fixed).count();
    [("published", published), ("fixed", fixed), ("dismissed", dismissed)]
}

fn number(report: &Report, of: impl Fn(&Finding) -> bool) -> usize {
    report.findings.iter().filter(|finding| of(finding)).count()
}

fn count_outcomes<const N: usize>(metrics: &Metrics, outcomes: [(&str, usize); N]) {
    for (outcome, number) in outcomes {
        metrics.add(&table::FINDING_OUTCOMES, &[outcome], number as f64);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn report() -> Report {
        let finding = |severity: &str, state: &str| {
            json!({ "path": "a.rs", "side": "RIGHT", "start_line": 1, "line": 1, "severity": severity, "category": "security",
                "title": "t", "body": "b", "suggestion": null, "confidence": 1.0, "source": "model",
                "gated": severity == "high", "tracked": { "id": "0123456789abcdef".repeat(2), "state": state } })
        };
        let file = |outcome: &str, failure: Option<&str>| json!({ "path": "a.rs", "outcome": outcome, "reason": "a host", "attempts": 1, "failure": failure });
        let earlier = |state: &str| json!({ "id": "0123456789abcdef".repeat(2), "path": "a.rs", "line": 1, "severity": "low", "title": "t", "state": state });
        serde_json::from_value(json!({
            "version": 1, "run": "r", "status": "published", "target": { "repository": "o/r", "pull_request": 1,
            "base": "0".repeat(40), "head": "1".repeat(40) }, "model": { "provider": "openai", "name": "m" },
            "summary": "", "gate": { "decision": "publish", "worst": null }, "withheld": 1,
            "findings": [finding("high", "new"), finding("high", "reopened"), finding("low", "new"),
                finding("low", "open"), finding("low", "dismissed")],
            "earlier": [earlier("fixed"), earlier("open")],
            "coverage": [file("reviewed", None), file("scanned", None), file("unreviewed", Some("ModelTimedOut")),
                file("unreviewed", None)],
            "usage": { "model_calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "cache_hits": 0, "wall_ms": 0 },
        }))
        .unwrap()
    }

    #[test]
    fn a_report_counts_by_outcome_reason_and_severity() {
        let metrics = Metrics::default();
        count_report(&metrics, &report());
        let text = metrics.text(0);
        for line in [
            r#"holdfast_files_total{outcome="scanned"} 1"#,
            r#"holdfast_files_total{outcome="unreviewed"} 2"#,
            r#"holdfast_files_unreviewed_total{reason="ModelTimedOut"} 1"#,
            r#"holdfast_files_unreviewed_total{reason="other"} 1"#,
            r#"holdfast_findings_total{severity="high"} 2"#,
            r#"holdfast_findings_total{severity="low"} 3"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(!text.contains("a host"), "{text}");
    }

    #[test]
    fn findings_count_once_when_they_are_published_fixed_dismissed_or_rejected() {
        let report = report();
        let expected = [("published", 2), ("fixed", 1), ("dismissed", 7)];
        assert_eq!(published_outcomes(&report, 7), expected);
        assert_eq!(number(&report, Finding::needs_approval), 2);
    }
}
