//! `POST /webhooks/github`: checks the signature over the raw body, then parses the event, then acts on it.

use holdfast_core::intake::{Ports, Receipt, RunSettings, receive};
use holdfast_core::webhook::{WebhookSecrets, parse};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::reply::Reply;

/// Maximum size of a body, in bytes: GitHub sends at most 25 MB.
pub const MAX_BODY_BYTES: usize = 25 * 1024 * 1024;

/// Refuses a delivery with a missing or malformed signature before its body is read. Returns `None` if the signature
/// is well-formed.
pub fn refuse_unsigned(headers: &HeaderMap) -> Option<Reply> {
    let header = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    let error = WebhookSecrets::check_form(header).err()?;
    tracing::warn!(%error, "delivery refused");
    Some(error_reply(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        &error.to_string(),
    ))
}

/// Handles a delivery. Answers 202 with the name of the run that it starts; 200 if it is ignored (with the reason),
/// done at once or a duplicate; 400 if it is malformed; 401 for an invalid or missing signature; 413 if it is too
/// large; 503 if it failed and must be redelivered.
pub async fn answer(
    secrets: &WebhookSecrets,
    headers: &HeaderMap,
    body: &[u8],
    how: &RunSettings,
    ports: Ports<'_>,
) -> Reply {
    if body.len() > MAX_BODY_BYTES {
        return error_reply(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the body is larger than 25 MiB",
        );
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Err(error) = secrets.verify(body, header("x-hub-signature-256")) {
        tracing::warn!(%error, "delivery refused");
        return error_reply(StatusCode::UNAUTHORIZED, "unauthorized", &error.to_string());
    }
    let Some(name) = header("x-github-event") else {
        return error_reply(StatusCode::BAD_REQUEST, "invalid", "X-GitHub-Event is missing");
    };
    let delivery = header("x-github-delivery").unwrap_or("none");
    let event = parse(name, body);
    match receive(&event, how, ports).await {
        Ok(receipt) => {
            tracing::info!(event = name, delivery, ?receipt, "delivery processed");
            receipt_reply(&receipt)
        }
        Err(error) => {
            tracing::error!(event = name, delivery, %error, "delivery could not be processed");
            error_reply(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the delivery could not be processed now: redeliver it",
            )
        }
    }
}

fn receipt_reply(receipt: &Receipt) -> Reply {
    let document = |status: &str, name: &str, value: &str| {
        let mut document = json!({ "status": status });
        document[name] = Value::from(value);
        document
    };
    match receipt {
        Receipt::Started { run } => Reply::json(StatusCode::ACCEPTED, &document("started", "run", run.as_str())),
        Receipt::Duplicate { run } => Reply::json(StatusCode::OK, &document("duplicate", "run", run.as_str())),
        Receipt::Done { what } => Reply::json(StatusCode::OK, &document("done", "what", what)),
        Receipt::Ignored { why } => Reply::json(StatusCode::OK, &document("ignored", "why", why)),
        Receipt::Invalid { what } => error_reply(StatusCode::BAD_REQUEST, "invalid", what),
    }
}

fn error_reply(status: StatusCode, name: &str, what: &str) -> Reply {
    Reply::json(status, &json!({ "status": name, "error": what }))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_delivery_without_a_well_formed_signature_is_refused_before_its_body_is_read() {
        let digits = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let table = [
            (None, true),
            (Some(String::new()), true),
            (Some("sha256=".to_owned()), true),
            (Some(digits.to_owned()), true),
            (Some(format!("sha1={digits}")), true),
            (Some(format!("sha256={digits}0")), true),
            (Some(format!("sha256={}g", &digits[1..])), true),
            (Some(format!("sha256={digits}")), false),
        ];
        for (header, refused) in table {
            let mut headers = HeaderMap::new();
            if let Some(value) = header.as_ref().and_then(|text| HeaderValue::from_str(text).ok()) {
                headers.insert("x-hub-signature-256", value);
            }
            let reply = refuse_unsigned(&headers);
            assert_eq!(reply.is_some(), refused, "{header:?}");
            assert!(reply.is_none_or(|reply| reply.status == StatusCode::UNAUTHORIZED));
        }
    }
}
