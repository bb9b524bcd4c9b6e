//! Batches of both providers: against the scripted provider, and against servers that answer with something else.

use std::time::Duration;

use holdfast_core::model::address::HttpHosts;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::price::Prices;
use holdfast_core::port::{AskModel, BatchId, BatchModel, BatchState, ModelError, Submitted};
use holdfast_models::{ModelRouter, ModelSettings};
use holdfast_testkit::model_server::{BatchEnd, BatchRules, ModelServer, ModelServerOptions, Refuses, Script};
use serde_json::{Value, json};

use crate::server::{Act, KEY, RawServer, completion, http, message, ok, request};

const MODELS: [&str; 2] = ["anthropic/m", "openai/m"];
const NAME: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn router(url: &str) -> ModelRouter {
    ModelRouter::new(ModelSettings {
        url: Some(url.parse().unwrap()),
        allow_http: HttpHosts::default(),
        anthropic_key: Some(KEY.into()),
        openai_key: Some(KEY.into()),
        prices: Prices::parse("openai/m=2/8,anthropic/m=2/8", false).unwrap(),
        timeout: Duration::from_secs(10),
    })
    .unwrap()
}

fn id(text: &str) -> BatchId {
    BatchId::try_from(text.to_owned()).unwrap()
}

fn model(name: &str) -> ModelId {
    name.parse().unwrap()
}

/// Submits a batch to a server with a key, and returns its id.
async fn submit(router: &ModelRouter, name: &str) -> BatchId {
    match router.submit(&request(name), NAME).await.expect(name) {
        Submitted::Batch(batch) => batch,
        Submitted::NotOffered => panic!("{name}: not offered"),
    }
}

fn scripted(script: Script) -> ModelServer {
    let options = ModelServerOptions {
        key: Some(KEY.to_owned()),
        ..ModelServerOptions::default()
    };
    ModelServer::start_with(script, options).unwrap()
}

#[tokio::test]
async fn a_call_is_answered_in_its_batch_at_half_price() {
    for name in MODELS {
        let server = scripted(Script::valid());
        server.set_batch_rules(BatchRules {
            looks: 1,
            ..BatchRules::default()
        });
        let router = router(&server.url());
        let batch = submit(&router, name).await;
        let first = router.fetch(&model(name), &batch, NAME).await.expect(name);
        assert!(matches!(first, BatchState::Pending), "{name}: {first:?}");
        // An answer can be fetched again.
        for _ in 0..2 {
            let BatchState::Answered(answer) = router.fetch(&model(name), &batch, NAME).await.expect(name) else {
                panic!("{name}: no answer");
            };
            let cost = (answer.input_tokens * 2_000 + answer.output_tokens * 8_000).div_ceil(2);
            assert_eq!(answer.cost_nano_usd, Some(cost), "{name}");
            assert!(
                answer.text.contains("summary") && answer.output_tokens > 0,
                "{name}: {answer:?}"
            );
        }
        let batches = server.batches();
        assert_eq!((batches.len(), batches[0].custom_id.as_str()), (1, NAME), "{name}");
        let body = &batches[0].body;
        assert!(
            body.get("stream").is_none() && body.get("stream_options").is_none(),
            "{name}: {body}"
        );
        assert!(server.journal().calls().is_empty(), "{name}: no ordinary call");
    }
}

#[tokio::test]
async fn a_batch_has_the_form_of_request_that_ordinary_calls_have_found() {
    for (name, refused) in [
        ("anthropic/m", Refuses::FORMATS[0]),
        ("openai/m", Refuses::LIMIT_NAMES[0]),
    ] {
        let server = scripted(Script::refusing(&[refused], Script::valid()));
        let router = router(&server.url());
        router.ask(&request(name)).await.expect(name);
        let batch = submit(&router, name).await;
        let state = router.fetch(&model(name), &batch, NAME).await.expect(name);
        assert!(matches!(state, BatchState::Answered(_)), "{name}: {state:?}");
    }
}

#[tokio::test]
async fn a_batch_that_ends_without_an_answer_has_failed() {
    for name in MODELS {
        for (script, end) in [
            (Script::status(400), BatchEnd::Answered),
            (Script::overloaded(), BatchEnd::Answered),
            (Script::valid(), BatchEnd::Expired),
            (Script::valid(), BatchEnd::Failed),
        ] {
            let server = scripted(script);
            server.set_batch_rules(BatchRules {
                end,
                ..BatchRules::default()
            });
            let router = router(&server.url());
            let batch = submit(&router, name).await;
            let state = router.fetch(&model(name), &batch, NAME).await.expect(name);
            assert!(matches!(state, BatchState::Failed(_)), "{name} {end:?}: {state:?}");
        }
    }
}

#[tokio::test]
async fn a_server_without_batches_is_told_from_one_that_refuses() {
    for name in MODELS {
        for status in [404, 405, 501] {
            let server = RawServer::start(vec![http(status, &[], "nothing here")]).await;
            let submitted = router(server.url.as_str()).submit(&request(name), NAME).await;
            assert_eq!(submitted.expect(name), Submitted::NotOffered, "{name} {status}");
        }
        let server = scripted(Script::valid());
        server.set_batch_rules(BatchRules {
            is_offered: false,
            ..BatchRules::default()
        });
        let submitted = router(&server.url()).submit(&request(name), NAME).await;
        assert_eq!(submitted.expect(name), Submitted::NotOffered, "{name}");
        for status in [401, 400, 429, 503] {
            let server = RawServer::start(vec![http(status, &[("retry-after", "7")], "{}")]).await;
            let router = router(server.url.as_str());
            let refused = router.submit(&request(name), NAME).await.expect_err(name);
            assert!(is_of(&refused, status), "{name} {status}: {refused:?}");
            let refused = router.fetch(&model(name), &id("b"), NAME).await.expect_err(name);
            assert!(is_of(&refused, status), "{name} {status}: {refused:?}");
            assert!(!refused.to_string().contains(KEY), "{refused}");
        }
    }
}

#[tokio::test]
async fn the_requests_go_to_the_documented_addresses_with_the_key() {
    let batch = json!({ "id": "b-1", "processing_status": "ended", "status": "completed", "output_file_id": "f-1",
        "results_url": "http://elsewhere.example/steal" });
    let line = json!({ "custom_id": NAME, "result": { "type": "succeeded", "message": message("{}", "end_turn") },
        "response": { "status_code": 200, "body": completion("{}", "stop") } });
    for (name, paths) in [
        (
            "anthropic/m",
            [
                "post /v1/messages/batches",
                "get /v1/messages/batches/b-1",
                "get /v1/messages/batches/b-1/results",
            ]
            .as_slice(),
        ),
        (
            "openai/m",
            &[
                "post /v1/files",
                "post /v1/batches",
                "get /v1/batches/b-1",
                "get /v1/files/f-1/content",
            ],
        ),
    ] {
        let submits = paths.iter().filter(|path| path.starts_with("post")).count();
        let mut acts = vec![ok(&batch); submits + 1];
        acts.push(ok(&line));
        let server = RawServer::start(acts).await;
        let router = router(server.url.as_str());
        assert_eq!(submit(&router, name).await, id("b-1"));
        let state = router.fetch(&model(name), &id("b-1"), NAME).await.expect(name);
        assert!(matches!(state, BatchState::Answered(_)), "{name}: {state:?}");
        let received = server.received();
        assert_eq!(received.len(), paths.len(), "{name}");
        for (received, path) in received.iter().zip(paths) {
            assert!(
                received.head.starts_with(&format!("{path} http/1.1")),
                "{path}: {}",
                received.head
            );
            assert!(received.head.contains(KEY), "{}", received.head);
        }
    }
}

/// Returns the error of fetching `b-1` from a server that answers with these acts.
async fn fetch_error(name: &str, acts: Vec<Act>) -> ModelError {
    let server = RawServer::start(acts).await;
    let fetched = router(server.url.as_str()).fetch(&model(name), &id("b-1"), NAME).await;
    fetched.expect_err(name)
}

#[tokio::test]
async fn an_id_that_is_no_id_is_never_part_of_an_address() {
    for name in MODELS {
        for bad in [
            json!(null),
            json!(7),
            json!(""),
            json!("../models"),
            json!("a?b"),
            json!("a".repeat(200)),
        ] {
            let server = RawServer::start(vec![ok(&json!({ "id": bad }))]).await;
            let refused = router(server.url.as_str())
                .submit(&request(name), NAME)
                .await
                .expect_err(name);
            assert!(
                matches!(refused, ModelError::Unreadable(_)),
                "{name} {bad}: {refused:?}"
            );
            assert_eq!(server.received().len(), 1, "{name} {bad}");
        }
    }
    for bad in [json!(7), json!("../batches"), json!("a/b")] {
        let batch = json!({ "id": "b-1", "status": "completed", "output_file_id": bad });
        let error = fetch_error("openai/m", vec![ok(&batch)]).await;
        assert!(matches!(error, ModelError::Unreadable(_)), "{bad}: {error:?}");
    }
}

#[tokio::test]
async fn another_batch_another_result_and_broken_lines_are_unreadable() {
    let ended = |id: &str| {
        ok(&json!({ "id": id, "processing_status": "ended", "status": "completed", "output_file_id": "f-1" }))
    };
    let result = |custom_id: &str| {
        let result = json!({ "type": "succeeded", "message": message("{}", "end_turn") });
        let response = json!({ "status_code": 200, "body": completion("{}", "stop") });
        json!({ "custom_id": custom_id, "result": result, "response": response })
    };
    let unread = json!({ "custom_id": NAME, "result": { "type": "succeeded", "message": [] },
        "response": { "status_code": 200, "body": [] } });
    for name in MODELS {
        for acts in [
            vec![ended("b-2")],
            vec![http(200, &[], "a page")],
            vec![ok(&json!({ "id": "b-1", "processing_status": "odd", "status": "odd" }))],
            vec![ok(&json!({ "id": "b-1" }))],
            vec![ended("b-1"), http(200, &[], "")],
            vec![ended("b-1"), http(200, &[], "{\"custom_id\": \"")],
            vec![ended("b-1"), ok(&result("another"))],
            vec![ended("b-1"), ok(&json!([result(NAME)]))],
            vec![ended("b-1"), ok(&unread)],
        ] {
            let error = fetch_error(name, acts.clone()).await;
            assert!(matches!(error, ModelError::Unreadable(_)), "{name} {acts:?}: {error:?}");
        }
        // Lines of other calls and broken lines don't hide the right one.
        let lines = format!("not JSON\n{}\n\n{}\n", result("another"), result(NAME));
        let server = RawServer::start(vec![ended("b-1"), http(200, &[], &lines)]).await;
        let state = router(server.url.as_str()).fetch(&model(name), &id("b-1"), NAME).await;
        assert!(matches!(state.expect(name), BatchState::Answered(_)), "{name}");
    }
}

#[tokio::test]
async fn a_flood_of_results_is_cut_off() {
    let ended =
        ok(&json!({ "id": "b-1", "processing_status": "ended", "status": "completed", "output_file_id": "f-1" }));
    let mut endless = b"HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\n\r\n".to_vec();
    endless.extend(vec![b'x'; 64 * 1024]);
    for name in MODELS {
        let error = fetch_error(name, vec![ended.clone(), Act::Flood(endless.clone())]).await;
        assert!(
            matches!(&error, ModelError::Unreadable(text) if text.contains("more than")),
            "{name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn only_known_providers_have_batches() {
    let router = router("http://127.0.0.1:9");
    let error = router.submit(&request("gemini/x"), NAME).await.expect_err("unknown");
    assert!(matches!(error, ModelError::Rejected(_)), "{error:?}");
    let router = router.with_bedrock(std::sync::Arc::new(Nobody));
    assert_eq!(
        router.submit(&request("bedrock/x"), NAME).await.unwrap(),
        Submitted::NotOffered
    );
    let error = router
        .fetch(&model("bedrock/x"), &id("b"), NAME)
        .await
        .expect_err("none");
    assert!(matches!(error, ModelError::NotFound(_)), "{error:?}");
}

/// Stands for Bedrock's adapter, and is never called.
struct Nobody;

#[async_trait::async_trait]
impl AskModel for Nobody {
    async fn ask(
        &self,
        _: &holdfast_core::port::ModelRequest,
    ) -> Result<holdfast_core::model::run::RecordedAnswer, ModelError> {
        Err(ModelError::Unavailable(Value::Null.to_string()))
    }
}

/// Returns whether an error is the one of this status.
fn is_of(error: &ModelError, status: u16) -> bool {
    match error {
        ModelError::Unauthorized(_) => status == 401,
        ModelError::Rejected(_) => status == 400,
        ModelError::RateLimited { retry_after_s, .. } => status == 429 && *retry_after_s == Some(7),
        ModelError::Outage(_) => status == 503,
        _ => false,
    }
}
