//! OpenAI's batches: a file of one request is uploaded to `{url}/files`, a batch of it created at `{url}/batches`, and
//! the file of its results downloaded.

use async_trait::async_trait;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::port::{BatchId, BatchModel, BatchState, ModelError, ModelRequest, Submitted};
use serde_json::{Value, json};

use super::openai::{OpenaiAskModel, body};
use crate::http::{BATCH_STEP, Form, Heard};
use crate::reply::batch_result::{is_not_offered, read_id, read_line, read_object, reply_of};
use crate::reply::failure::failure_with_status;
use crate::request::dialect::Dialect;

/// The call of a batch's requests.
const ENDPOINT: &str = "/v1/chat/completions";

impl OpenaiAskModel {
    async fn submit_completion(
        &self,
        request: &ModelRequest,
        name: &str,
        heard: &Heard,
    ) -> Result<Submitted, ModelError> {
        let model = request.model.name();
        let (dialect, _) = self.dialects.current(model);
        let mut body = body(
            model,
            request,
            &Dialect {
                is_streamed: false,
                ..dialect
            },
        );
        if let Some(body) = body.as_object_mut() {
            body.remove("stream");
        }
        let line = json!({ "custom_id": name, "method": "POST", "url": ENDPOINT, "body": body });
        let reply = self.http.post_form("/files", upload_of(&line), heard).await?;
        if is_not_offered(&reply) {
            return Ok(Submitted::NotOffered);
        }
        let file = read_id(&self.http, &read_object(&self.http, &reply)?["id"])?;
        let batch = json!({ "input_file_id": file, "endpoint": ENDPOINT, "completion_window": "24h" });
        let reply = self.http.post_below("/batches", &batch, heard).await?;
        if is_not_offered(&reply) {
            return Ok(Submitted::NotOffered);
        }
        let batch = read_object(&self.http, &reply)?;
        Ok(Submitted::Batch(read_id(&self.http, &batch["id"])?))
    }

    async fn fetch_completion(
        &self,
        model: &ModelId,
        id: &BatchId,
        name: &str,
        heard: &Heard,
    ) -> Result<BatchState, ModelError> {
        let reply = self.http.get_reply(&format!("/batches/{id}"), heard).await?;
        let batch = read_object(&self.http, &reply)?;
        if batch["id"] != id.as_str() {
            return Err(self.http.unusable("answered with another batch"));
        }
        let status = match batch["status"].as_str() {
            Some("validating" | "in_progress" | "finalizing" | "cancelling") => return Ok(BatchState::Pending),
            Some(status @ ("completed" | "failed" | "expired" | "cancelled")) => status,
            _ => return Err(self.http.unusable("answered with a batch without a known state")),
        };
        // Either file has the only request.
        let files = ["output_file_id", "error_file_id"].map(|name| &batch[name]);
        let Some(file) = files.into_iter().find(|file| !file.is_null()) else {
            let errors = json!({ "error": batch["errors"]["data"][0] });
            return Ok(BatchState::Failed(self.failed(status, &errors)));
        };
        let path = format!("/files/{}/content", read_id(&self.http, file)?);
        let reply = self.http.get_reply(&path, heard).await?;
        let line = read_line(&self.http, &reply, name)?;
        let response = &line["response"];
        let Some(code) = response["status_code"]
            .as_u64()
            .and_then(|code| u16::try_from(code).ok())
        else {
            return Ok(BatchState::Failed(self.failed(status, &line)));
        };
        let read = self.read(model.name(), &reply_of(code, &response["body"]));
        match read {
            Ok(answer) => Ok(BatchState::Answered(answer)),
            // A success that can't be read is paid for.
            Err(error) if code < 300 => Err(error),
            Err(error) => Ok(BatchState::Failed(error)),
        }
    }

    /// Returns the error of a batch that ended without an answer, with the provider's reason.
    fn failed(&self, status: &str, reason: &Value) -> ModelError {
        let error = failure_with_status(&self.http, &reply_of(500, reason), 500);
        ModelError::Outage(format!("the batch ended as {status}: {error}"))
    }
}

#[async_trait]
impl BatchModel for OpenaiAskModel {
    async fn submit(&self, request: &ModelRequest, name: &str) -> Result<Submitted, ModelError> {
        let heard = Heard::now(0);
        let call = self.submit_completion(request, name, &heard);
        self.http.within_limit(Some(BATCH_STEP), &heard, call).await
    }

    async fn fetch(&self, model: &ModelId, batch: &BatchId, name: &str) -> Result<BatchState, ModelError> {
        let heard = Heard::now(0);
        let call = self.fetch_completion(model, batch, name, &heard);
        self.http.within_limit(Some(BATCH_STEP), &heard, call).await
    }
}

/// Returns the upload of a file of one line. JSON has no line breaks of its own, so the boundary is never in it.
fn upload_of(line: &Value) -> Form {
    let body = format!(
        "--holdfast\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
         --holdfast\r\nContent-Disposition: form-data; name=\"file\"; filename=\"call.jsonl\"\r\n\
         Content-Type: application/jsonl\r\n\r\n{line}\n\r\n--holdfast--\r\n"
    );
    Form {
        content_type: "multipart/form-data; boundary=holdfast",
        body,
    }
}
