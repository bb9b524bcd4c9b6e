//! The server's answers: a value, and its form in each provider's API. `script` chooses them.

use super::wire::Wire;
use serde_json::{Value, json};
use std::time::Duration;

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The delay before anything is sent.
    pub delay: Duration,
    /// The pause before each event, if a stream was requested.
    pub between: Duration,
    /// The content.
    pub outcome: Outcome,
}

/// The content of an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A completion with this text.
    Text {
        /// The model's text.
        text: String,
        /// The reason of its end.
        stop: StopReason,
    },
    /// A failure in the provider's error shape.
    Failure(Failure),
    /// These bytes as they are.
    Raw {
        /// HTTP status (100..=599).
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// Never answered; the connection stays open.
    Hang,
    /// The connection is closed without an answer.
    Drop,
}

/// The reason of a completion's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The model was done.
    Complete,
    /// It reached the limit of output tokens.
    MaxTokens,
    /// The model declined.
    Refusal,
}

/// A failure in the provider's error shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status.
    pub status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after_s: Option<u64>,
    /// The error's `type` (Anthropic), or `code` (OpenAI); a default by status when absent.
    pub kind: Option<String>,
    /// The error's message.
    pub message: String,
}

impl Answer {
    /// Returns a complete answer with `text`.
    pub fn text(text: impl Into<String>) -> Self {
        Outcome::Text {
            text: text.into(),
            stop: StopReason::Complete,
        }
        .into()
    }

    /// Returns a failure with `status` and no `Retry-After`.
    pub fn failure(status: u16, message: impl Into<String>) -> Self {
        Outcome::Failure(Failure {
            status,
            retry_after_s: None,
            kind: None,
            message: message.into(),
        })
        .into()
    }

    /// Returns the same answer with a delay.
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay += delay;
        self
    }

    /// Returns the same answer, whose events are sent with a pause before each.
    pub fn in_parts(mut self, between: Duration) -> Self {
        self.between = between;
        self
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self {
            delay: Duration::ZERO,
            between: Duration::ZERO,
            outcome,
        }
    }
}

impl Failure {
    pub(crate) fn body(&self, wire: Wire) -> Value {
        let kind = self.kind.as_deref();
        match wire {
            Wire::Anthropic => json!({
                "type": "error",
                "error": { "type": kind.unwrap_or(anthropic_kind(self.status)), "message": self.message },
                "request_id": "req_testkit",
            }),
            Wire::Openai => json!({
                "error": { "message": self.message, "type": openai_kind(self.status), "param": null, "code": kind },
            }),
        }
    }
}

fn anthropic_kind(status: u16) -> &'static str {
    match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

fn openai_kind(status: u16) -> &'static str {
    match status {
        400..=404 => "invalid_request_error",
        429 => "rate_limit_error",
        _ => "server_error",
    }
}

/// Returns a completion in the form of `wire`. A request that forces one tool gets the text as that tool's input.
pub(crate) fn completion(wire: Wire, request: &Value, sequence: usize, text: &str, stop: StopReason) -> Value {
    let model = request["model"].as_str().unwrap_or("testkit");
    let input_tokens = tokens(&request["messages"].to_string()) + tokens(request["system"].as_str().unwrap_or(""));
    let tool = wire
        .forced_tool(request)
        .zip(serde_json::from_str::<Value>(text).ok().filter(Value::is_object));
    match wire {
        Wire::Anthropic => {
            let (content, complete) = match tool {
                Some((name, input)) => {
                    let id = format!("toolu_{sequence:06}");
                    (
                        json!([{ "type": "tool_use", "id": id, "name": name, "input": input }]),
                        "tool_use",
                    )
                }
                None if text.is_empty() => (json!([]), "end_turn"),
                None => (json!([{ "type": "text", "text": text }]), "end_turn"),
            };
            let stop_reason = match stop {
                StopReason::Complete => complete,
                StopReason::MaxTokens => "max_tokens",
                StopReason::Refusal => "refusal",
            };
            json!({
                "id": format!("msg_{sequence:06}"), "type": "message", "role": "assistant", "model": model,
                "content": content, "stop_reason": stop_reason, "stop_sequence": null,
                "usage": {
                    "input_tokens": input_tokens, "output_tokens": tokens(text),
                    "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                },
            })
        }
        Wire::Openai => {
            let refused = stop == StopReason::Refusal;
            let mut message = json!({
                "role": "assistant",
                "content": (!refused).then_some(text),
                "refusal": refused.then_some(text),
            });
            if let Some((name, _)) = &tool {
                message["content"] = Value::Null;
                let function = json!({ "name": name, "arguments": text });
                message["tool_calls"] =
                    json!([{ "id": format!("call_{sequence:06}"), "type": "function", "function": function }]);
            }
            let finish_reason = match stop {
                StopReason::MaxTokens => "length",
                // A forced function ends with `stop`, unlike a function that the model chose.
                StopReason::Complete | StopReason::Refusal => "stop",
            };
            json!({
                "id": format!("chatcmpl-{sequence:06}"), "object": "chat.completion", "created": 1_700_000_000,
                "model": model,
                "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason }],
                "usage": {
                    "prompt_tokens": input_tokens, "completion_tokens": tokens(text),
                    "total_tokens": input_tokens + tokens(text),
                },
            })
        }
    }
}

/// Counts about four characters a token, the providers' figure for English; the same text always counts the same.
fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(4)
}
