//! `holdfast audit`: the audit of decisions, as JSON lines.

use holdfast_adapters::sqlite::SqliteKeepRows;
use holdfast_core::approval::list_audit;
use holdfast_core::port::KeepRows;

use crate::cli::AuditArgs;
use crate::deployment::Deployment;
use crate::failure::{Exit, Failure};
use crate::output;
use holdfast_engine::Archive;

/// Entries that are printed at most.
const ENTRIES_MOST: usize = 1_000_000;

/// Runs the command. Errors: there is no data, or it cannot be read.
pub async fn run(args: &AuditArgs) -> Result<Exit, Failure> {
    for directory in args.data.existing()? {
        let data = directory.path.as_path();
        Archive::open(data).map_err(Failure::of_engine)?;
        let rows = SqliteKeepRows::open(data).await.map_err(Failure::usage)?;
        directory.note("the audit");
        print(&rows).await?;
    }
    Ok(Exit::Clean)
}

/// The same of a deployment.
pub async fn run_on(deployment: &Deployment) -> Result<Exit, Failure> {
    print(&deployment.rows).await
}

async fn print(rows: &dyn KeepRows) -> Result<Exit, Failure> {
    let mut lines = String::new();
    for entry in list_audit(rows, ENTRIES_MOST).await.map_err(Failure::incomplete)? {
        lines.push_str(&output::json_line(&entry).map_err(Failure::incomplete)?);
    }
    output::print(&lines).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
