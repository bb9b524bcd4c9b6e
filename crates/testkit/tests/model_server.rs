//! The model server over HTTP, in both forms of requests.
#![expect(clippy::unwrap_used, reason = "tests")]

use holdfast_testkit::model_server::{Answer, Journal, ModelServerOptions};
use holdfast_testkit::{Finding, ModelServer, Script};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const DIFF: &str = "+++ b/src/a.rs\n@@ -1,2 +1,3 @@\n1  fn a() {\n2 +    danger();\n3  }\n";

fn diff_of(path: &str) -> String {
    DIFF.replace("src/a.rs", path)
}

fn anthropic_body(text: &str) -> Value {
    json!({
        "model": "m", "max_tokens": 100, "system": "Review. Example: +++ b/not/shown.rs",
        "messages": [{ "role": "user", "content": [{ "type": "text", "text": text }] }],
    })
}

async fn post(server: &ModelServer, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
    let request = reqwest::Client::new()
        .post(format!("{}{path}", server.url()))
        .json(body);
    request
        .header("x-api-key", "k")
        .header("anthropic-version", "2023-06-01")
        .send()
        .await
}

async fn ask(server: &ModelServer, text: &str) -> (u16, Value) {
    let response = post(server, "/v1/messages", &anthropic_body(text)).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
}

fn answer_of(message: &Value) -> Value {
    serde_json::from_str(message["content"][0]["text"].as_str().unwrap()).unwrap_or(Value::Null)
}

#[tokio::test]
async fn a_valid_answer_has_the_messages_shape() {
    let server = ModelServer::start(Script::valid()).unwrap();
    let (status, message) = ask(&server, DIFF).await;
    assert_eq!(
        (status, message["type"].as_str(), message["stop_reason"].as_str()),
        (200, Some("message"), Some("end_turn"))
    );
    assert!(
        message["usage"]["input_tokens"].as_u64() > Some(0) && message["usage"]["output_tokens"].as_u64() > Some(0)
    );
    assert_eq!(answer_of(&message)["findings"], json!([]));
    let call = server.journal().calls().pop().unwrap();
    assert_eq!(
        (call.paths, call.status, call.is_authenticated),
        (vec!["src/a.rs".to_owned()], Some(200), true)
    );
    assert!(call.prompt.contains("Example") && call.prompt.contains("danger();"));
    assert!(call.headers.iter().all(|(name, _)| name != "x-api-key"));
}

#[tokio::test]
async fn a_valid_answer_has_the_chat_completions_shape() {
    let server = ModelServer::start(Script::first_added_line()).unwrap();
    let body = json!({
        "model": "m", "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "schema": {} } },
        "messages": [{ "role": "system", "content": "Review." }, { "role": "user", "content": DIFF }],
    });
    let completion: Value = post(&server, "/v1/chat/completions", &body)
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let choice = &completion["choices"][0];
    assert_eq!(
        (choice["finish_reason"].as_str(), completion["object"].as_str()),
        (Some("stop"), Some("chat.completion"))
    );
    let answer: Value = serde_json::from_str(choice["message"]["content"].as_str().unwrap()).unwrap();
    let finding = &answer["findings"][0];
    assert_eq!(
        (&finding["path"], &finding["line"], &finding["quote"]),
        (&json!("src/a.rs"), &json!(2), &json!("    danger();"))
    );
    assert_eq!(
        completion["usage"]["total_tokens"].as_u64(),
        Some(
            completion["usage"]["prompt_tokens"].as_u64().unwrap()
                + completion["usage"]["completion_tokens"].as_u64().unwrap()
        )
    );
}

#[tokio::test]
async fn a_forced_tool_gets_the_answer_as_its_input() {
    let server = ModelServer::start(Script::first_added_line()).unwrap();
    let mut body = anthropic_body(DIFF);
    body["tools"] = json!([{ "name": "report", "input_schema": {} }]);
    body["tool_choice"] = json!({ "type": "tool", "name": "report" });
    let message: Value = post(&server, "/v1/messages", &body)
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&message["stop_reason"], &message["content"][0]["name"]),
        (&json!("tool_use"), &json!("report"))
    );
    assert_eq!(message["content"][0]["input"]["findings"][0]["line"], 2);
    body["tools"] = json!([{ "type": "function", "function": { "name": "report" } }]);
    body["tool_choice"] = json!({ "type": "function", "function": { "name": "report" } });
    let completion: Value = post(&server, "/v1/chat/completions", &body)
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let call = &completion["choices"][0]["message"]["tool_calls"][0]["function"];
    let input: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&call["name"], &input["findings"][0]["line"]),
        (&json!("report"), &json!(2))
    );
}

#[tokio::test]
async fn a_finding_is_reported_only_where_its_file_is_shown() {
    let server = ModelServer::start(Script::finding_on("src/a.rs", 3)).unwrap();
    let (_, shown) = ask(&server, DIFF).await;
    assert_eq!(answer_of(&shown)["findings"][0]["line"], 3);
    let (_, other) = ask(&server, &diff_of("src/b.rs")).await;
    assert_eq!(answer_of(&other)["findings"], json!([]));
    server.set_script(Script::findings(vec![
        Finding::at("src/nowhere.rs", 9).severity("critical").unchecked(),
    ]));
    let (_, invented) = ask(&server, DIFF).await;
    assert_eq!(answer_of(&invented)["findings"][0]["path"], "src/nowhere.rs");
}

#[tokio::test]
async fn failures_have_the_providers_status_and_shape() {
    let cases = [
        (Script::wrong_key(), 401, "authentication_error"),
        (Script::overloaded(), 529, "overloaded_error"),
        (Script::status(500), 500, "api_error"),
        (Script::spending_limit(), 429, "rate_limit_error"),
    ];
    for (script, expected, kind) in cases {
        let server = ModelServer::start(script).unwrap();
        let (status, body) = ask(&server, DIFF).await;
        assert_eq!((status, body["error"]["type"].as_str()), (expected, Some(kind)));
        assert_eq!(server.journal().calls()[0].status, Some(expected));
    }
}

#[tokio::test]
async fn the_first_n_requests_are_limited_with_a_wait() {
    let server = ModelServer::start(Script::rate_limited_first(2, 7, Script::valid())).unwrap();
    for expected in [Some("7"), Some("7"), None] {
        let response = post(&server, "/v1/messages", &anthropic_body(DIFF)).await.unwrap();
        let after = response
            .headers()
            .get("retry-after")
            .map(|value| value.to_str().unwrap());
        assert_eq!(
            (response.status().as_u16(), after),
            (if expected.is_some() { 429 } else { 200 }, expected)
        );
    }
}

#[tokio::test]
async fn a_sequence_counts_each_unit_separately() {
    let script = Script::sequence(vec![Script::status(500), Script::always_invalid(), Script::valid()]);
    let server = ModelServer::start(script).unwrap();
    for unit in ["src/a.rs", "src/b.rs"] {
        let (first, _) = ask(&server, &diff_of(unit)).await;
        let (_, second) = ask(&server, &diff_of(unit)).await;
        assert_eq!((first, answer_of(&second)), (500, Value::Null));
        for _ in 0..2 {
            let (_, later) = ask(&server, &diff_of(unit)).await;
            assert_eq!(answer_of(&later)["findings"], json!([]));
        }
        assert_eq!(server.journal().calls_for(unit).len(), 4);
    }
}

#[tokio::test]
async fn rules_go_by_path_and_closures_see_the_journal() {
    let closure = Script::new(|journal, _| Answer::text(format!("{} so far", journal.calls().len())));
    let server = ModelServer::start(closure.for_path("src/bad.rs", Script::status(503))).unwrap();
    assert_eq!(ask(&server, &diff_of("src/bad.rs")).await.0, 503);
    let (_, good) = ask(&server, DIFF).await;
    assert_eq!(good["content"][0]["text"], "2 so far");
}

#[tokio::test]
async fn prose_fences_truncation_and_refusal_are_different_answers() {
    let server = ModelServer::start(Script::prose_then_valid()).unwrap();
    assert_eq!(answer_of(&ask(&server, DIFF).await.1), Value::Null);
    assert!(answer_of(&ask(&server, DIFF).await.1).is_object());
    server.set_script(Script::fenced());
    let (_, fenced) = ask(&server, DIFF).await;
    assert!(fenced["content"][0]["text"].as_str().unwrap().contains("```json\n{"));
    for (script, stop, finish) in [
        (Script::truncated(), "max_tokens", "length"),
        (Script::refusal(), "refusal", "stop"),
    ] {
        server.set_script(script);
        assert_eq!(ask(&server, DIFF).await.1["stop_reason"], stop);
        let body = anthropic_body(DIFF);
        let completion: Value = post(&server, "/v1/chat/completions", &body)
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(completion["choices"][0]["finish_reason"], finish);
        assert_eq!(
            completion["choices"][0]["message"]["refusal"].is_string(),
            stop == "refusal"
        );
    }
}

#[tokio::test]
async fn broken_bodies_are_sent_as_success() {
    let server = ModelServer::start(Script::malformed_body()).unwrap();
    let body = anthropic_body(DIFF);
    let malformed = post(&server, "/v1/messages", &body).await.unwrap();
    assert_eq!(malformed.status(), 200);
    assert!(malformed.json::<Value>().await.is_err());
    server.set_script(Script::empty_body());
    assert_eq!(
        post(&server, "/v1/messages", &body)
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        ""
    );
    server.set_script(Script::huge(3_000_000));
    assert!(
        post(&server, "/v1/messages", &body)
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
            .len()
            > 3_000_000
    );
}

#[tokio::test]
async fn a_dropped_or_hanging_request_is_never_answered() {
    let server = ModelServer::start(Script::dropped()).unwrap();
    assert!(post(&server, "/v1/messages", &anthropic_body(DIFF)).await.is_err());
    server.set_script(Script::hang());
    let time_limit = Duration::from_millis(200);
    assert!(
        tokio::time::timeout(time_limit, post(&server, "/v1/messages", &anthropic_body(DIFF)))
            .await
            .is_err()
    );
    // The server notices the closed connection only in its next loop.
    while server.journal().calls()[1].ended_at_ms.is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(server.journal().calls().iter().all(|call| call.status.is_none()));
}

#[tokio::test]
async fn concurrency_and_delay_are_measured() {
    let server = ModelServer::start(Script::slow(150)).unwrap();
    let start = Instant::now();
    tokio::join!(ask(&server, DIFF), ask(&server, DIFF), ask(&server, DIFF));
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!(server.journal().max_in_flight(), 3);
    ask(&server, DIFF).await;
    assert_eq!(server.journal().calls()[3].in_flight, 1);
}

#[tokio::test]
async fn requests_a_provider_would_refuse_are_refused() {
    let options = ModelServerOptions {
        key: Some("k".into()),
        ..ModelServerOptions::default()
    };
    let server = ModelServer::start_with(Script::valid(), options).unwrap();
    let mut wrong = anthropic_body(DIFF);
    wrong["messages"] = json!([]);
    assert_eq!(post(&server, "/v1/messages", &wrong).await.unwrap().status(), 400);
    let mut wrong = anthropic_body(DIFF);
    wrong["max_tokens"] = Value::Null;
    assert_eq!(post(&server, "/v1/messages", &wrong).await.unwrap().status(), 400);
    let client = reqwest::Client::new();
    let url = format!("{}/v1/messages", server.url());
    let without_version = client
        .post(&url)
        .header("x-api-key", "k")
        .json(&anthropic_body(DIFF))
        .send()
        .await
        .unwrap();
    assert_eq!(without_version.status(), 400);
    let other_key = client
        .post(&url)
        .header("x-api-key", "z")
        .json(&anthropic_body(DIFF))
        .send()
        .await
        .unwrap();
    assert_eq!(other_key.status(), 401);
    assert_eq!(ask(&server, DIFF).await.0, 200);
    assert_eq!(
        client
            .get(format!("{}/v1/models", server.url()))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        client
            .get(format!("{}/v1/else", server.url()))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}

#[tokio::test]
async fn structured_output_can_be_refused() {
    let server = ModelServer::start(Script::without_structured_output(Script::valid())).unwrap();
    let mut body = anthropic_body(DIFF);
    body["output_config"] = json!({ "format": { "type": "json_schema", "schema": {} } });
    let refused = post(&server, "/v1/messages", &body).await.unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("output_config"));
    assert_eq!(ask(&server, DIFF).await.0, 200);
}

#[tokio::test]
async fn the_journals_file_is_complete_and_survives_a_torn_line() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("calls.jsonl");
    let options = ModelServerOptions {
        journal: Some(journal.clone()),
        ..ModelServerOptions::default()
    };
    let server = ModelServer::start_with(Script::valid(), options).unwrap();
    ask(&server, DIFF).await;
    server.set_script(Script::hang());
    let is_recorded = async {
        while Journal::read(&journal).unwrap().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let other = diff_of("src/b.rs");
    tokio::select! {
        _ = ask(&server, &other) => panic!("the script hangs"),
        () = is_recorded => {}
    }
    let calls = Journal::read(&journal).unwrap();
    assert_eq!(
        calls.iter().map(|call| call.status).collect::<Vec<_>>(),
        [Some(200), None]
    );
    assert_eq!(calls[0], server.journal().calls()[0]);
    let mut text = std::fs::read_to_string(&journal).unwrap();
    text.push_str("{\"event\":\"requ");
    std::fs::write(&journal, text).unwrap();
    assert_eq!(Journal::read(&journal).unwrap().len(), 2);
}

#[test]
fn every_name_has_a_script() {
    assert!(Script::NAMES.iter().all(|name| Script::named(name).is_some()));
    assert!(Script::named("none such").is_none());
}
