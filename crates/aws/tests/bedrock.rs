//! Models of Bedrock, at a server that answers as the Converse API does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[expect(dead_code, reason = "the models' tests use more of it")]
#[path = "../../models/tests/raw_server/bytes.rs"]
mod bytes;

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_bedrockruntime::config::{Credentials, SharedCredentialsProvider};
use holdfast_aws::bedrock::BedrockAskModel;
use holdfast_core::model::run::{RecordedAnswer, Stop};
use holdfast_core::port::{AskModel, ModelError};
use serde_json::{Value, json};

use bytes::{Act, RawServer, http, ok, request};

const MODEL: &str = "bedrock/eu.anthropic.claude-sonnet-5-v1:0";

async fn ask(act: Act) -> (RawServer, Result<RecordedAnswer, ModelError>) {
    let server = RawServer::start(vec![act]).await;
    let keys = Credentials::new("id", "very-secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    let model = BedrockAskModel::in_account(&config, Some(server.url.clone()), Duration::from_secs(2));
    let answer = model.ask(&request(MODEL)).await;
    (server, answer)
}

fn converse(text: &str, stop: &str) -> Value {
    json!({
        "output": { "message": { "role": "assistant", "content": [{ "text": text }] } }, "stopReason": stop,
        "usage": { "inputTokens": 15, "outputTokens": 7, "totalTokens": 22 }, "metrics": { "latencyMs": 1 },
    })
}

#[tokio::test]
async fn a_model_is_called_by_converse() {
    let (server, answer) = ask(ok(&converse("{}", "end_turn"))).await;
    let answer = answer.unwrap();
    assert_eq!(
        (
            answer.text.as_str(),
            answer.stop,
            answer.input_tokens,
            answer.output_tokens
        ),
        ("{}", Stop::Complete, 15, 7)
    );
    let received = &server.received()[0];
    assert!(
        received
            .head
            .starts_with("post /model/eu.anthropic.claude-sonnet-5-v1%3a0/converse http/1.1"),
        "{}",
        received.head
    );
    assert_eq!(received.body["inferenceConfig"]["maxTokens"], 321);
    let system = received.body["system"][0]["text"].as_str().unwrap();
    assert!(
        system.starts_with("instructions") && system.contains("JSON Schema"),
        "{system}"
    );
    let roles: Vec<_> = received.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| &turn["role"])
        .collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
}

#[tokio::test]
async fn the_reason_for_an_answers_end_is_read() {
    for (reason, expected) in [
        ("max_tokens", Stop::OutputLimit),
        ("content_filtered", Stop::Refusal),
        ("guardrail_intervened", Stop::Refusal),
        ("something_new", Stop::Complete),
    ] {
        assert_eq!(
            ask(ok(&converse("x", reason))).await.1.unwrap().stop,
            expected,
            "{reason}"
        );
    }
    // Paid, and counted, although there is nothing in it.
    let empty = ask(ok(&converse(" ", "end_turn"))).await.1.unwrap();
    assert_eq!((empty.input_tokens, empty.output_tokens), (15, 7));
    let mut free = converse(" ", "end_turn");
    free["usage"] = json!({ "inputTokens": 0, "outputTokens": 0, "totalTokens": 0 });
    let error = ask(ok(&free)).await.1.unwrap_err();
    assert!(matches!(error, ModelError::Unreadable(_)), "{error:?}");
}

#[tokio::test]
async fn each_refusal_has_the_name_that_the_workflow_knows() {
    let refuse = |status, kind: &'static str| {
        let body = json!({ "message": "no" }).to_string();
        http(
            status,
            &[("content-type", "application/json"), ("x-amzn-errortype", kind)],
            &body,
        )
    };
    for (act, expected) in [
        (refuse(429, "ThrottlingException"), "ModelUnavailable"),
        (
            refuse(400, "ServiceQuotaExceededException"),
            "ModelSpendingLimitReached",
        ),
        (refuse(408, "ModelTimeoutException"), "ModelTimedOut"),
        (refuse(403, "AccessDeniedException"), "ModelUnauthorized"),
        (refuse(400, "ValidationException"), "ModelRequestRejected"),
        (refuse(404, "ResourceNotFoundException"), "ModelRequestRejected"),
        (refuse(503, "ServiceUnavailableException"), "ModelUnavailable"),
        (
            http(200, &[("content-type", "application/json")], "{"),
            "ModelUnavailable",
        ),
        (Act::Hang(Vec::new()), "ModelTimedOut"),
    ] {
        let error = ask(act).await.1.unwrap_err();
        assert_eq!(error.name().as_str(), expected, "{error:?}");
        assert!(!error.to_string().contains("very-secret") && error.to_string().lines().count() == 1);
    }
}
