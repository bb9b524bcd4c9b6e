//! Rows as typed values, and the one way to change a row that others may change at the same time. [`update`] reads the
//! row, decides, and writes only if nobody has written in the meantime; otherwise it reads and decides again. All state
//! that several runs share is written here.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::error::StageError;
use crate::model::error_name::ErrorName;
use crate::port::{KeepRows, Precondition, Row, Written};

/// Maximum attempts at a conflicting write. Each conflict means that another writer has just succeeded.
pub const MAX_CONFLICTS: usize = 20;

/// The decision on a row, with the caller's result.
#[derive(Debug)]
pub enum Update<T, A> {
    /// Store this value. The result counts once it is stored.
    Write(T, A),
    /// Leave the row unchanged.
    Keep(A),
}

/// A value with its row's version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    /// The row's version.
    pub version: u64,
    /// The stored value.
    pub value: T,
}

/// Reads a row's value.
///
/// # Errors
///
/// The row has another shape. Its text is not quoted: it may hold a credential.
pub fn parse<T: DeserializeOwned>(key: &str, row: &Row) -> Result<T, StageError> {
    T::deserialize(&row.value).map_err(|_| {
        let message = format!("row {key} has another shape: it was damaged, or another version wrote it");
        StageError::new(ErrorName::PayloadInvalid, message)
    })
}

/// Returns a row's value, if there is one.
///
/// # Errors
///
/// The table can't be read; the row has another shape.
pub async fn find<T: DeserializeOwned>(rows: &dyn KeepRows, key: &str) -> Result<Option<Stored<T>>, StageError> {
    let Some(row) = rows.get(key).await? else {
        return Ok(None);
    };
    Ok(Some(Stored {
        version: row.version,
        value: parse(key, &row)?,
    }))
}

/// Creates a row, and returns whether it did: an existing row stays unchanged.
///
/// # Errors
///
/// The table can't be written.
pub async fn create<T: Serialize>(rows: &dyn KeepRows, key: &str, value: &T) -> Result<bool, StageError> {
    put(rows, key, value, None).await
}

/// Deletes a row, whatever it holds. A missing one counts as deleted.
///
/// # Errors
///
/// The table can't be reached; others wrote the row at each of [`MAX_CONFLICTS`] attempts.
pub async fn remove(rows: &dyn KeepRows, key: &str) -> Result<(), StageError> {
    for _ in 0..MAX_CONFLICTS {
        let Some(row) = rows.get(key).await? else {
            return Ok(());
        };
        if let Written::Done { .. } = rows.delete(key, row.version).await? {
            return Ok(());
        }
    }
    Err(contended(key))
}

/// Changes a row. `decide` gets its value, and is called again with the new value if another writer was faster.
///
/// # Errors
///
/// `decide` fails; the table can't be reached; the row has another shape; each of [`MAX_CONFLICTS`] attempts
/// conflicted.
pub async fn update<T, A, E, D>(rows: &dyn KeepRows, key: &str, mut decide: impl FnMut(Option<T>) -> D) -> Result<A, E>
where
    T: Serialize + DeserializeOwned,
    E: From<StageError>,
    D: Future<Output = Result<Update<T, A>, E>>,
{
    for _ in 0..MAX_CONFLICTS {
        let (version, value) = find::<T>(rows, key)
            .await?
            .map(|stored| (stored.version, stored.value))
            .unzip();
        match decide(value).await? {
            Update::Keep(answer) => return Ok(answer),
            Update::Write(value, answer) => {
                if put(rows, key, &value, version).await? {
                    return Ok(answer);
                }
            }
        }
    }
    Err(contended(key).into())
}

/// Returns the failure of a write that conflicted [`MAX_CONFLICTS`] times. The workflow retries it.
pub(crate) fn contended(key: &str) -> StageError {
    let message = format!("row {key}: others wrote it {MAX_CONFLICTS} times in a row");
    StageError::new(ErrorName::ArtifactUnavailable, message)
}

async fn put<T: Serialize>(
    rows: &dyn KeepRows,
    key: &str,
    value: &T,
    version: Option<u64>,
) -> Result<bool, StageError> {
    let precondition = version.map_or(Precondition::Absent, Precondition::Version);
    let written = rows.put(key, &json!(value), precondition).await?;
    Ok(matches!(written, Written::Done { .. }))
}
