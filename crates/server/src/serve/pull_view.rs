//! Builds the view of a pull request's page.

use std::path::Path;

use holdfast_console::view::{Frame, PullRequest, PullView, RunRow};
use holdfast_core::model::change::Target;
use holdfast_core::model::report::Usage;
use holdfast_core::port::KeepRows;
use holdfast_core::pull_ledger;
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::run_summary::RunSummary;

use super::views;

/// Returns the page of a pull request with these runs, newest first.
///
/// # Errors
/// The ledger can't be read.
pub async fn pull(
    data: &Path,
    rows: &dyn KeepRows,
    frame: Frame,
    target: &Target,
    runs: &[RunSummary],
) -> Result<PullView, Failure> {
    let ledger = pull_ledger::read(rows, &machine::artifacts(data), target).await;
    let listed: Vec<RunRow> = runs.iter().map(views::row).collect();
    let requests = || listed.iter().filter_map(|run| run.pull_request.as_ref());
    let reports = || runs.iter().filter_map(|run| run.header.report.as_ref());
    Ok(PullView {
        frame,
        repository: target.repository(),
        pull_request: PullRequest {
            number: target.pull_request().unwrap_or_default(),
            title: requests().find_map(|request| request.title.clone()),
            address: requests().find_map(|request| request.address.clone()),
            page: None,
        },
        author: runs.iter().find_map(|run| run.header.author.clone()),
        usage: sum(reports().map(|report| report.usage)),
        uncounted_runs: u64::try_from(runs.len() - reports().count()).unwrap_or(u64::MAX),
        ledger: ledger.map_err(Failure::incomplete)?,
        runs: listed,
    })
}

/// Adds up usage; the times of runs that overlap have no sum.
fn sum(all: impl Iterator<Item = Usage>) -> Usage {
    all.fold(Usage::default(), |sum, usage| Usage {
        model_calls: sum.model_calls + usage.model_calls,
        input_tokens: sum.input_tokens + usage.input_tokens,
        output_tokens: sum.output_tokens + usage.output_tokens,
        cost_usd: sum.cost_usd + usage.cost_usd,
        unpriced_calls: sum.unpriced_calls + usage.unpriced_calls,
        cache_hits: sum.cache_hits + usage.cache_hits,
        wall_ms: 0,
    })
}
