//! The progress of a delivery: a row that is created before the first effect. A delivery's id is not signed, so the row
//! is named by the signed body: a comment, a check, a change of a pull request. A delivery that failed midway resumes;
//! a finished one has no further effect.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::StageError;
use crate::model::run_name::RunName;
use crate::port::{KeepRows, Precondition, Row, Written};
use crate::rows;

/// The progress of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Whether it is finished.
    #[serde(default)]
    pub is_done: bool,
    /// The attempt that was started, or is being started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The runs that it stops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunName>,
}

/// A delivery whose effects happen once.
#[derive(Debug)]
pub(super) struct Delivery {
    key: String,
    version: u64,
    /// Its progress.
    pub progress: Progress,
}

/// The reason why progress was not stored.
#[derive(Debug)]
pub(super) enum NotStored {
    /// A duplicate delivery has changed the row in the meantime.
    ChangedByDuplicate,
    /// The table failed.
    Failed(StageError),
}

impl Delivery {
    /// Begins a delivery, or resumes where an earlier one stopped. Returns `None` for a finished delivery.
    ///
    /// # Errors
    ///
    /// The table fails; the row appears and disappears [`rows::MAX_CONFLICTS`] times.
    pub async fn begin(table: &dyn KeepRows, name: &str) -> Result<Option<Self>, StageError> {
        let key = format!("once/{name}");
        for _ in 0..rows::MAX_CONFLICTS {
            if let Some(row) = table.get(&key).await? {
                return Self::found(key, &row);
            }
            let progress = Progress::default();
            match table.put(&key, &json!(progress), Precondition::Absent).await? {
                Written::Done { version } => return Ok(Some(Self { key, version, progress })),
                Written::Conflict { found: Some(row) } => return Self::found(key, &row),
                // The row was deleted after the conflict: nothing shows that the delivery is finished.
                Written::Conflict { found: None } => {}
            }
        }
        Err(rows::contended(&key))
    }

    fn found(key: String, row: &Row) -> Result<Option<Self>, StageError> {
        let progress: Progress = rows::parse(&key, row)?;
        Ok((!progress.is_done).then_some(Self {
            key,
            version: row.version,
            progress,
        }))
    }

    /// Stores progress.
    ///
    /// # Errors
    /// A duplicate delivery has changed the row, or the table fails.
    pub async fn store(&mut self, rows: &dyn KeepRows, progress: Progress) -> Result<(), NotStored> {
        let expect = Precondition::Version(self.version);
        match rows.put(&self.key, &json!(progress), expect).await {
            Ok(Written::Done { version }) => {
                (self.version, self.progress) = (version, progress);
                Ok(())
            }
            Ok(Written::Conflict { .. }) => Err(NotStored::ChangedByDuplicate),
            Err(error) => Err(NotStored::Failed(error.into())),
        }
    }

    /// Stores that the delivery is finished. A duplicate delivery may have stored it before.
    ///
    /// # Errors
    ///
    /// The table fails.
    pub async fn finish(mut self, rows: &dyn KeepRows) -> Result<(), StageError> {
        let progress = Progress {
            is_done: true,
            ..self.progress.clone()
        };
        match self.store(rows, progress).await {
            Ok(()) | Err(NotStored::ChangedByDuplicate) => Ok(()),
            Err(NotStored::Failed(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::sync::Mutex;

    use async_trait::async_trait;
    use futures::executor::block_on;
    use serde_json::Value;

    use super::*;
    use crate::model::error_name::ErrorName;
    use crate::port::RowError;

    /// A table whose row is deleted just after each of this many conflicts.
    struct Vanishing(Mutex<usize>);

    #[async_trait]
    impl KeepRows for Vanishing {
        async fn get(&self, _: &str) -> Result<Option<Row>, RowError> {
            Ok(None)
        }

        async fn put(&self, _: &str, _: &Value, _: Precondition) -> Result<Written, RowError> {
            let mut conflicts = self.0.lock().unwrap();
            Ok(match conflicts.checked_sub(1) {
                Some(fewer) => {
                    *conflicts = fewer;
                    Written::Conflict { found: None }
                }
                None => Written::Done { version: 1 },
            })
        }

        async fn delete(&self, _: &str, version: u64) -> Result<Written, RowError> {
            Ok(Written::Done { version })
        }

        async fn list(&self, _: &str, _: usize) -> Result<Vec<(String, Row)>, RowError> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn a_conflict_without_a_row_is_not_a_finished_delivery() {
        let begin = |conflicts| block_on(Delivery::begin(&Vanishing(Mutex::new(conflicts)), "comment/1"));
        assert!(begin(1).unwrap().is_some());
        let error = begin(usize::MAX).unwrap_err();
        assert_eq!(error.name, ErrorName::ArtifactUnavailable, "GitHub delivers it again");
    }
}
