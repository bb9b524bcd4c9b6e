//! Scripts, which choose a scripted model's answer by the current request and the earlier ones.

use super::answer::{Answer, Failure, Outcome, StopReason};
use super::finding::{Finding, answer_text};
use super::journal::Journal;
use super::prompt::Prompt;
use super::wire::Wire;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One request to the model.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// Its API.
    pub wire: Wire,
    /// Number among all requests, from 0.
    pub sequence: usize,
    /// Number among the requests that show the same files, from 0.
    pub attempt: usize,
    /// The files in the user's turns.
    pub prompt: Prompt,
    /// Instructions and user's turns, joined by a newline.
    pub text: String,
    /// The body.
    pub body: Value,
}

type Decide = dyn Fn(&Journal, &ModelRequest) -> Answer + Send + Sync;

/// Decides each answer. Cheap to clone.
#[derive(Clone)]
pub struct Script(Arc<Decide>);

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::valid()
    }
}

impl Script {
    /// Answers by a function of the journal so far (this request is its last call) and the request.
    pub fn new(decide: impl Fn(&Journal, &ModelRequest) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(decide))
    }

    pub(crate) fn decide(&self, journal: &Journal, request: &ModelRequest) -> Answer {
        (self.0)(journal, request)
    }

    /// Always gives this answer.
    pub fn always(answer: impl Into<Answer>) -> Self {
        let answer = answer.into();
        Self::new(move |_, _| answer.clone())
    }

    /// Gives a valid answer without findings.
    pub fn valid() -> Self {
        Self::findings(Vec::new())
    }

    /// Reports these findings in each answer whose prompt shows their file.
    pub fn findings(findings: Vec<Finding>) -> Self {
        Self::new(move |_, request| Answer::text(answer_text(&findings, &request.prompt)))
    }

    /// Reports one medium finding on `line` of `path`, in answers whose prompt shows `path`.
    pub fn finding_on(path: impl Into<String>, line: u32) -> Self {
        Self::findings(vec![Finding::at(path, line)])
    }

    /// Reports one medium finding on the prompt's first added line.
    pub fn first_added_line() -> Self {
        Self::findings(vec![Finding::first_added_line()])
    }

    /// Reports a high finding on each file's first added line.
    pub fn finding_each_file() -> Self {
        Self::new(|_, request| {
            let paths = request.prompt.paths().into_iter();
            let findings: Vec<_> = paths
                .map(|path| Finding::first_added_line_of(path).severity("high"))
                .collect();
            Answer::text(answer_text(&findings, &request.prompt))
        })
    }

    /// Always gives this text as a complete answer.
    pub fn text(text: impl Into<String>) -> Self {
        Self::always(Answer::text(text))
    }

    /// Gives prose at a unit's first request, then a valid answer.
    pub fn prose_then_valid() -> Self {
        Self::sequence(vec![Self::always_invalid(), Self::valid()])
    }

    /// Gives a valid answer inside a fence, with prose around it.
    pub fn fenced() -> Self {
        Self::new(|_, request| {
            let json = answer_text(&[], &request.prompt);
            Answer::text(format!(
                "Here is my review:\n\n```json\n{json}\n```\n\nTell me if I can help further."
            ))
        })
    }

    /// Always gives prose without JSON.
    pub fn always_invalid() -> Self {
        Self::text("I read the change carefully, and overall it looks fine to me.")
    }

    /// Answers the server's first `n` requests with 429 and `Retry-After`, the others by `then`.
    pub fn rate_limited_first(n: usize, retry_after_s: u64, then: Self) -> Self {
        let limited = Self::rate_limited(Some(retry_after_s));
        Self::new(move |journal, request| {
            let script = if request.sequence < n { &limited } else { &then };
            script.decide(journal, request)
        })
    }

    /// Always answers with 429, with or without `Retry-After`.
    pub fn rate_limited(retry_after_s: Option<u64>) -> Self {
        let message = "This request would exceed your rate limit.".into();
        Self::always(Outcome::Failure(Failure {
            status: 429,
            retry_after_s,
            kind: None,
            message,
        }))
    }

    /// Answers with a 429 for a spent budget: waiting does not help.
    pub fn spending_limit() -> Self {
        Self::new(|_, request| {
            let kind = match request.wire {
                Wire::Anthropic => None,
                Wire::Openai => Some("insufficient_quota".into()),
            };
            let message = "You have reached your spending limit. Check your plan and billing details.".into();
            Outcome::Failure(Failure {
                status: 429,
                retry_after_s: None,
                kind,
                message,
            })
            .into()
        })
    }

    /// Always fails with this status.
    pub fn status(status: u16) -> Self {
        Self::always(Answer::failure(status, format!("scripted failure {status}")))
    }

    /// Answers with 401, as for an unknown key.
    pub fn wrong_key() -> Self {
        Self::always(Answer::failure(401, "invalid x-api-key"))
    }

    /// Answers with 529.
    pub fn overloaded() -> Self {
        Self::always(Answer::failure(529, "Overloaded"))
    }

    /// Leaves every request without an answer.
    pub fn hang() -> Self {
        Self::always(Outcome::Hang)
    }

    /// Closes the connection without an answer.
    pub fn dropped() -> Self {
        Self::always(Outcome::Drop)
    }

    /// Answers with 200 and half a JSON document.
    pub fn malformed_body() -> Self {
        Self::always(Outcome::Raw {
            status: 200,
            body: br#"{"id":"msg_1","content":[{"type":"te"#.to_vec(),
        })
    }

    /// Answers with 200 and no body.
    pub fn empty_body() -> Self {
        Self::always(Outcome::Raw {
            status: 200,
            body: Vec::new(),
        })
    }

    /// Gives a complete, valid answer with a summary of `bytes` bytes.
    pub fn huge(bytes: usize) -> Self {
        Self::new(move |_, _| {
            let summary = "word ".repeat(bytes.div_ceil(5));
            Answer::text(serde_json::json!({ "summary": summary[..bytes], "findings": [] }).to_string())
        })
    }

    /// Gives half an answer, ended by the limit of output tokens.
    pub fn truncated() -> Self {
        Self::always(Outcome::Text {
            text: r#"{"summary":"The change ad"#.into(),
            stop: StopReason::MaxTokens,
        })
    }

    /// Gives a text in which the model declines the request.
    pub fn refusal() -> Self {
        let text = "I can't help with reviewing this content.".into();
        Self::always(Outcome::Text {
            text,
            stop: StopReason::Refusal,
        })
    }

    /// Gives a valid answer after `delay_ms`.
    pub fn slow(delay_ms: u64) -> Self {
        Self::valid().delayed(delay_ms)
    }

    /// Answers requests for structured output with 400, the others by `then`.
    pub fn without_structured_output(then: Self) -> Self {
        Self::new(move |journal, request| {
            if !request.wire.is_structured(&request.body) {
                return then.decide(journal, request);
            }
            let name = match request.wire {
                Wire::Anthropic => "output_config",
                Wire::Openai => "response_format",
            };
            Answer::failure(400, format!("{name}: structured output is not supported by this model"))
        })
    }

    /// Delays this script's answers by `delay_ms`.
    pub fn delayed(self, delay_ms: u64) -> Self {
        Self::new(move |journal, request| self.decide(journal, request).after(Duration::from_millis(delay_ms)))
    }

    /// Answers requests for this model by `script`, the others by this one.
    #[must_use]
    pub fn for_model(self, model: impl Into<String>, script: Self) -> Self {
        let model = model.into();
        Self::new(move |journal, request| {
            let is_asked = request.body["model"] == model.as_str();
            let chosen = if is_asked { &script } else { &self };
            chosen.decide(journal, request)
        })
    }

    /// Answers requests that show `path` by `script`, the others by this script. A later rule takes precedence.
    pub fn for_path(self, path: impl Into<String>, script: Self) -> Self {
        let path = path.into();
        Self::new(move |journal, request| {
            let chosen = if request.prompt.file(&path).is_some() {
                &script
            } else {
                &self
            };
            chosen.decide(journal, request)
        })
    }

    /// Uses one script for each request of a unit (requests that show the same files); the last one repeats. An empty
    /// list answers as [`Script::valid`].
    pub fn sequence(scripts: Vec<Self>) -> Self {
        Self::new(move |journal, request| {
            let script = scripts
                .get(request.attempt)
                .or(scripts.last())
                .cloned()
                .unwrap_or_default();
            script.decide(journal, request)
        })
    }

    /// Uses one script for each request to the server; the last one repeats. An empty list answers as
    /// [`Script::valid`].
    pub fn global_sequence(scripts: Vec<Self>) -> Self {
        Self::new(move |journal, request| {
            let script = scripts
                .get(request.sequence)
                .or(scripts.last())
                .cloned()
                .unwrap_or_default();
            script.decide(journal, request)
        })
    }

    /// The names for [`Script::named`].
    pub const NAMES: [&'static str; 19] = [
        "valid",
        "first_added_line",
        "finding_each_file",
        "prose_then_valid",
        "fenced",
        "always_invalid",
        "rate_limited_first",
        "spending_limit",
        "server_error",
        "wrong_key",
        "overloaded",
        "hang",
        "dropped",
        "malformed_body",
        "empty_body",
        "huge",
        "truncated",
        "refusal",
        "without_structured_output",
    ];

    /// Returns a script by name, with round values for its parameters (3 requests, 1 second, 20 MB).
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "valid" => Self::valid(),
            "first_added_line" => Self::first_added_line(),
            "finding_each_file" => Self::finding_each_file(),
            "prose_then_valid" => Self::prose_then_valid(),
            "fenced" => Self::fenced(),
            "always_invalid" => Self::always_invalid(),
            "rate_limited_first" => Self::rate_limited_first(3, 1, Self::valid()),
            "spending_limit" => Self::spending_limit(),
            "server_error" => Self::status(500),
            "wrong_key" => Self::wrong_key(),
            "overloaded" => Self::overloaded(),
            "hang" => Self::hang(),
            "dropped" => Self::dropped(),
            "malformed_body" => Self::malformed_body(),
            "empty_body" => Self::empty_body(),
            "huge" => Self::huge(20_000_000),
            "truncated" => Self::truncated(),
            "refusal" => Self::refusal(),
            "without_structured_output" => Self::without_structured_output(Self::valid()),
            _ => return None,
        })
    }
}
