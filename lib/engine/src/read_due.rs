//! The engine's queries about time: due timers of executions that only wait, and the last stored time.

use holdfast_asl::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::ahead::Segment;
use super::read::invalid;
use super::time::StoredTime;

/// Returns the last stored time.
pub(super) fn stored_time(connection: &Connection) -> rusqlite::Result<StoredTime> {
    let now = connection
        .query_row("SELECT value FROM meta WHERE key = 'clock_ms'", [], |row| row.get(0))
        .optional()?;
    let ahead = connection
        .query_row("SELECT value FROM meta WHERE key = 'clock_ahead'", [], |row| {
            serde_json::from_str(row.get_ref(0)?.as_str()?).map_err(|error| invalid(0, error))
        })
        .optional()?;
    Ok(StoredTime {
        now: now.map(Timestamp),
        ahead: ahead.unwrap_or_default(),
    })
}

/// Returns the ids of waiting executions with a due timer; in each segment the earliest first.
pub(super) fn due(
    connection: &Connection,
    segments: &[Segment],
    now: Timestamp,
    limit: u32,
) -> rusqlite::Result<Vec<i64>> {
    let mut due = Vec::new();
    for Segment { after, up_to, by_ms } in segments {
        let left = (limit as usize).saturating_sub(due.len());
        let mut statement = connection.prepare_cached(
            "SELECT id FROM executions WHERE status = 'RUNNING' AND waits = 1 AND due_ms <= ?1 AND id > ?2 AND id <= ?3
             ORDER BY due_ms LIMIT ?4",
        )?;
        let found = statement.query_map((now.after_ms(*by_ms).0, after, up_to, left as i64), |row| row.get(0))?;
        for id in found {
            due.push(id?);
        }
    }
    Ok(due)
}

/// Returns the earliest timer of the executions that only wait, by the engine's time; with `later_than`, the earliest
/// one after that time.
pub(super) fn next_due(
    connection: &Connection,
    segments: &[Segment],
    later_than: Option<Timestamp>,
) -> rusqlite::Result<Option<Timestamp>> {
    let mut earliest = None;
    for Segment { after, up_to, by_ms } in segments {
        let least = later_than.map_or(i64::MIN, |time| time.after_ms(*by_ms).0);
        let found: Option<i64> = connection
            .prepare_cached(
                "SELECT due_ms FROM executions WHERE status = 'RUNNING' AND waits = 1 AND due_ms > ?1 AND id > ?2
                     AND id <= ?3 ORDER BY due_ms LIMIT 1",
            )?
            .query_row((least, after, up_to), |row| row.get(0))
            .optional()?;
        let found = found.map(|at| Timestamp(at).after_ms(by_ms.saturating_neg()));
        earliest = earliest.into_iter().chain(found).min();
    }
    Ok(earliest)
}
