//! Rows in memory, as the port promises them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use holdfast_core::port::{KeepRows, Precondition, Row, RowError, Written};
use serde_json::Value;

#[derive(Default)]
pub struct MemoryRows(Mutex<BTreeMap<String, Row>>);

#[async_trait]
impl KeepRows for MemoryRows {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError> {
        let mut rows = self.0.lock().unwrap();
        let found = rows.get(key).cloned();
        let is_as_expected = match (expect, &found) {
            (Precondition::Absent, found) => found.is_none(),
            (Precondition::Version(version), found) => found.as_ref().is_some_and(|row| row.version == version),
        };
        if !is_as_expected {
            return Ok(Written::Conflict { found });
        }
        let version = found.map_or(0, |row| row.version) + 1;
        let value = value.clone();
        rows.insert(key.to_owned(), Row { version, value });
        Ok(Written::Done { version })
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        let mut rows = self.0.lock().unwrap();
        let found = rows.get(key).cloned();
        if found.as_ref().is_some_and(|row| row.version != version) {
            return Ok(Written::Conflict { found });
        }
        rows.remove(key);
        Ok(Written::Done { version })
    }

    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
        let rows = self.0.lock().unwrap();
        let inside = rows.iter().filter(|(key, _)| key.starts_with(prefix)).take(most);
        Ok(inside.map(|(key, row)| (key.clone(), row.clone())).collect())
    }
}
