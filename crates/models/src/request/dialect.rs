//! What a model's server takes of a request: found by what it refuses, remembered as long as the process lives.
//!
//! A call begins with what is known of the server. Where a refusal may be about a parameter, the call is sent again in
//! another form, a bounded number of times. Refused requests are not paid. What a form is called for is read from the
//! refusal's words; a refusal without known words lets the call try the other forms once in the life of the process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_core::port::ModelError;
use serde_json::Value;

use crate::http::{ModelHttp, Reply};
use crate::reply::failure::{Refusal, read_refusal};

/// Requests that one call may add.
const MAX_STEPS: usize = 6;
/// The output limit is not lowered below this.
const MIN_OUTPUT_TOKENS: u32 = 64;

/// How the answer's shape is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A JSON Schema, closed, without bounds.
    Schema,
    /// The same without what some servers refuse: closed objects, lists of types.
    OpenSchema,
    /// Any JSON object.
    JsonObject,
    /// In the prompt's words only.
    Words,
}

/// How the output limit is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitName {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
    /// Not sent.
    LeftOut,
}

/// One form of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// How the answer's shape is asked for.
    pub format: Format,
    /// How the output limit is called.
    pub limit_name: LimitName,
    /// Whether the instructions are a message of their own, or stand before the first turn.
    pub has_system: bool,
    /// The largest output limit that the server takes, where it refused a larger one.
    pub max_output_tokens: Option<u32>,
}

impl Dialect {
    /// The output limit to send.
    pub fn output_tokens(&self, wanted: u32) -> u32 {
        self.max_output_tokens.map_or(wanted, |most| wanted.min(most))
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format = match self.format {
            Format::Schema => "a JSON Schema",
            Format::OpenSchema => "an open JSON Schema",
            Format::JsonObject => "JSON mode without a schema",
            Format::Words => "no structured output",
        };
        let limit = match self.limit_name {
            LimitName::MaxTokens => "max_tokens",
            LimitName::MaxCompletionTokens => "max_completion_tokens",
            LimitName::LeftOut => "no output limit",
        };
        let system = if self.has_system {
            "instructions apart"
        } else {
            "instructions in the first turn"
        };
        write!(out, "{format}, {limit}, {system}")?;
        match self.max_output_tokens {
            Some(most) => write!(out, ", at most {most} tokens of output"),
            None => Ok(()),
        }
    }
}

/// What the forms of a provider's API are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// Chat Completions: everything can differ.
    Chat,
    /// Messages: a schema or none; the limit's name and the instructions are fixed.
    Messages,
}

#[derive(Clone, Debug)]
struct Known {
    dialect: Dialect,
    /// A request in this form was answered.
    is_proven: bool,
    /// All forms were tried on a refusal without known words, and none helped.
    is_exhausted: bool,
    /// Held by the call that looks for another form; the others wait for what it finds.
    search: Arc<tokio::sync::Mutex<()>>,
}

/// What is known of each model of one server.
#[derive(Debug)]
pub(crate) struct Dialects {
    api: Api,
    first: Dialect,
    known: Mutex<BTreeMap<String, Known>>,
}

impl Dialects {
    /// Nothing known yet; the first call is sent as `first`.
    pub fn new(api: Api, first: Dialect) -> Self {
        Self {
            api,
            first,
            known: Mutex::default(),
        }
    }

    /// What is known of a model, and whether a request in that form was answered.
    pub fn current(&self, model: &str) -> (Dialect, bool) {
        let known = self.known(model);
        (known.dialect, known.is_proven)
    }

    fn known(&self, model: &str) -> Known {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(model.to_owned()).or_insert_with(|| Known {
            dialect: self.first,
            is_proven: false,
            is_exhausted: false,
            search: Arc::default(),
        });
        known.clone()
    }

    fn update(&self, model: &str, change: impl FnOnce(&mut Known)) {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get_mut(model) {
            change(known);
        }
    }

    /// Sends a call in the form that the server takes. `body` writes it in a form; `wanted` is its output limit.
    ///
    /// # Errors
    ///
    /// No connection, or no whole answer. A refusal that no other form changes is a reply.
    pub async fn post(
        &self,
        http: &ModelHttp,
        model: &str,
        wanted: u32,
        body: impl Fn(&Dialect) -> Value,
    ) -> Result<Reply, ModelError> {
        let mut dialect = self.known(model).dialect;
        let mut reply = http.post(&body(&dialect)).await?;
        if read_refusal(http, &reply).is_none() {
            self.prove(model, dialect, &reply);
            return Ok(reply);
        }
        let search = self.known(model).search;
        let _only_search = search.lock().await;
        let known = self.known(model);
        if known.dialect != dialect {
            // Another call found a form while this one waited.
            dialect = known.dialect;
            reply = http.post(&body(&dialect)).await?;
        }
        let mut may_guess = !known.is_proven && !known.is_exhausted;
        // The refusal before the first guess: where no guess helps, that is what is wrong.
        let mut unexplained: Option<Reply> = None;
        let mut has_guessed = false;
        for _ in 0..MAX_STEPS {
            let Some(refusal) = read_refusal(http, &reply) else {
                break;
            };
            let named = self.named(dialect, &refusal, wanted);
            let guess = || may_guess.then(|| self.guess(dialect, &refusal)).flatten();
            let Some(next) = named.or_else(guess) else { break };
            if named.is_none() {
                has_guessed = true;
                // A server that crashes again in another form is down.
                may_guess = refusal.status < 500;
            }
            let answer = http.post(&body(&next)).await?;
            dialect = next;
            if read_refusal(http, &answer).is_none() {
                self.prove(model, dialect, &answer);
                return Ok(answer);
            }
            let refused = std::mem::replace(&mut reply, answer);
            if has_guessed {
                unexplained.get_or_insert(refused);
            }
        }
        if has_guessed {
            self.update(model, |known| known.is_exhausted = true);
        }
        Ok(unexplained.unwrap_or(reply))
    }

    /// Remembers the form of a request that was answered.
    fn prove(&self, model: &str, dialect: Dialect, reply: &Reply) {
        if !(200..300).contains(&reply.status) {
            return;
        }
        self.update(model, |known| {
            if known.dialect != dialect {
                tracing::info!(model, takes = %dialect, "the model's server refused another form of request");
            }
            known.dialect = dialect;
            known.is_proven = true;
        });
    }

    /// The form that a refusal's words ask for.
    fn named(&self, now: Dialect, refusal: &Refusal, wanted: u32) -> Option<Dialect> {
        let words = refusal.words.as_str();
        let is_chat = self.api == Api::Chat;
        if has_any(words, &LIMIT_WORDS) {
            if is_chat && now.limit_name != LimitName::LeftOut && has_any(words, &UNKNOWN_WORDS) {
                let other = self.other_limit(now);
                return Some(Dialect {
                    limit_name: other,
                    ..now
                });
            }
            if let Some(most) = lower_limit(words, now.output_tokens(wanted)) {
                return Some(Dialect {
                    max_output_tokens: Some(most),
                    ..now
                });
            }
        }
        let is_role = has_any(words, &["system", "developer"])
            && has_any(
                words,
                &["role", "message", "instruction", "prompt", "not support", "not enabled"],
            );
        if is_chat && now.has_system && (is_role || has_any(words, &["roles must alternate", "must alternate"])) {
            return Some(Dialect {
                has_system: false,
                ..now
            });
        }
        if now.format != Format::Words && has_any(words, &FORMAT_WORDS) {
            let format = match now.format {
                Format::Schema if is_chat && has_any(words, &OPEN_WORDS) => Format::OpenSchema,
                Format::Schema | Format::OpenSchema if is_chat && has_any(words, &MODE_WORDS) => Format::JsonObject,
                _ => Format::Words,
            };
            return Some(Dialect { format, ..now });
        }
        None
    }

    /// The next form to try on a refusal without known words: the rarest parameter goes first.
    fn guess(&self, now: Dialect, refusal: &Refusal) -> Option<Dialect> {
        if has_any(&refusal.words, &OTHER_WORDS) || !matches!(refusal.status, 400 | 422 | 500 | 501) {
            return None;
        }
        if now.format != Format::Words {
            return Some(Dialect {
                format: Format::Words,
                ..now
            });
        }
        if self.api == Api::Messages || refusal.status >= 500 {
            return None;
        }
        if now.limit_name == self.first.limit_name {
            return Some(Dialect {
                limit_name: self.other_limit(now),
                ..now
            });
        }
        now.has_system.then_some(Dialect {
            has_system: false,
            ..now
        })
    }

    /// The other name of the limit; none of both where the other one was refused too.
    fn other_limit(&self, now: Dialect) -> LimitName {
        match now.limit_name {
            name if name != self.first.limit_name => LimitName::LeftOut,
            LimitName::MaxTokens => LimitName::MaxCompletionTokens,
            _ => LimitName::MaxTokens,
        }
    }
}

/// What a refusal of the output limit is recognised by, by its name or its value.
const LIMIT_WORDS: [&str; 9] = [
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_new_tokens",
    "maxoutputtokens",
    "output tokens",
    "completion tokens",
    "in the completion",
    "max tokens",
];
/// What a refusal of a name is recognised by, other than of a value.
const UNKNOWN_WORDS: [&str; 14] = [
    "unsupported",
    "not supported",
    "unrecognized",
    "unrecognised",
    "unknown",
    "unexpected",
    "extra",
    "not permitted",
    "not allowed",
    "forbidden",
    "cannot find field",
    "deprecated",
    "instead",
    "additional properties",
];
/// What a refusal of the answer's shape is recognised by.
const FORMAT_WORDS: [&str; 21] = [
    "response_format",
    "response format",
    "responseformat",
    "output_config",
    "output_format",
    "response_schema",
    "json_schema",
    "json schema",
    "json_object",
    "json mode",
    "json_mode",
    "structured",
    "schema",
    "grammar",
    "guided",
    "constrained",
    "additionalproperties",
    "maxlength",
    "requested parameters",
    "unimplemented keys",
    "logits processor",
];
/// Words of a refusal of closed objects or lists of types.
const OPEN_WORDS: [&str; 4] = ["additionalproperties", "additional_properties", "nullable", "union"];
/// Words of a refusal of schemas by a server that may have JSON mode.
const MODE_WORDS: [&str; 4] = [
    "json_object",
    "json_schema",
    "response_format type",
    "response_format.type",
];
/// What is not about a parameter.
const OTHER_WORDS: [&str; 17] = [
    "not found",
    "does not exist",
    "not exist",
    "unknown model",
    "invalid model",
    "no such model",
    "model_not_found",
    "context length",
    "context window",
    "context_length",
    "context size",
    "too long",
    "too large",
    "content policy",
    "content_policy",
    "content management",
    "safety",
];

fn has_any(words: &str, wanted: &[&str]) -> bool {
    wanted.iter().any(|word| words.contains(word))
}

/// The output limit that a refusal leaves room for: the room in the context, the largest smaller number in its words, or
/// half. None where the limit cannot be lowered.
fn lower_limit(words: &str, now: u32) -> Option<u32> {
    let numbers: Vec<(usize, u32)> = numbers(words);
    let before = |phrase: &str| {
        let at = words.find(phrase)?;
        numbers
            .iter()
            .rev()
            .find(|(start, _)| *start < at)
            .map(|(_, number)| *number)
    };
    let in_context = words.find("context").and_then(|at| {
        let context = numbers.iter().find(|(start, _)| *start > at)?.1;
        let input = before("in the messages")
            .or_else(|| before("input tokens"))
            .or_else(|| before("in your prompt"))?;
        context.checked_sub(input)?.checked_sub(8)
    });
    let largest = || {
        let smaller = numbers.iter().map(|(_, number)| *number).filter(|number| *number < now);
        smaller.max().filter(|_| !words.contains("context"))
    };
    let most = in_context.or_else(largest).unwrap_or(now / 2);
    (most < now && most >= MIN_OUTPUT_TOKENS).then_some(most)
}

/// The whole numbers in a text, with where they begin; `4,096` is one.
fn numbers(words: &str) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = words[at..].find(|char: char| char.is_ascii_digit()) {
        let start = at + offset;
        let length = words[start..]
            .find(|char: char| !char.is_ascii_digit() && char != ',')
            .unwrap_or(words.len() - start);
        let digits = words[start..start + length].trim_end_matches(',').replace(',', "");
        if let Ok(number) = digits.parse() {
            found.push((start, number));
        }
        at = start + length;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_lowered_to_what_fits() {
        for (words, now, expected) in [
            (
                "max_tokens: 8000 > 4096, which is the maximum allowed number of output tokens",
                8_000,
                Some(4_096),
            ),
            (
                "max_tokens is too large: 8000. this model supports at most 4,096 completion tokens",
                8_000,
                Some(4_096),
            ),
            (
                "maximum context length is 8192 tokens. however, you requested 9000 tokens (1000 in the messages, 8000 in the completion)",
                8_000,
                Some(7_184),
            ),
            (
                "'max_tokens' is too large: 8000. maximum context length is 4096 tokens and your request has 500 input tokens",
                8_000,
                Some(3_588),
            ),
            ("max_tokens exceeds the context window", 8_000, Some(4_000)),
            ("max_tokens must be smaller", 8_000, Some(4_000)),
            ("max_tokens must be smaller", 100, None),
        ] {
            assert_eq!(lower_limit(words, now), expected, "{words}");
        }
    }
}
