//! The SQLite table: the contracts of rows and logs, and this table's own promises. The logs in memory meet the contract
//! of logs, too.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

#[macro_use]
mod contract;
mod sqlite;
mod sqlite_processes;

use std::sync::Arc;

use async_trait::async_trait;
use contract::*;
use holdfast_core::port::{KeepLogs, KeepRows, Precondition};
use holdfast_testkit::logs::MemoryLogs;
use serde_json::json;

#[async_trait]
impl logs::LogWorld for MemoryLogs {
    async fn open_logs(&self) -> Arc<dyn KeepLogs> {
        Arc::new(self.clone())
    }
}

mod in_memory {
    contract!(logs: holdfast_testkit::logs::MemoryLogs::default());
}

mod on_sqlite {
    contract!(crate::sqlite::Directory::new());
}
