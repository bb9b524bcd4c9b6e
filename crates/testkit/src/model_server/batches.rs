//! The batch APIs of both providers, in memory: Message Batches, and files and batches of Chat Completions. Each batch
//! has one request, as Holdfast sends it; the script answers it when its results are fetched.

use super::answer::{Failure, Outcome, completion};
use super::prompt::Prompt;
use super::script::ModelRequest;
use super::wire::Wire;
use super::{Shared, Shares};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::{MutexGuard, PoisonError};

/// How a server treats batches.
#[derive(Clone, Copy, Debug)]
pub struct BatchRules {
    /// Whether it has the APIs; otherwise it answers with 404.
    pub is_offered: bool,
    /// The number of looks at a batch that show it in progress.
    pub looks: usize,
    /// The end of a batch after them.
    pub end: BatchEnd,
}

/// The end of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchEnd {
    /// The script answers the request, or fails it.
    Answered,
    /// Its time is over.
    Expired,
    /// The provider refuses or cancels it as a whole.
    Failed,
}

impl Default for BatchRules {
    fn default() -> Self {
        Self {
            is_offered: true,
            looks: 0,
            end: BatchEnd::Answered,
        }
    }
}

/// A batch that was submitted.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its API.
    pub wire: Wire,
    /// The name of its request.
    pub custom_id: String,
    /// The body of its request.
    pub body: Value,
    /// The number of looks at it.
    pub looks: usize,
}

/// All batches, in order; a batch's id has its place.
#[derive(Debug, Default)]
pub(super) struct Batches {
    pub rules: BatchRules,
    pub all: Vec<Batch>,
    /// The uploaded lines.
    files: Vec<Value>,
}

impl Batches {
    /// Notes a batch of the only request of `requests`; returns its place.
    fn add(&mut self, wire: Wire, request: &Value, body: &Value) -> usize {
        self.all.push(Batch {
            wire,
            custom_id: request["custom_id"].as_str().unwrap_or_default().to_owned(),
            body: body.clone(),
            looks: 0,
        });
        self.all.len() - 1
    }

    /// Counts a look; returns whether the batch has ended.
    fn look(&mut self, place: usize) -> Option<bool> {
        let looks = self.rules.looks;
        let batch = self.all.get_mut(place)?;
        batch.looks += 1;
        Some(batch.looks > looks)
    }
}

impl Shared {
    pub(super) fn batches(&self) -> MutexGuard<'_, Batches> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the batches, unless the server refuses the request.
    fn offered(&self, wire: Wire, headers: &HeaderMap) -> Result<MutexGuard<'_, Batches>, Box<Response>> {
        let batches = self.batches();
        if !batches.rules.is_offered {
            return Err(Box::new(refusal(wire, 404, "Not found")));
        }
        match self.key.is_some() && self.key != wire.key(headers) {
            true => Err(Box::new(refusal(wire, 401, "invalid x-api-key"))),
            false => Ok(batches),
        }
    }

    /// Returns the script's answer to a batch's request.
    fn outcome(&self, place: usize, batch: &Batch) -> Result<Value, Failure> {
        let user = batch.wire.user(&batch.body);
        let request = ModelRequest {
            wire: batch.wire,
            sequence: place,
            attempt: 0,
            prompt: Prompt::parse(&user),
            text: format!("{}\n{user}", batch.wire.system(&batch.body)),
            body: batch.body.clone(),
        };
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match script.decide(&self.journal, &request).outcome {
            Outcome::Text { text, stop } => Ok(completion(batch.wire, &batch.body, place, &text, stop)),
            Outcome::Failure(failure) => Err(failure),
            _ => Err(failure(500, "Internal server error")),
        }
    }
}

fn failure(status: u16, message: &str) -> Failure {
    Failure {
        status,
        retry_after_s: None,
        kind: None,
        message: message.to_owned(),
    }
}

fn refusal(wire: Wire, status: u16, message: &str) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (code, Json(failure(status, message).body(wire))).into_response()
}

/// Returns the place in an id.
fn place_of(id: &str) -> usize {
    let number = id.rsplit(['_', '-']).next().and_then(|number| number.parse().ok());
    number.unwrap_or(usize::MAX)
}

/// Returns the reason for which a provider would refuse a batch's request.
fn complaint(wire: Wire, headers: &HeaderMap, body: &Value) -> Option<String> {
    let stream = body
        .get("stream")
        .map(|_| "stream: not supported in a batch".to_owned());
    stream.or_else(|| wire.complaint(headers, body))
}

fn message_batch(place: usize, has_ended: bool) -> Json<Value> {
    let status = if has_ended { "ended" } else { "in_progress" };
    Json(json!({ "id": format!("msgbatch_{place}"), "type": "message_batch", "processing_status": status }))
}

/// `POST /v1/messages/batches`.
pub(super) async fn create_messages(State(shared): Shares, headers: HeaderMap, body: Json<Value>) -> Response {
    let mut batches = match shared.offered(Wire::Anthropic, &headers) {
        Ok(batches) => batches,
        Err(refusal) => return *refusal,
    };
    let request = &body["requests"][0];
    if let Some(complaint) = complaint(Wire::Anthropic, &headers, &request["params"]) {
        return refusal(Wire::Anthropic, 400, &complaint);
    }
    let place = batches.add(Wire::Anthropic, request, &request["params"]);
    message_batch(place, false).into_response()
}

/// `GET /v1/messages/batches/ID`.
pub(super) async fn show_messages(State(shared): Shares, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let place = place_of(&id);
    match shared
        .offered(Wire::Anthropic, &headers)
        .map(|mut batches| batches.look(place))
    {
        Ok(Some(has_ended)) => message_batch(place, has_ended).into_response(),
        Ok(None) => refusal(Wire::Anthropic, 404, "no such batch"),
        Err(refusal) => *refusal,
    }
}

/// `GET /v1/messages/batches/ID/results`.
pub(super) async fn message_results(State(shared): Shares, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let place = place_of(&id);
    let found = shared.offered(Wire::Anthropic, &headers);
    let (batch, end) = match found.map(|batches| (batches.all.get(place).cloned(), batches.rules.end)) {
        Ok((Some(batch), end)) => (batch, end),
        Ok((None, _)) => return refusal(Wire::Anthropic, 404, "no such batch"),
        Err(refusal) => return *refusal,
    };
    let result = match (end, shared.outcome(place, &batch)) {
        (BatchEnd::Answered, Ok(message)) => json!({ "type": "succeeded", "message": message }),
        (BatchEnd::Answered, Err(failure)) => json!({ "type": "errored", "error": failure.body(Wire::Anthropic) }),
        (BatchEnd::Expired, _) => json!({ "type": "expired" }),
        (BatchEnd::Failed, _) => json!({ "type": "canceled" }),
    };
    format!("{}\n", json!({ "custom_id": batch.custom_id, "result": result })).into_response()
}

/// `POST /v1/files`.
pub(super) async fn upload(State(shared): Shares, headers: HeaderMap, body: Bytes) -> Response {
    let mut batches = match shared.offered(Wire::Openai, &headers) {
        Ok(batches) => batches,
        Err(refusal) => return *refusal,
    };
    let text = String::from_utf8_lossy(&body);
    let line = text.lines().find(|line| line.starts_with('{'));
    let line: Option<Value> = line.and_then(|line| serde_json::from_str(line).ok());
    match line.filter(|_| text.contains("\r\n\r\nbatch\r\n")) {
        Some(line) => {
            batches.files.push(line);
            let id = format!("file-{}", batches.files.len() - 1);
            Json(json!({ "id": id, "object": "file", "purpose": "batch" })).into_response()
        }
        None => refusal(Wire::Openai, 400, "expected a file of one line for the purpose batch"),
    }
}

/// `POST /v1/batches`.
pub(super) async fn create_batch(State(shared): Shares, headers: HeaderMap, body: Json<Value>) -> Response {
    let mut batches = match shared.offered(Wire::Openai, &headers) {
        Ok(batches) => batches,
        Err(refusal) => return *refusal,
    };
    let file = place_of(body["input_file_id"].as_str().unwrap_or_default());
    let Some(line) = batches.files.get(file).cloned() else {
        return refusal(Wire::Openai, 400, "no such file");
    };
    let is_right = body["endpoint"] == line["url"] && body["completion_window"] == "24h";
    let complaint = complaint(Wire::Openai, &headers, &line["body"]);
    if let Some(complaint) = complaint.or((!is_right).then(|| "wrong endpoint or completion_window".to_owned())) {
        return refusal(Wire::Openai, 400, &complaint);
    }
    let place = batches.add(Wire::Openai, &line, &line["body"]);
    Json(json!({ "id": format!("batch_{place}"), "object": "batch", "status": "validating" })).into_response()
}

/// `GET /v1/batches/ID`.
pub(super) async fn show_batch(State(shared): Shares, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let place = place_of(&id);
    let looked = shared.offered(Wire::Openai, &headers);
    let (has_ended, end) = match looked.map(|mut batches| (batches.look(place), batches.rules.end)) {
        Ok((Some(has_ended), end)) => (has_ended, end),
        Ok((None, _)) => return refusal(Wire::Openai, 404, "no such batch"),
        Err(refusal) => return *refusal,
    };
    let mut batch = json!({ "id": id, "object": "batch", "status": "in_progress",
        "output_file_id": null, "error_file_id": null, "errors": null });
    match end {
        _ if !has_ended => {}
        BatchEnd::Answered => {
            batch["status"] = json!("completed");
            batch["output_file_id"] = json!(format!("output-{place}"));
        }
        BatchEnd::Expired => {
            batch["status"] = json!("expired");
            batch["error_file_id"] = json!(format!("output-{place}"));
        }
        BatchEnd::Failed => {
            batch["status"] = json!("failed");
            let error = json!({ "code": "token_limit_exceeded", "message": "Enqueued token limit reached" });
            batch["errors"] = json!({ "object": "list", "data": [error] });
        }
    }
    Json(batch).into_response()
}

/// `GET /v1/files/ID/content`.
pub(super) async fn file_content(State(shared): Shares, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let place = place_of(&id);
    let found = shared.offered(Wire::Openai, &headers);
    let (batch, end) = match found.map(|batches| (batches.all.get(place).cloned(), batches.rules.end)) {
        Ok((Some(batch), end)) => (batch, end),
        Ok((None, _)) => return refusal(Wire::Openai, 404, "no such file"),
        Err(refusal) => return *refusal,
    };
    let expired = json!({ "code": "batch_expired", "message": "This request could not be executed in time." });
    let (response, error) = match (end, shared.outcome(place, &batch)) {
        (BatchEnd::Answered, Ok(body)) => (json!({ "status_code": 200, "body": body }), Value::Null),
        (BatchEnd::Answered, Err(failure)) => {
            let body = failure.body(Wire::Openai);
            (json!({ "status_code": failure.status, "body": body }), Value::Null)
        }
        (BatchEnd::Expired | BatchEnd::Failed, _) => (Value::Null, expired),
    };
    let line = json!({ "custom_id": batch.custom_id, "response": response, "error": error });
    format!("{line}\n").into_response()
}
