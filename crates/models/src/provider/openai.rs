//! The Chat Completions API of OpenAI and of compatible servers (llama.cpp, vLLM, Ollama and others):
//! `POST {url}/chat/completions`. One call, no retry.
//!
//! The server decides the form of a request (structured output, the name of the output limit, the place of the
//! instructions): see [`crate::request::dialect`]. OpenAI's own hosts start with `max_completion_tokens`, others with
//! `max_tokens`.

use async_trait::async_trait;
use holdfast_core::model::address::HttpHosts;
use holdfast_core::model::run::{RecordedAnswer, Role, Stop};
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Heard, ModelHttp, ModelLimits, ModelSettingsError, Provider, Reply};
use crate::reply::event_stream::assemble_chat;
use crate::reply::failure::{failure_in_choice, read_success};
use crate::reply::fields::{content_of, count, join, text_of};
use crate::reply::limits::observed_limits;
use crate::request::answer_schema;
use crate::request::dialect::{Api, Dialect, Dialects, Format, LimitName};

/// The provider's own server, and its key.
pub(crate) const PROVIDER: Provider = Provider {
    url: "https://api.openai.com/v1",
    call: "/chat/completions",
    key_name: "OPENAI_API_KEY",
    key_header: "authorization",
    key_prefix: "Bearer ",
};

/// Calls OpenAI's Chat Completions API, or a compatible server.
#[derive(Debug)]
pub struct OpenaiAskModel {
    pub(crate) http: ModelHttp,
    pub(crate) dialects: Dialects,
}

impl OpenaiAskModel {
    /// Uses the server at `url` (default `https://api.openai.com/v1`); adds `/v1/chat/completions`, or
    /// `/chat/completions` if it ends in an API's version.
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
        let http = ModelHttp::new(&PROVIDER, url, allow_http, key, &[], limits)?;
        let limit_name = if is_openai_host(url) {
            LimitName::MaxCompletionTokens
        } else {
            LimitName::MaxTokens
        };
        let first = Dialect {
            format: Format::Schema,
            limit_name,
            has_system: true,
            max_output_tokens: None,
            is_streamed: true,
        };
        Ok(Self {
            http,
            dialects: Dialects::new(Api::Chat, first),
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

    /// Reads a completion as the answer of a model.
    ///
    /// # Errors
    ///
    /// The reply is a refusal, or not a completion.
    pub(super) fn read(&self, model: &str, reply: &Reply) -> Result<RecordedAnswer, ModelError> {
        let completion = read_success(&self.http, reply, assemble_chat)?;
        let usage = &completion["usage"];
        let input_tokens = count(usage, &["prompt_tokens", "input_tokens"]).unwrap_or(0);
        let output_tokens = count(usage, &["completion_tokens", "output_tokens"]).unwrap_or(0);
        // A paid answer counts, even if it is empty.
        let is_paid = input_tokens + output_tokens > 0;
        let choice = &completion["choices"][0];
        // OpenRouter's form of a failure while the model was writing.
        if choice["finish_reason"] == "error" {
            return Err(failure_in_choice(&self.http, reply, choice));
        }
        if !choice["message"].is_object() && !is_paid {
            return Err(self.http.unusable("answered without a choice that holds a message"));
        }
        let message = &choice["message"];
        let refusal = message["refusal"].as_str().filter(|text| !text.is_empty());
        let stop = match choice["finish_reason"].as_str() {
            _ if refusal.is_some() => Stop::Refusal,
            Some("content_filter") => Stop::Refusal,
            Some("length" | "max_tokens") => Stop::OutputLimit,
            _ => Stop::Complete,
        };
        let text = refusal.map_or_else(|| text_of_message(message), str::to_owned);
        if text.trim().is_empty() && stop == Stop::Complete && !is_paid {
            return Err(self.http.unusable("answered with an empty message"));
        }
        let served = completion["model"].as_str().filter(|name| !name.is_empty());
        Ok(RecordedAnswer {
            text,
            stop,
            model: served.unwrap_or(model).to_owned(),
            input_tokens,
            output_tokens,
            cost_nano_usd: None,
            cached: false,
            fallback: None,
            observed: observed_limits(&reply.headers),
        })
    }
}

/// Writes a request in a form that the server accepts.
pub(super) fn body(model: &str, request: &ModelRequest, dialect: &Dialect) -> Value {
    let prompt = &request.prompt;
    let mut messages = Vec::new();
    if dialect.has_system {
        messages.push(json!({ "role": "system", "content": prompt.system }));
    }
    for (index, turn) in prompt.turns.iter().enumerate() {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let content = if index == 0 && !dialect.has_system {
            format!("{}\n\n{}", prompt.system, turn.text)
        } else {
            turn.text.clone()
        };
        messages.push(json!({ "role": role, "content": content }));
    }
    let mut body = json!({ "model": model, "messages": messages, "stream": dialect.is_streamed });
    if dialect.is_streamed {
        body["stream_options"] = json!({ "include_usage": true });
    }
    let limit_name = match dialect.limit_name {
        LimitName::MaxTokens => Some("max_tokens"),
        LimitName::MaxCompletionTokens => Some("max_completion_tokens"),
        LimitName::LeftOut => None,
    };
    if let Some(name) = limit_name {
        body[name] = json!(dialect.output_tokens(request.max_output_tokens));
    }
    let format = match dialect.format {
        Format::Schema => Some(json!({ "type": "json_schema", "json_schema":
            { "name": "answer", "schema": answer_schema::strict(&request.schema), "strict": true } })),
        Format::OpenSchema => Some(json!({ "type": "json_schema", "json_schema":
            { "name": "answer", "schema": answer_schema::open(&request.schema) } })),
        Format::JsonObject => Some(json!({ "type": "json_object" })),
        Format::Words => None,
    };
    if let Some(format) = format {
        body["response_format"] = format;
    }
    body
}

/// Returns the content, as text or in parts, and the arguments of calls: the answer is in one of them.
fn text_of_message(message: &Value) -> String {
    let content = content_of(&message["content"]);
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    let arguments = calls
        .map(|call| &call["function"]["arguments"])
        .chain([&message["function_call"]["arguments"]])
        .map(text_of);
    join(std::iter::once(content).chain(arguments))
}

#[async_trait]
impl AskModel for OpenaiAskModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let model = request.model.name();
        let heard = Heard::now(request.max_output_tokens);
        let call = self.call(model, request, &heard);
        self.http.within_limit(request.time_limit, &heard, call).await
    }
}

/// Returns true for OpenAI's own servers, including those on Azure.
fn is_openai_host(url: Option<&Url>) -> bool {
    url.is_none_or(|url| {
        url.host_str().is_some_and(|host| {
            host == "openai.com" || host.ends_with(".openai.com") || host.ends_with(".openai.azure.com")
        })
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn is_openai(url: &str) -> bool {
        is_openai_host(Some(&Url::parse(url).unwrap()))
    }

    #[test]
    fn only_openais_own_hosts_count_as_openai() {
        assert!(is_openai_host(None));
        assert!(is_openai("https://api.openai.com/v1"));
        assert!(is_openai("https://eu.api.openai.com/v1"));
        assert!(is_openai("https://mine.openai.azure.com/openai/v1"));
        assert!(!is_openai("https://notopenai.com/v1"));
        assert!(!is_openai("http://127.0.0.1:8000"));
    }
}
