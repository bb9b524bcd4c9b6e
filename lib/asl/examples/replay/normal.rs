//! The form of events for the comparison: JSON inside strings is parsed, and data that differs in each run is left out:
//! time stamps, truncation marks, the role, stack traces, request ids, and AWS's own response metadata.

use serde_json::{Map, Value};

/// Fields of an event's details that hold JSON in a string.
const PAYLOADS: [&str; 4] = ["input", "output", "parameters", "cause"];
/// Fields of an event's details that are not compared.
const LEFT_OUT_OF_DETAILS: [&str; 5] = [
    "inputDetails",
    "outputDetails",
    "assignedVariablesDetails",
    "roleArn",
    "stateMachineAliasArn",
];
/// Fields that are not compared anywhere.
const LEFT_OUT: [&str; 6] = [
    "SdkHttpMetadata",
    "SdkResponseMetadata",
    "requestId",
    "stackTrace",
    "RequestId",
    "trace",
];

/// Returns an event without the fields that are not compared.
pub fn event(event: &Value) -> Value {
    let mut normal = Map::new();
    for (name, value) in event.as_object().into_iter().flatten() {
        match value {
            _ if name == "timestamp" => {}
            Value::Object(details) => {
                normal.insert(name.clone(), self::details(details));
            }
            other => {
                normal.insert(name.clone(), other.clone());
            }
        }
    }
    Value::Object(normal)
}

fn details(details: &Map<String, Value>) -> Value {
    let mut normal = Map::new();
    for (name, value) in details {
        if LEFT_OUT_OF_DETAILS.contains(&name.as_str()) {
            continue;
        }
        let value = if PAYLOADS.contains(&name.as_str()) {
            payload(value)
        } else if name == "assignedVariables" {
            let variables = value.as_object().into_iter().flatten();
            Value::Object(variables.map(|(name, value)| (name.clone(), payload(value))).collect())
        } else {
            inner(value)
        };
        normal.insert(name.clone(), value);
    }
    Value::Object(normal)
}

/// Reads a payload: a string of any JSON, or the JSON itself.
pub fn payload(value: &Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(read) => inner(&read),
            Err(_) => Value::String(without_request_id(text)),
        },
        other => inner(other),
    }
}

/// Reads a value inside a payload, where only strings of an object or a list are parsed.
fn inner(value: &Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(read @ (Value::Object(_) | Value::Array(_))) => inner(&read),
            _ => Value::String(without_request_id(text)),
        },
        Value::Array(items) => Value::Array(items.iter().map(inner).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()))
                .map(|(name, field)| (name.clone(), inner(field)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Returns a text with its request id replaced.
fn without_request_id(text: &str) -> String {
    for mark in ["Request ID: ", "RequestId: "] {
        if let Some((before, after)) = text.split_once(mark) {
            let end = after
                .find(|next: char| next.is_whitespace() || ";,)".contains(next))
                .unwrap_or(after.len());
            return format!("{before}{mark}-{}", &after[end..]);
        }
    }
    text.to_owned()
}
