//! The journal: the events of one execution in one turn are one entry, and entries are only appended. So a turn writes
//! few pages, however many executions it changes. A list maps executions to their entries. It is extended for many
//! turns at once; newer entries are unlisted, and readers search all of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use holdfast_asl::{EventId, HistoryEvent};
use rusqlite::{Connection, Row, params};

use super::read;

/// Maximum number of unlisted entries before a turn lists them.
const MAX_UNLISTED_ENTRIES: i64 = 1_000;
/// Maximum number of unlisted entries that the engine searches for a history. If there are more, it lists them first,
/// which waits for the disk.
const MAX_SEARCHED_ENTRIES: i64 = 50;

/// The query for the listed entries of an execution.
const LISTED: &str =
    "SELECT entry, events FROM journal_list JOIN journal ON id = entry WHERE journal_list.execution = ?1";
/// The query for the unlisted entries of an execution.
const UNLISTED: &str = "SELECT id AS entry, events FROM journal
    WHERE id > (SELECT value FROM meta WHERE key = 'journal_listed') AND execution = ?1";

/// Adds an entry for each execution, and lists the entries if there are many. Part of the turn's transaction.
pub(super) fn append<'a>(
    connection: &Connection,
    entries: impl Iterator<Item = (&'a i64, &'a Vec<Arc<HistoryEvent>>)>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT INTO journal (execution, events) VALUES (?1, ?2)")?;
    let mut lines = Vec::new();
    for (execution, events) in entries {
        lines.clear();
        for event in events {
            serde_json::to_writer(&mut lines, event.as_ref())
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
            lines.push(b'\n');
        }
        let lines = std::str::from_utf8(&lines)?;
        statement.execute(params![execution, lines])?;
    }
    if unlisted(connection)? >= MAX_UNLISTED_ENTRIES {
        list(connection)?;
    }
    Ok(())
}

/// Lists every entry. Part of the caller's transaction.
pub(super) fn list(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO journal_list (execution, entry) SELECT execution, id FROM journal
             WHERE id > (SELECT value FROM meta WHERE key = 'journal_listed') ORDER BY execution, id",
        )?
        .execute([])?;
    connection
        .prepare_cached(
            "UPDATE meta SET value = (SELECT coalesce(max(id), 0) FROM journal) WHERE key = 'journal_listed'",
        )?
        .execute([])
        .map(drop)
}

/// Lists the entries before histories are read, if searching them for each history would cost more.
pub(super) fn prepare_reading(connection: &Connection) -> rusqlite::Result<()> {
    if unlisted(connection)? <= MAX_SEARCHED_ENTRIES {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    list(&transaction)?;
    transaction.commit()
}

/// Reads one history in order.
pub(super) fn history(connection: &Connection, execution: i64) -> rusqlite::Result<Vec<HistoryEvent>> {
    let mut statement = connection.prepare_cached(&format!("{LISTED} UNION ALL {UNLISTED} ORDER BY entry"))?;
    let mut rows = statement.query([execution])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        take_lines(row, 1, &mut events)?;
    }
    Ok(events)
}

/// The place of an event in the journal.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct HistoryPlace {
    /// The entry of the journal.
    pub entry: i64,
    /// The event's id.
    pub event: EventId,
}

/// The order in which a history is read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum HistoryOrder {
    /// From the first event to the last.
    OldestFirst,
    /// From the last event to the first.
    NewestFirst,
}

/// The storage of histories.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// In the journal.
    Journal,
    /// In a database of a version before the journal: each event has a row.
    Rows,
}

impl Storage {
    /// Returns the query for the entries from `?2` on, in order.
    fn entries(self, order: HistoryOrder) -> String {
        let (least, way) = match order {
            HistoryOrder::OldestFirst => (">=", "ASC"),
            HistoryOrder::NewestFirst => ("<=", "DESC"),
        };
        match self {
            Self::Journal => {
                format!("{LISTED} AND entry {least} ?2 UNION ALL {UNLISTED} AND id {least} ?2 ORDER BY entry {way}")
            }
            Self::Rows => {
                format!("SELECT id, json FROM events WHERE execution = ?1 AND id {least} ?2 ORDER BY id {way}")
            }
        }
    }
}

/// Reads the events of a history after a place, one by one until `visit` breaks. Later entries aren't read.
pub(super) fn visit(
    connection: &Connection,
    storage: Storage,
    execution: i64,
    (order, after): (HistoryOrder, Option<HistoryPlace>),
    visit: &mut dyn FnMut(HistoryPlace, HistoryEvent) -> ControlFlow<()>,
) -> rusqlite::Result<()> {
    let first = match order {
        HistoryOrder::OldestFirst => i64::MIN,
        HistoryOrder::NewestFirst => i64::MAX,
    };
    let first = after.map_or(first, |place| place.entry);
    let mut statement = connection.prepare_cached(&storage.entries(order))?;
    let mut rows = statement.query([execution, first])?;
    while let Some(row) = rows.next()? {
        let entry = row.get(0)?;
        let mut events = Vec::new();
        take_lines(row, 1, &mut events)?;
        if order == HistoryOrder::NewestFirst {
            events.reverse();
        }
        for event in events {
            let place = HistoryPlace { entry, event: event.id };
            let is_behind = match (order, after) {
                (_, None) => true,
                (HistoryOrder::OldestFirst, Some(after)) => place.event > after.event,
                (HistoryOrder::NewestFirst, Some(after)) => place.event < after.event,
            };
            if is_behind && visit(place, event).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn take_lines(row: &Row<'_>, column: usize, events: &mut Vec<HistoryEvent>) -> rusqlite::Result<()> {
    for line in row.get_ref(column)?.as_str()?.lines() {
        events.push(serde_json::from_str(line).map_err(|error| read::invalid(column, error))?);
    }
    Ok(())
}

fn unlisted(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "SELECT (SELECT coalesce(max(id), 0) FROM journal) - (SELECT value FROM meta WHERE key = 'journal_listed')",
        )?
        .query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::plan;
    use super::*;

    #[test]
    fn a_history_is_read_in_order_without_sorting_it() {
        for order in [HistoryOrder::OldestFirst, HistoryOrder::NewestFirst] {
            let plan = plan(&Storage::Journal.entries(order));
            assert!(plan.contains("(execution=? AND entry"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}
