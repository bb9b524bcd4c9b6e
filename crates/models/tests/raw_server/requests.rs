//! The requests of the adapters, and the results of good answers.

use holdfast_core::model::address::HttpHosts;
use holdfast_core::model::run::{RecordedAnswer, Stop};
use holdfast_models::AnthropicAskModel;
use holdfast_models::OpenaiAskModel;
use serde_json::{Value, json};
use url::Url;

use crate::server::{KEY, RawServer, both, completion, http, limits, message, ok, request};

const ANTHROPIC: usize = 0;
const OPENAI: usize = 1;

async fn answer(which: usize, body: &Value) -> RecordedAnswer {
    let server = RawServer::start(vec![ok(body)]).await;
    let (model, adapter) = &both(&server.url, limits())[which];
    adapter.ask(&request(model)).await.unwrap()
}

#[tokio::test]
async fn anthropic_gets_a_messages_request() {
    let server = RawServer::start(vec![ok(&message("{}", "end_turn"))]).await;
    let (model, adapter) = &both(&server.url, limits())[ANTHROPIC];
    let answer = adapter.ask(&request(model)).await.unwrap();
    let expected = RecordedAnswer {
        text: "{}".to_owned(),
        stop: Stop::Complete,
        model: "served".to_owned(),
        input_tokens: 15,
        output_tokens: 7,
        cost_nano_usd: None,
        cached: false,
        fallback: None,
        observed: None,
    };
    assert_eq!(answer, expected);
    let received = &server.received()[0];
    assert!(
        received.head.starts_with("post /v1/messages http/1.1"),
        "{}",
        received.head
    );
    for header in [
        format!("x-api-key: {KEY}"),
        "anthropic-version: 2023-06-01".to_owned(),
        "content-type: application/json".to_owned(),
    ] {
        assert!(received.head.contains(&header), "{header} in {}", received.head);
    }
    let expected = json!({
        "model": "m", "max_tokens": 321, "system": "instructions",
        "messages": [{ "role": "user", "content": "diff" }, { "role": "assistant", "content": "wrong" }, { "role": "user", "content": "again" }],
        "stream": true,
        "output_config": { "format": { "type": "json_schema", "schema": { "type": "object", "required": ["summary"],
            "additionalProperties": false,
            "properties": { "summary": { "type": "string" }, "more": { "type": "integer" } } } } },
    });
    assert_eq!(received.body, expected);
}

#[tokio::test]
async fn a_compatible_server_gets_a_closed_schema_and_max_tokens() {
    let server = RawServer::start(vec![ok(&completion("{}", "stop"))]).await;
    let (_, adapter) = &both(&server.url, limits())[OPENAI];
    let answer = adapter.ask(&request("openai/meta/llama")).await.unwrap();
    assert_eq!(
        (answer.stop, answer.input_tokens, answer.output_tokens),
        (Stop::Complete, 15, 7)
    );
    let received = &server.received()[0];
    assert!(
        received.head.starts_with("post /v1/chat/completions http/1.1"),
        "{}",
        received.head
    );
    assert!(
        received.head.contains(&format!("authorization: bearer {KEY}")),
        "{}",
        received.head
    );
    assert_eq!(received.body["model"], "meta/llama");
    assert_eq!(received.body["max_tokens"], 321);
    assert!(received.body.get("max_completion_tokens").is_none());
    assert_eq!(
        received.body["messages"][0],
        json!({ "role": "system", "content": "instructions" })
    );
    assert_eq!(
        received.body["messages"][2],
        json!({ "role": "assistant", "content": "wrong" })
    );
    let format = &received.body["response_format"];
    assert_eq!(format["type"], "json_schema");
    let schema = json!({ "type": "object", "required": ["summary", "more"], "additionalProperties": false,
        "properties": { "summary": { "type": "string" }, "more": { "type": "integer" } } });
    assert_eq!(format["json_schema"]["schema"], schema);
    assert_eq!(
        (&format["json_schema"]["name"], &format["json_schema"]["strict"]),
        (&json!("answer"), &json!(true))
    );
}

#[tokio::test]
async fn stop_reasons_are_read() {
    for (reason, stop) in [
        ("end_turn", Stop::Complete),
        ("stop_sequence", Stop::Complete),
        ("tool_use", Stop::Complete),
        ("max_tokens", Stop::OutputLimit),
        ("model_context_window_exceeded", Stop::OutputLimit),
        ("refusal", Stop::Refusal),
    ] {
        assert_eq!(answer(ANTHROPIC, &message("text", reason)).await.stop, stop, "{reason}");
    }
    for (reason, stop) in [
        ("stop", Stop::Complete),
        ("length", Stop::OutputLimit),
        ("content_filter", Stop::Refusal),
        ("eos", Stop::Complete),
    ] {
        assert_eq!(answer(OPENAI, &completion("text", reason)).await.stop, stop, "{reason}");
    }
}

#[tokio::test]
async fn an_empty_answer_with_a_reason_is_an_answer() {
    assert_eq!(answer(ANTHROPIC, &message("", "refusal")).await.stop, Stop::Refusal);
    assert_eq!(
        answer(ANTHROPIC, &message("", "max_tokens")).await.stop,
        Stop::OutputLimit
    );
    assert_eq!(answer(OPENAI, &completion("", "length")).await.stop, Stop::OutputLimit);
    let mut refusal = completion("", "stop");
    refusal["choices"][0]["message"] = json!({ "content": null, "refusal": "I will not" });
    let refused = answer(OPENAI, &refusal).await;
    assert_eq!((refused.stop, refused.text.as_str()), (Stop::Refusal, "I will not"));
}

#[tokio::test]
async fn text_is_found_wherever_the_server_puts_it() {
    let mut parts = message("", "end_turn");
    parts["content"] = json!([{ "type": "thinking", "thinking": "hm" }, { "type": "text", "text": "{\"a\":" }, { "type": "text", "text": "1}" }]);
    assert_eq!(answer(ANTHROPIC, &parts).await.text, "{\"a\":1}");
    parts["content"] =
        json!([{ "type": "text", "text": "here" }, { "type": "tool_use", "name": "answer", "input": { "a": 1 } }]);
    assert_eq!(answer(ANTHROPIC, &parts).await.text, "{\"a\":1}");
    let mut list = completion("", "stop");
    list["choices"][0]["message"]["content"] =
        json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
    assert_eq!(answer(OPENAI, &list).await.text, "ab");
}

#[tokio::test]
async fn a_server_need_not_name_its_model_or_count_tokens() {
    let bare = answer(
        ANTHROPIC,
        &json!({ "content": [{ "type": "text", "text": "x" }], "stop_reason": null }),
    )
    .await;
    assert_eq!(
        (bare.model.as_str(), bare.input_tokens, bare.stop),
        ("m", 0, Stop::Complete)
    );
    let bare = answer(OPENAI, &json!({ "choices": [{ "message": { "content": "x" } }] })).await;
    assert_eq!(
        (bare.model.as_str(), bare.output_tokens, bare.stop),
        ("m", 0, Stop::Complete)
    );
}

#[tokio::test]
async fn a_refused_format_is_left_out_from_then_on() {
    for (which, status, refusal, good, field) in [
        (
            ANTHROPIC,
            400,
            "output_config: Extra inputs are not permitted",
            message("{}", "end_turn"),
            "output_config",
        ),
        (
            OPENAI,
            400,
            "Unknown parameter: 'response_format'",
            completion("{}", "stop"),
            "response_format",
        ),
        (
            OPENAI,
            422,
            "structured output is unavailable",
            completion("{}", "stop"),
            "response_format",
        ),
    ] {
        let refused = http(status, &[], &json!({ "error": { "message": refusal } }).to_string());
        let server = RawServer::start(vec![refused, ok(&good)]).await;
        let (model, adapter) = &both(&server.url, limits())[which];
        for _ in 0..2 {
            assert_eq!(adapter.ask(&request(model)).await.unwrap().text, "{}");
        }
        let with: Vec<bool> = server
            .received()
            .iter()
            .map(|received| received.body.get(field).is_some())
            .collect();
        assert_eq!(with, [true, false, false], "{model}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_in_every_form_changes_no_later_one() {
    let refused = http(
        400,
        &[],
        r#"{"error":{"message":"response_format and output_config are fine, the prompt is not"}}"#,
    );
    let server = RawServer::start(vec![refused]).await;
    for (model, adapter) in both(&server.url, limits()) {
        let field = if model.starts_with("openai") {
            "response_format"
        } else {
            "output_config"
        };
        let before = server.received().len();
        for _ in 0..2 {
            adapter.ask(&request(model)).await.expect_err("an error");
        }
        let with: Vec<bool> = server.received()[before..]
            .iter()
            .map(|received| received.body.get(field).is_some())
            .collect();
        // Without the format, the refusal names no parameter that was sent: the other changes are tried once. Without a
        // stream, the format comes first again.
        let expected: &[bool] = if model.starts_with("openai") {
            &[true, false, true, false, false, false, true, false]
        } else {
            &[true, false, true, false, true, false]
        };
        assert_eq!(with, expected, "{model}");
    }
}

#[tokio::test]
async fn the_address_is_completed() {
    for (path, version) in [
        ("", "/v1"),
        ("/", "/v1"),
        ("/v1", "/v1"),
        ("/v1/", "/v1"),
        ("/gate", "/gate/v1"),
        ("/gate/v1", "/gate/v1"),
    ] {
        let server = RawServer::start(vec![ok(&json!({}))]).await;
        let url = server.url.join(path).unwrap();
        for (model, adapter) in both(&url, limits()) {
            adapter.ask(&request(model)).await.expect_err("no answer in it");
        }
        let heads: Vec<String> = server
            .received()
            .iter()
            .map(|a| a.head.split(' ').nth(1).unwrap().to_owned())
            .collect();
        assert_eq!(
            heads,
            [format!("{version}/messages"), format!("{version}/chat/completions")],
            "{path}"
        );
    }
}

#[test]
fn addresses_that_could_leak_are_refused_at_construction() {
    for text in [
        "http://example.org",
        "http://10.0.0.1",
        "http://localhost.example.org",
        "ftp://127.0.0.1",
        "https://user:secret@example.org",
        "https://example.org/?key=secret",
        "https://example.org/#x",
    ] {
        let url = Url::parse(text).unwrap();
        let anthropic = AnthropicAskModel::new(Some(&url), &HttpHosts::default(), None, limits())
            .expect_err(text)
            .to_string();
        let openai = OpenaiAskModel::new(Some(&url), &HttpHosts::default(), None, limits())
            .expect_err(text)
            .to_string();
        assert!(
            anthropic.contains("HOLDFAST_MODEL_URL") && !anthropic.contains("secret"),
            "{anthropic}"
        );
        assert_eq!(anthropic, openai);
    }
    for text in [
        "https://example.org",
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1",
    ] {
        OpenaiAskModel::new(Some(&Url::parse(text).unwrap()), &HttpHosts::default(), None, limits()).expect(text);
    }
    let (hosts, url) = (
        HttpHosts::parse("10.0.0.1").unwrap(),
        Url::parse("http://10.0.0.1:8000/v1").unwrap(),
    );
    let named = OpenaiAskModel::new(Some(&url), &hosts, None, limits()).unwrap();
    assert!(named.is_usable(), "a local server may need no key");
}

#[test]
fn a_key_that_no_header_can_hold_is_named_and_not_shown() {
    let error = OpenaiAskModel::new(None, &HttpHosts::default(), Some("se\ncret".into()), limits())
        .expect_err("a key")
        .to_string();
    assert!(error.contains("OPENAI_API_KEY") && !error.contains("cret"), "{error}");
    let adapter = AnthropicAskModel::new(None, &HttpHosts::default(), Some(format!("{KEY}\n").into()), limits())
        .expect("a trailing line end");
    assert!(!format!("{adapter:?}").contains(KEY));
}
