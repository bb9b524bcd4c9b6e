//! Masks the task tokens of the machine that the program provides, since a token is enough to answer the task. Tokens
//! of other machines are shown, like on AWS.

use std::collections::BTreeSet;

use serde_json::Value;

/// The tokens to mask in the description of one execution.
#[derive(Debug, Default)]
pub struct MaskedTokens {
    tokens: BTreeSet<String>,
    mask: String,
}

impl MaskedTokens {
    /// Masks these tokens of an execution with `mask`.
    pub fn new(tokens: Vec<String>, mask: &str) -> Self {
        Self {
            tokens: tokens.into_iter().collect(),
            mask: mask.to_owned(),
        }
    }

    /// Replaces the tokens in every text of a value. A payload is JSON in a text, and contains tokens unescaped.
    pub fn replace_in(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for token in self.tokens.iter().filter(|token| !token.is_empty()) {
                    if text.contains(token.as_str()) {
                        *text = text.replace(token.as_str(), &self.mask);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.replace_in(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.replace_in(field)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::sync::Arc;

    use async_trait::async_trait;
    use holdfast_asl::HistoryEvent;
    use serde_json::json;

    use super::*;
    use holdfast_engine::{
        Archive, Engine, EngineOptions, FunctionFailure, Functions, Invocation, ObjectFailure, Objects, Outcome,
    };

    struct Submits;

    #[async_trait]
    impl Functions for Submits {
        async fn invoke(&self, _: &str, _: Value, _: Invocation) -> Result<Value, FunctionFailure> {
            Ok(Value::Null)
        }
    }

    #[async_trait]
    impl Objects for Submits {
        async fn get(&self, _: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
            Err(ObjectFailure {
                message: format!("no object {key}"),
            })
        }

        async fn put(&self, _: &str, _: &str, _: Vec<u8>) -> Result<(), ObjectFailure> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn no_token_that_an_execution_gave_out_is_shown() {
        let directory = tempfile::tempdir().unwrap();
        let objects = Arc::new(Submits);
        let options = EngineOptions::new(directory.path(), Arc::new(Submits), objects).unwrap();
        let (engine, _) = Engine::open(options).await.unwrap();
        let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "Ask", "States": { "Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": { "FunctionName": "f", "Payload": { "deep": [{ "token": "{% $states.context.Task.Token %}",
                "text": "{% 'link?t=' & $states.context.Task.Token & '&x' %}" }] } },
            "End": true } } });
        engine.start("x", &definition.to_string(), json!({})).await.unwrap();
        let Outcome::WaitingForToken { pending, .. } = engine.wait("x").await.unwrap() else {
            panic!("it doesn't wait");
        };
        let token = &pending[0].token;
        let archive = Archive::open(directory.path()).unwrap();
        let record = archive.execution("x").unwrap();
        let events = archive.history(record.id).unwrap();
        let mut shown = json!(events.iter().filter_map(HistoryEvent::to_aws).collect::<Vec<Value>>());
        assert!(shown.to_string().matches(token.as_str()).count() >= 2, "{shown}");
        MaskedTokens::new(archive.task_tokens(record.id).unwrap(), "[masked]").replace_in(&mut shown);
        assert!(
            !shown.to_string().contains(token.as_str()) && shown.to_string().contains("[masked]"),
            "{shown}"
        );
        engine.shutdown().await;
    }
}
