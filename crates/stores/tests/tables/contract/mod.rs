//! The contract of rows: the cases that each table has to pass, with one writer at a time (`suite`) and with many
//! (`races`). `logs` has the contract of logs. The tests of each table include this folder.

pub mod logs;
pub mod races;
pub mod suite;

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::port::{KeepRows, Precondition, Row, Written};
use serde_json::{Value, json};

/// Opens a new table for each case.
#[async_trait]
pub trait World: Send + Sync {
    /// Returns another handle to the same table, like that of another process.
    async fn open(&self) -> Arc<dyn KeepRows>;
}

/// Declares one test for each case, on the table that the expression opens.
macro_rules! contract {
    ($table:expr) => {
        contract! { $table;
            suite::a_write_needs_what_it_expects
            suite::versions_grow_by_one
            suite::only_the_named_version_is_deleted
            suite::lists_are_ordered_cut_and_bounded
            suite::lists_go_beyond_a_megabyte
            suite::odd_keys_are_kept_apart
            suite::an_invalid_row_is_refused
            suite::values_come_back_as_they_were
            suite::another_handle_sees_what_was_written
            races::one_of_many_claims
            races::no_increment_is_lost
            races::a_lease_has_one_holder
        }
        contract!(logs: $table);
    };
    (logs: $table:expr) => {
        contract! { $table;
            logs::entries_are_appended_and_folded
            logs::a_fold_does_not_conflict_with_appends
            logs::many_append_at_once
            logs::many_append_and_fold_at_once
            logs::a_log_has_bounds
        }
    };
    ($table:expr; $($module:ident::$case:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $case() {
            crate::contract::$module::$case(&$table).await;
        })*
    };
}

pub fn done(version: u64) -> Written {
    Written::Done { version }
}

pub fn conflict(version: u64, value: &Value) -> Written {
    Written::Conflict {
        found: Some(row(version, value)),
    }
}

pub fn row(version: u64, value: &Value) -> Row {
    Row {
        version,
        value: value.clone(),
    }
}

pub fn n(n: u64) -> Value {
    json!({ "n": n })
}

/// Adds one to a counter, with a retry after each conflict. Returns its new value.
pub async fn increment(rows: &dyn KeepRows, key: &str) -> u64 {
    let mut found = rows.get(key).await.unwrap();
    loop {
        let (expect, next) = match &found {
            Some(row) => (Precondition::Version(row.version), row.value["n"].as_u64().unwrap() + 1),
            None => (Precondition::Absent, 1),
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
