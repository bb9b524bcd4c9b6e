//! Servers that hang, break off, lie about their length, redirect, flood, or answer with something else.

use std::time::{Duration, Instant};

use holdfast_adapters::model_http::ModelLimits;
use holdfast_core::port::ModelError;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::server::{Act, RawServer, both, completion, http, limits, message, ok, request};

async fn ask_both(act: Act, limits: ModelLimits) -> Vec<(&'static str, ModelError)> {
    let server = RawServer::start(vec![act]).await;
    let mut errors = Vec::new();
    for (model, adapter) in both(&server.url, limits) {
        errors.push((model, adapter.ask(&request(model)).await.expect_err("an error")));
    }
    errors
}

#[tokio::test]
async fn what_is_no_answer_is_unavailable() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"content\": [".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnot a chunk".to_vec();
    let bodies = [
        json!(null),
        json!([]),
        json!("text"),
        json!({}),
        json!({ "content": "text", "choices": {} }),
        json!({ "content": [], "choices": [] }),
        message("", "end_turn"),
        completion("  \n", "stop"),
        json!({ "choices": [{ "message": { "content": null }, "finish_reason": "stop" }],
            "content": [{ "type": "thinking", "thinking": "hm" }], "stop_reason": "end_turn" }),
    ];
    let mut acts = vec![
        Act::Send(Vec::new()),
        Act::Send(b"\x00\xff\xfe garbage\r\n\r\n".to_vec()),
        Act::Send(half),
        Act::Send(chunked),
        http(200, &[], ""),
        http(200, &[], "<html>a proxy's page</html>"),
        http(200, &[], "{\"content\": [{\"type\": \"te"),
        http(204, &[], ""),
    ];
    acts.extend(bodies.iter().map(ok));
    for act in acts {
        for (model, error) in ask_both(act.clone(), limits()).await {
            assert!(
                matches!(error, ModelError::Unavailable(_)),
                "{model} {act:?}: {error:?}"
            );
            let text = error.to_string();
            assert!(
                text.contains("127.0.0.1:") && text.contains("HOLDFAST_MODEL_URL"),
                "{model} {text}"
            );
            assert!(!text.contains("proxy's page"), "{model} {text}");
        }
    }
}

#[tokio::test]
async fn a_call_ends_at_its_limit_wherever_the_server_stops() {
    let limits = ModelLimits {
        call: Duration::from_millis(300),
        ..limits()
    };
    let endless = [b"HTTP/1.1 200 OK\r\nx-padding: ".to_vec(), vec![b'x'; 1_000]].concat();
    let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n".to_vec();
    for act in [
        Act::Hang(Vec::new()),
        Act::Hang(b"HTTP/1.1 200".to_vec()),
        Act::Hang(whole.clone()),
        Act::Trickle(endless),
    ] {
        let start = Instant::now();
        for (model, error) in ask_both(act.clone(), limits).await {
            assert!(matches!(error, ModelError::TimedOut(_)), "{model} {act:?}: {error:?}");
            assert!(error.to_string().contains("127.0.0.1:"), "{model} {error}");
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{act:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let flood = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes();
    let start = Instant::now();
    for (model, error) in ask_both(Act::Flood([head, flood.clone()].concat()), limits()).await {
        assert!(matches!(error, ModelError::Unavailable(_)), "{model} {error:?}");
    }
    let many = flood.repeat(80);
    let big = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(), many].concat();
    for (model, error) in ask_both(Act::Send(big), limits()).await {
        assert!(error.to_string().contains("more than 4194304 bytes"), "{model} {error}");
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let good = RawServer::start(vec![ok(&json!({}))]).await;
    for status in [301, 302, 303, 307, 308] {
        for (model, error) in ask_both(http(status, &[("location", good.url.as_str())], ""), limits()).await {
            assert!(matches!(error, ModelError::Rejected(_)), "{model} {status}: {error:?}");
            assert!(
                error.to_string().contains("redirects are not followed"),
                "{model} {error}"
            );
        }
    }
    assert!(
        good.asked().is_empty(),
        "the key must not go where the deployment did not say"
    );
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    for (model, adapter) in both(&url, limits()) {
        let error = adapter.ask(&request(model)).await.expect_err("an error");
        assert!(matches!(error, ModelError::Unavailable(_)), "{model} {error:?}");
        assert!(error.to_string().to_lowercase().contains("refused"), "{model} {error}");
    }
}

#[tokio::test]
async fn a_slow_whole_answer_is_an_answer() {
    fn slow(body: &Value) -> Act {
        match ok(body) {
            Act::Send(bytes) => Act::Trickle(bytes),
            other => other,
        }
    }
    for (number, body) in [message("{}", "end_turn"), completion("{}", "stop")].iter().enumerate() {
        let server = RawServer::start(vec![slow(body)]).await;
        let (model, adapter) = &both(&server.url, ModelLimits::default())[number];
        assert_eq!(adapter.ask(&request(model)).await.unwrap().text, "{}", "{model}");
    }
}
