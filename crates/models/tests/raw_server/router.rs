//! The choice of the adapter, and the problems if there is none.

use std::time::Duration;

use holdfast_core::model::address::HttpHosts;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::price::Prices;
use holdfast_core::model::token_limits::TokenLimits;
use holdfast_core::port::{AskModel, ModelError};
use holdfast_models::{ModelRouter, ModelSettings};
use url::Url;

use crate::server::{Act, KEY, RawServer, completion, http, message, ok, request};

fn settings(url: Option<&str>, anthropic: Option<&str>, openai: Option<&str>) -> ModelSettings {
    ModelSettings {
        url: url.map(|url| Url::parse(url).unwrap()),
        allow_http: HttpHosts::default(),
        anthropic_key: anthropic.map(Into::into),
        openai_key: openai.map(Into::into),
        prices: Prices::parse("openai/m=2/8", false).unwrap(),
        timeout: Duration::from_secs(10),
    }
}

#[tokio::test]
async fn the_provider_in_the_name_is_called() {
    let server = RawServer::start(vec![
        ok(&message("of messages", "end_turn")),
        ok(&completion("of chat", "stop")),
    ])
    .await;
    let router = ModelRouter::new(settings(Some(server.url.as_str()), None, None)).unwrap();
    let message = router.ask(&request("anthropic/m")).await.unwrap();
    assert_eq!((message.text.as_str(), message.cost_nano_usd), ("of messages", None));
    let chat = router.ask(&request("openai/m")).await.unwrap();
    let cost = chat.input_tokens * 2_000 + chat.output_tokens * 8_000;
    assert_eq!((chat.text.as_str(), chat.cost_nano_usd), ("of chat", Some(cost)));
    assert!(
        server
            .received()
            .iter()
            .all(|received| !received.head.contains("authorization") && !received.head.contains("x-api-key"))
    );
}

#[tokio::test]
async fn an_unusable_model_is_refused_before_a_request_is_sent() {
    let server = RawServer::start(vec![ok(&completion("{}", "stop"))]).await;
    let router = ModelRouter::new(settings(Some(server.url.as_str()), None, None)).unwrap();
    for model in ["rules", "gemini/x"] {
        let error = router.ask(&request(model)).await.expect_err(model);
        assert!(matches!(error, ModelError::Rejected(_)), "{model}: {error:?}");
    }
    assert!(server.received().is_empty());
    let router = ModelRouter::new(settings(None, None, None)).unwrap();
    let error = router.ask(&request("anthropic/m")).await.expect_err("no key");
    assert!(
        matches!(&error, ModelError::Unauthorized(text) if text.contains("ANTHROPIC_API_KEY")),
        "{error:?}"
    );
}

#[test]
fn all_problems_are_reported_together() {
    let check = |settings, models: &[&str]| {
        let models: Vec<ModelId> = models.iter().map(|model| model.parse().unwrap()).collect();
        ModelRouter::new(settings)
            .unwrap()
            .check(&models.iter().collect::<Vec<_>>())
    };
    assert!(check(settings(None, None, None), &["rules", "rules"]).is_empty());
    let problems = check(
        settings(None, None, Some("  ")),
        &["anthropic/a", "openai/b", "anthropic/a", "gemini/c"],
    );
    assert_eq!(problems.len(), 3, "{problems:?}");
    for (problem, word) in problems.iter().zip(["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "gemini"]) {
        assert!(problem.to_string().contains(word), "{problem}");
    }
    assert!(check(settings(None, Some(KEY), Some(KEY)), &["anthropic/a", "openai/b"]).is_empty());
    assert!(
        check(
            settings(Some("http://localhost:9"), None, None),
            &["anthropic/a", "openai/b"]
        )
        .is_empty()
    );
    assert_eq!(
        check(settings(Some("https://models.example.org"), None, None), &["openai/b"]).len(),
        1
    );
}

#[test]
fn an_invalid_address_is_reported_once_and_each_invalid_key() {
    let error = ModelRouter::new(settings(Some("http://example.org"), None, None))
        .expect_err("http")
        .to_string();
    assert_eq!(error.matches("HOLDFAST_MODEL_URL").count(), 1, "{error}");
    let error = ModelRouter::new(settings(None, Some("a\nb"), Some("c\nd")))
        .expect_err("keys")
        .to_string();
    assert!(
        error.contains("ANTHROPIC_API_KEY") && error.contains("OPENAI_API_KEY"),
        "{error}"
    );
    let shown = format!("{:?}", settings(None, Some(KEY), Some(KEY)));
    assert!(!shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn a_report_separates_an_unreadable_answer_from_no_answer() {
    let table: [(Act, bool, &str); 4] = [
        (
            http(200, &[], "<html>a proxy's page</html>"),
            true,
            "answered 200 without readable JSON",
        ),
        (ok(&serde_json::json!({ "hello": "world" })), true, "answered without"),
        (Act::Send(Vec::new()), false, "check that it runs"),
        (http(503, &[], ""), true, "answered 503"),
    ];
    for (act, reachable, problem) in table {
        let server = RawServer::start(vec![act]).await;
        let router = ModelRouter::new(settings(Some(server.url.as_str()), None, Some(KEY))).unwrap();
        let report = router
            .examine(&"openai/m".parse().unwrap(), TokenLimits::default())
            .await
            .unwrap();
        let shown = report.problem.as_deref().unwrap_or_default();
        assert_eq!((report.works, report.reachable), (false, reachable), "{shown}");
        assert!(shown.contains(problem), "{shown}");
    }
}
