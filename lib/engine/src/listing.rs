//! Executions and map runs in the form that the Step Functions API needs: by ARN, with details, in pages.

use holdfast_asl::Timestamp;
use rusqlite::{OptionalExtension, Row, named_params};

use super::archive::{Archive, ExecutionRecord, ExecutionStatus, MapRunRecord, map_run, record};
use super::error::EngineError;
use super::map_limits::MapRunLimits;
use super::read::{map_run_limits, unsigned};

/// An execution with the details that the API shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionDetails {
    /// The execution.
    pub record: ExecutionRecord,
    /// The ARN of its state machine; a map's child has one with the map's label.
    pub machine_arn: String,
    /// The role that it was started with.
    pub role_arn: String,
    /// Number of redrives.
    pub redrives: u64,
    /// The time of the last redrive.
    pub redriven: Option<Timestamp>,
    /// The ARN of its map run, for a child.
    pub map_run: Option<String>,
}

/// A map run with the details that the API shows.
#[derive(Clone, Debug, PartialEq)]
pub struct MapRunDetails {
    /// The map run.
    pub record: MapRunRecord,
    /// The execution whose Map state started it.
    pub parent: ExecutionDetails,
    /// Number of redrives.
    pub redrives: u64,
    /// Its limits now. `None` for a limit that is not set, and for all in a run of an older version.
    pub limits: MapRunLimits,
    /// For each status, the number of children and of their items.
    pub children: Vec<(ExecutionStatus, u64, u64)>,
}

/// A filter of executions.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExecutionFilter {
    /// Only executions of this status.
    pub status: Option<ExecutionStatus>,
    /// Only executions that were redriven, or only those that weren't.
    pub redriven: Option<bool>,
}

/// A place in a list: the start and the id of an execution.
pub type ListPosition = (Timestamp, i64);

const DETAILS: &str =
    "id, arn, name, status, input, output, error, cause, started_ms, stopped_ms, map_index, definition,
    machine_arn, role_arn, redrives, redriven_ms, (SELECT arn FROM map_runs WHERE id = executions.map_run)";
const MAP_RUN: &str = "id, arn, state, status, total, started_ms, stopped_ms, parent, redrives,
    max_concurrency, tolerated_failure_count, tolerated_failure_percentage";

impl Archive {
    /// Returns the execution of an ARN, if it exists. A map's child that has not begun doesn't count.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn execution_by_arn(&self, arn: &str) -> Result<Option<ExecutionDetails>, EngineError> {
        let sql = format!("SELECT {DETAILS} FROM executions WHERE arn = ?1 AND status <> 'PENDING'");
        self.read(|db| db.prepare_cached(&sql)?.query_row([arn], details).optional())
    }

    /// Returns the top-level executions of a state machine, newest first: at most `limit`, after a place.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn executions_of(
        &self,
        machine_arn: &str,
        wanted: ExecutionFilter,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<Vec<ExecutionDetails>, EngineError> {
        let (before, id) = after.unwrap_or((Timestamp(i64::MAX), i64::MAX));
        let sql = executions_of_machine(wanted.status.is_some());
        self.read(|db| {
            let params = named_params! {
                ":machine": machine_arn,
                ":before": before.0,
                ":id": id,
                ":status": wanted.status.map(ExecutionStatus::as_str),
                ":redriven": wanted.redriven,
                ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
            };
            db.prepare_cached(&sql)?.query_map(params, details)?.collect()
        })
    }

    /// Returns the children of a map run that have begun, in item order: at most `limit`, from an index on.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn children_of(
        &self,
        map_run_id: i64,
        wanted: ExecutionFilter,
        from_index: u64,
        limit: usize,
    ) -> Result<Vec<ExecutionDetails>, EngineError> {
        let sql = format!(
            "SELECT {DETAILS} FROM executions
             WHERE map_run = :map_run AND map_index >= :from AND status <> 'PENDING'
                 AND (:status IS NULL OR status = :status) AND (:redriven IS NULL OR (redrives > 0) = :redriven)
             ORDER BY map_index LIMIT :limit"
        );
        self.read(|db| {
            let params = named_params! {
                ":map_run": map_run_id,
                ":from": from_index.cast_signed(),
                ":status": wanted.status.map(ExecutionStatus::as_str),
                ":redriven": wanted.redriven,
                ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
            };
            db.prepare_cached(&sql)?.query_map(params, details)?.collect()
        })
    }

    /// Returns the map run of an ARN, if it exists.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn map_run_by_arn(&self, arn: &str) -> Result<Option<MapRunDetails>, EngineError> {
        self.read(|db| {
            let sql = format!("SELECT {MAP_RUN} FROM map_runs WHERE arn = ?1");
            let found = db
                .prepare_cached(&sql)?
                .query_row([arn], |row| {
                    Ok((
                        map_run(row)?,
                        row.get::<_, i64>(7)?,
                        unsigned(row, 8)?,
                        map_run_limits(row, 9)?,
                    ))
                })
                .optional()?;
            let Some((record, parent, redrives, limits)) = found else {
                return Ok(None);
            };
            let sql = format!("SELECT {DETAILS} FROM executions WHERE id = ?1");
            let parent = db.prepare_cached(&sql)?.query_row([parent], details)?;
            let children = db
                .prepare_cached(
                    "SELECT status, count(*), sum(items) FROM executions WHERE map_run = ?1 GROUP BY status",
                )?
                .query_map([record.id], |row| {
                    Ok((super::read::parsed(row, 0)?, unsigned(row, 1)?, unsigned(row, 2)?))
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Some(MapRunDetails {
                record,
                parent,
                redrives,
                limits,
                children,
            }))
        })
    }
}

/// Returns the query for a page of a machine's executions: an index finds them, in its order.
fn executions_of_machine(has_status: bool) -> String {
    // With one query for both, SQLite would use the index of the machine and filter.
    let status = if has_status {
        "status = :status"
    } else {
        ":status IS NULL"
    };
    format!(
        "SELECT {DETAILS} FROM executions
         WHERE map_run IS NULL AND machine_arn = :machine AND {status} AND (started_ms, id) < (:before, :id)
             AND (:redriven IS NULL OR (redrives > 0) = :redriven)
         ORDER BY started_ms DESC, id DESC LIMIT :limit"
    )
}

fn details(row: &Row<'_>) -> rusqlite::Result<ExecutionDetails> {
    Ok(ExecutionDetails {
        record: record(row)?,
        machine_arn: row.get(12)?,
        role_arn: row.get(13)?,
        redrives: unsigned(row, 14)?,
        redriven: row.get::<_, Option<i64>>(15)?.map(Timestamp),
        map_run: row.get(16)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::plan;
    use super::*;

    #[test]
    fn the_executions_of_a_machine_are_found_by_an_index_and_not_sorted() {
        for (has_status, index) in [
            (false, "USING INDEX executions_by_machine (machine_arn=? AND"),
            (true, "USING INDEX executions_by_status (machine_arn=? AND status=? AND"),
        ] {
            let plan = plan(&executions_of_machine(has_status));
            assert!(plan.contains(index), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
