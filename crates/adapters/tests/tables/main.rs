//! The tables' contract: one set of cases (`suite`) that each table passes, and what each promises beyond it. DynamoDB's
//! run is against a real server of its protocol, which `server` starts.
#![cfg(all(feature = "sqlite", feature = "dynamodb"))]
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod dynamodb;
#[cfg(feature = "aws-people")]
mod people;
mod proxy;
mod races;
mod server;
mod sqlite;
mod sqlite_processes;
mod suite;

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::port::{Expect, KeepRows, Row, Written};
use serde_json::{Value, json};

/// A table of its own for each case.
#[async_trait]
trait World: Send + Sync {
    /// Another handle to the same table, as another process has one.
    async fn open(&self) -> Arc<dyn KeepRows>;
}

/// Each case once for each table.
macro_rules! contract {
    ($($module:ident::$case:ident)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                crate::$module::$case(&crate::sqlite::Directory::new()).await;
            })*
        }
        mod on_dynamodb {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                crate::$module::$case(&crate::dynamodb::Table::new().await).await;
            })*
        }
    };
}

contract! {
    suite::a_write_needs_what_it_expects
    suite::versions_grow_by_one
    suite::only_the_named_version_is_deleted
    suite::lists_are_ordered_cut_and_bounded
    suite::lists_go_beyond_a_megabyte
    suite::odd_keys_are_kept_apart
    suite::what_is_no_row_is_refused
    suite::values_come_back_as_they_were
    suite::another_handle_sees_what_was_written
    races::one_of_many_claims
    races::no_increment_is_lost
    races::a_lease_has_one_holder
}

fn done(version: u64) -> Written {
    Written::Done { version }
}

fn conflict(version: u64, value: &Value) -> Written {
    Written::Conflict {
        found: Some(row(version, value)),
    }
}

fn row(version: u64, value: &Value) -> Row {
    Row {
        version,
        value: value.clone(),
    }
}

fn n(n: u64) -> Value {
    json!({ "n": n })
}

/// Adds one to a counter, however often others were faster; its new value.
async fn increment(rows: &dyn KeepRows, key: &str) -> u64 {
    let mut found = rows.get(key).await.unwrap();
    loop {
        let (expect, next) = match &found {
            Some(row) => (Expect::Version(row.version), row.value["n"].as_u64().unwrap() + 1),
            None => (Expect::Absent, 1),
        };
        match rows.put(key, &n(next), expect).await.unwrap() {
            Written::Done { version } => {
                assert_eq!(version, next);
                return next;
            }
            Written::Conflict { found: other } => found = other,
        }
    }
}
