//! The log line at the end of a run: numbers and names, and no text of the change, of a model or of an error.

use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::report::{Report, RunStatus, Usage};

use crate::run_summary::{RunSummary, wall_ms};

/// Logs the end of a run; as an error if it failed and nobody cancelled it. Does nothing for an open run.
pub fn log_end(summary: &RunSummary, report: Option<&Report>) {
    if !summary.row.status.is_final() {
        return;
    }
    let error = summary.row.error.as_deref();
    let usage = report.map_or_else(Usage::default, |report| report.usage);
    let is_failure = summary.status == RunStatus::Failed && error != Some(ErrorName::RunCancelled.as_str());
    // The level of an event is a constant.
    macro_rules! log {
        ($level:ident, $message:literal) => {
            tracing::$level!(
                run = summary.run.as_str(),
                status = summary.status.as_str(),
                error,
                seconds = wall_ms(&summary.row) as f64 / 1000.0,
                findings = report.map_or(0, |report| report.findings.len()),
                files_unreviewed = report.map_or(0, |report| report.unreviewed().count()),
                model_calls = usage.model_calls,
                input_tokens = usage.input_tokens,
                output_tokens = usage.output_tokens,
                cost_usd = usage.cost_usd,
                $message
            )
        };
    }
    match is_failure {
        true => log!(error, "a run failed"),
        false => log!(info, "a run ended"),
    }
}
