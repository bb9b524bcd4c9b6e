//! The model adapters against the scripted provider, which checks requests as a provider does.
#![cfg(feature = "models")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::Duration;

use holdfast_adapters::model_router::{ModelRouter, ModelSettings};
use holdfast_core::model::price::Prices;
use holdfast_core::model::run::{Prompt, Role, Stop, Turn};
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use holdfast_core::prompt::answer_schema;
use holdfast_testkit::model_server::{ModelServer, ModelServerOptions, Script};

const KEY: &str = "sk-right";

fn router(server: &ModelServer, key: &str) -> ModelRouter {
    ModelRouter::new(ModelSettings {
        url: Some(server.url().parse().unwrap()),
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
        model: model.to_owned(),
        prompt: Prompt {
            system: "Review.".to_owned(),
            turns: vec![Turn { role: Role::User, text }],
        },
        schema: answer_schema(),
        max_output_tokens: 1_000,
    }
}

#[tokio::test]
async fn a_scripted_provider_takes_the_requests() {
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
