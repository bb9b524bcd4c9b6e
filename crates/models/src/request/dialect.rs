//! Learns which form of request a model's server accepts, from its refusals, and remembers it for the life of the
//! process.
//!
//! A call starts in the known form. If a refusal may be about a parameter, the call is sent again in another form, a
//! bounded number of times. Refused requests cost nothing. The refusal's words choose the next form; after a refusal
//! without known words, the call tries the other forms, once in the life of the process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_core::port::ModelError;
use serde_json::Value;

use crate::http::{Heard, ModelHttp, Reply};
use crate::reply::refusal::{Refusal, read_refusal};
use crate::request::refusal_words::{
    FORMAT_WORDS, LIMIT_WORDS, MODE_WORDS, OPEN_WORDS, OTHER_WORDS, UNKNOWN_WORDS, has_any, lower_limit,
};

/// Maximum number of requests that one call adds.
const MAX_STEPS: usize = 6;

/// The request parameter for the answer's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A closed JSON Schema without bounds.
    Schema,
    /// A JSON Schema without closed objects and lists of types, which some servers refuse.
    OpenSchema,
    /// Any JSON object.
    JsonObject,
    /// No parameter: only the prompt describes the schema.
    Words,
}

/// The parameter for the output limit.
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
    /// The request parameter for the answer's schema.
    pub format: Format,
    /// The parameter for the output limit.
    pub limit_name: LimitName,
    /// True if the instructions are a separate message; else they are at the beginning of the first turn.
    pub has_system: bool,
    /// The largest output limit that the server accepts, if it refused a larger one.
    pub max_output_tokens: Option<u32>,
    /// True if the answer is requested in parts, as the model writes it.
    pub is_streamed: bool,
}

impl Dialect {
    /// Returns the output limit to send.
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
            "separate instructions"
        } else {
            "instructions in the first turn"
        };
        let stream = if self.is_streamed { "a stream" } else { "no stream" };
        write!(out, "{format}, {limit}, {system}, {stream}")?;
        match self.max_output_tokens {
            Some(most) => write!(out, ", at most {most} tokens of output"),
            None => Ok(()),
        }
    }
}

/// A provider's API, which decides the possible forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    /// Chat Completions: all parameters can differ.
    Chat,
    /// Messages: a schema or none; the output limit and the instructions have one form.
    Messages,
}

#[derive(Clone, Debug)]
struct Known {
    dialect: Dialect,
    /// True if the server has answered a request in this form.
    is_proven: bool,
    /// True if all forms were tried after a refusal without known words, and none helped.
    is_exhausted: bool,
    /// Held by the call that searches for another form; other calls wait for its result.
    search: Arc<tokio::sync::Mutex<()>>,
}

/// The known form of each model of one server.
#[derive(Debug)]
pub(crate) struct Dialects {
    api: Api,
    first: Dialect,
    known: Mutex<BTreeMap<String, Known>>,
}

impl Dialects {
    /// Starts with the form `first`.
    pub fn new(api: Api, first: Dialect) -> Self {
        Self {
            api,
            first,
            known: Mutex::default(),
        }
    }

    /// Returns the form for a model, and true if a request in it was answered.
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

    /// Sends a call in the form that the server accepts. `body` writes it in a form; `wanted` is its output limit.
    ///
    /// # Errors
    ///
    /// No connection, or no complete answer. A refusal in every form is a reply.
    pub async fn post(
        &self,
        http: &ModelHttp,
        model: &str,
        wanted: u32,
        heard: &Heard,
        body: impl Fn(&Dialect) -> Value,
    ) -> Result<Reply, ModelError> {
        let mut dialect = self.known(model).dialect;
        let mut reply = http.post(&body(&dialect), heard).await?;
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
            reply = http.post(&body(&dialect), heard).await?;
        }
        let mut may_guess = !known.is_proven && !known.is_exhausted;
        // The refusal before the first guess: if no guess helps, it is the reason.
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
            let answer = http.post(&body(&next), heard).await?;
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

    /// Requests further answers of a model as a whole if a stream didn't count its tokens.
    pub fn note_tokens(&self, model: &str, reply: &Reply, input_tokens: u64) {
        if !reply.is_stream() || input_tokens > 0 {
            return;
        }
        self.update(model, |known| {
            if known.dialect.is_streamed {
                tracing::info!(
                    model,
                    "the model's server counts no tokens in a stream: answers are requested as a whole"
                );
            }
            known.dialect.is_streamed = false;
        });
    }

    /// Remembers the form of an answered request.
    fn prove(&self, model: &str, dialect: Dialect, reply: &Reply) {
        if !(200..300).contains(&reply.status) {
            return;
        }
        self.update(model, |known| {
            if known.dialect != dialect {
                tracing::info!(model, accepts = %dialect, "the model's server refused another form of request");
            }
            known.dialect = dialect;
            known.is_proven = true;
        });
    }

    /// Returns the form that a refusal's words name.
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
        let mut each = words.split(|sign: char| !sign.is_alphanumeric());
        let is_stream = refusal.status != 500 && each.any(|word| word.starts_with("stream"));
        if now.is_streamed && is_stream {
            return Some(Dialect {
                is_streamed: false,
                ..now
            });
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

    /// Returns the next form after a refusal without known words: the rarest parameter is removed first.
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
        // The format wasn't the reason.
        if now.is_streamed {
            return Some(Dialect {
                is_streamed: false,
                format: self.first.format,
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

    /// Returns the other parameter for the output limit; neither, if the server refused the other one too.
    fn other_limit(&self, now: Dialect) -> LimitName {
        match now.limit_name {
            name if name != self.first.limit_name => LimitName::LeftOut,
            LimitName::MaxTokens => LimitName::MaxCompletionTokens,
            _ => LimitName::MaxTokens,
        }
    }
}
