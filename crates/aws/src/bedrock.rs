//! Amazon Bedrock's Converse API, through the SDK: one request format for the models of all providers. Credentials and
//! region come from the environment; there is no model key. One call, no retry. The prompt describes the answer's JSON
//! Schema in words; an invalid answer goes back to the model for correction, as with every provider.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::converse::{ConverseError, ConverseOutput};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, InferenceConfiguration, Message, StopReason, SystemContentBlock,
};
use holdfast_core::model::run::{Prompt, RecordedAnswer, Role, Stop};
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use tokio::sync::OnceCell;
use url::Url;

use crate::account;

/// Calls models on Bedrock. The first call looks the account up.
#[derive(Debug)]
pub struct BedrockAskModel {
    client: OnceCell<Client>,
    url: Option<Url>,
    timeout: Duration,
}

impl BedrockAskModel {
    /// Uses the region's own endpoint, or `url`; a call takes at most `timeout` if it has no limit of its own.
    pub const fn new(url: Option<Url>, timeout: Duration) -> Self {
        Self {
            client: OnceCell::const_new(),
            url,
            timeout,
        }
    }

    /// Uses the account of `config`.
    pub fn in_account(config: &SdkConfig, url: Option<Url>, timeout: Duration) -> Self {
        let client = connect(config, url.as_ref(), timeout);
        Self {
            client: OnceCell::new_with(Some(client)),
            url,
            timeout,
        }
    }

    async fn client(&self) -> &Client {
        let connect = async || connect(&account::load().await, self.url.as_ref(), self.timeout);
        self.client.get_or_init(connect).await
    }
}

fn connect(config: &SdkConfig, url: Option<&Url>, timeout: Duration) -> Client {
    let mut config = aws_sdk_bedrockruntime::config::Builder::from(config).timeout_config(account::limits(timeout));
    if let Some(url) = url {
        config = config.endpoint_url(url.as_str().trim_end_matches('/'));
    }
    Client::from_conf(config.build())
}

#[async_trait]
impl AskModel for BedrockAskModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let model = request.model.name();
        let most = i32::try_from(request.max_output_tokens).unwrap_or(i32::MAX);
        let mut call = self.client().await.converse().model_id(model);
        call = call.inference_config(InferenceConfiguration::builder().max_tokens(most).build());
        call = call.system(SystemContentBlock::Text(instructions(request)));
        for message in messages(&request.prompt)? {
            call = call.messages(message);
        }
        // The answer comes as a whole.
        let limit = request.time_limit.map_or(self.timeout, |limit| limit.quiet);
        let within = aws_sdk_bedrockruntime::config::Builder::new().timeout_config(account::limits(limit));
        match call.customize().config_override(within).send().await {
            Ok(output) => read(model, &output),
            Err(error) => Err(failure(model, &error)),
        }
    }
}

/// Returns the prompt's instructions with the answer's schema.
fn instructions(request: &ModelRequest) -> String {
    format!(
        "{}\n\nAnswer with one JSON object and nothing around it, of this JSON Schema:\n{}",
        request.prompt.system, request.schema
    )
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

fn read(model: &str, output: &ConverseOutput) -> Result<RecordedAnswer, ModelError> {
    let content = output.output().and_then(|output| output.as_message().ok());
    let blocks = content.into_iter().flat_map(|message| message.content());
    let text: String = blocks
        .filter_map(|block| block.as_text().ok())
        .map(String::as_str)
        .collect();
    let stop = match output.stop_reason() {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => Stop::OutputLimit,
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => Stop::Refusal,
        _ => Stop::Complete,
    };
    let tokens = |count: Option<i32>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
    let usage = output.usage();
    let paid = tokens(usage.map(|usage| usage.input_tokens())) + tokens(usage.map(|usage| usage.output_tokens()));
    if text.trim().is_empty() && stop == Stop::Complete && paid == 0 {
        return Err(ModelError::Unreadable(format!(
            "Bedrock's {model} answered with an empty message"
        )));
    }
    Ok(RecordedAnswer {
        text,
        stop,
        model: model.to_owned(),
        input_tokens: tokens(usage.map(|usage| usage.input_tokens())),
        output_tokens: tokens(usage.map(|usage| usage.output_tokens())),
        cost_nano_usd: None,
        cached: false,
        fallback: None,
        observed: None,
    })
}

fn failure(model: &str, error: &SdkError<ConverseError>) -> ModelError {
    let line = format!("Bedrock's {model}: {}", account::failure_line(error));
    if matches!(error, SdkError::TimeoutError(_)) {
        return ModelError::TimedOut(line);
    }
    match error.code().unwrap_or_default() {
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
            "{line}. Check that the role may call bedrock:InvokeModel on it"
        )),
        "ValidationException" | "ResourceNotFoundException" => ModelError::Rejected(format!(
            "{line}. Check the model's id and that it is offered in this region"
        )),
        _ if matches!(error, SdkError::ServiceError(_) | SdkError::ResponseError(_)) => ModelError::Outage(line),
        _ => ModelError::Unavailable(line),
    }
}
