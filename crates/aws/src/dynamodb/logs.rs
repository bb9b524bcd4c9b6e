//! Logs in the table of rows. An append is one update without a condition on other callers, and its answer is the log.

use async_trait::async_trait;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use holdfast_core::port::row_form::{
    LOG_BYTES, failed, log_full, read_value, split_key, unreadable, write_base, write_entry,
};
use holdfast_core::port::{KeepLogs, Log, ROWS_KEPT, RowError};
use serde_json::Value;

use super::{DynamodbKeepRows, EXPIRES, GROUP, Item, NAME, expires_s, number, text};

/// The attribute that holds the number of folded entries.
const FOLDED: &str = "folded";
/// The attribute that holds the base, as a text of JSON.
const BASE: &str = "base";
/// The attribute that holds the entries, a list of texts of JSON.
const ENTRIES: &str = "entries";
/// The attribute that holds the bytes of base and entries.
const BYTES: &str = "bytes";

/// A log as its item holds it.
struct Stored<'a> {
    folded: u64,
    base: Option<&'a str>,
    entries: Vec<&'a str>,
}

impl<'a> Stored<'a> {
    /// Reads an item; none if another program wrote it. A fold of all entries leaves an empty list.
    fn read(item: &'a Item) -> Option<Self> {
        let entries = item.get(ENTRIES)?.as_l().ok()?;
        Some(Self {
            folded: item
                .get(FOLDED)
                .map_or(Some(0), |folded| folded.as_n().ok()?.parse().ok())?,
            base: item
                .get(BASE)
                .map_or(Some(None), |base| base.as_s().ok().map(|base| Some(base.as_str())))?,
            entries: entries
                .iter()
                .map(|entry| entry.as_s().ok().map(String::as_str))
                .collect::<Option<_>>()?,
        })
    }
}

impl DynamodbKeepRows {
    fn stored<'a>(&self, key: &str, item: &'a Item) -> Result<Stored<'a>, RowError> {
        Stored::read(item).ok_or_else(|| failed(key, unreadable(&format!("the table {}", self.table))))
    }

    fn log(&self, key: &str, item: &Item) -> Result<Log, RowError> {
        let stored = self.stored(key, item)?;
        let table = format!("the table {}", self.table);
        let read = |text: &str| read_value(key, text, &table);
        Ok(Log {
            folded: stored.folded,
            base: stored.base.map(read).transpose()?,
            entries: stored.entries.into_iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Returns the reason for a refused append: the log is full, or the item isn't a log.
    async fn refusal(&self, key: &str) -> RowError {
        match self.read(key).await {
            Ok(_) => log_full(key),
            Err(error) => error,
        }
    }
}

#[async_trait]
impl KeepLogs for DynamodbKeepRows {
    async fn read(&self, key: &str) -> Result<Log, RowError> {
        match self.find(key).await? {
            Some(item) => self.log(key, &item),
            None => Ok(Log::default()),
        }
    }

    async fn append(&self, key: &str, entry: &Value) -> Result<Log, RowError> {
        let (group, name) = split_key(key)?;
        let entry = write_entry(key, entry)?;
        let bytes = entry.len();
        let list = |entries: Vec<AttributeValue>| AttributeValue::L(entries);
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .key(GROUP, text(group))
            .key(NAME, text(name))
            .return_values(ReturnValue::AllNew)
            // The conditions don't depend on other callers, except for a log that nobody folds.
            .condition_expression("attribute_not_exists(#value) AND (attribute_not_exists(#bytes) OR #bytes <= :room)")
            .expression_attribute_names("#value", super::VALUE)
            .expression_attribute_names("#bytes", BYTES)
            .expression_attribute_names("#entries", ENTRIES)
            .expression_attribute_values(":none", list(Vec::new()))
            .expression_attribute_values(":entry", list(vec![AttributeValue::S(entry)]))
            .expression_attribute_values(":length", number(bytes as u64))
            .expression_attribute_values(":room", number(LOG_BYTES.saturating_sub(bytes) as u64));
        let set = "SET #entries = list_append(if_not_exists(#entries, :none), :entry)";
        let update = match group {
            ROWS_KEPT => update.update_expression(format!("{set} ADD #bytes :length")),
            _ => update
                .update_expression(format!("{set}, #expires = :expires ADD #bytes :length"))
                .expression_attribute_names("#expires", EXPIRES)
                .expression_attribute_values(":expires", number(expires_s())),
        };
        match update.send().await {
            Ok(updated) => self.log(key, &updated.attributes.unwrap_or_default()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Err(self.refusal(key).await),
                _ => Err(self.failed(key, "written to", &error)),
            },
        }
    }

    async fn fold(&self, key: &str, folded: u64, count: usize, base: &Value) -> Result<bool, RowError> {
        let (group, name) = split_key(key)?;
        let base = write_base(key, base, count)?;
        let Some(item) = self.find(key).await? else {
            return Ok(false);
        };
        let stored = self.stored(key, &item)?;
        if stored.folded != folded || stored.entries.len() < count {
            return Ok(false);
        }
        // The condition keeps these the same until the update: only a fold changes them.
        let removed: usize = stored.entries.iter().take(count).map(|entry| entry.len()).sum();
        let before = removed + stored.base.map_or(0, str::len);
        let difference = AttributeValue::N((base.len() as i128 - before as i128).to_string());
        // From the last to the first, so that a server that removes one after the other removes the same ones.
        let places: Vec<String> = (0..count).rev().map(|at| format!("#entries[{at}]")).collect();
        let update = self.client.update_item().table_name(&self.table);
        let update = update
            .key(GROUP, text(group))
            .key(NAME, text(name))
            .update_expression(format!(
                "SET #base = :base, #folded = :after ADD #bytes :difference REMOVE {}",
                places.join(", ")
            ))
            .expression_attribute_names("#base", BASE)
            .expression_attribute_names("#bytes", BYTES)
            .expression_attribute_names("#entries", ENTRIES)
            .expression_attribute_names("#folded", FOLDED)
            .expression_attribute_values(":base", AttributeValue::S(base))
            .expression_attribute_values(":difference", difference)
            .expression_attribute_values(":after", number(folded.saturating_add(count as u64)));
        let update = match folded {
            // Entries exist: the fold doesn't create a log that expired meanwhile.
            0 => update.condition_expression("attribute_not_exists(#folded) AND attribute_exists(#entries)"),
            _ => update
                .condition_expression("#folded = :before")
                .expression_attribute_values(":before", number(folded)),
        };
        let Err(error) = update.send().await else {
            return Ok(true);
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(self.failed(key, "written to", &error)),
        }
    }
}
