//! Reads answers that come as a stream of server-sent events: joins them to the document that the provider sends without
//! streaming.

use serde_json::{Map, Value, json};

use super::fields::content_of;

/// A body that looks like a stream.
pub(crate) enum Streamed {
    /// The whole document.
    Whole(Value),
    /// Events without an end, or not of this provider.
    Broken,
}

/// Joins a provider's events to one document; `None` if they have no end.
pub(crate) type Assemble = fn(&Events) -> Option<Value>;

/// The events of a stream.
pub(crate) struct Events {
    /// Their data, in order.
    data: Vec<Value>,
    /// True if `[DONE]` ended the stream.
    is_done: bool,
}

/// Reads a body as a stream; `None` if it isn't one.
pub(crate) fn read_stream(body: &[u8], assemble: Assemble) -> Option<Streamed> {
    let text = std::str::from_utf8(body).ok()?;
    let first = text.trim_start_matches('\u{feff}').trim_start();
    if !["data:", "event:", "id:", "retry:", ":"]
        .iter()
        .any(|field| first.starts_with(field))
    {
        return None;
    }
    let mut events = Events {
        data: Vec::new(),
        is_done: false,
    };
    for data in event_data(first) {
        if data.trim() == "[DONE]" {
            events.is_done = true;
        } else if let Ok(event) = serde_json::from_str::<Value>(&data) {
            // An error in the stream is the whole answer.
            if event.get("error").is_some_and(|error| !error.is_null()) {
                return Some(Streamed::Whole(event));
            }
            events.data.push(event);
        } else {
            return Some(Streamed::Broken);
        }
    }
    Some(assemble(&events).map_or(Streamed::Broken, Streamed::Whole))
}

/// Returns the data of each event: its joined `data` lines.
fn event_data(text: &str) -> Vec<String> {
    let mut events = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        match line.strip_prefix("data:") {
            Some(data) => lines.push(data.strip_prefix(' ').unwrap_or(data)),
            None if line.is_empty() && !lines.is_empty() => {
                events.push(lines.join("\n"));
                lines.clear();
            }
            None => {}
        }
    }
    events
}

/// Joins the chunks of a chat completion.
pub(crate) fn assemble_chat(events: &Events) -> Option<Value> {
    let (mut content, mut refusal) = (String::new(), String::new());
    let mut calls: Vec<String> = Vec::new();
    let (mut finish, mut usage, mut model, mut error) = (Value::Null, Value::Null, Value::Null, Value::Null);
    let mut is_chat = false;
    for event in &events.data {
        let keep = |known: &mut Value, new: &Value| {
            if !new.is_null() {
                *known = new.clone();
            }
        };
        keep(&mut usage, &event["usage"]);
        keep(&mut model, &event["model"]);
        let choice = &event["choices"][0];
        // Servers send deltas, or whole messages in a single event.
        let delta = if choice["delta"].is_object() {
            &choice["delta"]
        } else {
            &choice["message"]
        };
        is_chat |= delta.is_object();
        keep(&mut finish, &choice["finish_reason"]);
        keep(&mut error, &choice["error"]);
        content.push_str(&content_of(&delta["content"]));
        refusal.push_str(delta["refusal"].as_str().unwrap_or_default());
        for (position, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
            let index = call["index"]
                .as_u64()
                .and_then(|index| usize::try_from(index).ok())
                .unwrap_or(position);
            // A large index must not allocate memory.
            if index < 100 {
                calls.resize(calls.len().max(index + 1), String::new());
                calls[index].push_str(call["function"]["arguments"].as_str().unwrap_or_default());
            }
        }
    }
    let calls: Vec<Value> = calls
        .into_iter()
        .map(|arguments| json!({ "function": { "arguments": arguments } }))
        .collect();
    (is_chat && (events.is_done || finish.is_string())).then(|| {
        json!({
            "model": model, "usage": usage,
            "choices": [{ "finish_reason": finish, "error": error,
                "message": { "content": content, "refusal": refusal, "tool_calls": calls } }],
        })
    })
}

/// Joins the events of a message.
pub(crate) fn assemble_message(events: &Events) -> Option<Value> {
    let mut message = Map::new();
    let (mut text, mut input) = (String::new(), String::new());
    let mut is_whole = false;
    for event in &events.data {
        match event["type"].as_str() {
            Some("message_start") => message = event["message"].as_object().cloned().unwrap_or_default(),
            Some("content_block_delta") => {
                text.push_str(event["delta"]["text"].as_str().unwrap_or_default());
                input.push_str(event["delta"]["partial_json"].as_str().unwrap_or_default());
            }
            Some("message_delta") => {
                if let Some(reason) = event["delta"].get("stop_reason") {
                    message.insert("stop_reason".to_owned(), reason.clone());
                }
                if let (Some(more), Some(usage)) = (
                    event["usage"].as_object(),
                    message.entry("usage").or_insert_with(|| json!({})).as_object_mut(),
                ) {
                    usage.extend(more.clone());
                }
            }
            Some("message_stop") => is_whole = true,
            _ => {}
        }
    }
    let mut content = vec![json!({ "type": "text", "text": text })];
    if !input.is_empty() {
        content.push(json!({ "type": "tool_use", "input": input }));
    }
    message.insert("content".to_owned(), Value::Array(content));
    is_whole.then_some(Value::Object(message))
}
