//! `GetExecutionHistory`: the events of an execution, in pages.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::withheld::Withheld;
use super::{Api, page, required, without_nulls};

/// A page ends early when it has so many bytes.
const PAGE_BYTES: usize = 4 * 1_024 * 1_024;
/// The fields of an event's details that are execution data.
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
        let most = page::size(input.max_results)?;
        let found = self.execution(arn)?;
        let by = self.store().started_by(arn)?.unwrap_or_default();
        let query = format!("history {arn} {}", input.reverse_order);
        // The number of the event that the last page ended with: an execution that goes on adds others behind it.
        let after = page::number(&query, input.next_token.as_deref())?;
        let stored = self
            .archive()?
            .history(found.record.id)
            .map_err(|error| ApiError::of_engine(&error, arn))?;
        let withheld = match self.withholds(&found.machine_arn) {
            true => Withheld::of(&stored),
            false => Withheld::default(),
        };
        let in_order: Box<dyn Iterator<Item = _>> = if input.reverse_order {
            Box::new(stored.iter().rev())
        } else {
            Box::new(stored.iter())
        };
        let rest = in_order.filter(|event| match after {
            None => true,
            Some(after) if input.reverse_order => event.aws_id() < after,
            Some(after) => event.aws_id() > after,
        });
        let with_data = input.include_execution_data.unwrap_or(true);
        let (mut events, mut bytes, mut next) = (Vec::new(), 0, None);
        for event in rest {
            let Some(mut shown) = event.to_aws() else { continue };
            if events.len() >= most || bytes > PAGE_BYTES {
                let last = events
                    .last()
                    .and_then(|last: &Value| last["id"].as_u64())
                    .unwrap_or_default();
                next = Some(page::token(&query, &last.to_string()));
                break;
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
            withheld.take_out(&mut shown);
            bytes += shown.to_string().len();
            events.push(shown);
        }
        Ok(without_nulls(json!({ "events": events, "nextToken": next })))
    }
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
