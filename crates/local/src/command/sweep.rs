//! `holdfast sweep`: cleans up after runs that ended without undoing what they did, and forgets old rows.

use std::fmt::Write;
use std::sync::Arc;

use holdfast_core::sweep::sweep;

use crate::cli::SweepArgs;
use crate::executions::ArchivedRuns;
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output;

/// Runs the command. Errors: a run still needs cleaning; the data cannot be read.
pub async fn run(args: &SweepArgs) -> Result<Exit, Failure> {
    let data = args.data.data.as_path();
    let settings = machine::read_settings()?;
    let runs = ArchivedRuns {
        data: data.to_path_buf(),
    };
    let stages = machine::stage_functions(data, &settings, Arc::default()).await?;
    let (publish, rows, store) = (stages.publish.as_ref(), stages.rows.as_ref(), stages.store.as_ref());
    let swept = sweep(&runs, publish, rows, store).await.map_err(Failure::incomplete)?;
    let forgotten = machine::forget_old_rows(data).await?;
    let mut said = String::new();
    for run in swept.iter().filter(|run| run.failure.is_none()) {
        let _infallible = writeln!(said, "{}: cleaned", run.run);
    }
    if said.is_empty() && swept.is_empty() {
        said.push_str("Nothing needs cleaning.\n");
    }
    if forgotten > 0 {
        let _infallible = writeln!(said, "{forgotten} old rows forgotten");
    }
    output::print(&said).map_err(Failure::incomplete)?;
    let left: Vec<String> = swept
        .iter()
        .filter_map(|run| {
            Some(format!(
                "run {} still needs cleaning: {}",
                run.run,
                run.failure.as_ref()?
            ))
        })
        .collect();
    match left.is_empty() {
        true => Ok(Exit::Clean),
        false => Err(Failure::incomplete(left.join("\n"))),
    }
}
