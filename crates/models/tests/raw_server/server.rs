//! Both adapters on one address, and good answers for each.

use std::time::Duration;

use holdfast_core::model::address::HttpHosts;
use holdfast_core::port::AskModel;
use holdfast_models::{AnthropicAskModel, ModelLimits, OpenaiAskModel};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

pub use crate::bytes::{Act, RawServer, http, ok, request};

/// The key of the adapters under test; no error may show it.
pub const KEY: &str = "sk-test-0123456789";

/// Returns a valid answer of the Messages API.
pub fn message(text: &str, stop: &str) -> Value {
    json!({ "type": "message", "role": "assistant", "model": "served", "stop_reason": stop,
        "content": [{ "type": "text", "text": text }],
        "usage": { "input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": null, "output_tokens": 7 } })
}

/// Returns a valid answer of the Chat Completions API.
pub fn completion(text: &str, finish: &str) -> Value {
    json!({ "object": "chat.completion", "model": "served",
        "choices": [{ "index": 0, "finish_reason": finish, "message": { "role": "assistant", "content": text, "refusal": null } }],
        "usage": { "prompt_tokens": 15, "completion_tokens": 7, "total_tokens": 22 } })
}

pub fn limits() -> ModelLimits {
    ModelLimits {
        call: Duration::from_secs(10),
        ..ModelLimits::default()
    }
}

/// Returns both adapters with one address.
pub fn both(url: &Url, limits: ModelLimits) -> [(&'static str, Box<dyn AskModel>); 2] {
    let key = || Some(SecretString::from(KEY));
    [
        (
            "anthropic/m",
            Box::new(AnthropicAskModel::new(Some(url), &HttpHosts::default(), key(), limits).unwrap()),
        ),
        (
            "openai/m",
            Box::new(OpenaiAskModel::new(Some(url), &HttpHosts::default(), key(), limits).unwrap()),
        ),
    ]
}
