//! A completion as the server-sent events of its provider's API, in the parts that a model would write.

use super::wire::Wire;
use serde_json::{Value, json};

/// The length of a part, in characters.
const PART_CHARS: usize = 200;

/// Returns the events of a completion, each ready to send.
pub(crate) fn events(wire: Wire, request: &Value, completion: &Value) -> Vec<String> {
    match wire {
        Wire::Anthropic => of_message(completion),
        Wire::Openai => of_chat(request, completion),
    }
}

fn of_message(message: &Value) -> Vec<String> {
    let event = |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default());
    let mut begin = message.clone();
    begin["content"] = json!([]);
    begin["stop_reason"] = Value::Null;
    begin["usage"]["output_tokens"] = json!(1);
    let mut events = vec![
        event(json!({ "type": "message_start", "message": begin })),
        event(json!({ "type": "ping" })),
    ];
    for (index, block) in message["content"].as_array().into_iter().flatten().enumerate() {
        let (empty, deltas): (Value, Vec<Value>) = match block["text"].as_str() {
            Some(text) => (
                json!({ "type": "text", "text": "" }),
                (parts(text).into_iter())
                    .map(|text| json!({ "type": "text_delta", "text": text }))
                    .collect(),
            ),
            None => (
                json!({ "type": "tool_use", "id": block["id"], "name": block["name"], "input": {} }),
                (parts(&block["input"].to_string()).into_iter())
                    .map(|part| json!({ "type": "input_json_delta", "partial_json": part }))
                    .collect(),
            ),
        };
        events.push(event(
            json!({ "type": "content_block_start", "index": index, "content_block": empty }),
        ));
        for delta in deltas {
            events.push(event(
                json!({ "type": "content_block_delta", "index": index, "delta": delta }),
            ));
        }
        events.push(event(json!({ "type": "content_block_stop", "index": index })));
    }
    let delta = json!({ "stop_reason": message["stop_reason"], "stop_sequence": null });
    let usage = json!({ "output_tokens": message["usage"]["output_tokens"] });
    events.push(event(
        json!({ "type": "message_delta", "delta": delta, "usage": usage }),
    ));
    events.push(event(json!({ "type": "message_stop" })));
    events
}

fn of_chat(request: &Value, completion: &Value) -> Vec<String> {
    let chunk = |choices: Value, usage: Value| {
        let data = json!({
            "id": completion["id"], "object": "chat.completion.chunk", "created": completion["created"],
            "model": completion["model"], "choices": choices, "usage": usage,
        });
        format!("data: {data}\n\n")
    };
    let choice = |delta: Value, finish: &Value| json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
    let (only, none) = (&completion["choices"][0], Value::Null);
    let message = &only["message"];
    let mut events = vec![chunk(choice(json!({ "role": "assistant" }), &none), Value::Null)];
    for field in ["content", "refusal"] {
        for part in parts(message[field].as_str().unwrap_or_default()) {
            events.push(chunk(choice(json!({ field: part }), &none), Value::Null));
        }
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        let begin = json!({ "index": 0, "id": call["id"], "type": "function",
            "function": { "name": function["name"], "arguments": "" } });
        events.push(chunk(choice(json!({ "tool_calls": [begin] }), &none), Value::Null));
        for part in parts(function["arguments"].as_str().unwrap_or_default()) {
            let more = json!({ "index": 0, "function": { "arguments": part } });
            events.push(chunk(choice(json!({ "tool_calls": [more] }), &none), Value::Null));
        }
    }
    events.push(chunk(choice(json!({}), &only["finish_reason"]), Value::Null));
    if request["stream_options"]["include_usage"] == true {
        events.push(chunk(json!([]), completion["usage"].clone()));
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn parts(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(PART_CHARS).map(|part| part.iter().collect()).collect()
}
