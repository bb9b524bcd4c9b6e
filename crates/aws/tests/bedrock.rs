//! Models of Bedrock, at a server that answers as the Converse API does.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "../../models/tests/raw_server/bytes.rs"]
mod bytes;

use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_bedrockruntime::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use holdfast_aws::bedrock::BedrockAskModel;
use holdfast_core::model::run::{RecordedAnswer, Stop};
use holdfast_core::port::{AskModel, ModelError, ModelRequest, TimeLimit};
use serde_json::{Value, json};

use bytes::{Act, RawServer, http, ok, request};

const MODEL: &str = "bedrock/eu.anthropic.claude-sonnet-5-v1:0";
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\n";

type Answered = Result<RecordedAnswer, ModelError>;

fn adapter(server: &RawServer) -> BedrockAskModel {
    let keys = Credentials::new("id", "very-secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    BedrockAskModel::in_account(&config, Some(server.url.clone()), Duration::from_secs(2))
}

async fn ask(act: Act) -> (RawServer, Answered) {
    let server = RawServer::start(vec![act]).await;
    let answer = adapter(&server).ask(&request(MODEL)).await;
    (server, answer)
}

/// Makes a call with limits of its own, in milliseconds.
async fn ask_within(act: Act, quiet: u64, whole: u64) -> Answered {
    let server = RawServer::start(vec![act]).await;
    let limited = ModelRequest {
        time_limit: Some(TimeLimit {
            quiet: Duration::from_millis(quiet),
            whole: Duration::from_millis(whole),
        }),
        ..request(MODEL)
    };
    adapter(&server).ask(&limited).await
}

/// Makes several calls with one adapter. Returns the answers, and the operations of the requests.
async fn ask_each(times: usize, acts: Vec<Act>) -> (Vec<Answered>, Vec<String>) {
    let server = RawServer::start(acts).await;
    let model = adapter(&server);
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(model.ask(&request(MODEL)).await);
    }
    let paths = server.received().into_iter().map(|received| {
        let path = received.head.split(' ').nth(1).unwrap().to_owned();
        path.rsplit('/').next().unwrap().to_owned()
    });
    (answers, paths.collect())
}

/// Returns an answer that comes as a whole.
fn converse(text: &str, stop: &str) -> Value {
    json!({
        "output": { "message": { "role": "assistant", "content": [{ "text": text }] } }, "stopReason": stop,
        "usage": { "inputTokens": 15, "outputTokens": 7, "totalTokens": 22 }, "metrics": { "latencyMs": 1 },
    })
}

fn frame(kind: &'static str, name: &str, payload: &Value) -> Vec<u8> {
    let header = |name: &'static str, value: &str| Header::new(name, HeaderValue::String(value.to_owned().into()));
    let named = match kind {
        "event" => ":event-type",
        _ => ":exception-type",
    };
    let message = Message::new(payload.to_string())
        .add_header(header(":message-type", kind))
        .add_header(header(named, name));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).unwrap();
    bytes
}

fn event(name: &str, payload: &Value) -> Vec<u8> {
    frame("event", name, payload)
}

fn part(text: &str) -> Vec<u8> {
    event(
        "contentBlockDelta",
        &json!({ "contentBlockIndex": 0, "delta": { "text": text } }),
    )
}

fn end(stop: &str) -> Vec<u8> {
    event("messageStop", &json!({ "stopReason": stop }))
}

fn usage(input: u32, output: u32) -> Vec<u8> {
    let usage = json!({ "inputTokens": input, "outputTokens": output, "totalTokens": input + output });
    event("metadata", &json!({ "usage": usage, "metrics": { "latencyMs": 1 } }))
}

/// Returns the bytes of an answer that the connection's end ends.
fn streamed(frames: &[Vec<u8>]) -> Vec<u8> {
    let head = format!("{STREAM_HEAD}connection: close\r\n\r\n");
    [head.into_bytes(), frames.concat()].concat()
}

/// Returns a complete stream with one part.
fn stream(text: &str, stop: &str) -> Act {
    Act::Send(streamed(&[part(text), end(stop), usage(15, 7)]))
}

fn refuse(status: u16, kind: &str, message: &str) -> Act {
    let body = json!({ "message": message }).to_string();
    let kind = format!("{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/");
    let headers = [
        ("content-type", "application/json"),
        ("x-amzn-errortype", kind.as_str()),
    ];
    http(status, &headers, &body)
}

#[tokio::test]
async fn an_answer_arrives_as_a_stream() {
    let frames = [
        event("messageStart", &json!({ "role": "assistant" })),
        event(
            "contentBlockDelta",
            &json!({ "contentBlockIndex": 0, "delta": { "reasoningContent": { "text": "hm" } } }),
        ),
        part("{"),
        event("somethingNew", &json!({})),
        part("}"),
        event("contentBlockStop", &json!({ "contentBlockIndex": 1 })),
        end("end_turn"),
        usage(15, 7),
    ];
    // An answer with its last event needs no end of the connection.
    for act in [Act::Send(streamed(&frames)), Act::Hang(streamed(&frames))] {
        let (server, answer) = ask(act).await;
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_str(), answer.stop), ("{}", Stop::Complete));
        assert_eq!((answer.input_tokens, answer.output_tokens), (15, 7));
        let received = &server.received()[0];
        assert!(
            received
                .head
                .starts_with("post /model/eu.anthropic.claude-sonnet-5-v1%3a0/converse-stream http/1.1"),
            "{}",
            received.head
        );
        assert_eq!(received.body["inferenceConfig"]["maxTokens"], 321);
        let system = received.body["system"][0]["text"].as_str().unwrap();
        assert!(
            system.starts_with("instructions") && system.contains("JSON Schema"),
            "{system}"
        );
        let turns = received.body["messages"].as_array().unwrap();
        let roles: Vec<_> = turns.iter().map(|turn| &turn["role"]).collect();
        assert_eq!(roles, ["user", "assistant", "user"]);
    }
}

#[tokio::test]
async fn the_reason_for_an_answers_end_is_read() {
    for (reason, expected) in [
        ("max_tokens", Stop::OutputLimit),
        ("model_context_window_exceeded", Stop::OutputLimit),
        ("content_filtered", Stop::Refusal),
        ("guardrail_intervened", Stop::Refusal),
        ("something_new", Stop::Complete),
    ] {
        assert_eq!(ask(stream("x", reason)).await.1.unwrap().stop, expected, "{reason}");
    }
    // Paid, and counted, although there is nothing in it.
    let empty = ask(stream(" ", "end_turn")).await.1.unwrap();
    assert_eq!((empty.input_tokens, empty.output_tokens), (15, 7));
    let free = [part(" "), end("end_turn"), usage(0, 0)];
    let error = ask(Act::Send(streamed(&free))).await.1.unwrap_err();
    assert!(matches!(error, ModelError::Unreadable(_)), "{error:?}");
}

#[tokio::test]
async fn a_slow_stream_is_an_answer_within_the_limit_of_the_whole_call() {
    let mut frames = vec![part("x"); 10];
    frames.extend([end("end_turn"), usage(15, 7)]);
    // More than 4 seconds, and less than one for each event.
    let slow = Act::Trickle(streamed(&frames));
    let start = Instant::now();
    let answer = ask_within(slow.clone(), 2_500, 60_000).await.unwrap();
    assert_eq!(answer.text, "x".repeat(10));
    assert!(start.elapsed() > Duration::from_millis(2_500));
    // The adapter's own limit is that of the whole call.
    for error in [
        ask(slow.clone()).await.1.unwrap_err(),
        ask_within(slow, 30_000, 1_500).await.unwrap_err(),
    ] {
        assert!(
            matches!(&error, ModelError::TimedOut(line) if line.contains("no complete answer within")),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_silence_ends_the_call() {
    let start = Instant::now();
    for (begun, expected) in [
        (Vec::new(), "operation timeout"),
        (streamed(&[]), "no complete answer within 0.5 s"),
        (streamed(&[part("x")]), "no further part of the answer within 0.5 s"),
        (
            streamed(&[part("x"), end("end_turn")]),
            "no further part of the answer within 0.5 s",
        ),
    ] {
        let error = ask_within(Act::Hang(begun), 500, 60_000).await.unwrap_err();
        assert!(
            matches!(&error, ModelError::TimedOut(line) if line.contains(expected)),
            "{expected}: {error:?}"
        );
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn a_stream_that_breaks_off_differs_from_one_that_never_began() {
    let long_head = format!("{STREAM_HEAD}content-length: 5000\r\n\r\n").into_bytes();
    let mut damaged = part("y");
    *damaged.last_mut().unwrap() ^= 1;
    let half = &part("y")[..40];
    for (bytes, expected) in [
        ([long_head.clone(), part("x")].concat(), "BrokenOff"),
        (streamed(&[part("x")]), "BrokenOff"),
        (streamed(&[part("x"), half.to_vec()]), "BrokenOff"),
        (streamed(&[part("x"), damaged.clone()]), "BrokenOff"),
        (streamed(&[damaged]), "Outage"),
        (long_head, "Unavailable"),
        (streamed(&[]), "Unreadable"),
    ] {
        let error = ask(Act::Send(bytes)).await.1.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{expected}: {error:?}");
        assert_eq!(error.name().as_str(), "ModelUnavailable");
        assert!(
            error.to_string().contains(MODEL.trim_start_matches("bedrock/")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_stream_of_one_event_a_token_is_read_and_an_endless_one_is_not() {
    let padded = json!({ "contentBlockIndex": 0, "delta": { "text": "x" }, "p": "p".repeat(600) });
    let padded = event("contentBlockDelta", &padded);
    let large = ModelRequest {
        max_output_tokens: 8_000,
        ..request(MODEL)
    };
    for (parts, is_read) in [(8_000, true), (14_000, false)] {
        let mut frames = vec![padded.clone(); parts];
        frames.extend([end("end_turn"), usage(15, 7)]);
        let server = RawServer::start(vec![Act::Send(streamed(&frames))]).await;
        let limit = Duration::from_secs(30);
        let slow = ModelRequest {
            time_limit: Some(TimeLimit {
                quiet: limit,
                whole: limit,
            }),
            ..large.clone()
        };
        match adapter(&server).ask(&slow).await {
            Ok(answer) => assert!(is_read && answer.text.len() == parts),
            Err(error) => assert!(
                !is_read && matches!(&error, ModelError::BrokenOff(line) if line.contains("length limit")),
                "{error:?}"
            ),
        }
    }
    // The second repetition is an event without an end.
    let endless = Act::Flood(streamed(&[part("x")]));
    let error = ask_within(endless, 30_000, 30_000).await.unwrap_err();
    assert!(
        matches!(&error, ModelError::BrokenOff(line) if line.contains("length limit")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_model_without_streams_is_asked_for_whole_answers() {
    let refusal = || refuse(400, "ValidationException", "The model is unsupported for streaming.");
    let whole = || ok(&converse("{}", "max_tokens"));
    let (answers, paths) = ask_each(2, vec![refusal(), whole(), whole()]).await;
    assert_eq!(paths, ["converse-stream", "converse", "converse"]);
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_str(), answer.stop), ("{}", Stop::OutputLimit));
        assert_eq!((answer.input_tokens, answer.output_tokens), (15, 7));
    }
    // A stream that counts no tokens is an answer, and the last one.
    let uncounted = Act::Send(streamed(&[part("{}"), end("end_turn")]));
    let (answers, paths) = ask_each(2, vec![uncounted, whole()]).await;
    assert_eq!(paths, ["converse-stream", "converse"]);
    let counted: Vec<u64> = answers.into_iter().map(|answer| answer.unwrap().input_tokens).collect();
    assert_eq!(counted, [0, 15]);
    // A refusal for other reasons is none of streams, whether it comes first or for the whole answer.
    let other = || refuse(400, "ValidationException", "The provided model identifier is invalid.");
    let (answers, paths) = ask_each(2, vec![other(), refusal(), other()]).await;
    assert_eq!(paths, ["converse-stream", "converse-stream", "converse"]);
    for answer in answers {
        assert!(matches!(answer, Err(ModelError::Rejected(_))), "{answer:?}");
    }
    let (_, paths) = ask_each(2, vec![refusal(), other(), stream("{}", "end_turn")]).await;
    assert_eq!(paths, ["converse-stream", "converse", "converse-stream"]);
    let down = refuse(503, "ServiceUnavailableException", "no streaming now");
    let (_, paths) = ask_each(1, vec![down]).await;
    assert_eq!(paths, ["converse-stream"]);
}

#[tokio::test]
async fn each_refusal_has_the_name_that_the_workflow_knows() {
    for (act, expected) in [
        (refuse(429, "ThrottlingException", "no"), "ModelUnavailable"),
        (
            refuse(400, "ServiceQuotaExceededException", "no"),
            "ModelSpendingLimitReached",
        ),
        (refuse(408, "ModelTimeoutException", "no"), "ModelTimedOut"),
        (refuse(403, "AccessDeniedException", "no"), "ModelUnauthorized"),
        (refuse(400, "ValidationException", "no"), "ModelRequestRejected"),
        (refuse(404, "ResourceNotFoundException", "no"), "ModelRequestRejected"),
        (refuse(503, "ServiceUnavailableException", "no"), "ModelUnavailable"),
        (
            http(200, &[("content-type", "application/json")], "{"),
            "ModelUnavailable",
        ),
        (Act::Hang(Vec::new()), "ModelTimedOut"),
    ] {
        let error = ask(act).await.1.unwrap_err();
        assert_eq!(error.name().as_str(), expected, "{error:?}");
        let text = error.to_string();
        assert!(!text.contains("very-secret") && text.lines().count() == 1, "{text}");
        let names_actions = text.contains("bedrock:InvokeModelWithResponseStream and bedrock:InvokeModel ");
        assert_eq!(names_actions, expected == "ModelUnauthorized", "{text}");
    }
}

#[tokio::test]
async fn an_exception_in_a_stream_is_the_refusal_of_its_name() {
    for (name, expected) in [
        ("throttlingException", "RateLimited"),
        ("modelStreamErrorException", "Outage"),
        ("internalServerException", "Outage"),
        ("serviceUnavailableException", "Outage"),
        ("validationException", "Rejected"),
        ("modelTimeoutException", "TimedOut"),
        ("somethingNewException", "Outage"),
    ] {
        let exception = frame("exception", name, &json!({ "message": "for\na reason" }));
        for frames in [vec![exception.clone()], vec![part("x"), exception.clone()]] {
            let error = ask(Act::Send(streamed(&frames))).await.1.unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{name}: {error:?}");
            let text = error.to_string();
            // A refused request may be quoted.
            let is_quoted = text.contains("Exception: for a reason");
            assert_eq!(is_quoted, matches!(expected, "Outage" | "TimedOut"), "{name}: {text}");
        }
    }
}
