//! The SQLite table: the contract of rows, and this table's own promises.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

#[macro_use]
mod contract;
mod sqlite;
mod sqlite_processes;

use std::sync::Arc;

use async_trait::async_trait;
use contract::*;
use holdfast_core::port::{KeepRows, Precondition};
use serde_json::json;

mod on_sqlite {
    contract!(crate::sqlite::Directory::new());
}
