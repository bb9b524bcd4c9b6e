//! The port's error for each status and error body.

use holdfast_core::port::ModelError;
use serde_json::json;

use crate::server::{Act, KEY, RawServer, both, http, limits, request};

/// Returns the error's kind, with the wait if there is one.
fn kind(error: &ModelError) -> String {
    match error {
        ModelError::RateLimited { retry_after_s, .. } => format!("limited {retry_after_s:?}"),
        ModelError::SpendingLimit(_) => "money".to_owned(),
        ModelError::TimedOut(_) => "timed out".to_owned(),
        ModelError::Unavailable(_) => "unavailable".to_owned(),
        ModelError::BrokenOff(_) => "broken off".to_owned(),
        ModelError::Outage(_) => "outage".to_owned(),
        ModelError::Unreadable(_) => "unreadable".to_owned(),
        ModelError::Unauthorized(_) => "unauthorized".to_owned(),
        ModelError::NotFound(_) => "not found".to_owned(),
        ModelError::Rejected(_) => "rejected".to_owned(),
        ModelError::LimitedTooLong(_) | ModelError::LimitsUnavailable(_) | ModelError::SpendLimit(_) => {
            unreachable!("no server answers so")
        }
    }
}

async fn errors(act: Act) -> Vec<(&'static str, ModelError)> {
    let is_about_anything = matches!(&act, Act::Send(bytes)
        if ["400", "404", "422", "500", "501", "200"].iter().any(|status| bytes.starts_with(format!("HTTP/1.1 {status}").as_bytes())));
    let server = RawServer::start(vec![act]).await;
    let mut errors = Vec::new();
    for (model, adapter) in both(&server.url, limits()) {
        errors.push((model, adapter.ask(&request(model)).await.expect_err("an error")));
    }
    // A refusal that may be about a parameter leads to other forms: see `scripted_provider.rs`.
    let most = if is_about_anything { 10 } else { 2 };
    assert!(
        (2..=most).contains(&server.received().len()),
        "an adapter retries nothing"
    );
    errors
}

fn error_body(kind: &str, code: &str, message: &str) -> String {
    json!({ "type": "error", "error": { "type": kind, "code": code, "message": message } }).to_string()
}

#[tokio::test]
async fn each_status_has_its_error() {
    let table: [(u16, &str); 24] = [
        (300, "rejected"),
        (301, "rejected"),
        (304, "rejected"),
        (307, "rejected"),
        (400, "rejected"),
        (401, "unauthorized"),
        (402, "money"),
        (403, "unauthorized"),
        (404, "not found"),
        (405, "rejected"),
        (408, "outage"),
        (409, "outage"),
        (413, "rejected"),
        (415, "rejected"),
        (422, "rejected"),
        (425, "outage"),
        (429, "limited None"),
        (500, "outage"),
        (501, "outage"),
        (502, "outage"),
        (503, "outage"),
        (504, "outage"),
        (529, "outage"),
        (599, "outage"),
    ];
    for (status, expected) in table {
        for body in [
            "",
            "<html>no</html>",
            &error_body("some_error", "some_code", "because"),
            "[1]",
            "null",
        ] {
            for (model, error) in errors(http(status, &[("location", "https://example.org/v1")], body)).await {
                assert_eq!(kind(&error), expected, "{model} {status} {body}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn refusals_about_money_differ_from_rate_limits() {
    let table: [(u16, &str, &str, &str, &str); 13] = [
        (
            429,
            "insufficient_quota",
            "insufficient_quota",
            "You exceeded your current quota.",
            "money",
        ),
        (429, "rate_limit_error", "", "Your credit balance is too low", "money"),
        (
            429,
            "rate_limit_error",
            "",
            "This would exceed your organization's limit of tokens per minute",
            "limited None",
        ),
        (
            429,
            "requests",
            "rate_limit_exceeded",
            "Limit 3/min. Add a payment method at /account/billing",
            "limited None",
        ),
        (429, "tokens", "", "quota of the plan is used up", "limited None"),
        (429, "tokens", "", "see billing", "limited None"),
        (
            400,
            "invalid_request_error",
            "",
            "Your credit balance is too low to access the API",
            "money",
        ),
        (
            400,
            "invalid_request_error",
            "",
            "You have reached your specified API usage limits.",
            "money",
        ),
        (
            400,
            "invalid_request_error",
            "",
            "input: Your credit balance is too low",
            "rejected",
        ),
        (
            400,
            "invalid_request_error",
            "billing_hard_limit_reached",
            "stop",
            "money",
        ),
        (403, "billing_error", "", "pay", "money"),
        (403, "permission_error", "", "not this model", "unauthorized"),
        (402, "", "", "", "money"),
    ];
    for (status, kind_, code, message, expected) in table {
        for (model, error) in errors(http(status, &[], &error_body(kind_, code, message))).await {
            assert_eq!(kind(&error), expected, "{model} {status} {message}: {error}");
        }
    }
}

#[tokio::test]
async fn a_rate_limit_has_its_wait() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:00 GMT");
    let table: [(&[(&str, &str)], &str); 4] = [
        (&[("retry-after", "17")], "limited Some(17)"),
        (
            &[("retry-after", "Sun, 06 Nov 1994 08:51:00 GMT"), date],
            "limited Some(120)",
        ),
        (
            &[
                ("x-ratelimit-remaining-requests", "0"),
                ("x-ratelimit-reset-requests", "2m1s"),
            ],
            "limited Some(121)",
        ),
        (&[("retry-after", "nonsense")], "limited None"),
    ];
    for (headers, expected) in table {
        for (model, error) in errors(http(429, headers, "")).await {
            assert_eq!(kind(&error), expected, "{model} {headers:?}");
        }
    }
}

#[tokio::test]
async fn an_error_has_the_server_and_the_remedy_and_never_the_key() {
    let long = format!("{}\u{1b}[31m {KEY} sk-otherSecret {}", "bad", "x".repeat(2_000));
    for status in [307, 400, 401, 402, 403, 404, 413, 422, 500, 529] {
        for (model, error) in errors(http(status, &[], &error_body("the_type", "", &long))).await {
            let text = error.to_string();
            assert!(
                text.contains(&status.to_string()) && text.contains("127.0.0.1:"),
                "{model} {text}"
            );
            assert!(text.contains("the_type") && text.contains("bad"), "{model} {text}");
            let remedies = ["check", "raise its limit", "set HOLDFAST_MODEL_URL"];
            assert!(remedies.iter().any(|remedy| text.contains(remedy)), "{model} {text}");
            assert!(
                !text.contains(KEY) && !text.contains("otherSecret") && !text.contains('\u{1b}'),
                "{model} {text}"
            );
            assert!(text.chars().count() < 600, "{model} {text}");
            if status == 401 {
                let name = if model.starts_with("anthropic") {
                    "ANTHROPIC_API_KEY"
                } else {
                    "OPENAI_API_KEY"
                };
                assert!(text.contains(name), "{model} {text}");
            }
        }
    }
}

#[tokio::test]
async fn every_shape_of_error_body_is_quoted() {
    for body in [
        json!({ "error": "the reason" }),
        json!({ "error": { "message": "the reason", "code": 400 } }),
        json!({ "object": "error", "message": "the reason", "type": "BadRequestError", "code": 400 }),
        json!({ "detail": "the reason" }),
    ] {
        for (model, error) in errors(http(400, &[], &body.to_string())).await {
            assert!(error.to_string().contains("the reason"), "{model} {body}: {error}");
        }
    }
}

#[tokio::test]
async fn an_error_inside_a_success_is_an_error() {
    for (body, expected) in [
        (
            json!({ "error": { "code": 429, "message": "slow down" } }),
            "limited None",
        ),
        (json!({ "error": { "code": 401, "message": "who?" } }), "unauthorized"),
        (
            json!({ "type": "error", "error": { "type": "overloaded_error", "message": "busy" } }),
            "outage",
        ),
    ] {
        for (model, error) in errors(http(200, &[], &body.to_string())).await {
            assert_eq!(kind(&error), expected, "{model} {body}: {error}");
        }
    }
}
