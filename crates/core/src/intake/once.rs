//! What a delivery asked for and how far it was done: a row that is written under a condition before anything is done. A
//! delivery's id is not signed, so the row is named by what the signed body names: a comment, a check, a change of a pull
//! request. A delivery that failed midway continues; one that was done does nothing.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::StageError;
use crate::port::{KeepRows, Precondition, Row, Written};
use crate::rows;

/// How far it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// Whether all of it is done.
    #[serde(default)]
    pub is_done: bool,
    /// The attempt that is being started, or was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The runs that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
}

/// One thing that is done once.
#[derive(Debug)]
pub(super) struct Once {
    key: String,
    version: u64,
    /// How far it was done.
    pub progress: Progress,
}

/// Another delivery of the same thing has written the row meanwhile, or the table failed.
#[derive(Debug)]
pub(super) enum NotNoted {
    /// Another one does it.
    ByAnother,
    /// The table failed.
    Failed(StageError),
}

impl Once {
    /// Begins, or continues where an earlier delivery stopped. `None`: it was done before. Errors: what the table says.
    pub async fn begin(table: &dyn KeepRows, name: &str) -> Result<Option<Self>, StageError> {
        let key = format!("once/{name}");
        if let Some(row) = table.get(&key).await? {
            return Self::found(key, &row);
        }
        let progress = Progress::default();
        match table.put(&key, &json!(progress), Precondition::Absent).await? {
            Written::Done { version } => Ok(Some(Self { key, version, progress })),
            Written::Conflict { found: Some(row) } => Self::found(key, &row),
            Written::Conflict { found: None } => Ok(None),
        }
    }

    fn found(key: String, row: &Row) -> Result<Option<Self>, StageError> {
        let progress: Progress = rows::parse(&key, row)?;
        Ok((!progress.is_done).then_some(Self {
            key,
            version: row.version,
            progress,
        }))
    }

    /// Stores how far it is done.
    pub async fn note(&mut self, rows: &dyn KeepRows, progress: Progress) -> Result<(), NotNoted> {
        let expect = Precondition::Version(self.version);
        match rows.put(&self.key, &json!(progress), expect).await {
            Ok(Written::Done { version }) => {
                (self.version, self.progress) = (version, progress);
                Ok(())
            }
            Ok(Written::Conflict { .. }) => Err(NotNoted::ByAnother),
            Err(error) => Err(NotNoted::Failed(error.into())),
        }
    }

    /// Stores that it is done. Another delivery may have stored it as well. Errors: what the table says.
    pub async fn finish(mut self, rows: &dyn KeepRows) -> Result<(), StageError> {
        let progress = Progress {
            is_done: true,
            ..self.progress.clone()
        };
        match self.note(rows, progress).await {
            Ok(()) | Err(NotNoted::ByAnother) => Ok(()),
            Err(NotNoted::Failed(error)) => Err(error),
        }
    }
}
