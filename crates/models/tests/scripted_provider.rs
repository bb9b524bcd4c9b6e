//! The model adapters against a scripted provider that checks requests like a real one.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::Duration;

use holdfast_core::model::address::HttpHosts;
use holdfast_core::model::price::Prices;
use holdfast_core::model::run::{Prompt, Role, Stop, Turn};
use holdfast_core::model::token_limits::TokenLimits;
use holdfast_core::port::{AskModel, ModelError, ModelRequest, TimeLimit};
use holdfast_core::prompt::answer_schema;
use holdfast_models::ModelReport;
use holdfast_models::{ModelRouter, ModelSettings};
use holdfast_testkit::model_server::{Answer, ModelServer, ModelServerOptions, Refuses, Script};

const KEY: &str = "sk-right";

fn router(server: &ModelServer, key: &str) -> ModelRouter {
    ModelRouter::new(ModelSettings {
        url: Some(server.url().parse().unwrap()),
        allow_http: HttpHosts::default(),
        anthropic_key: Some(key.into()),
        openai_key: Some(key.into()),
        prices: Prices::parse("openai/m=2/8", false).unwrap(),
        timeout: Duration::from_secs(5),
    })
    .unwrap()
}

fn request(model: &str) -> ModelRequest {
    let text = "+++ b/src/a.rs\n@@ -0,0 +1,1 @@\n1 +let a = 1;\n".to_owned();
    ModelRequest {
        model: model.parse().unwrap(),
        prompt: Prompt {
            system: "Review.".to_owned(),
            turns: vec![Turn { role: Role::User, text }],
        },
        schema: answer_schema(),
        max_output_tokens: 1_000,
        time_limit: None,
    }
}

#[tokio::test]
async fn a_scripted_provider_accepts_the_requests() {
    let options = ModelServerOptions {
        key: Some(KEY.to_owned()),
        ..ModelServerOptions::default()
    };
    let server = ModelServer::start_with(Script::finding_on("src/a.rs", 1), options).unwrap();
    for model in ["anthropic/m", "openai/m"] {
        let answer = router(&server, KEY).ask(&request(model)).await.expect(model);
        let body: serde_json::Value = serde_json::from_str(&answer.text).expect(model);
        assert_eq!(body["findings"][0]["path"], "src/a.rs", "{model}");
        assert_eq!(answer.stop, Stop::Complete, "{model}");
        assert!(
            answer.input_tokens > 0 && answer.output_tokens > 0,
            "{model}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_scripted_provider_refuses_the_wrong_key() {
    let options = ModelServerOptions {
        key: Some(KEY.to_owned()),
        ..ModelServerOptions::default()
    };
    let server = ModelServer::start_with(Script::valid(), options).unwrap();
    for model in ["anthropic/m", "openai/m"] {
        let error = router(&server, "sk-wrong").ask(&request(model)).await.expect_err(model);
        assert!(matches!(error, ModelError::Unauthorized(_)), "{model}: {error:?}");
        assert!(!error.to_string().contains("sk-wrong"), "{error}");
    }
}

/// Calls a server twice that refuses these things. Returns the number of requests of each call, and the last request.
async fn ask_refusing(model: &str, things: &[Refuses], max_output_tokens: u32) -> ([usize; 2], serde_json::Value) {
    let server = ModelServer::start(Script::refusing(things, Script::finding_on("src/a.rs", 1))).unwrap();
    let router = router(&server, KEY);
    let model_request = ModelRequest {
        max_output_tokens,
        ..request(model)
    };
    let mut counts = [0, 0];
    for count in &mut counts {
        let before = server.journal().calls().len();
        let answer = router
            .ask(&model_request)
            .await
            .unwrap_or_else(|error| panic!("{model} {things:?}: {error}"));
        assert!(answer.text.contains("src/a.rs"), "{things:?}");
        *count = server.journal().calls().len() - before;
    }
    (counts, server.journal().calls().pop().unwrap().body)
}

#[tokio::test]
async fn a_refused_stream_leads_to_whole_answers() {
    for (model, thing) in [
        ("openai/m", Refuses::STREAMS[0]),
        ("openai/m", Refuses::STREAMS[1]),
        ("openai/m", Refuses::STREAMS[2]),
        ("anthropic/m", Refuses::STREAMS[0]),
        ("anthropic/m", Refuses::STREAMS[2]),
    ] {
        let ([first, second], body) = ask_refusing(model, &[thing], 1_000).await;
        assert!(first <= 3 && second == 1, "{model} {}: {first} {second}", thing.name);
        assert!(
            body["stream"] == false && body.get("stream_options").is_none(),
            "{}",
            thing.name
        );
        let has_schema = body["response_format"]["type"] == "json_schema" || body.get("output_config").is_some();
        assert!(has_schema, "{model} {}: {body}", thing.name);
    }
}

#[tokio::test]
async fn an_answer_that_still_arrives_is_not_cut_off() {
    let text = format!("{{\"summary\": \"{}\"}}", "long ".repeat(500));
    let ask = async |model: &str, answer: Answer, whole_ms| {
        let server = ModelServer::start(Script::new(move |_, _| answer.clone())).unwrap();
        let limited = ModelRequest {
            time_limit: Some(TimeLimit {
                quiet: Duration::from_millis(600),
                whole: Duration::from_millis(whole_ms),
            }),
            ..request(model)
        };
        router(&server, KEY).ask(&limited).await
    };
    for model in ["anthropic/m", "openai/m"] {
        // More than ten events.
        let slow = Answer::text(&text).in_parts(Duration::from_millis(100));
        let answer = ask(model, slow.clone(), 60_000).await.expect(model);
        assert!(answer.text == text && answer.output_tokens > 0, "{model}: {answer:?}");
        for (slow, whole_ms, what) in [
            (slow, 700, "no complete answer"),
            (
                Answer::text(&text).in_parts(Duration::from_secs(2)),
                60_000,
                "no complete answer",
            ),
            (
                Answer::text(&text).after(Duration::from_secs(2)),
                60_000,
                "no complete answer",
            ),
        ] {
            let error = ask(model, slow, whole_ms).await.expect_err(model);
            let line = error.to_string();
            assert!(
                matches!(error, ModelError::TimedOut(_)) && line.contains(what),
                "{model}: {line}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_format_leads_to_an_accepted_one_that_is_remembered() {
    for thing in Refuses::FORMATS {
        let (counts, body) = ask_refusing("openai/m", &[thing], 1_000).await;
        assert_eq!(counts, [2, 1], "{}", thing.name);
        let kept = body["response_format"]["type"].as_str();
        let expected = match thing.name {
            "gemini" => Some("json_schema"),
            "type" | "values" | "model" => Some("json_object"),
            _ => None,
        };
        assert_eq!(kept, expected, "{}", thing.name);
    }
    for thing in Refuses::FORMATS
        .iter()
        .filter(|thing| thing.name != "gemini" && thing.status != 404)
    {
        let (counts, body) = ask_refusing("anthropic/m", &[*thing], 1_000).await;
        assert_eq!((counts, body.get("output_config")), ([2, 1], None), "{}", thing.name);
    }
}

#[tokio::test]
async fn a_server_that_refuses_the_limits_name_gets_the_other_or_none() {
    for thing in Refuses::LIMIT_NAMES {
        let (counts, body) = ask_refusing("openai/m", &[thing], 1_000).await;
        let (first, old, new) = match thing.name {
            "new name" => (1, true, false),
            "no name" => (3, false, false),
            // If the words name nothing, the format is tried first, then the stream.
            "old name, vague" => (5, false, true),
            _ => (2, false, true),
        };
        assert_eq!(counts, [first, 1], "{}", thing.name);
        assert_eq!(
            (
                body.get("max_tokens").is_some(),
                body.get("max_completion_tokens").is_some()
            ),
            (old, new),
            "{}",
            thing.name
        );
    }
}

#[tokio::test]
async fn a_server_without_a_system_role_gets_the_instructions_in_the_first_turn() {
    for thing in Refuses::SYSTEM {
        let (counts, body) = ask_refusing("openai/m", &[thing], 1_000).await;
        let first = if thing.name == "vague system" { 6 } else { 2 };
        assert_eq!(counts, [first, 1], "{}", thing.name);
        let turn = &body["messages"][0];
        assert_eq!(turn["role"], "user", "{}", thing.name);
        let text = turn["content"].as_str().unwrap();
        assert!(text.starts_with("Review.\n\n+++ b/src/a.rs"), "{text}");
    }
}

#[tokio::test]
async fn a_smaller_output_limit_is_found() {
    for (thing, most) in Refuses::LIMIT_VALUES
        .into_iter()
        .zip([4_096, 4_096, 2_048, 3_588, 1_000])
    {
        for model in ["openai/m", "anthropic/m"] {
            let (counts, body) = ask_refusing(model, &[thing], 8_000).await;
            assert!(counts[0] <= 4 && counts[1] == 1, "{model} {}: {counts:?}", thing.name);
            assert_eq!(body["max_tokens"], most, "{model} {}", thing.name);
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_everything_gets_a_bounded_number_of_requests() {
    let all = [
        Refuses::SYSTEM[0],
        Refuses::FORMATS[0],
        Refuses::LIMIT_NAMES[0],
        Refuses::LIMIT_VALUES[0],
    ];
    let (counts, body) = ask_refusing("openai/m", &all, 8_000).await;
    assert_eq!(counts, [5, 1]);
    assert_eq!(
        (&body["max_completion_tokens"], body.get("response_format")),
        (&4_096.into(), None)
    );
}

#[tokio::test]
async fn a_refusal_that_no_form_changes_is_one_request() {
    for thing in Refuses::OTHERS {
        for model in ["openai/m", "anthropic/m"] {
            let server = ModelServer::start(Script::refusing(&[thing], Script::valid())).unwrap();
            router(&server, KEY).ask(&request(model)).await.expect_err(thing.name);
            assert_eq!(server.journal().calls().len(), 1, "{model} {}", thing.name);
        }
    }
    // Words that name nothing: all forms once in the life of the process, then one request a call.
    for (status, first) in [(400, 6), (422, 6), (500, 2), (502, 1)] {
        let server = ModelServer::start(Script::status(status)).unwrap();
        let router = router(&server, KEY);
        let mut counts = Vec::new();
        for _ in 0..3 {
            let before = server.journal().calls().len();
            let error = router.ask(&request("openai/m")).await.expect_err("refused");
            assert!(error.to_string().contains(&status.to_string()), "{error}");
            counts.push(server.journal().calls().len() - before);
        }
        assert_eq!(counts, [first, 1, 1], "{status}");
    }
}

#[tokio::test]
async fn an_outage_after_an_answer_changes_nothing() {
    let server = ModelServer::start(Script::valid()).unwrap();
    let router = router(&server, KEY);
    router.ask(&request("openai/m")).await.unwrap();
    server.set_script(Script::status(500));
    router.ask(&request("openai/m")).await.expect_err("an outage");
    server.set_script(Script::valid());
    router.ask(&request("openai/m")).await.unwrap();
    let formats: Vec<bool> = server
        .journal()
        .calls()
        .iter()
        .map(|call| call.body.get("response_format").is_some())
        .collect();
    assert_eq!(formats, [true, true, true]);
}

#[tokio::test]
async fn concurrent_calls_share_the_form_that_the_first_finds() {
    let server = ModelServer::start(Script::refusing(&[Refuses::FORMATS[0]], Script::slow(50))).unwrap();
    let router = router(&server, KEY);
    let model_request = request("openai/m");
    let calls = (0..8).map(|_| router.ask(&model_request));
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
    let refused = server
        .journal()
        .calls()
        .iter()
        .filter(|call| call.status == Some(400))
        .count();
    let answered = server
        .journal()
        .calls()
        .iter()
        .filter(|call| call.status == Some(200))
        .count();
    assert!(refused <= 8 && answered == 8, "{refused} refused, {answered} answered");
    router.ask(&model_request).await.unwrap();
    assert_eq!(server.journal().calls().len(), refused + answered + 1);
}

/// Returns `holdfast doctor`'s report of a model.
async fn examined(script: Script, model: &str, limits: TokenLimits) -> (ModelReport, usize) {
    let options = ModelServerOptions {
        key: Some(KEY.to_owned()),
        ..ModelServerOptions::default()
    };
    let server = ModelServer::start_with(script, options).unwrap();
    let report = router(&server, KEY)
        .examine(&model.parse().unwrap(), limits)
        .await
        .unwrap();
    (report, server.journal().calls().len())
}

#[tokio::test]
async fn a_report_has_what_works_and_the_remedies() {
    let good = || Script::text("{\"summary\":\"ready\"}");
    let (report, calls) = examined(good(), "openai/m", TokenLimits::default()).await;
    assert_eq!(
        (report.works, report.reachable, report.key_accepted, calls),
        (true, true, Some(true), 1)
    );
    assert_eq!(
        (
            report.structured_output,
            report.output_limit,
            report.output_tokens,
            report.instructions
        ),
        (Some("schema"), Some("max_tokens"), Some(8_000), Some("system"))
    );
    assert!(
        report.input_tokens > 0 && report.remedies.is_empty() && report.problem.is_none(),
        "{report:?}"
    );

    let odd = [
        Refuses::FORMATS[6],
        Refuses::LIMIT_NAMES[0],
        Refuses::SYSTEM[0],
        Refuses::LIMIT_VALUES[0],
    ];
    let (report, calls) = examined(Script::refusing(&odd, good()), "openai/m", TokenLimits::default()).await;
    assert!(report.works && calls == 5, "{report:?}");
    assert_eq!(
        (
            report.structured_output,
            report.output_limit,
            report.output_tokens,
            report.instructions
        ),
        (
            Some("none"),
            Some("max_completion_tokens"),
            Some(4_096),
            Some("first_turn")
        )
    );
    let remedies = report.remedies.join("\n");
    assert!(
        remedies.contains("HOLDFAST_MODEL_OUTPUT_TOKENS=4096") && remedies.contains("no JSON Schema"),
        "{remedies}"
    );

    for (script, key_accepted, reachable, problem) in [
        (Script::wrong_key(), Some(false), true, "OPENAI_API_KEY"),
        (Script::spending_limit(), Some(true), true, "balance"),
        (Script::rate_limited(None), Some(true), true, "429"),
        (Script::status(500), None, true, "answered 500"),
        (Script::status(503), None, true, "answered 503"),
        (Script::dropped(), None, false, "could not be reached"),
        (Script::always_invalid(), Some(true), true, "not one JSON object"),
        (Script::truncated(), Some(true), true, "did not end within 8000 tokens"),
    ] {
        let (report, _) = examined(script, "openai/m", TokenLimits::default()).await;
        assert!(!report.works, "{report:?}");
        assert_eq!(
            (report.key_accepted, report.reachable),
            (key_accepted, reachable),
            "{report:?}"
        );
        assert!(
            report.problem.as_deref().unwrap_or_default().contains(problem),
            "{report:?}"
        );
        assert!(!serde_json::to_string(&report).unwrap().contains(KEY));
    }
    let error = router(&ModelServer::start(good()).unwrap(), KEY)
        .examine(&"gemini/x".parse().unwrap(), TokenLimits::default())
        .await;
    assert!(error.is_err());
}
