//! The Chat Completions API: OpenAI's own, and the servers that speak it (llama.cpp, vLLM, Ollama and others):
//! `POST {url}/chat/completions`. One call, no retry.
//!
//! The answer is asked for as structured output (`response_format`). A server that refuses that is asked again without
//! it, once per process and model.

use async_trait::async_trait;
use holdfast_core::model::run::{RecordedAnswer, Role, Stop};
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::model_failure::read_success;
use crate::model_http::{ModelHttp, ModelLimits, ModelSettingsError, Provider, Reply, StructuredOutput};
use crate::model_schema;

/// Where the provider's own server is, and its key.
pub(crate) const PROVIDER: Provider = Provider {
    url: "https://api.openai.com/v1",
    call: "/chat/completions",
    key_name: "OPENAI_API_KEY",
    key_header: "authorization",
    key_prefix: "Bearer ",
};

/// What a refusal of structured output is recognised by.
const FORMAT_NAMES: [&str; 3] = ["response_format", "json_schema", "structured output"];

/// Asks OpenAI's Chat Completions API, or a server that speaks it.
#[derive(Debug)]
pub struct OpenaiAskModel {
    http: ModelHttp,
    /// OpenAI's own hosts know `max_completion_tokens` and take strict schemas alone; others know `max_tokens` and
    /// take any schema.
    is_openai_host: bool,
    structured: StructuredOutput,
}

impl OpenaiAskModel {
    /// An adapter for `url` (default `https://api.openai.com/v1`; `/v1/chat/completions` is added, or
    /// `/chat/completions` to one that ends in `/v1`). Errors: the address is not https nor loopback, or the key cannot
    /// be sent.
    pub fn new(url: Option<&Url>, key: Option<SecretString>, limits: ModelLimits) -> Result<Self, ModelSettingsError> {
        let http = ModelHttp::new(&PROVIDER, url, key, &[], limits)?;
        Ok(Self {
            http,
            is_openai_host: is_openai_host(url),
            structured: StructuredOutput::default(),
        })
    }

    /// Whether a call can be made: a key, or a server on this machine.
    pub fn is_usable(&self) -> bool {
        self.http.key.is_some() || self.http.is_loopback()
    }

    async fn call(&self, model: &str, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let structured = self.structured.is_wanted(model);
        let mut reply = self.http.post(&self.body(model, request, structured)).await?;
        if structured && StructuredOutput::is_refused(&reply, &FORMAT_NAMES) {
            reply = self.http.post(&self.body(model, request, false)).await?;
            self.structured.remember(model, &reply);
        }
        self.read(model, &reply)
    }

    fn body(&self, model: &str, request: &ModelRequest, structured: bool) -> Value {
        let mut messages = vec![json!({ "role": "system", "content": request.prompt.system })];
        messages.extend(request.prompt.turns.iter().map(|turn| {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            json!({ "role": role, "content": turn.text })
        }));
        let limit_name = if self.is_openai_host {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        let mut body = json!({ "model": model, "messages": messages, "stream": false });
        body[limit_name] = json!(request.max_output_tokens);
        if structured {
            let schema = if self.is_openai_host {
                model_schema::strict(&request.schema)
            } else {
                request.schema.clone()
            };
            body["response_format"] = json!({
                "type": "json_schema",
                "json_schema": { "name": "answer", "schema": schema, "strict": true },
            });
        }
        body
    }

    fn read(&self, model: &str, reply: &Reply) -> Result<RecordedAnswer, ModelError> {
        let completion: Completion = read_success(&self.http, reply, "completion")?;
        let Some(choice) = completion.choices.into_iter().next() else {
            return Err(self.http.unusable("answered without a choice"));
        };
        let refusal = choice.message.refusal.filter(|text| !text.is_empty());
        let stop = match choice.finish_reason.as_deref() {
            _ if refusal.is_some() => Stop::Refusal,
            Some("content_filter") => Stop::Refusal,
            Some("length") => Stop::OutputLimit,
            _ => Stop::Complete,
        };
        let text = refusal.unwrap_or_else(|| choice.message.content.map(Content::into_text).unwrap_or_default());
        if text.trim().is_empty() && stop == Stop::Complete {
            return Err(self.http.unusable("answered with an empty message"));
        }
        let usage = completion.usage.unwrap_or_default();
        Ok(RecordedAnswer {
            text,
            stop,
            model: completion
                .model
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| model.to_owned()),
            input_tokens: usage.prompt_tokens.unwrap_or(0),
            output_tokens: usage.completion_tokens.unwrap_or(0),
            cost_nano_usd: None,
            cached: false,
        })
    }
}

#[async_trait]
impl AskModel for OpenaiAskModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let model = request.model.strip_prefix("openai/").unwrap_or(&request.model);
        self.http.within_limit(self.call(model, request)).await
    }
}

/// OpenAI's own, at home or at Azure.
fn is_openai_host(url: Option<&Url>) -> bool {
    url.is_none_or(|url| {
        url.host_str().is_some_and(|host| {
            host == "openai.com" || host.ends_with(".openai.com") || host.ends_with(".openai.azure.com")
        })
    })
}

/// The part of a completion that is read.
#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
    model: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Content>,
    refusal: Option<String>,
}

/// Text, or parts of which the texts count.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

#[derive(Default, Deserialize)]
struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
}

impl Content {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn is_openai(url: &str) -> bool {
        is_openai_host(Some(&Url::parse(url).unwrap()))
    }

    #[test]
    fn openai_is_told_from_look_alikes() {
        assert!(is_openai_host(None));
        assert!(is_openai("https://api.openai.com/v1"));
        assert!(is_openai("https://eu.api.openai.com/v1"));
        assert!(is_openai("https://mine.openai.azure.com/openai/v1"));
        assert!(!is_openai("https://notopenai.com/v1"));
        assert!(!is_openai("http://127.0.0.1:8000"));
    }
}
