//! Reads refusals that may be about a parameter of the request.

use holdfast_core::port::ModelError;
use serde_json::Value;

use super::event_stream::{Streamed, read_stream};
use super::failure::{failure_with_status, status_in_success};
use crate::http::{ModelHttp, Reply};

/// Maximum size of a refusal that is read as JSON, in bytes.
const REFUSAL_BYTES: usize = 64 * 1024;
/// Keys of error bodies that repeat the request.
const REPEATED_KEYS: [&str; 8] = [
    "input",
    "ctx",
    "body",
    "request",
    "messages",
    "prompt",
    "failed_generation",
    "url",
];

/// A refusal that may be about a parameter.
pub(crate) struct Refusal {
    /// Its status.
    pub status: u16,
    /// Its texts, lower case, without those that repeat the request.
    pub words: String,
}

/// Reads a reply as a refusal that may be about a parameter; `None` for an answer, a rate limit, a bill, a key or an
/// outage.
pub(crate) fn read_refusal(http: &ModelHttp, reply: &Reply) -> Option<Refusal> {
    let is_short = reply.body.len() < REFUSAL_BYTES;
    let in_stream = is_short.then(|| error_in_stream(reply)).flatten();
    let reply = in_stream.as_ref().unwrap_or(reply);
    let body: Option<Value> = is_short.then(|| serde_json::from_slice(&reply.body).ok()).flatten();
    let status = match reply.status {
        200..300 => status_in_success(body.as_ref()?)?,
        status => status,
    };
    if !matches!(status, 400 | 404 | 405 | 406 | 415 | 422 | 500 | 501)
        || matches!(
            failure_with_status(http, reply, status),
            ModelError::SpendingLimit(_) | ModelError::RateLimited { .. } | ModelError::Unauthorized(_)
        )
    {
        return None;
    }
    let mut words = String::new();
    match &body {
        Some(body) => gather_words(body, 0, &mut words),
        None => words.extend(String::from_utf8_lossy(&reply.body).chars().take(2_000)),
    }
    Some(Refusal {
        status,
        words: words.to_lowercase(),
    })
}

/// Returns the error event of a stream as a reply: a server may refuse a request after it has begun a stream. Any other
/// stream is parsed only as an answer.
fn error_in_stream(reply: &Reply) -> Option<Reply> {
    let text = std::str::from_utf8(&reply.body).ok()?;
    if !text.contains("\"error\"") {
        return None;
    }
    match read_stream(&reply.body, |_| None)? {
        Streamed::Whole(error) => Some(Reply {
            status: reply.status,
            headers: reply.headers.clone(),
            body: error.to_string().into_bytes(),
        }),
        Streamed::Broken => None,
    }
}

/// Collects the texts of an error body, without those that repeat the request.
fn gather_words(value: &Value, depth: usize, words: &mut String) {
    if depth > 8 || words.len() > 4_000 {
        return;
    }
    match value {
        Value::String(text) => {
            words.extend(text.chars().take(2_000));
            words.push(' ');
        }
        Value::Array(items) => items.iter().for_each(|item| gather_words(item, depth + 1, words)),
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !REPEATED_KEYS.contains(&key.as_str()))
            .for_each(|(_, item)| gather_words(item, depth + 1, words)),
        _ => {}
    }
}
