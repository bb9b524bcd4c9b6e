//! `GetExecutionHistory`: the events of an execution, in pages.

use std::ops::ControlFlow;

use holdfast_engine::{HistoryOrder, HistoryPlace};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{Api, page, required, without_nulls};

/// A page ends early when it reaches this size.
const PAGE_BYTES: usize = 4 * 1_024 * 1_024;
/// The fields of an event's details that contain execution data.
const DATA: [&str; 7] = [
    "input",
    "inputDetails",
    "output",
    "outputDetails",
    "parameters",
    "assignedVariables",
    "assignedVariablesDetails",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    execution_arn: Option<String>,
    max_results: Option<i64>,
    #[serde(default)]
    reverse_order: bool,
    next_token: Option<String>,
    include_execution_data: Option<bool>,
}

impl Api {
    pub(super) fn history(&self, input: &History) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let limit = page::size(input.max_results)?;
        let found = self.execution(arn)?;
        let by = self.store().started_by(arn)?.unwrap_or_default();
        let query = format!("history {arn} {}", input.reverse_order);
        // The place of the last event of the previous page. A running execution adds events behind it.
        let after = page::position(&query, input.next_token.as_deref())?
            .map(|text| place(&text))
            .transpose()?;
        let order = match input.reverse_order {
            true => HistoryOrder::NewestFirst,
            false => HistoryOrder::OldestFirst,
        };
        let archive = self.archive()?;
        let masked = self.masked_tokens(&archive, &found)?;
        let with_data = input.include_execution_data.unwrap_or(true);
        let (mut events, mut bytes) = (Vec::new(), 0);
        let (mut last, mut next) = (None, None);
        let visited = archive.visit_history(found.record.id, order, after, &mut |place, event| {
            let Some(mut shown) = event.to_aws() else {
                return ControlFlow::Continue(());
            };
            if events.len() >= limit || bytes > PAGE_BYTES {
                next = last.map(|last: HistoryPlace| page::token(&query, &format!("{} {}", last.entry, last.event)));
                return ControlFlow::Break(());
            }
            if let Some(details) = shown.get_mut("executionStartedEventDetails") {
                for (field, value) in [
                    ("stateMachineAliasArn", by.alias_arn(&found.machine_arn)),
                    ("stateMachineVersionArn", by.version_arn(&found.machine_arn)),
                ] {
                    if let Some(value) = value {
                        details[field] = json!(value);
                    }
                }
            }
            if !with_data {
                remove_data(&mut shown);
            }
            masked.replace_in(&mut shown);
            bytes += shown.to_string().len();
            events.push(shown);
            last = Some(place);
            ControlFlow::Continue(())
        });
        visited.map_err(|error| ApiError::of_engine(&error, arn))?;
        Ok(without_nulls(json!({ "events": events, "nextToken": next })))
    }
}

fn place(text: &str) -> Result<HistoryPlace, ApiError> {
    let place = text.split_once(' ').and_then(|(entry, event)| {
        Some(HistoryPlace {
            entry: entry.parse().ok()?,
            event: event.parse().ok()?,
        })
    });
    place.ok_or_else(ApiError::page_token)
}

fn remove_data(event: &mut Value) {
    let Some(fields) = event.as_object_mut() else { return };
    for (_, details) in fields.iter_mut().filter(|(name, _)| name.ends_with("EventDetails")) {
        if let Some(details) = details.as_object_mut() {
            for field in DATA {
                details.remove(field);
            }
        }
    }
}
