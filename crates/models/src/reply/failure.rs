//! Converts a model server's refusal to the port's error, by its status, its headers and its body. `money` decides
//! which refusals are about money.

use holdfast_core::port::ModelError;
use holdfast_core::rule::redacted;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::http::{ModelHttp, Reply};
use crate::reply::event_stream::{Assemble, Streamed, read_stream};
use crate::reply::limits::observed_limits;
use crate::reply::money::is_about_money;

/// Maximum length of a server's message in an error, in characters.
const MESSAGE_CHARS: usize = 300;

/// Maximum wait, in seconds: one day.
const LONGEST_WAIT_S: u64 = 86_400;

/// The parts of an error body that count.
#[derive(Debug, Default)]
struct ErrorBody {
    /// Its type and its code, lower case.
    codes: Vec<String>,
    /// The server's message as it came.
    message: String,
    /// Type and message for people: one line, bounded, without the key.
    shown: String,
    /// The wait that the body states, in seconds.
    retry_after_s: Option<u64>,
    /// True if it refuses the key, whatever the status.
    is_about_key: bool,
}

/// Reads a success as the provider's document, even if it is a stream.
///
/// # Errors
///
/// The reply is a refusal, or a success that is neither JSON nor a complete stream.
pub(crate) fn read_success(http: &ModelHttp, reply: &Reply, assemble: Assemble) -> Result<Value, ModelError> {
    if !(200..300).contains(&reply.status) {
        return Err(failure_with_status(http, reply, reply.status));
    }
    let body: Value = match read_stream(&reply.body, assemble) {
        Some(Streamed::Whole(body)) => body,
        Some(Streamed::Broken) => {
            let line = format!(
                "{} answered with a stream that breaks off, or isn't of this API",
                http.host
            );
            return Err(ModelError::BrokenOff(line));
        }
        None => serde_json::from_slice(&reply.body)
            .map_err(|error| http.unusable(&format!("answered {} without readable JSON ({error})", reply.status)))?,
    };
    if let Some(status) = status_in_success(&body) {
        let body = body.to_string().into_bytes();
        let failed = Reply {
            status,
            headers: reply.headers.clone(),
            body,
        };
        return Err(failure_with_status(http, &failed, status));
    }
    Ok(body)
}

/// Returns the failure of a choice that a gateway reports as failed, with the choice's own error.
pub(crate) fn failure_in_choice(http: &ModelHttp, reply: &Reply, choice: &Value) -> ModelError {
    let status = status_in_success(choice).unwrap_or(502);
    let failed = Reply {
        status,
        headers: reply.headers.clone(),
        body: choice.to_string().into_bytes(),
    };
    failure_with_status(http, &failed, status)
}

/// Returns the status of an error object in a success, as some gateways send it; `None` without one.
pub(super) fn status_in_success(body: &Value) -> Option<u16> {
    let error = body.get("error").filter(|error| !error.is_null())?;
    let code = error
        .get("code")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok());
    Some(code.filter(|code| (400..600).contains(code)).unwrap_or(502))
}

/// Converts a refusal to the port's error, by this status.
pub(crate) fn failure_with_status(http: &ModelHttp, reply: &Reply, status: u16) -> ModelError {
    let error = read_body(http, &reply.body);
    let host = &http.host;
    let text = format!("{host} answered {status}{}", error.shown);
    if is_about_money(status, &error.codes, &error.message) {
        return ModelError::SpendingLimit(format!(
            "{text}: check the account's balance and limits at the provider"
        ));
    }
    match status {
        429 => ModelError::RateLimited {
            retry_after_s: retry_after_s(&reply.headers).or(error.retry_after_s),
            observed: observed_limits(&reply.headers),
        },
        _ if matches!(status, 401 | 403) || (status == 400 && error.is_about_key) => {
            let key = http.key_name;
            let held = if http.key.is_some() {
                "is set, but not accepted"
            } else {
                "is not set"
            };
            ModelError::Unauthorized(format!(
                "{text}: {key} (environment) {held}; check the key and what it may use"
            ))
        }
        408 | 409 | 425 | 500.. => ModelError::Outage(format!(
            "{text}: check the provider's status page, or the server's log where it is yours"
        )),
        404 => ModelError::NotFound(format!(
            "{text}: check the model's name in HOLDFAST_MODEL, and HOLDFAST_MODEL_URL"
        )),
        413 => ModelError::Rejected(format!(
            "{text}: the request is too large for this server; raise its limit"
        )),
        300..=399 => ModelError::Rejected(format!(
            "{text}: redirects are not followed; set HOLDFAST_MODEL_URL to the server's final address"
        )),
        _ => ModelError::Rejected(format!(
            "{text}: check that the model in HOLDFAST_MODEL takes requests of this size and kind"
        )),
    }
}

/// Reads the known forms: `{error: {type, code, message}}`, `{error: TEXT}`, `{message}`, `{detail: TEXT}`, and each in
/// a list, as Gemini sends it. Other bodies, such as a proxy's page, are not quoted.
fn read_body(http: &ModelHttp, body: &[u8]) -> ErrorBody {
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
        return ErrorBody::default();
    };
    if let Some(first) = body.get_mut(0) {
        body = first.take();
    }
    let error = body.get("error").filter(|error| error.is_object()).unwrap_or(&body);
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let codes: Vec<String> = ["type", "code", "status"]
        .iter()
        .filter_map(|name| text(error, name))
        .collect();
    let message = text(error, "message")
        .or_else(|| text(&body, "error"))
        .or_else(|| text(&body, "detail"));
    let named = codes
        .first()
        .map_or_else(String::new, |code| format!(" {}", clean(http, code)));
    let shown = match &message {
        Some(message) => format!("{named} ({})", clean(http, message)),
        None => named,
    };
    ErrorBody {
        codes: codes.iter().map(|code| code.to_lowercase()).collect(),
        retry_after_s: stated_wait_s(error),
        // Google's APIs refuse a key with the status 400.
        is_about_key: details(error).any(|detail| detail["reason"] == "API_KEY_INVALID"),
        message: message.unwrap_or_default(),
        shown,
    }
}

/// Returns the details of an error of Google's APIs: <https://cloud.google.com/apis/design/errors#error_model>.
fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error.get("details").and_then(Value::as_array).into_iter().flatten()
}

/// Returns the wait in an error of Google's APIs, in seconds.
fn stated_wait_s(error: &Value) -> Option<u64> {
    let stated = details(error).find_map(|detail| detail.get("retryDelay")?.as_str());
    stated.and_then(short_duration_s).and_then(whole_seconds)
}

/// Returns a text as one bounded line without the key, parts of which providers quote when they refuse it.
fn clean(http: &ModelHttp, text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(key) = &http.key {
        let key = key.expose_secret().trim();
        if !key.is_empty() {
            text = text.replace(key, "[key]");
        }
    }
    let words = redacted(&text);
    let words = words.split_whitespace().map(|word| match quoted_key(word) {
        Some(at) => format!("{}[key]", word.get(..at).unwrap_or_default()),
        None => word.chars().filter(|c| !c.is_control()).collect(),
    });
    words
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(MESSAGE_CHARS)
        .collect()
}

/// Returns the position of a key in a word, in part or masked, as providers quote it: `sk-` at the beginning of a word,
/// followed by more than a part of a name. `acme/risk-7b` and `acme/sk-7b` are names of models.
fn quoted_key(word: &str) -> Option<usize> {
    word.match_indices("sk-").map(|(at, _)| at).find(|at| {
        let is_inside = |char: char| char.is_ascii_alphanumeric() || "/-_.".contains(char);
        let begins = !word.get(..*at).is_some_and(|before| before.ends_with(is_inside));
        let is_key = |char: &char| char.is_ascii_alphanumeric() || "-_*.\u{2026}".contains(*char);
        let key: String = word
            .get(at + 3..)
            .unwrap_or_default()
            .chars()
            .take_while(is_key)
            .collect();
        let is_masked = key.contains("**") || key.contains("..") || key.contains('\u{2026}');
        let has_capital = key.chars().any(|char| char.is_ascii_uppercase());
        begins && (is_masked || has_capital || key.len() >= 20)
    })
}

/// Returns the seconds until a retry: `retry-after-ms`, `Retry-After` as seconds or as a date (compared with the
/// server's own `Date`), else the latest reset of the used-up limits. At most a day.
fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let now = server_time(headers).unwrap_or_else(Timestamp::now);
    let wait_s = text("retry-after-ms")
        .and_then(|ms| ms.parse::<f64>().ok())
        .map(|ms| ms / 1000.0)
        .or_else(|| {
            text("retry-after").and_then(|value| value.parse().ok().or_else(|| Some(until(http_date(value)?, now))))
        })
        .or_else(|| longest_reset(headers, now));
    wait_s.and_then(whole_seconds)
}

/// Returns the latest reset of the used-up limits, in seconds from now.
fn longest_reset(headers: &HeaderMap, now: Timestamp) -> Option<f64> {
    let text = |name: String| {
        headers
            .get(name.as_str())
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let mut longest: Option<f64> = None;
    for limit in ["requests", "tokens", "input-tokens", "output-tokens"] {
        for (remaining, reset) in [
            (
                format!("anthropic-ratelimit-{limit}-remaining"),
                format!("anthropic-ratelimit-{limit}-reset"),
            ),
            (
                format!("x-ratelimit-remaining-{limit}"),
                format!("x-ratelimit-reset-{limit}"),
            ),
        ] {
            if text(remaining) != Some("0") {
                continue;
            }
            let wait_s = text(reset).and_then(|reset| until_reset_s(reset, now));
            if let Some(wait_s) = wait_s {
                longest = Some(longest.map_or(wait_s, |so_far| so_far.max(wait_s)));
            }
        }
    }
    longest
}

/// Returns the server's own time.
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get("date")?.to_str().ok()?.trim())
}

/// Returns the seconds until a limit's reset: a time, or a short duration.
pub(super) fn until_reset_s(reset: &str, now: Timestamp) -> Option<f64> {
    match reset.parse::<Timestamp>() {
        Ok(at) => Some(until(at, now)),
        Err(_) => short_duration_s(reset),
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

fn until(at: Timestamp, now: Timestamp) -> f64 {
    at.duration_since(now).as_secs_f64()
}

/// Parses a duration such as `1s`, `6m0s`, `1h2m3.5s` or `120ms`, in seconds.
fn short_duration_s(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total_s = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(digits)?;
        let unit_ends = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(unit_ends)?;
        let unit_s = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total_s += number.parse::<f64>().ok()? * unit_s;
        rest = tail;
    }
    (!text.is_empty()).then_some(total_s)
}

/// Rounds up to whole seconds; a time in the past is 0.
fn whole_seconds(seconds: f64) -> Option<u64> {
    if seconds.is_nan() {
        return None;
    }
    let wait = std::time::Duration::try_from_secs_f64(seconds.clamp(0.0, 1e9).ceil()).ok()?;
    Some(wait.as_secs().min(LONGEST_WAIT_S))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_quoted_key_differs_from_a_models_name() {
        let key = ["sk-", "proj-", "q7Zk2mX9vB4nT1wR8sLp"].concat();
        for (word, at) in [
            ("acme/risk-7b", None),
            ("acme/sk-7b", None),
            ("`desk-large`", None),
            ("task-runner", None),
            ("sk-otherSecret", Some(0)),
            ("'sk-...4f2a'", Some(1)),
            ("key=sk-ab**********cd.", Some(4)),
            (key.as_str(), Some(0)),
        ] {
            assert_eq!(quoted_key(word), at, "{word}");
        }
    }

    type Pairs = &'static [(&'static str, &'static str)];
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:00 GMT");

    fn headers(pairs: Pairs) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn waits_are_read_in_every_form() {
        let table: [(Pairs, Option<u64>); 14] = [
            (&[], None),
            (&[("retry-after", "7")], Some(7)),
            (&[("retry-after", "0.2")], Some(1)),
            (&[("retry-after", "-3")], Some(0)),
            (&[("retry-after", "soon")], None),
            (&[("retry-after", "NaN")], None),
            (&[("retry-after", "99999999999999999999")], Some(86_400)),
            (&[("retry-after-ms", "1500"), ("retry-after", "9")], Some(2)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), DATE], Some(37)),
            (&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], Some(0)),
            (
                &[
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ],
                Some(360),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "120ms"),
                ],
                Some(1),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "5"),
                    ("x-ratelimit-reset-requests", "1h"),
                ],
                None,
            ),
            (
                &[
                    DATE,
                    ("anthropic-ratelimit-requests-remaining", "0"),
                    ("anthropic-ratelimit-requests-reset", "1994-11-06T08:49:05Z"),
                    ("anthropic-ratelimit-input-tokens-remaining", "0"),
                    ("anthropic-ratelimit-input-tokens-reset", "1994-11-06T08:49:50Z"),
                ],
                Some(50),
            ),
        ];
        for (pairs, expected) in table {
            assert_eq!(retry_after_s(&headers(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_short_duration_is_read_or_refused() {
        for (text, expected) in [
            ("1h2m3.5s", Some(3723.5)),
            ("1d", Some(86_400.0)),
            ("", None),
            ("5", None),
            ("5x", None),
            ("s", None),
        ] {
            assert_eq!(short_duration_s(text), expected, "{text}");
        }
        assert!(short_duration_s("250ms").unwrap() < 1.0);
    }
}
