//! Anthropic's Messages API: `POST {url}/v1/messages`. One call, no retry.
//!
//! The answer is asked for as structured output (`output_config.format`). A model that refuses that is asked again
//! without it, once per process; a server that ignores it and answers in plain text works as well.

use async_trait::async_trait;
use holdfast_core::model::run::{RecordedAnswer, Role, Stop};
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::model_failure::read_success;
use crate::model_http::{ModelHttp, ModelLimits, ModelSettingsError, Provider, Reply, StructuredOutput};
use crate::model_schema;

/// Where the provider's own server is, and its key.
pub(crate) const PROVIDER: Provider = Provider {
    url: "https://api.anthropic.com/v1",
    call: "/messages",
    key_name: "ANTHROPIC_API_KEY",
    key_header: "x-api-key",
    key_prefix: "",
};

/// What a refusal of structured output is recognised by.
const FORMAT_NAMES: [&str; 4] = ["output_config", "output_format", "json_schema", "structured output"];

/// Asks Anthropic's Messages API, or a server that speaks it.
#[derive(Debug)]
pub struct AnthropicAskModel {
    http: ModelHttp,
    structured: StructuredOutput,
}

impl AnthropicAskModel {
    /// An adapter for `url` (default `https://api.anthropic.com`; `/v1/messages` is added, or `/messages` to one that
    /// ends in `/v1`). Errors: the address is not https nor loopback, or the key cannot be sent.
    pub fn new(url: Option<&Url>, key: Option<SecretString>, limits: ModelLimits) -> Result<Self, ModelSettingsError> {
        let version = (
            HeaderName::from_static("anthropic-version"),
            HeaderValue::from_static("2023-06-01"),
        );
        let http = ModelHttp::new(&PROVIDER, url, key, &[version], limits)?;
        Ok(Self {
            http,
            structured: StructuredOutput::default(),
        })
    }

    /// Whether a call can be made: a key, or a server on this machine.
    pub fn is_usable(&self) -> bool {
        self.http.key.is_some() || self.http.is_loopback()
    }

    async fn call(&self, model: &str, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let structured = self.structured.is_wanted(model);
        let mut reply = self.http.post(&body(model, request, structured)).await?;
        if structured && StructuredOutput::is_refused(&reply, &FORMAT_NAMES) {
            reply = self.http.post(&body(model, request, false)).await?;
            self.structured.remember(model, &reply);
        }
        self.read(model, &reply)
    }

    fn read(&self, model: &str, reply: &Reply) -> Result<RecordedAnswer, ModelError> {
        let message: Message = read_success(&self.http, reply, "message")?;
        let stop = match message.stop_reason.as_deref() {
            Some("max_tokens" | "model_context_window_exceeded") => Stop::OutputLimit,
            Some("refusal") => Stop::Refusal,
            _ => Stop::Complete,
        };
        let text = message.text();
        if text.trim().is_empty() && stop == Stop::Complete {
            return Err(self.http.unusable("answered with an empty message"));
        }
        let usage = message.usage.unwrap_or_default();
        Ok(RecordedAnswer {
            text,
            stop,
            model: message.model.unwrap_or_else(|| model.to_owned()),
            input_tokens: [
                usage.input_tokens,
                usage.cache_creation_input_tokens,
                usage.cache_read_input_tokens,
            ]
            .into_iter()
            .flatten()
            .fold(0, u64::saturating_add),
            output_tokens: usage.output_tokens.unwrap_or(0),
            cost_nano_usd: None,
            cached: false,
        })
    }
}

#[async_trait]
impl AskModel for AnthropicAskModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let model = request.model.strip_prefix("anthropic/").unwrap_or(&request.model);
        self.http.within_limit(self.call(model, request)).await
    }
}

fn body(model: &str, request: &ModelRequest, structured: bool) -> Value {
    let turns = request.prompt.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": turn.text })
    });
    let mut body = json!({
        "model": model,
        "max_tokens": request.max_output_tokens,
        "system": request.prompt.system,
        "messages": turns.collect::<Vec<_>>(),
    });
    if structured {
        let schema = model_schema::without_bounds(&request.schema);
        body["output_config"] = json!({ "format": { "type": "json_schema", "schema": schema } });
    }
    body
}

/// The part of a message that is read.
#[derive(Deserialize)]
struct Message {
    content: Vec<Block>,
    stop_reason: Option<String>,
    model: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    text: Option<String>,
    input: Option<Value>,
}

#[derive(Default, Deserialize)]
struct Usage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Message {
    /// A tool's input as JSON where there is one, else the text blocks joined.
    fn text(&self) -> String {
        let tool = self
            .content
            .iter()
            .find(|block| block.r#type == "tool_use")
            .and_then(|block| block.input.as_ref());
        tool.map_or_else(
            || {
                self.content
                    .iter()
                    .filter(|b| b.r#type == "text")
                    .filter_map(|b| b.text.as_deref())
                    .collect()
            },
            Value::to_string,
        )
    }
}
