//! Rows and logs in a DynamoDB table: DynamoDB checks each condition and writes in one atomic step. The table's hash key
//! `pk` is a key's group, its range key `sk` the rest of the key. `logs` has the logs.

mod logs;

use std::collections::HashMap;
use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use holdfast_core::port::{KeepRows, Precondition, ROW_DAYS, ROWS_KEPT, Row, RowError, Written};
use serde_json::Value;

use crate::account;
use holdfast_core::port::row_form::{failed, read_value, split_key, split_prefix, unreadable, write_value};

/// The attribute that holds a key's group.
const GROUP: &str = "pk";
/// The attribute that holds the rest of a key.
const NAME: &str = "sk";
/// The attribute that holds a row's version, a number.
const VERSION: &str = "version";
/// The attribute that holds a row's value, as a text of JSON.
const VALUE: &str = "value";

/// The attribute by which DynamoDB's time to live deletes a row: seconds since 1970.
const EXPIRES: &str = "expires";

/// Maximum number of rows in one request. An answer also ends at 1 MB.
const MAX_PAGE_ROWS: usize = 1000;

type Item = HashMap<String, AttributeValue>;

/// Stores rows and logs in a table. The SDK retries nothing: the workflow does.
#[derive(Clone, Debug)]
pub struct DynamodbKeepRows {
    client: Client,
    table: String,
}

impl DynamodbKeepRows {
    /// Uses `table`, with the account and region of `config`. Limits: 5 s to connect, 20 s a call. After a timeout the
    /// write may still happen: read the row again.
    pub fn new(config: &aws_config::SdkConfig, table: impl Into<String>) -> Self {
        Self::from_config(Builder::from(config), table)
    }

    /// Uses a configuration for DynamoDB only, for example with another endpoint.
    pub fn from_config(config: Builder, table: impl Into<String>) -> Self {
        let config = config
            .behavior_version(account::behavior_version())
            .retry_config(account::no_retries())
            .timeout_config(account::limits(account::MAX_ROW_CALL_TIME))
            .build();
        Self {
            client: Client::from_conf(config),
            table: table.into(),
        }
    }

    async fn find(&self, key: &str) -> Result<Option<Item>, RowError> {
        let (group, name) = split_key(key)?;
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let got = get.key(GROUP, text(group)).key(NAME, text(name)).send().await;
        Ok(got.map_err(|error| self.failed(key, "read from", &error))?.item)
    }

    fn failed<E>(&self, key: &str, doing: &str, error: &SdkError<E>) -> RowError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let detail = format!(
            "cannot be {doing} the table {}: {}. Check that the table exists in this region with the keys {GROUP} and \
             {NAME}, and that the role may use it",
            self.table,
            account::failure_line(error)
        );
        failed(key, detail)
    }

    fn conflict(&self, key: &str, found: Option<&Item>) -> Result<Written, RowError> {
        let found = found.map(|item| self.row(key, item)).transpose()?;
        Ok(Written::Conflict { found })
    }

    fn row(&self, key: &str, item: &Item) -> Result<Row, RowError> {
        let table = format!("the table {}", self.table);
        let version = item.get(VERSION).and_then(|version| version.as_n().ok());
        let version = version.and_then(|version| version.parse().ok());
        let text = item.get(VALUE).and_then(|value| value.as_s().ok());
        match (version, text) {
            (Some(version), Some(text)) => Ok(Row {
                version,
                value: read_value(key, text, &table)?,
            }),
            _ => Err(failed(key, unreadable(&table))),
        }
    }
}

#[async_trait]
impl KeepRows for DynamodbKeepRows {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        let found = self.find(key).await?;
        found.map(|item| self.row(key, &item)).transpose()
    }

    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError> {
        let (group, name) = split_key(key)?;
        let value = write_value(key, value)?;
        let put = self.client.put_item().table_name(&self.table);
        let (put, version) = match expect {
            Precondition::Absent => (put.condition_expression("attribute_not_exists(pk)"), 1),
            Precondition::Version(version) => {
                let put = put.condition_expression("#version = :expected");
                let put = put.expression_attribute_names("#version", VERSION);
                let put = put.expression_attribute_values(":expected", number(version));
                (put, version.saturating_add(1))
            }
        };
        let put = put
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .item(GROUP, text(group))
            .item(NAME, text(name))
            .item(VERSION, number(version))
            .item(VALUE, AttributeValue::S(value));
        let put = match group {
            ROWS_KEPT => put,
            _ => put.item(EXPIRES, number(expires_s())),
        };
        let Err(error) = put.send().await else {
            return Ok(Written::Done { version });
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => self.conflict(key, refusal.item()),
            _ => Err(self.failed(key, "written to", &error)),
        }
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        let (group, name) = split_key(key)?;
        let delete = self.client.delete_item().table_name(&self.table);
        let delete = delete
            .key(GROUP, text(group))
            .key(NAME, text(name))
            .condition_expression("attribute_not_exists(pk) OR #version = :expected")
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":expected", number(version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = delete.send().await else {
            return Ok(Written::Done { version });
        };
        match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(refusal)) => self.conflict(key, refusal.item()),
            _ => Err(self.failed(key, "deleted from", &error)),
        }
    }

    async fn list(&self, prefix: &str, max_rows: usize) -> Result<Vec<(String, Row)>, RowError> {
        let (group, begin) = split_prefix(prefix)?;
        let mut rows = Vec::new();
        let mut from: Option<Item> = None;
        while rows.len() < max_rows {
            let wanted = (max_rows - rows.len()).min(MAX_PAGE_ROWS);
            let query = self.client.query().table_name(&self.table).consistent_read(true);
            let query = query
                .limit(i32::try_from(wanted).unwrap_or(i32::MAX))
                .set_exclusive_start_key(from)
                .expression_attribute_values(":group", text(group));
            let query = if begin.is_empty() {
                query.key_condition_expression("pk = :group")
            } else {
                let query = query.key_condition_expression("pk = :group AND begins_with(sk, :begin)");
                query.expression_attribute_values(":begin", text(begin))
            };
            let page = query.send().await;
            let page = page.map_err(|error| self.failed(prefix, "listed from", &error))?;
            for item in page.items() {
                let name = item.get(NAME).and_then(|name| name.as_s().ok());
                let name = name.ok_or_else(|| failed(prefix, unreadable(&format!("the table {}", self.table))))?;
                let key = format!("{group}/{name}");
                let row = self.row(&key, item)?;
                rows.push((key, row));
            }
            from = page.last_evaluated_key;
            if from.is_none() {
                break;
            }
        }
        Ok(rows)
    }
}

fn expires_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs() + u64::from(ROW_DAYS) * 86_400
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
