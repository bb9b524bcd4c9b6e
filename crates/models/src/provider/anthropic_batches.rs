//! Anthropic's Message Batches: `POST {url}/v1/messages/batches`, its state, and its results, each batch of one message.
//!
//! The results are read from the documented path, and not from the `results_url` of an answer: the key is sent only to
//! the configured address.

use async_trait::async_trait;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::port::{BatchId, BatchModel, BatchState, ModelError, ModelRequest, Submitted};
use serde_json::{Value, json};

use super::anthropic::{AnthropicAskModel, body};
use crate::http::{BATCH_STEP, Heard};
use crate::reply::batch_result::{is_not_offered, read_id, read_line, read_object, reply_of};
use crate::reply::failure::failure_with_status;
use crate::request::dialect::Dialect;

impl AnthropicAskModel {
    async fn submit_message(&self, request: &ModelRequest, name: &str, heard: &Heard) -> Result<Submitted, ModelError> {
        let model = request.model.name();
        let (dialect, _) = self.dialects.current(model);
        let mut params = body(
            model,
            request,
            &Dialect {
                is_streamed: false,
                ..dialect
            },
        );
        if let Some(params) = params.as_object_mut() {
            params.remove("stream");
        }
        let batch = json!({ "requests": [{ "custom_id": name, "params": params }] });
        let reply = self.http.post_below("/messages/batches", &batch, heard).await?;
        if is_not_offered(&reply) {
            return Ok(Submitted::NotOffered);
        }
        let batch = read_object(&self.http, &reply)?;
        Ok(Submitted::Batch(read_id(&self.http, &batch["id"])?))
    }

    async fn fetch_message(
        &self,
        model: &ModelId,
        id: &BatchId,
        name: &str,
        heard: &Heard,
    ) -> Result<BatchState, ModelError> {
        let path = format!("/messages/batches/{id}");
        let batch = read_object(&self.http, &self.http.get_reply(&path, heard).await?)?;
        if batch["id"] != id.as_str() {
            return Err(self.http.unusable("answered with another batch"));
        }
        match batch["processing_status"].as_str() {
            Some("ended") => {}
            Some("in_progress" | "canceling") => return Ok(BatchState::Pending),
            _ => return Err(self.http.unusable("answered with a batch without a known state")),
        }
        let reply = self.http.get_reply(&format!("{path}/results"), heard).await?;
        let line = read_line(&self.http, &reply, name)?;
        self.read_result(model, &line["result"])
    }

    fn read_result(&self, model: &ModelId, result: &Value) -> Result<BatchState, ModelError> {
        Ok(match result["type"].as_str() {
            Some("succeeded") => BatchState::Answered(self.read(model.name(), &reply_of(200, &result["message"]))?),
            Some("errored") => {
                let error = &result["error"];
                let kind = error["error"]["type"].as_str().or_else(|| error["type"].as_str());
                let status = if kind == Some("invalid_request_error") {
                    400
                } else {
                    500
                };
                BatchState::Failed(failure_with_status(&self.http, &reply_of(status, error), status))
            }
            Some(end @ ("expired" | "canceled")) => {
                BatchState::Failed(ModelError::Outage(format!("the batch of {} is {end}", self.http.host)))
            }
            _ => return Err(self.http.unusable("answered a batch with an unknown kind of result")),
        })
    }
}

#[async_trait]
impl BatchModel for AnthropicAskModel {
    async fn submit(&self, request: &ModelRequest, name: &str) -> Result<Submitted, ModelError> {
        let heard = Heard::now(0);
        let call = self.submit_message(request, name, &heard);
        self.http.within_limit(Some(BATCH_STEP), &heard, call).await
    }

    async fn fetch(&self, model: &ModelId, batch: &BatchId, name: &str) -> Result<BatchState, ModelError> {
        let heard = Heard::now(0);
        let call = self.fetch_message(model, batch, name, &heard);
        self.http.within_limit(Some(BATCH_STEP), &heard, call).await
    }
}
