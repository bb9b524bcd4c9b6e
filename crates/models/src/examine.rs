//! Examines a model's server with one small call: whether it answers, which form of request it accepts, which usage it
//! reports. The call costs as much as any other.

use std::time::Instant;

use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::run::Stop;
use holdfast_core::model::token_limits::TokenLimits;
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use holdfast_core::prompt::{probe_prompt, summary_schema};
use holdfast_core::validate::read_summary;
use serde::Serialize;
use serde_json::Value;

use crate::http::ModelHttp;
use crate::reply::fields::count;
use crate::request::dialect::{Dialects, Format, LimitName};

/// A context of at least this size needs no setting, in tokens: unit, context, correction and answer fit in it.
const AMPLE_CONTEXT_TOKENS: u64 = 32_000;
/// The fields in which servers state the size of a model's context.
const CONTEXT_FIELDS: [&str; 6] = [
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
    "max_input_tokens",
    "n_ctx",
];

/// The report on a model's server, from one call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelReport {
    /// The model.
    pub model: ModelId,
    /// Its host.
    pub server: String,
    /// True if the server answered with the requested JSON.
    pub works: bool,
    /// True if the server answered, whatever it answered. False if the connection or the call failed.
    pub reachable: bool,
    /// True if it accepts the key; `None` if that isn't known.
    pub key_accepted: Option<bool>,
    /// The accepted parameter for the answer's schema: `schema`, `open_schema`, `json_object`, `none`; `None` if no
    /// form was answered.
    pub structured_output: Option<&'static str>,
    /// The parameter for the output limit: `max_tokens`, `max_completion_tokens`, `none`.
    pub output_limit: Option<&'static str>,
    /// The accepted output limit, in tokens.
    pub output_tokens: Option<u32>,
    /// The place of the instructions: `system`, `first_turn`.
    pub instructions: Option<&'static str>,
    /// The size of the context, as the server states it, in tokens.
    pub context_tokens: Option<u64>,
    /// Tokens sent, as the server counts them; 0 if it doesn't.
    pub input_tokens: u64,
    /// Tokens received, as the server counts them; 0 if it doesn't.
    pub output_tokens_counted: u64,
    /// Duration of the call, in seconds.
    pub seconds: f64,
    /// The reason why it doesn't work.
    pub problem: Option<String>,
    /// The remedies.
    pub remedies: Vec<String>,
}

/// The examined part of an adapter.
pub(crate) struct Examined<'a> {
    /// The adapter.
    pub ask: &'a dyn AskModel,
    /// Its server; `None` for Bedrock.
    pub server: Option<(&'a ModelHttp, &'a Dialects)>,
}

/// Calls a model once with a few words and the deployment's output limit.
pub(crate) async fn examine(model: &ModelId, examined: &Examined<'_>, limits: TokenLimits) -> ModelReport {
    let name = model.name();
    let wanted = limits.output();
    let request = ModelRequest {
        model: model.clone(),
        prompt: probe_prompt(),
        schema: summary_schema(),
        max_output_tokens: wanted,
        time_limit: None,
    };
    let start = Instant::now();
    let result = examined.ask.ask(&request).await;
    let mut report = ModelReport {
        model: model.clone(),
        server: examined
            .server
            .map_or_else(|| "Amazon Bedrock".to_owned(), |(http, _)| http.host.clone()),
        works: false,
        reachable: true,
        key_accepted: Some(true),
        structured_output: None,
        output_limit: None,
        output_tokens: None,
        instructions: None,
        context_tokens: None,
        input_tokens: 0,
        output_tokens_counted: 0,
        seconds: start.elapsed().as_secs_f64(),
        problem: None,
        remedies: Vec::new(),
    };
    match result {
        Ok(answer) => {
            report.input_tokens = answer.input_tokens;
            report.output_tokens_counted = answer.output_tokens;
            match (answer.stop, read_summary(&answer)) {
                (_, Ok(_)) => report.works = true,
                (Stop::OutputLimit, Err(_)) => {
                    report.problem = Some(format!("the answer did not end within {wanted} tokens"));
                    let remedy = "a model that thinks needs room for it: raise HOLDFAST_MODEL_OUTPUT_TOKENS, or limit its thinking at the server";
                    report.remedies.push(remedy.to_owned());
                }
                (_, Err(problem)) => {
                    report.problem = Some(problem.to_string());
                    report.remedies.push("choose a model that answers in JSON".to_owned());
                }
            }
        }
        Err(error) => {
            // A server checks the key before it answers with a limit or a bill; without a key, nothing is sent.
            report.reachable = !matches!(error, ModelError::Unavailable(_) | ModelError::TimedOut(_));
            report.key_accepted = match error {
                ModelError::Unauthorized(_) => Some(false),
                ModelError::RateLimited { .. } | ModelError::SpendingLimit(_) => Some(true),
                _ => None,
            };
            if matches!(error, ModelError::RateLimited { .. }) {
                report.remedies.push("wait, and run it again".to_owned());
            }
            report.problem = Some(error.to_string());
        }
    }
    if let Some((http, dialects)) = examined.server {
        report.context_tokens = context_of(http, name).await;
        describe(&mut report, dialects, name, wanted);
    }
    advise(&mut report, limits);
    report
}

/// Adds the form of the answered request to the report.
fn describe(report: &mut ModelReport, dialects: &Dialects, name: &str, wanted: u32) {
    let (dialect, true) = dialects.current(name) else {
        return;
    };
    report.structured_output = Some(match dialect.format {
        Format::Schema => "schema",
        Format::OpenSchema => "open_schema",
        Format::JsonObject => "json_object",
        Format::Words => "none",
    });
    report.output_limit = Some(match dialect.limit_name {
        LimitName::MaxTokens => "max_tokens",
        LimitName::MaxCompletionTokens => "max_completion_tokens",
        LimitName::LeftOut => "none",
    });
    report.output_tokens = Some(dialect.output_tokens(wanted));
    report.instructions = Some(if dialect.has_system { "system" } else { "first_turn" });
}

/// Adds the settings that follow from the server's answers.
fn advise(report: &mut ModelReport, limits: TokenLimits) {
    if let Some(output) = report.output_tokens.filter(|output| *output < limits.output()) {
        report.remedies.push(format!(
            "the server accepts at most {output} tokens of output: set HOLDFAST_MODEL_OUTPUT_TOKENS={output}"
        ));
    }
    if let Some(context) = report.context_tokens {
        let assumed = limits.context.map_or(AMPLE_CONTEXT_TOKENS, u64::from);
        if context < assumed {
            report.remedies.push(format!(
                "the model's context is {context} tokens: set HOLDFAST_MODEL_CONTEXT_TOKENS={context}, so that units fit in it"
            ));
        }
    }
    if report.structured_output == Some("none") {
        let remedy = "the server accepts no JSON Schema: answers are still checked, with more corrections";
        report.remedies.push(remedy.to_owned());
    }
    if report.works && report.input_tokens + report.output_tokens_counted == 0 {
        let remedy = "the server reports no usage: tokens and costs of this model are counted as 0";
        report.remedies.push(remedy.to_owned());
    }
}

/// Returns the context of this model in the server's list of models.
async fn context_of(http: &ModelHttp, name: &str) -> Option<u64> {
    let listed = http.get("/models").await?;
    let models = listed["data"].as_array()?;
    let entry = models
        .iter()
        .find(|entry| entry["id"] == name)
        .or(match models.as_slice() {
            [only] => Some(only),
            _ => None,
        })?;
    [entry, &entry["meta"], &entry["top_provider"]]
        .into_iter()
        .find_map(|place: &Value| count(place, &CONTEXT_FIELDS))
        .filter(|context| *context > 0)
}
