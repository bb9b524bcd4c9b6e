//! The servers of docs/models.md: their addresses, their answers and their refusals, as documented or recorded.

use holdfast_core::model::address::HttpHosts;
use holdfast_core::model::run::{RecordedAnswer, Stop};
use holdfast_core::port::{AskModel, ModelError};
use holdfast_models::OpenaiAskModel;
use serde_json::{Value, json};
use url::Url;

use crate::server::{Act, KEY, RawServer, completion, http, limits, ok, request};

/// A model's result, and the requests that led to it.
struct Asked {
    result: Result<RecordedAnswer, ModelError>,
    received: Vec<crate::bytes::Received>,
}

impl Asked {
    /// Returns the last request's path.
    fn path(&self) -> String {
        let head = &self.received.last().unwrap().head;
        head.split(' ').nth(1).unwrap().to_owned()
    }

    fn error(self) -> ModelError {
        self.result.expect_err("an error")
    }
}

/// Asks a server at this path of a loopback address.
async fn ask(path: &str, acts: Vec<Act>) -> Asked {
    let server = RawServer::start(acts).await;
    let mut url: Url = server.url.clone();
    url.set_path(path);
    let key = Some(KEY.into());
    let adapter = OpenaiAskModel::new(Some(&url), &HttpHosts::default(), key, limits()).unwrap();
    let result = adapter.ask(&request("openai/vendor/model:8b")).await;
    Asked {
        result,
        received: server.received(),
    }
}

async fn refused(status: u16, body: &Value) -> Asked {
    ask("", vec![http(status, &[], &body.to_string())]).await
}

#[tokio::test]
async fn each_documented_address_leads_to_the_call() {
    for (path, called) in [
        // Ollama, vLLM, LM Studio, with and without the version.
        ("", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        // Azure OpenAI.
        ("/openai/v1", "/openai/v1/chat/completions"),
        // OpenRouter.
        ("/api", "/api/v1/chat/completions"),
        ("/api/v1", "/api/v1/chat/completions"),
        // Gemini.
        ("/v1beta/openai", "/v1beta/openai/chat/completions"),
        ("/v1beta/openai/", "/v1beta/openai/chat/completions"),
        // Other versions, and paths that only resemble one.
        ("/api/paas/v4", "/api/paas/v4/chat/completions"),
        ("/openai", "/openai/v1/chat/completions"),
        ("/vllm", "/vllm/v1/chat/completions"),
        ("/v/openai", "/v/openai/v1/chat/completions"),
    ] {
        let asked = ask(path, vec![ok(&completion("{}", "stop"))]).await;
        assert_eq!(asked.path(), called, "{path}");
        let received = &asked.received[0];
        assert_eq!(received.body["stream"], true, "{path}");
        assert_eq!(received.body["model"], "vendor/model:8b", "{path}");
        let bearer = format!("authorization: bearer {KEY}");
        assert!(received.head.contains(&bearer), "{path}: {}", received.head);
    }
}

#[tokio::test]
async fn each_shape_of_an_answer_is_read() {
    let answer = |fields: Value| {
        let mut body = completion("{}", "stop");
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let shapes = [
        // Ollama.
        answer(json!({ "system_fingerprint": "fp_ollama",
            "usage": { "prompt_tokens": 15, "completion_tokens": 7, "total_tokens": 22 } })),
        // vLLM with a reasoning model.
        answer(json!({ "prompt_logprobs": null,
            "choices": [{ "index": 0, "finish_reason": "stop", "stop_reason": null, "logprobs": null,
                "message": { "role": "assistant", "content": "{}", "reasoning_content": "hm", "tool_calls": [] } }],
            "usage": { "prompt_tokens": 15, "completion_tokens": 7, "total_tokens": 22, "prompt_tokens_details": null } })),
        // LM Studio.
        answer(json!({ "stats": {}, "system_fingerprint": "qwen2.5-7b-instruct" })),
        // Azure.
        answer(
            json!({ "prompt_filter_results": [{ "prompt_index": 0, "content_filter_results": {} }],
            "choices": [{ "index": 0, "finish_reason": "stop", "content_filter_results": { "hate": { "filtered": false } },
                "message": { "role": "assistant", "content": "{}", "refusal": null } }] }),
        ),
        // OpenRouter.
        answer(json!({ "provider": "Acme",
            "choices": [{ "index": 0, "finish_reason": "stop", "native_finish_reason": "STOP",
                "message": { "role": "assistant", "content": "{}", "refusal": null, "reasoning": null } }],
            "usage": { "prompt_tokens": 15, "completion_tokens": 7, "total_tokens": 22, "cost": 0.000_14 } })),
        // Gemini: its tokens of thinking count only in the total.
        answer(json!({ "choices": [{ "index": 0, "finish_reason": "stop",
                "message": { "role": "assistant", "content": "{}" } }],
            "usage": { "prompt_tokens": 15, "completion_tokens": 7, "total_tokens": 90 } })),
    ];
    for shape in shapes {
        let answer = ask("", vec![ok(&shape)]).await.result.unwrap();
        assert_eq!((answer.text.as_str(), answer.stop), ("{}", Stop::Complete), "{shape}");
        assert_eq!((answer.input_tokens, answer.output_tokens), (15, 7), "{shape}");
    }
}

#[tokio::test]
async fn a_missing_model_is_named_with_the_remedy() {
    for body in [
        // Ollama.
        json!({ "error": { "message": "model \"m\" not found, try pulling it first", "type": "not_found_error",
            "param": null, "code": null } }),
        // vLLM.
        json!({ "error": { "message": "The model `m` does not exist.", "type": "NotFoundError", "param": "model", "code": 404 } }),
        // Azure: the model's name is the deployment's.
        json!({ "error": { "code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist." } }),
        // Gemini.
        json!([{ "error": { "code": 404, "message": "models/m is not found for API version v1main", "status": "NOT_FOUND" } }]),
    ] {
        let asked = refused(404, &body).await;
        assert_eq!(asked.received.len(), 1, "{body}: no other form of request helps");
        let text = asked.error().to_string();
        assert!(text.contains("HOLDFAST_MODEL") && text.contains("not "), "{text}");
        let (words, ..) = text.split_once(": check the model's name").unwrap();
        assert!(
            words.contains(" not found") || words.contains("does not exist") || words.contains("is not found"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_prompt_that_exceeds_the_context_is_refused_once_with_the_servers_words() {
    for body in [
        // LM Studio.
        json!({ "error": "Trying to keep the first 6269 tokens when context the overflows. However, the model is loaded with \
            context length of only 4096 tokens, which is not enough." }),
        // vLLM.
        json!({ "error": { "message": "This model's maximum context length is 4096 tokens. However, your request has 6269 input \
            tokens. Please reduce the length of the input messages.", "type": "BadRequestError", "code": 400 } }),
    ] {
        let asked = refused(400, &body).await;
        assert_eq!(asked.received.len(), 1, "{body}");
        let text = asked.error().to_string();
        assert!(text.contains("4096"), "{text}");
    }
}

#[tokio::test]
async fn vllm_names_the_room_for_the_answer() {
    let words = "'max_tokens' or 'max_completion_tokens' is too large: 321. This model's maximum context length is 4096 tokens \
                 and your request has 3900 input tokens (321 > 4096 - 3900).";
    let body = json!({ "error": { "message": words, "type": "BadRequestError", "param": "max_tokens", "code": 400 } });
    let acts = vec![http(400, &[], &body.to_string()), ok(&completion("{}", "stop"))];
    let asked = ask("", acts).await;
    assert_eq!(asked.received[1].body["max_tokens"], 4096 - 3900 - 8);
    assert!(asked.result.is_ok());
}

#[tokio::test]
async fn lm_studio_without_schemas_gets_a_request_without_structured_output() {
    let body = json!({ "error": "'response_format.type' must be 'json_schema' or 'text'" });
    let schema = json!({ "error": "Failed to process regex grammar: unsupported JSON schema" });
    let acts = vec![http(400, &[], &schema.to_string()), ok(&completion("{}", "stop"))];
    let asked = ask("", acts).await;
    assert!(asked.result.is_ok());
    assert!(asked.received[1].body.get("response_format").is_none());
    let acts = vec![
        http(400, &[], &body.to_string()),
        http(400, &[], &body.to_string()),
        ok(&completion("{}", "stop")),
    ];
    let asked = ask("", acts).await;
    assert!(asked.result.is_ok());
    assert!(asked.received.last().unwrap().body.get("response_format").is_none());
}

#[tokio::test]
async fn a_refused_key_is_reported_as_such() {
    for (status, body) in [
        (
            401,
            json!({ "error": { "code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint." } }),
        ),
        (
            401,
            json!({ "error": { "code": 401, "message": "No auth credentials found" } }),
        ),
        (401, json!({ "error": "Unauthorized" })),
        // Gemini answers 400.
        (
            400,
            json!([{ "error": { "code": 400, "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT", "details": [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID", "domain": "googleapis.com" }] } }]),
        ),
    ] {
        let asked = refused(status, &body).await;
        assert_eq!(asked.received.len(), 1, "{body}");
        let error = asked.error();
        assert!(
            matches!(&error, ModelError::Unauthorized(text) if text.contains("OPENAI_API_KEY")),
            "{body}: {error}"
        );
    }
}

#[tokio::test]
async fn a_rate_limit_differs_from_an_empty_account() {
    // Azure gives the wait in a header, Gemini in the body.
    let azure = json!({ "error": { "code": "429", "message": "Requests have exceeded token rate limit of your current OpenAI S0 \
        pricing tier. Please retry after 26 seconds." } });
    let error = ask("", vec![http(429, &[("retry-after", "26")], &azure.to_string())])
        .await
        .error();
    assert!(
        matches!(
            error,
            ModelError::RateLimited {
                retry_after_s: Some(26),
                ..
            }
        ),
        "{error}"
    );
    let gemini = |delay: &str| {
        json!([{ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED",
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "details": [{ "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [] },
                { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay }] } }])
    };
    for (delay, expected_s) in [
        ("34s", Some(34)),
        ("1.5s", Some(2)),
        ("9999999s", Some(86_400)),
        ("soon", None),
    ] {
        let error = refused(429, &gemini(delay)).await.error();
        assert!(
            matches!(error, ModelError::RateLimited { retry_after_s, .. } if retry_after_s == expected_s),
            "{delay}: {error:?}"
        );
    }
    let openrouter = json!({ "error": { "code": 402, "message": "Insufficient credits. Add more using https://openrouter.ai/credits" } });
    let error = refused(402, &openrouter).await.error();
    assert!(matches!(error, ModelError::SpendingLimit(_)), "{error}");
}

#[tokio::test]
async fn a_content_filter_is_no_reason_to_try_other_forms() {
    let azure = json!({ "error": { "message": "The response was filtered due to the prompt triggering Azure OpenAI's content \
        management policy. Please modify your prompt and retry.", "type": null, "param": "prompt", "code": "content_filter",
        "status": 400, "innererror": { "code": "ResponsibleAIPolicyViolation", "content_filter_result": {} } } });
    let asked = refused(400, &azure).await;
    assert_eq!(asked.received.len(), 1);
    let text = asked.error().to_string();
    assert!(
        text.contains("content_filter") && text.contains("content management policy"),
        "{text}"
    );
    let answer = ask("", vec![ok(&completion("", "content_filter"))])
        .await
        .result
        .unwrap();
    assert_eq!(answer.stop, Stop::Refusal);
}

#[tokio::test]
async fn a_failure_inside_a_success_of_openrouter_is_a_failure() {
    // Before the model wrote anything.
    let whole = json!({ "error": { "code": 502, "message": "Provider returned error", "metadata": { "provider_name": "Acme" } } });
    // While it was writing.
    let choice = |code: u16| {
        json!({ "id": "gen-1", "choices": [{ "index": 0, "finish_reason": "error", "native_finish_reason": null,
            "message": { "role": "assistant", "content": "{\"summary\": \"half" },
            "error": { "code": code, "message": "Provider returned error" } }],
            "usage": { "prompt_tokens": 15, "completion_tokens": 3 } })
    };
    for body in [whole, choice(502)] {
        let error = ask("", vec![ok(&body)]).await.error();
        assert!(
            matches!(&error, ModelError::Outage(text) if text.contains("502") && text.contains("Provider returned error")),
            "{body}: {error}"
        );
        assert!(!error.to_string().contains("half"), "{error}");
    }
    let error = ask("", vec![ok(&choice(429))]).await.error();
    assert!(matches!(error, ModelError::RateLimited { .. }), "{error}");
}
