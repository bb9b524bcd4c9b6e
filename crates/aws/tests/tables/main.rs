//! DynamoDB, SES and SNS against a real server of their protocols, which `server` starts: the contracts of rows and
//! logs, and what the table promises beyond them.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

#[macro_use]
#[path = "../../../stores/tests/tables/contract/mod.rs"]
mod contract;
mod dynamodb;
mod people;
mod proxy;
mod server;

use std::sync::Arc;

use async_trait::async_trait;
use contract::*;
use holdfast_core::port::{KeepLogs, KeepRows, Precondition};
use serde_json::json;

mod on_dynamodb {
    contract!(crate::dynamodb::Table::new().await);
}
