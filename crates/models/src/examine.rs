//! One small call to a model, and what it shows of its server: whether it answers, what it takes of a request, what it
//! counts. The call is paid like any other.

use std::time::Instant;

use holdfast_core::model::run::{Prompt, Role, Stop, Turn};
use holdfast_core::model::token_limits::TokenLimits;
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use holdfast_core::prompt::summary_schema;
use holdfast_core::validate::read_summary;
use serde::Serialize;
use serde_json::Value;

use crate::http::ModelHttp;
use crate::reply::fields::count;
use crate::request::dialect::{Dialects, Format, LimitName};

/// A context from this size on needs no setting: unit, context, correction and answer fit in it, in tokens.
const AMPLE_CONTEXT_TOKENS: u64 = 32_000;
/// Where servers state the size of a model's context.
const CONTEXT_FIELDS: [&str; 6] = [
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
    "max_input_tokens",
    "n_ctx",
];

/// What one call showed of a model's server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelReport {
    /// `provider/name`.
    pub model: String,
    /// Its host.
    pub server: String,
    /// Whether the call was answered in the shape that was asked for.
    pub works: bool,
    /// Whether the server answered at all.
    pub reachable: bool,
    /// Whether it took the key; none where that is not known.
    pub key_accepted: Option<bool>,
    /// How the answer's shape is asked for: `schema`, `open_schema`, `json_object`, `none`; none where no form was answered.
    pub structured_output: Option<&'static str>,
    /// What the output limit is called: `max_tokens`, `max_completion_tokens`, `none`.
    pub output_limit: Option<&'static str>,
    /// The output limit that the server takes, in tokens.
    pub output_tokens: Option<u32>,
    /// Where the instructions stand: `system`, `first_turn`.
    pub instructions: Option<&'static str>,
    /// The context as the server states it, in tokens.
    pub context_tokens: Option<u64>,
    /// Tokens sent as the server counts them; 0: it doesn't.
    pub input_tokens: u64,
    /// Tokens received as the server counts them; 0: it doesn't.
    pub output_tokens_counted: u64,
    /// How long the call took.
    pub seconds: f64,
    /// Why it doesn't work.
    pub problem: Option<String>,
    /// What to do.
    pub remedies: Vec<String>,
}

/// The part of an adapter that is examined.
pub(crate) struct Examined<'a> {
    /// The adapter.
    pub ask: &'a dyn AskModel,
    /// Its server; none of Bedrock's.
    pub server: Option<(&'a ModelHttp, &'a Dialects)>,
}

/// Calls a model once with a few words and the deployment's output limit.
pub(crate) async fn examine(model: &str, examined: &Examined<'_>, limits: TokenLimits) -> ModelReport {
    let name = model.split_once('/').map_or(model, |(_, name)| name);
    let wanted = limits.output();
    let request = ModelRequest {
        model: model.to_owned(),
        prompt: Prompt {
            system: "Answer with one JSON object and nothing else: { \"summary\": \"one word\" }.".to_owned(),
            turns: vec![Turn {
                role: Role::User,
                text: "This is a test of the connection. The word is: ready.".to_owned(),
            }],
        },
        schema: summary_schema(),
        max_output_tokens: wanted,
    };
    let start = Instant::now();
    let asked = examined.ask.ask(&request).await;
    let mut report = ModelReport {
        model: model.to_owned(),
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
    match asked {
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
            // A limit or a bill comes after the key was looked at; a missing key is refused before anything is sent.
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

/// Fills in the form of request that was answered.
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

/// What to set, where the server shows it.
fn advise(report: &mut ModelReport, limits: TokenLimits) {
    if let Some(output) = report.output_tokens.filter(|output| *output < limits.output()) {
        report.remedies.push(format!(
            "the server takes at most {output} tokens of output: set HOLDFAST_MODEL_OUTPUT_TOKENS={output}"
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
        let remedy = "the server takes no JSON Schema: answers are checked all the same, with more corrections";
        report.remedies.push(remedy.to_owned());
    }
    if report.works && report.input_tokens + report.output_tokens_counted == 0 {
        let remedy = "the server reports no usage: tokens and costs of this model are counted as 0";
        report.remedies.push(remedy.to_owned());
    }
}

/// The context that the server's list of models states for this one.
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
