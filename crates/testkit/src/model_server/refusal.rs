//! Servers with limits: each refuses one part of a request, in the words of real servers.

use super::answer::{Answer, Failure, Outcome};
use super::script::Script;
use serde_json::Value;

/// One part of a request that a server refuses.
#[derive(Clone, Copy, Debug)]
pub struct Refuses {
    /// Its name, for messages.
    pub name: &'static str,
    /// The status of the refusal.
    pub status: u16,
    /// Its words; without them the body is empty.
    pub words: &'static str,
    /// Returns true if a request contains it.
    pub is_refused: fn(&Value) -> bool,
}

fn has_format(body: &Value) -> bool {
    body.get("response_format").is_some() || body.get("output_config").is_some()
}

fn has_schema(body: &Value) -> bool {
    body["response_format"]["type"] == "json_schema" || body.get("output_config").is_some()
}

fn has_closed_objects(body: &Value) -> bool {
    body["response_format"].to_string().contains("additionalProperties")
}

fn has_system(body: &Value) -> bool {
    let first = &body["messages"][0]["role"];
    first == "system" || first == "developer"
}

fn has_max_tokens(body: &Value) -> bool {
    body.get("max_tokens").is_some()
}

fn has_max_completion_tokens(body: &Value) -> bool {
    body.get("max_completion_tokens").is_some()
}

fn has_limit(body: &Value) -> bool {
    has_max_tokens(body) || has_max_completion_tokens(body)
}

fn is_stream(body: &Value) -> bool {
    body["stream"] == true
}

fn has_stream_options(body: &Value) -> bool {
    body.get("stream_options").is_some()
}

fn limit(body: &Value) -> u64 {
    let limit = body["max_tokens"].as_u64().or(body["max_completion_tokens"].as_u64());
    limit.unwrap_or_default()
}

const fn refuses(name: &'static str, status: u16, words: &'static str, is_refused: fn(&Value) -> bool) -> Refuses {
    Refuses {
        name,
        status,
        words,
        is_refused,
    }
}

impl Refuses {
    /// Servers that refuse the answer's shape, or a form of requesting it.
    pub const FORMATS: [Self; 16] = [
        refuses(
            "xgrammar",
            400,
            "The provided JSON schema contains features not supported by xgrammar",
            has_schema,
        ),
        refuses("keys", 400, "Grammar error: Unimplemented keys: maxLength", has_schema),
        refuses(
            "gemini",
            400,
            "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema': Cannot find field.",
            has_closed_objects,
        ),
        refuses(
            "router",
            404,
            "No endpoints found that can handle the requested parameters. To learn more about provider routing, visit the documentation",
            has_format,
        ),
        refuses("type", 400, "This response_format type is unavailable now", has_schema),
        refuses(
            "values",
            400,
            "Invalid value: 'json_schema'. Supported values are: 'text' and 'json_object'.",
            has_schema,
        ),
        refuses("unknown", 400, "Unknown parameter: 'response_format'.", has_format),
        refuses(
            "model",
            400,
            "This model does not support response format `json_schema`",
            has_schema,
        ),
        refuses(
            "guided",
            400,
            "Guided decoding is not supported by this engine",
            has_format,
        ),
        refuses("structured", 422, "structured outputs are not enabled", has_format),
        refuses("mode", 400, "JSON mode is not enabled for this model", has_format),
        refuses("extra", 422, "Extra inputs are not permitted", has_format),
        refuses("silent", 400, "", has_format),
        refuses("vague", 400, "Bad Request", has_format),
        refuses("crash", 500, "Internal Server Error", has_format),
        refuses("missing", 501, "Not Implemented", has_format),
    ];

    /// Servers that refuse the output limit by its name.
    pub const LIMIT_NAMES: [Self; 6] = [
        refuses(
            "old name",
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            has_max_tokens,
        ),
        refuses(
            "old name, 422",
            422,
            "max_tokens: extra fields not permitted",
            has_max_tokens,
        ),
        refuses("old name, vague", 400, "invalid request", has_max_tokens),
        refuses(
            "new name",
            400,
            "Unrecognized request argument supplied: max_completion_tokens",
            has_max_completion_tokens,
        ),
        refuses(
            "no name",
            400,
            "Unknown parameter: max_tokens / max_completion_tokens",
            has_limit,
        ),
        refuses(
            "no field",
            400,
            "Unknown name \"max_tokens\": Cannot find field.",
            has_max_tokens,
        ),
    ];

    /// Servers that refuse separate instructions.
    pub const SYSTEM: [Self; 5] = [
        refuses("role", 400, "System role not supported", has_system),
        refuses(
            "template",
            500,
            "Jinja Exception: System role not supported",
            has_system,
        ),
        refuses(
            "alternate",
            400,
            "Conversation roles must alternate user/assistant/user/assistant/...",
            has_system,
        ),
        refuses(
            "developer",
            400,
            "Developer instruction is not enabled for models/gemma-3-27b-it",
            has_system,
        ),
        refuses("vague system", 400, "invalid request", has_system),
    ];

    /// Servers that refuse a stream.
    pub const STREAMS: [Self; 3] = [
        refuses(
            "no stream",
            400,
            "Streaming is not supported by this deployment",
            is_stream,
        ),
        refuses(
            "no options",
            422,
            "stream_options: Extra inputs are not permitted",
            has_stream_options,
        ),
        refuses("vague stream", 400, "invalid request", is_stream),
    ];

    /// Servers with a smaller output limit.
    pub const LIMIT_VALUES: [Self; 5] = [
        refuses(
            "value",
            400,
            "max_tokens: 8000 > 4096, which is the maximum allowed number of output tokens for this model",
            |body| limit(body) > 4_096,
        ),
        refuses(
            "at most",
            400,
            "max_tokens is too large: 8000. This model supports at most 4,096 completion tokens, whereas you provided 8000.",
            |body| limit(body) > 4_096,
        ),
        refuses("range", 400, "Range of max_tokens should be [1, 2048]", |body| {
            limit(body) > 2_048
        }),
        refuses(
            "context",
            400,
            "This model's maximum context length is 4096 tokens. However, you requested 8500 tokens (500 in the messages, 8000 in the completion). Please reduce the length of the messages or completion.",
            |body| limit(body) > 3_596,
        ),
        refuses(
            "no number",
            400,
            "max_tokens exceeds what this model can give",
            |body| limit(body) > 1_000,
        ),
    ];

    /// Refusals that no other form of request changes.
    pub const OTHERS: [Self; 6] = [
        refuses("no model", 404, "The model `acme/risk-7b` does not exist", |_| true),
        refuses("no model, 400", 400, "invalid model name: not found", |_| true),
        refuses(
            "long prompt",
            400,
            "This model's maximum context length is 4096 tokens. However, your messages resulted in 9000 tokens.",
            |_| true,
        ),
        refuses("outage", 503, "no healthy upstream", |_| true),
        refuses("overloaded", 529, "Overloaded", |_| true),
        refuses("key", 401, "response_format: invalid key", |_| true),
    ];
}

impl Script {
    /// Refuses a request that contains one of these parts, for the first of them; answers other requests by `then`.
    pub fn refusing(things: &[Refuses], then: Self) -> Self {
        let things = things.to_vec();
        Self::new(
            move |journal, request| match things.iter().find(|thing| (thing.is_refused)(&request.body)) {
                None => then.decide(journal, request),
                Some(thing) if thing.words.is_empty() => Outcome::Raw {
                    status: thing.status,
                    body: Vec::new(),
                }
                .into(),
                Some(thing) => Answer::from(Outcome::Failure(Failure {
                    status: thing.status,
                    retry_after_s: None,
                    kind: None,
                    message: thing.words.into(),
                })),
            },
        )
    }
}
