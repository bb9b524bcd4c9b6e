//! Anthropic's Messages API: `POST {url}/v1/messages`. One call, no retry.
//!
//! Requests structured output (`output_config.format`) if the server accepts it: see [`crate::request::dialect`]. A
//! server that ignores it and answers in plain text works too.

use async_trait::async_trait;
use holdfast_core::model::address::HttpHosts;
use holdfast_core::model::run::{RecordedAnswer, Role, Stop};
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Heard, ModelHttp, ModelLimits, ModelSettingsError, Provider, Reply};
use crate::reply::event_stream::assemble_message;
use crate::reply::failure::read_success;
use crate::reply::fields::{count, join, text_of};
use crate::reply::limits::observed_limits;
use crate::request::answer_schema;
use crate::request::dialect::{Api, Dialect, Dialects, Format, LimitName};

/// The provider's own server, and its key.
pub(crate) const PROVIDER: Provider = Provider {
    url: "https://api.anthropic.com/v1",
    call: "/messages",
    key_name: "ANTHROPIC_API_KEY",
    key_header: "x-api-key",
    key_prefix: "",
};

/// Calls Anthropic's Messages API, or a compatible server.
#[derive(Debug)]
pub struct AnthropicAskModel {
    pub(crate) http: ModelHttp,
    pub(crate) dialects: Dialects,
}

impl AnthropicAskModel {
    /// Uses the server at `url` (default `https://api.anthropic.com`); adds `/v1/messages`, or `/messages` if it ends
    /// in `/v1`.
    ///
    /// # Errors
    ///
    /// The address is neither https nor loopback, or a header can't hold the key.
    pub fn new(
        url: Option<&Url>,
        allow_http: &HttpHosts,
        key: Option<SecretString>,
        limits: ModelLimits,
    ) -> Result<Self, ModelSettingsError> {
        let version = (
            HeaderName::from_static("anthropic-version"),
            HeaderValue::from_static("2023-06-01"),
        );
        let http = ModelHttp::new(&PROVIDER, url, allow_http, key, &[version], limits)?;
        let first = Dialect {
            format: Format::Schema,
            limit_name: LimitName::MaxTokens,
            has_system: true,
            max_output_tokens: None,
            is_streamed: true,
        };
        Ok(Self {
            http,
            dialects: Dialects::new(Api::Messages, first),
        })
    }

    /// Returns true if there is a key, or the server needs none.
    pub fn is_usable(&self) -> bool {
        self.http.key.is_some() || self.http.may_lack_key()
    }

    async fn call(&self, model: &str, request: &ModelRequest, heard: &Heard) -> Result<RecordedAnswer, ModelError> {
        let wanted = request.max_output_tokens;
        let body = |dialect: &Dialect| body(model, request, dialect);
        let reply = self.dialects.post(&self.http, model, wanted, heard, body).await?;
        let answer = self.read(model, &reply)?;
        self.dialects.note_tokens(model, &reply, answer.input_tokens);
        Ok(answer)
    }

    /// Reads a message as the answer of a model.
    ///
    /// # Errors
    ///
    /// The reply is a refusal, or not a message.
    pub(super) fn read(&self, model: &str, reply: &Reply) -> Result<RecordedAnswer, ModelError> {
        let message = read_success(&self.http, reply, assemble_message)?;
        let usage = &message["usage"];
        let input_tokens = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
            .into_iter()
            .filter_map(|name| count(usage, &[name]))
            .fold(0, u64::saturating_add);
        let output_tokens = count(usage, &["output_tokens"]).unwrap_or(0);
        // A paid answer counts, even if it is empty.
        let is_paid = input_tokens + output_tokens > 0;
        let Some(blocks) = message["content"].as_array() else {
            return Err(self.http.unusable("answered without a message"));
        };
        let stop = match message["stop_reason"].as_str() {
            Some("max_tokens" | "model_context_window_exceeded") => Stop::OutputLimit,
            Some("refusal") => Stop::Refusal,
            _ => Stop::Complete,
        };
        let text = text_of_blocks(blocks);
        if text.trim().is_empty() && stop == Stop::Complete && !is_paid {
            return Err(self.http.unusable("answered with an empty message"));
        }
        Ok(RecordedAnswer {
            text,
            stop,
            model: message["model"].as_str().unwrap_or(model).to_owned(),
            input_tokens,
            output_tokens,
            cost_nano_usd: None,
            cached: false,
            fallback: None,
            observed: observed_limits(&reply.headers),
        })
    }
}

#[async_trait]
impl AskModel for AnthropicAskModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let model = request.model.name();
        let heard = Heard::now(request.max_output_tokens);
        let call = self.call(model, request, &heard);
        self.http.within_limit(request.time_limit, &heard, call).await
    }
}

/// Writes a request in a form that the server accepts.
pub(super) fn body(model: &str, request: &ModelRequest, dialect: &Dialect) -> Value {
    let turns = request.prompt.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": turn.text })
    });
    let mut body = json!({
        "model": model,
        "max_tokens": dialect.output_tokens(request.max_output_tokens),
        "system": request.prompt.system,
        "messages": turns.collect::<Vec<_>>(),
        "stream": dialect.is_streamed,
    });
    if dialect.format != Format::Words {
        let schema = answer_schema::without_bounds(&request.schema);
        body["output_config"] = json!({ "format": { "type": "json_schema", "schema": schema } });
    }
    body
}

/// Returns a tool's input as JSON if there is one, else the joined text blocks.
fn text_of_blocks(blocks: &[Value]) -> String {
    let of_type = |wanted: &'static str| blocks.iter().filter(move |block| block["type"] == wanted);
    let inputs = join(of_type("tool_use").map(|block| text_of(&block["input"])));
    if inputs.is_empty() {
        of_type("text").filter_map(|block| block["text"].as_str()).collect()
    } else {
        inputs
    }
}
