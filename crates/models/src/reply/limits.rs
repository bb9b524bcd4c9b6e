//! The limits that a provider states in the headers of its answers: Anthropic's `anthropic-ratelimit-*`, OpenAI's and
//! Azure's `x-ratelimit-*`. Waits after a refusal are in `failure`.

use holdfast_core::model::provider_limits::ObservedLimits;
use jiff::Timestamp;
use reqwest::header::HeaderMap;

use super::failure::{server_time, until_reset_s};

/// Reads the limits; none if no header states one.
pub(crate) fn observed_limits(headers: &HeaderMap) -> Option<ObservedLimits> {
    let number = |names: [&str; 2]| {
        let value = names.iter().find_map(|name| headers.get(*name)?.to_str().ok());
        value.and_then(|value| value.trim().parse::<u64>().ok())
    };
    let now = server_time(headers).unwrap_or_else(Timestamp::now);
    let resets_in_ms = [
        "anthropic-ratelimit-requests-reset",
        "anthropic-ratelimit-input-tokens-reset",
        "x-ratelimit-reset-requests",
        "x-ratelimit-reset-tokens",
    ]
    .iter()
    .filter_map(|name| until_reset_s(headers.get(*name)?.to_str().ok()?, now))
    .map(|seconds| (seconds.clamp(0.0, 86_400.0) * 1_000.0).ceil())
    .fold(None, |longest: Option<f64>, ms| {
        Some(longest.map_or(ms, |longest| longest.max(ms)))
    });
    let small = |number: Option<u64>| number.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
    let observed = ObservedLimits {
        requests_per_minute: small(number([
            "anthropic-ratelimit-requests-limit",
            "x-ratelimit-limit-requests",
        ])),
        input_tokens_per_minute: number(["anthropic-ratelimit-input-tokens-limit", "x-ratelimit-limit-tokens"]),
        requests_left: small(number([
            "anthropic-ratelimit-requests-remaining",
            "x-ratelimit-remaining-requests",
        ])),
        tokens_left: number([
            "anthropic-ratelimit-input-tokens-remaining",
            "x-ratelimit-remaining-tokens",
        ]),
        resets_in_ms: resets_in_ms.map(|ms| ms as u64),
    };
    (observed != ObservedLimits::default()).then_some(observed)
}
