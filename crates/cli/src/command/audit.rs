//! `holdfast audit`: prints the audit of decisions as JSON lines.

use holdfast_core::approval::AuditEntry;

use crate::cli::AuditArgs;
use crate::exit::Exit;
use crate::output;
use holdfast_ops::audit;
use holdfast_ops::deployment::Deployment;
use holdfast_ops::failure::Failure;

/// Runs the command.
///
/// # Errors
/// There is no data, or it can't be read.
pub async fn run(args: &AuditArgs) -> Result<Exit, Failure> {
    let place = args.data.place();
    for directory in place.existing()? {
        let entries = audit::on_machine(&directory.path).await?;
        place.note(&directory, "the audit");
        print(&entries)?;
    }
    Ok(Exit::Clean)
}

/// Runs the command on a deployment.
///
/// # Errors
/// The audit can't be read.
pub async fn run_on(deployment: &dyn Deployment) -> Result<Exit, Failure> {
    print(&audit::on_deployment(deployment).await?)
}

fn print(entries: &[AuditEntry]) -> Result<Exit, Failure> {
    let mut lines = String::new();
    for entry in entries {
        lines.push_str(&output::json_line(entry).map_err(Failure::incomplete)?);
    }
    output::print(&lines).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
