//! `POST /webhooks/github`: the signature first, over the raw bytes; then the shape; then what it asks for.

use holdfast_core::intake::{Ports, Receipt, RunSettings, receive};
use holdfast_core::webhook::{WebhookSecrets, parse};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::reply::Reply;

/// Largest body, in bytes: GitHub sends no more than 25 MB.
pub const MAX_BODY_BYTES: usize = 25 * 1024 * 1024;

/// Refuses a delivery whose signature is missing or malformed, before its body is read; none for one that may be signed.
pub fn refuse_unsigned(headers: &HeaderMap) -> Option<Reply> {
    let header = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    let error = WebhookSecrets::check_form(header).err()?;
    tracing::warn!(%error, "a delivery was refused");
    Some(said(StatusCode::UNAUTHORIZED, "unauthorized", &error.to_string()))
}

/// Answers a delivery: 202 with the run's id; 200 when ignored (says why), done at once or a duplicate; 401 for a bad or
/// missing signature; 413 too large; 400 of another shape; 503 when it could not be done, to be delivered again.
pub async fn answer(
    secrets: &WebhookSecrets,
    headers: &HeaderMap,
    body: &[u8],
    how: &RunSettings,
    ports: Ports<'_>,
) -> Reply {
    if body.len() > MAX_BODY_BYTES {
        return said(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "the body has more than 25 MiB",
        );
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Err(error) = secrets.verify(body, header("x-hub-signature-256")) {
        tracing::warn!(%error, "a delivery was refused");
        return said(StatusCode::UNAUTHORIZED, "unauthorized", &error.to_string());
    }
    let Some(name) = header("x-github-event") else {
        return said(StatusCode::BAD_REQUEST, "invalid", "X-GitHub-Event is missing");
    };
    let delivery = header("x-github-delivery").unwrap_or("none");
    let event = parse(name, body);
    match receive(&event, how, ports).await {
        Ok(receipt) => {
            tracing::info!(event = name, delivery, ?receipt, "a delivery was taken");
            of(&receipt)
        }
        Err(error) => {
            tracing::error!(event = name, delivery, %error, "a delivery could not be taken");
            said(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the delivery could not be taken now: deliver it again",
            )
        }
    }
}

fn of(receipt: &Receipt) -> Reply {
    let document = |status: &str, name: &str, value: &str| {
        let mut document = json!({ "status": status });
        document[name] = Value::from(value);
        document
    };
    match receipt {
        Receipt::Started { run } => Reply::json(StatusCode::ACCEPTED, &document("started", "run", run)),
        Receipt::Duplicate { run } => Reply::json(StatusCode::OK, &document("duplicate", "run", run)),
        Receipt::Done { what } => Reply::json(StatusCode::OK, &document("done", "what", what)),
        Receipt::Ignored { why } => Reply::json(StatusCode::OK, &document("ignored", "why", why)),
        Receipt::Invalid { what } => said(StatusCode::BAD_REQUEST, "invalid", what),
    }
}

fn said(status: StatusCode, name: &str, what: &str) -> Reply {
    Reply::json(status, &json!({ "status": name, "error": what }))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_has_no_signature_is_refused_before_its_body() {
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
