//! The audit of decisions: each decision with its person, its time and the version of the page.

use std::path::Path;

use holdfast_core::approval::{AuditEntry, list_audit};
use holdfast_core::port::KeepRows;
use holdfast_stores::sqlite::SqliteKeepRows;

use crate::deployment::Deployment;
use crate::failure::Failure;
use holdfast_engine::Archive;

/// Maximum number of entries that are read.
const MAX_ENTRIES: usize = 1_000_000;

/// Reads the audit of a data directory, oldest first.
///
/// # Errors
/// There is no data, or it cannot be read.
pub async fn on_machine(data: &Path) -> Result<Vec<AuditEntry>, Failure> {
    Archive::open(data).map_err(Failure::of_engine)?;
    let rows = SqliteKeepRows::open(data).await.map_err(Failure::usage)?;
    read(&rows).await
}

/// Reads the audit of a deployment, oldest first.
///
/// # Errors
/// It cannot be read.
pub async fn on_deployment(deployment: &dyn Deployment) -> Result<Vec<AuditEntry>, Failure> {
    read(deployment.rows()).await
}

async fn read(rows: &dyn KeepRows) -> Result<Vec<AuditEntry>, Failure> {
    list_audit(rows, MAX_ENTRIES).await.map_err(Failure::incomplete)
}
