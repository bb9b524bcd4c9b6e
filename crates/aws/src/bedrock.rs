//! Amazon Bedrock's Converse API, through the SDK: one request format for the models of all providers. Credentials and
//! region come from the environment; there is no model key. One call, no retry. The prompt describes the answer's JSON
//! Schema in words; an invalid answer goes back to the model for correction, as with every provider.
//!
//! Answers arrive as a stream (ConverseStream). After a model has refused one, or counted no tokens in it, its answers are
//! requested as a whole (Converse).

use std::collections::BTreeSet;
use std::error::Error;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_bedrockruntime::config::{Builder, ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_bedrockruntime::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse::ConverseOutput;
use aws_sdk_bedrockruntime::operation::converse_stream;
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ContentBlockDelta, ConversationRole, ConverseStreamOutput, InferenceConfiguration, Message,
    StopReason, SystemContentBlock, TokenUsage,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::event_stream::RawMessage;
use holdfast_core::model::run::{Prompt, RecordedAnswer, Role, Stop};
use holdfast_core::port::{AskModel, ModelError, ModelRequest, TimeLimit};
use http_body_util::Limited;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::account;

/// The size of an answer for each of its tokens, in bytes: a stream may have an event for each.
const BYTES_PER_TOKEN: usize = 1_024;
/// The bounds of an answer's maximum size, in bytes.
const MIN_ANSWER_BYTES: usize = 4 * 1024 * 1024;
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// Calls models on Bedrock. The first call looks the account up.
#[derive(Debug)]
pub struct BedrockAskModel {
    client: OnceCell<Client>,
    url: Option<Url>,
    timeout: Duration,
    /// The models whose answers are requested as a whole.
    whole: Mutex<BTreeSet<String>>,
}

impl BedrockAskModel {
    /// Uses the region's own endpoint, or `url`; a call takes at most `timeout` if it has no limit of its own.
    pub const fn new(url: Option<Url>, timeout: Duration) -> Self {
        Self {
            client: OnceCell::const_new(),
            url,
            timeout,
            whole: Mutex::new(BTreeSet::new()),
        }
    }

    /// Uses the account of `config`.
    pub fn in_account(config: &SdkConfig, url: Option<Url>, timeout: Duration) -> Self {
        let client = connect(config, url.as_ref(), timeout);
        Self {
            client: OnceCell::new_with(Some(client)),
            ..Self::new(url, timeout)
        }
    }

    async fn client(&self) -> &Client {
        let connect = async || connect(&account::load().await, self.url.as_ref(), self.timeout);
        self.client.get_or_init(connect).await
    }

    fn is_streamed(&self, model: &str) -> bool {
        let whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        !whole.contains(model)
    }

    /// Requests further answers of a model as a whole.
    fn note_whole(&self, model: &str) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        if whole.insert(model.to_owned()) {
            tracing::info!(
                model,
                "the model refuses a stream or counts no tokens in it: answers are requested as a whole"
            );
        }
    }
}

fn connect(config: &SdkConfig, url: Option<&Url>, timeout: Duration) -> Client {
    let mut config = Builder::from(config).timeout_config(account::limits(timeout));
    if let Some(url) = url {
        config = config.endpoint_url(url.as_str().trim_end_matches('/'));
    }
    Client::from_conf(config.build())
}

#[async_trait]
impl AskModel for BedrockAskModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let limit = request.time_limit.unwrap_or(TimeLimit {
            quiet: self.timeout,
            whole: self.timeout,
        });
        let call = Call {
            client: self.client().await,
            model: request.model.name(),
            messages: messages(&request.prompt)?,
            request,
            limit,
            end: Instant::now() + limit.whole,
        };
        if self.is_streamed(call.model)
            && let Some(answer) = call.stream().await?
        {
            if answer.input_tokens == 0 {
                self.note_whole(call.model);
            }
            return Ok(answer);
        }
        let answer = call.whole().await?;
        self.note_whole(call.model);
        Ok(answer)
    }
}

/// One call, which may be two requests.
struct Call<'a> {
    client: &'a Client,
    model: &'a str,
    messages: Vec<Message>,
    request: &'a ModelRequest,
    limit: TimeLimit,
    /// When `limit.whole` ends.
    end: Instant,
}

impl Call<'_> {
    /// Returns the answer that arrives as a stream; `None` if the model refuses one.
    async fn stream(&self) -> Result<Option<RecordedAnswer>, ModelError> {
        let call = self.client.converse_stream().model_id(self.model);
        let call = call.inference_config(self.inference()).system(self.system());
        let call = call.set_messages(Some(self.messages.clone())).customize();
        let sent = call.config_override(self.until_begun()).interceptor(self.bound());
        match sent.send().await {
            Ok(output) => {
                let arrived = self.receive(output).await?;
                let stop = arrived.stop.as_ref().map_or(Stop::Complete, stop_of);
                self.read(arrived.text, stop, arrived.usage.as_ref()).map(Some)
            }
            Err(error) if refuses_stream(&error) => Ok(None),
            Err(error) => Err(failure(self.model, &error)),
        }
    }

    /// Returns the answer that arrives as a whole: the longest silence is the limit of all of it.
    async fn whole(&self) -> Result<RecordedAnswer, ModelError> {
        let call = self.client.converse().model_id(self.model);
        let call = call.inference_config(self.inference()).system(self.system());
        let call = call.set_messages(Some(self.messages.clone())).customize();
        let sent = call.config_override(self.until_begun()).interceptor(self.bound());
        match sent.send().await {
            Ok(output) => self.read(text_of(&output), stop_of(output.stop_reason()), output.usage()),
            Err(error) => Err(failure(self.model, &error)),
        }
    }

    fn inference(&self) -> InferenceConfiguration {
        let most = i32::try_from(self.request.max_output_tokens).unwrap_or(i32::MAX);
        InferenceConfiguration::builder().max_tokens(most).build()
    }

    /// Returns the prompt's instructions with the answer's schema.
    fn system(&self) -> SystemContentBlock {
        SystemContentBlock::Text(format!(
            "{}\n\nAnswer with one JSON object and nothing around it, of this JSON Schema:\n{}",
            self.request.prompt.system, self.request.schema
        ))
    }

    /// Returns the SDK's own limits. They end when a stream begins.
    fn until_begun(&self) -> Builder {
        let left = self.end.saturating_duration_since(Instant::now());
        Builder::new().timeout_config(account::limits(self.limit.quiet.min(left)))
    }

    fn bound(&self) -> BoundAnswer {
        let tokens = usize::try_from(self.request.max_output_tokens).unwrap_or(usize::MAX);
        BoundAnswer {
            most: tokens
                .saturating_mul(BYTES_PER_TOKEN)
                .clamp(MIN_ANSWER_BYTES, MAX_ANSWER_BYTES),
        }
    }

    /// Joins the events of a stream within the call's time limits.
    async fn receive(&self, mut output: converse_stream::ConverseStreamOutput) -> Result<Arrived, ModelError> {
        let mut arrived = Arrived::default();
        while arrived.stop.is_none() || !arrived.is_counted {
            let until = self.end.min(Instant::now() + self.limit.quiet);
            let Ok(event) = timeout_at(until, output.stream.recv()).await else {
                return Err(self.timed_out(until < self.end, arrived.has_begun));
            };
            match event {
                Ok(Some(event)) => arrived.add(event),
                Ok(None) if arrived.stop.is_some() => break,
                Ok(None) if arrived.has_begun => {
                    let line = format!("Bedrock's {} answered with a stream that breaks off", self.model);
                    return Err(ModelError::BrokenOff(line));
                }
                Ok(None) => {
                    let line = format!("Bedrock's {} answered with an empty stream", self.model);
                    return Err(ModelError::Unreadable(line));
                }
                Err(error) => return Err(failure_in_stream(self.model, &error, arrived.has_begun)),
            }
        }
        Ok(arrived)
    }

    fn timed_out(&self, is_quiet: bool, has_begun: bool) -> ModelError {
        let what = match is_quiet && has_begun {
            true => "no further part of the answer",
            false => "no complete answer",
        };
        let limit = if is_quiet { self.limit.quiet } else { self.limit.whole };
        ModelError::TimedOut(format!(
            "Bedrock's {}: {what} within {} s (HOLDFAST_MODEL_TIMEOUT_SECONDS sets another limit)",
            self.model,
            limit.as_secs_f64()
        ))
    }

    fn read(&self, text: String, stop: Stop, usage: Option<&TokenUsage>) -> Result<RecordedAnswer, ModelError> {
        let tokens = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        let input_tokens = tokens(usage.map(TokenUsage::input_tokens));
        let output_tokens = tokens(usage.map(TokenUsage::output_tokens));
        // A paid answer counts, even if it is empty.
        if text.trim().is_empty() && stop == Stop::Complete && input_tokens + output_tokens == 0 {
            return Err(ModelError::Unreadable(format!(
                "Bedrock's {} answered with an empty message",
                self.model
            )));
        }
        Ok(RecordedAnswer {
            text,
            stop,
            model: self.model.to_owned(),
            input_tokens,
            output_tokens,
            cost_nano_usd: None,
            cached: false,
            fallback: None,
            observed: None,
        })
    }
}

/// The parts of an answer that have arrived.
#[derive(Default)]
struct Arrived {
    has_begun: bool,
    text: String,
    stop: Option<StopReason>,
    usage: Option<TokenUsage>,
    /// True if the last event has arrived, which counts the tokens.
    is_counted: bool,
}

impl Arrived {
    fn add(&mut self, event: ConverseStreamOutput) {
        self.has_begun = true;
        match event {
            ConverseStreamOutput::ContentBlockDelta(part) => {
                if let Some(ContentBlockDelta::Text(text)) = part.delta {
                    self.text.push_str(&text);
                }
            }
            ConverseStreamOutput::MessageStop(end) => self.stop = Some(end.stop_reason),
            ConverseStreamOutput::Metadata(metadata) => {
                self.usage = metadata.usage;
                self.is_counted = true;
            }
            _ => {}
        }
    }
}

/// Limits the size of an answer, and of an event: the SDK reads any length.
#[derive(Debug)]
struct BoundAnswer {
    /// In bytes.
    most: usize,
}

impl Intercept for BoundAnswer {
    fn name(&self) -> &'static str {
        "BoundAnswer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let unbounded = mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(unbounded, self.most));
        Ok(())
    }
}

fn messages(prompt: &Prompt) -> Result<Vec<Message>, ModelError> {
    let message = |role, text: &str| {
        let content = ContentBlock::Text(text.to_owned());
        Message::builder().role(role).content(content).build()
    };
    let turns = prompt.turns.iter().map(|turn| match turn.role {
        Role::User => message(ConversationRole::User, &turn.text),
        Role::Assistant => message(ConversationRole::Assistant, &turn.text),
    });
    turns
        .collect::<Result<_, _>>()
        .map_err(|error| ModelError::Rejected(format!("the prompt cannot be sent to Bedrock: {error}")))
}

fn text_of(output: &ConverseOutput) -> String {
    let content = output.output().and_then(|output| output.as_message().ok());
    let blocks = content.into_iter().flat_map(|message| message.content());
    blocks
        .filter_map(|block| block.as_text().ok())
        .map(String::as_str)
        .collect()
}

fn stop_of(reason: &StopReason) -> Stop {
    match reason {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => Stop::OutputLimit,
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => Stop::Refusal,
        _ => Stop::Complete,
    }
}

/// Returns true if a model has no streams, in the words of the refusal.
fn refuses_stream(error: &SdkError<converse_stream::ConverseStreamError, HttpResponse>) -> bool {
    let message = error.message().unwrap_or_default().to_lowercase();
    let mut words = message.split(|sign: char| !sign.is_alphanumeric());
    error.code() == Some("ValidationException") && words.any(|word| word.starts_with("stream"))
}

fn failure<E>(model: &str, error: &SdkError<E, HttpResponse>) -> ModelError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let line = format!("Bedrock's {model}: {}", account::failure_line(error));
    match error {
        SdkError::TimeoutError(_) => ModelError::TimedOut(line),
        SdkError::ServiceError(_) => refusal(error.code().unwrap_or_default(), line),
        SdkError::ResponseError(_) => ModelError::Outage(line),
        _ => ModelError::Unavailable(line),
    }
}

/// Returns the failure of a stream whose answer was accepted.
fn failure_in_stream(
    model: &str,
    error: &SdkError<ConverseStreamOutputError, RawMessage>,
    has_begun: bool,
) -> ModelError {
    if let SdkError::ServiceError(exception) = error {
        let name = exception_name(exception.raw());
        let line = account::named_line(&name, error.message());
        return refusal(&name, format!("Bedrock's {model}: {line}"));
    }
    let is_unreadable = matches!(error, SdkError::ResponseError(_));
    let reason = match is_unreadable {
        true => "an event that cannot be read".to_owned(),
        false => account::chain(error),
    };
    let line = format!("Bedrock's {model} broke off its answer ({reason})");
    match has_begun {
        true => ModelError::BrokenOff(line),
        false if is_unreadable => ModelError::Outage(line),
        false => ModelError::Unavailable(line),
    }
}

/// Returns an exception's name as refusals have it: the event `throttlingException` is `ThrottlingException`.
fn exception_name(raw: &RawMessage) -> String {
    let RawMessage::Decoded(message) = raw else {
        return String::new();
    };
    let mut headers = message.headers().iter();
    let name = headers.find(|header| header.name().as_str() == ":exception-type");
    let name = name.and_then(|header| header.value().as_string().ok());
    let mut letters = name.map_or("", |name| name.as_str()).chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Returns the port's error for a refusal of this name.
fn refusal(name: &str, line: String) -> ModelError {
    match name {
        "ThrottlingException" => ModelError::RateLimited {
            retry_after_s: None,
            observed: None,
        },
        "ServiceQuotaExceededException" => ModelError::SpendingLimit(line),
        "ModelTimeoutException" => ModelError::TimedOut(line),
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "ExpiredTokenException"
        | "InvalidSignatureException" => ModelError::Unauthorized(format!(
            "{line}. Check that the role may call bedrock:InvokeModelWithResponseStream and bedrock:InvokeModel on it"
        )),
        "ValidationException" | "ResourceNotFoundException" => ModelError::Rejected(format!(
            "{line}. Check the model's id and that it is offered in this region"
        )),
        _ => ModelError::Outage(line),
    }
}
