//! The two forms of requests: the places of their texts, their required fields. The forms of answers are in `answer`.

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The provider's API of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// `POST /v1/messages`.
    Anthropic,
    /// `POST /v1/chat/completions`.
    Openai,
}

impl Wire {
    /// Returns the request's key, without `Bearer`.
    pub(crate) fn key(self, headers: &HeaderMap) -> Option<String> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = || text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let key = match self {
            Self::Anthropic => text("x-api-key").or_else(bearer),
            Self::Openai => bearer(),
        };
        key.filter(|key| !key.is_empty()).map(str::to_owned)
    }

    /// Returns the reason for which the provider would refuse the request.
    pub(crate) fn complaint(self, headers: &HeaderMap, body: &Value) -> Option<String> {
        let missing = |name: &str| format!("{name}: Field required");
        if !body["model"].is_string() {
            return Some(missing("model"));
        }
        if body["messages"].as_array().is_none_or(Vec::is_empty) {
            return Some(missing("messages"));
        }
        if self == Self::Anthropic {
            if !headers.contains_key("anthropic-version") {
                return Some("anthropic-version: header is required".into());
            }
            if body["max_tokens"].as_u64().is_none_or(|limit| limit == 0) {
                return Some(missing("max_tokens"));
            }
            let roles = body["messages"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|message| message["role"].as_str());
            if roles
                .into_iter()
                .any(|role| !matches!(role, Some("user" | "assistant")))
            {
                return Some("messages: role must be user or assistant".into());
            }
        }
        None
    }

    /// Returns the instructions: all texts but the user's and the assistant's.
    pub(crate) fn system(self, body: &Value) -> String {
        match self {
            Self::Anthropic => text_of(&body["system"]),
            Self::Openai => turns(body, |role| matches!(role, "system" | "developer")),
        }
    }

    /// Returns the user's turns, joined.
    pub(crate) fn user(self, body: &Value) -> String {
        turns(body, |role| role == "user")
    }

    /// Returns the only tool that the request forces.
    pub(crate) fn forced_tool(self, body: &Value) -> Option<String> {
        let choice = &body["tool_choice"];
        let name = match self {
            Self::Anthropic if choice["type"] == "any" => &body["tools"][0]["name"],
            Self::Anthropic => &choice["name"],
            Self::Openai if choice == "required" => &body["tools"][0]["function"]["name"],
            Self::Openai => &choice["function"]["name"],
        };
        name.as_str().map(str::to_owned)
    }

    /// Returns true if the request wants structured output.
    pub(crate) fn is_structured(self, body: &Value) -> bool {
        let names: &[&str] = match self {
            Self::Anthropic => &["output_config", "output_format"],
            Self::Openai => &["response_format"],
        };
        names
            .iter()
            .any(|name| body.get(name).is_some_and(|value| !value.is_null()))
    }
}

fn turns(body: &Value, wanted: fn(&str) -> bool) -> String {
    let messages = body["messages"].as_array().into_iter().flatten();
    let texts = messages.filter(|message| message["role"].as_str().is_some_and(wanted));
    texts
        .map(|message| text_of(&message["content"]))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Returns a text, or the texts of a list of blocks.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}
