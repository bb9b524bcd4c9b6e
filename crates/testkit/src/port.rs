//! The domain's ports in memory: rows, artifacts, a fixed change, no syntax. Tests that need more, such as a pull
//! request's page with its own rules, bring their own fakes.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{
    Ends, KeepRows, Precondition, ReadChange, ReadError, Row, RowError, SourceSyntax, StoreArtifact, StoreError,
    SyntaxAnswer, Written,
};
use serde_json::Value;

/// Rows in memory, with the guarantees of the port.
#[derive(Debug, Default)]
pub struct MemoryRows(Mutex<BTreeMap<String, Row>>);

impl MemoryRows {
    /// Returns all rows, by key. A test may change them without the port.
    pub fn all(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<(String, Row)> for MemoryRows {
    fn from_iter<T: IntoIterator<Item = (String, Row)>>(rows: T) -> Self {
        Self(Mutex::new(rows.into_iter().collect()))
    }
}

#[async_trait]
impl KeepRows for MemoryRows {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        Ok(self.all().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError> {
        let mut rows = self.all();
        let found = rows.get(key).cloned();
        let version = found.as_ref().map(|row| row.version);
        let is_as_expected = match expect {
            Precondition::Absent => version.is_none(),
            Precondition::Version(expected) => version == Some(expected),
        };
        if !is_as_expected {
            return Ok(Written::Conflict { found });
        }
        let version = version.unwrap_or(0) + 1;
        let value = value.clone();
        rows.insert(key.to_owned(), Row { version, value });
        Ok(Written::Done { version })
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        let mut rows = self.all();
        let found = rows.get(key).cloned();
        if found.as_ref().is_some_and(|row| row.version != version) {
            return Ok(Written::Conflict { found });
        }
        rows.remove(key);
        Ok(Written::Done { version })
    }

    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
        let rows = self.all();
        let inside = rows.iter().filter(|(key, _)| key.starts_with(prefix)).take(most);
        Ok(inside.map(|(key, row)| (key.clone(), row.clone())).collect())
    }
}

/// Artifacts in memory.
#[derive(Debug, Default)]
pub struct MemoryArtifacts(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryArtifacts {
    /// Returns all artifacts, by key.
    pub fn all(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<(String, Vec<u8>)> for MemoryArtifacts {
    fn from_iter<T: IntoIterator<Item = (String, Vec<u8>)>>(artifacts: T) -> Self {
        Self(Mutex::new(artifacts.into_iter().collect()))
    }
}

#[async_trait]
impl StoreArtifact for MemoryArtifacts {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.all().insert(key.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.all().get(key).cloned())
    }
}

/// A fixed change. By default it has no change to read, no files, and the target's head.
#[derive(Clone, Debug, Default)]
pub struct FixedChange {
    /// The change; reading fails without one.
    pub change: Option<Change>,
    /// Files by path, the same at every commit.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The current head; the target's if this is none.
    pub head: Option<CommitSha>,
    /// The current merge base, if it is known.
    pub merge_base: Option<CommitSha>,
}

#[async_trait]
impl ReadChange for FixedChange {
    async fn read_change(&self, _target: &Target) -> Result<Change, ReadError> {
        let missing = || ReadError::Unavailable("no change is read here".to_owned());
        self.change.clone().ok_or_else(missing)
    }

    async fn read_file(&self, _target: &Target, path: &str, _at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.files.get(path).cloned())
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        Ok(self.head.as_ref().unwrap_or(target.head()).clone())
    }

    async fn current_ends(&self, target: &Target) -> Result<Ends, ReadError> {
        Ok(Ends {
            head: self.current_head(target).await?,
            merge_base: self.merge_base.clone(),
        })
    }
}

/// A syntax port that knows no language.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSyntax;

#[async_trait]
impl SourceSyntax for NoSyntax {
    async fn view(&self, _path: &str, _text: &str, _lines: &[u32]) -> SyntaxAnswer {
        SyntaxAnswer::default()
    }
}
