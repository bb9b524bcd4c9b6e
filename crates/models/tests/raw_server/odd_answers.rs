//! Servers that hang, break off, lie about their length, redirect, flood, or answer with something else.

use std::time::{Duration, Instant};

use holdfast_core::model::error_name::ErrorName;
use holdfast_core::port::{ModelError, ModelRequest};
use holdfast_models::ModelLimits;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use crate::server::{Act, RawServer, both, completion, http, limits, message, ok, request};

async fn errors_of_both(act: Act, limits: ModelLimits) -> Vec<(&'static str, ModelError)> {
    let server = RawServer::start(vec![act]).await;
    let mut errors = Vec::new();
    for (model, adapter) in both(&server.url, limits) {
        errors.push((model, adapter.ask(&request(model)).await.expect_err("an error")));
    }
    errors
}

#[tokio::test]
async fn a_missing_answer_is_unavailable_and_a_foreign_one_unreadable() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"content\": [".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnot a chunk".to_vec();
    let bodies = [
        json!(null),
        json!([]),
        json!("text"),
        json!({}),
        json!({ "content": "text", "choices": {} }),
        json!({ "content": [], "choices": [] }),
        json!({ "choices": [{ "message": { "content": null }, "finish_reason": "stop" }],
            "content": [{ "type": "thinking", "thinking": "hm" }], "stop_reason": "end_turn" }),
    ];
    let missing = [
        Act::Send(Vec::new()),
        Act::Send(b"\x00\xff\xfe garbage\r\n\r\n".to_vec()),
        Act::Send(half),
        Act::Send(chunked),
    ];
    let mut foreign = vec![
        http(200, &[], ""),
        http(200, &[], "<html>a proxy's page</html>"),
        http(200, &[], "{\"content\": [{\"type\": \"te"),
        http(204, &[], ""),
    ];
    foreign.extend(bodies.iter().map(ok));
    let missing = missing.into_iter().map(|act| (act, false));
    for (act, is_answered) in missing.chain(foreign.into_iter().map(|act| (act, true))) {
        for (model, error) in errors_of_both(act.clone(), limits()).await {
            let is_expected = match &error {
                ModelError::Unavailable(_) | ModelError::BrokenOff(_) => !is_answered,
                ModelError::Unreadable(_) => is_answered,
                _ => false,
            };
            assert!(is_expected, "{model} {act:?}: {error:?}");
            assert_eq!(error.name(), ErrorName::ModelUnavailable, "{model} {act:?}");
            let text = error.to_string();
            assert!(
                text.contains("127.0.0.1:") && text.contains("HOLDFAST_MODEL_URL"),
                "{model} {text}"
            );
            assert!(!text.contains("proxy's page"), "{model} {text}");
        }
    }
}

/// Answers of servers that don't follow the API: their text, and their usage.
#[tokio::test]
async fn odd_answers_are_read_and_counted() {
    let chat = |message: Value, usage: Value| json!({ "model": "served", "choices": [{ "finish_reason": "stop", "message": message }], "usage": usage });
    let usage = json!({ "prompt_tokens": 15, "completion_tokens": 7 });
    let call =
        |arguments: Value| json!([{ "type": "function", "function": { "name": "answer", "arguments": arguments } }]);
    let table: [(usize, Value, &str, u64, u64); 14] = [
        (
            1,
            chat(
                json!({ "content": null, "tool_calls": call(json!("{}")) }),
                usage.clone(),
            ),
            "{}",
            15,
            7,
        ),
        (
            1,
            chat(
                json!({ "content": "", "tool_calls": call(json!({ "a": 1 })) }),
                usage.clone(),
            ),
            "{\"a\":1}",
            15,
            7,
        ),
        (
            1,
            chat(
                json!({ "content": "One moment.", "tool_calls": call(json!("{}")) }),
                usage.clone(),
            ),
            "One moment.\n{}",
            15,
            7,
        ),
        (
            1,
            chat(
                json!({ "function_call": { "name": "f", "arguments": "{}" } }),
                usage.clone(),
            ),
            "{}",
            15,
            7,
        ),
        (
            1,
            chat(
                json!({ "content": [{ "type": "text", "text": "{" }, "}"] }),
                usage.clone(),
            ),
            "{}",
            15,
            7,
        ),
        (
            1,
            chat(json!({ "content": { "findings": [] } }), usage.clone()),
            "{\"findings\":[]}",
            15,
            7,
        ),
        (
            1,
            chat(
                json!({ "content": "{}" }),
                json!({ "prompt_tokens": 15.0, "completion_tokens": "7" }),
            ),
            "{}",
            15,
            7,
        ),
        (
            1,
            chat(
                json!({ "content": "{}" }),
                json!({ "prompt_tokens": null, "output_tokens": -1 }),
            ),
            "{}",
            0,
            0,
        ),
        (1, chat(json!({ "content": "{}" }), json!("none")), "{}", 0, 0),
        (1, chat(json!({ "content": "{}" }), json!([1])), "{}", 0, 0),
        (1, chat(json!({ "content": "  \n" }), usage.clone()), "  \n", 15, 7),
        (1, json!({ "choices": [], "usage": usage }), "", 15, 7),
        (0, message("", "end_turn"), "", 15, 7),
        (
            0,
            json!({ "model": 7, "content": [{ "type": "text", "text": "{}" }], "stop_reason": 1,
            "usage": { "input_tokens": "15", "output_tokens": 7.0 } }),
            "{}",
            15,
            7,
        ),
    ];
    for (which, body, text, input_tokens, output_tokens) in table {
        let server = RawServer::start(vec![ok(&body)]).await;
        let (model, adapter) = &both(&server.url, limits())[which];
        let answer = adapter.ask(&request(model)).await.unwrap();
        assert_eq!(answer.text.trim(), text.trim(), "{body}");
        assert_eq!(
            (answer.input_tokens, answer.output_tokens),
            (input_tokens, output_tokens),
            "{body}"
        );
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn a_stream_is_read() {
    let chunks = concat!(
        ": ping\n\n",
        "data: {\"model\":\"served\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"{\"},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"}\"}}],\"usage\":null}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":15,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n",
    );
    let calls = concat!(
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"a\",\"arguments\":\"{\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"}\"}}]},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":15,\"completion_tokens\":7}}\n\n",
    );
    let events = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"served\",\"content\":[],\"usage\":{\"input_tokens\":15,\"output_tokens\":1}}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"{}\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"output_tokens\":7}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    for (which, body, is_cut) in [(1, chunks, true), (1, calls, false), (0, events, true)] {
        let server = RawServer::start(vec![http(200, &[("content-type", "text/event-stream")], body)]).await;
        let (model, adapter) = &both(&server.url, limits())[which];
        let answer = adapter.ask(&request(model)).await.unwrap();
        assert_eq!(
            (answer.text.as_str(), answer.input_tokens, answer.output_tokens),
            ("{}", 15, 7),
            "{body}"
        );
        assert_eq!(
            answer.stop == holdfast_core::model::run::Stop::OutputLimit,
            is_cut,
            "{body}"
        );
        // A stream without an end is an error of its own.
        let cut = body.rfind("data: {").unwrap();
        let short = &body[..body[..cut].rfind("data: {").unwrap()];
        let server = RawServer::start(vec![http(200, &[], short)]).await;
        let (model, adapter) = &both(&server.url, limits())[which];
        let error = adapter.ask(&request(model)).await.expect_err(short);
        assert!(
            matches!(&error, ModelError::BrokenOff(text) if text.contains("answered with a stream that breaks off"))
                || matches!(&error, ModelError::Unreadable(_) if short.is_empty()),
            "{short}: {error}"
        );
    }
    let failed = "data: {\"error\":{\"code\":429,\"message\":\"slow down\"}}\n\n";
    for (model, error) in errors_of_both(http(200, &[], failed), limits()).await {
        assert!(matches!(error, ModelError::RateLimited { .. }), "{model}: {error:?}");
    }
}

#[tokio::test]
async fn a_refusal_inside_a_stream_changes_the_form_and_a_gateway_s_words_do_not() {
    let refusal =
        "data: {\"error\":{\"code\":400,\"message\":\"This model does not support response format json_schema\"}}\n\n";
    let good = "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"{}\"}]},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":15,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n";
    let stream = |body| http(200, &[("content-type", "text/event-stream")], body);
    let server = RawServer::start(vec![stream(refusal), stream(good)]).await;
    let (model, adapter) = &both(&server.url, limits())[1];
    assert_eq!(adapter.ask(&request(model)).await.unwrap().text, "{}");
    assert_eq!(server.received()[1].body["response_format"]["type"], "json_object");

    let gateway = http(500, &[], "{\"error\":{\"message\":\"upstream connect error\"}}");
    let server = RawServer::start(vec![stream(good), gateway, stream(good)]).await;
    let (model, adapter) = &both(&server.url, limits())[1];
    adapter.ask(&request(model)).await.unwrap();
    adapter.ask(&request(model)).await.unwrap_err();
    adapter.ask(&request(model)).await.unwrap();
    let streamed: Vec<bool> = server
        .received()
        .iter()
        .map(|sent| sent.body["stream"] == true)
        .collect();
    assert_eq!(streamed, [true, true, true]);
}

#[tokio::test]
async fn a_stream_of_one_event_a_token_is_read_and_an_endless_one_is_not() {
    let event = format!(
        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"x\"}}}}],\"padding\":\"{}\"}}\n\n",
        "p".repeat(600)
    );
    let end = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":15,\"completion_tokens\":7}}\n\n";
    for (events, is_read) in [(8_000, true), (14_000, false)] {
        let body = event.repeat(events) + end;
        let server = RawServer::start(vec![http(200, &[("content-type", "text/event-stream")], &body)]).await;
        let (model, adapter) = &both(&server.url, limits())[1];
        let large = ModelRequest {
            max_output_tokens: 8_000,
            ..request(model)
        };
        match adapter.ask(&large).await {
            Ok(answer) => assert!(is_read && answer.text.len() == events),
            Err(error) => assert!(
                !is_read && error.to_string().contains("more than 8192000 bytes"),
                "{error}"
            ),
        }
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_ends_at_its_limit() {
    let begun =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n8\r\n: ping\n\n\r\n";
    for (model, error) in errors_of_both(
        Act::Hang(begun.to_vec()),
        ModelLimits {
            call: Duration::from_millis(300),
            ..limits()
        },
    )
    .await
    {
        assert!(matches!(error, ModelError::TimedOut(_)), "{model}: {error:?}");
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
        for (model, error) in errors_of_both(act.clone(), limits).await {
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
    for (model, error) in errors_of_both(Act::Flood([head, flood.clone()].concat()), limits()).await {
        assert!(matches!(error, ModelError::BrokenOff(_)), "{model} {error:?}");
    }
    let many = flood.repeat(80);
    let big = [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(), many].concat();
    for (model, error) in errors_of_both(Act::Send(big), limits()).await {
        assert!(
            matches!(&error, ModelError::Unreadable(line) if line.contains("more than 4194304 bytes")),
            "{model} {error:?}"
        );
    }
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let good = RawServer::start(vec![ok(&json!({}))]).await;
    for status in [301, 302, 303, 307, 308] {
        for (model, error) in errors_of_both(http(status, &[("location", good.url.as_str())], ""), limits()).await {
            assert!(matches!(error, ModelError::Rejected(_)), "{model} {status}: {error:?}");
            assert!(
                error.to_string().contains("redirects are not followed"),
                "{model} {error}"
            );
        }
    }
    assert!(
        good.received().is_empty(),
        "the key must only be sent to the configured server"
    );
}

#[tokio::test]
async fn a_missing_server_is_unavailable() {
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
