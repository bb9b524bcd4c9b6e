//! Reads what all providers' batches have in common: ids, refusals of a server without batches, files of results.

use holdfast_core::port::{BatchId, ModelError};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::failure::{failure_with_status, read_success};
use crate::http::{ModelHttp, Reply};

/// Returns whether a server refuses a request for a batch because it has nothing at its address.
pub(crate) const fn is_not_offered(reply: &Reply) -> bool {
    matches!(reply.status, 404 | 405 | 501)
}

/// Reads a batch or a file as JSON.
///
/// # Errors
///
/// The reply is a refusal, or isn't JSON.
pub(crate) fn read_object(http: &ModelHttp, reply: &Reply) -> Result<Value, ModelError> {
    read_success(http, reply, |_| None)
}

/// Reads the id of a batch or of a file.
///
/// # Errors
///
/// It isn't there, or isn't safe in an address.
pub(crate) fn read_id(http: &ModelHttp, id: &Value) -> Result<BatchId, ModelError> {
    let id = id.as_str().map(|id| BatchId::try_from(id.to_owned()));
    match id {
        Some(Ok(id)) => Ok(id),
        _ => Err(http.unusable("answered without the id of a batch or a file")),
    }
}

/// Returns the line of a file of results that belongs to the call of this name. Other lines don't matter.
///
/// # Errors
///
/// The reply is a refusal, or no line belongs to the call.
pub(crate) fn read_line(http: &ModelHttp, reply: &Reply, name: &str) -> Result<Value, ModelError> {
    if !(200..300).contains(&reply.status) {
        return Err(failure_with_status(http, reply, reply.status));
    }
    let lines = reply.body.split(|byte| *byte == b'\n');
    let mut parsed = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    parsed
        .find(|line| line["custom_id"] == name)
        .ok_or_else(|| http.unusable("answered a batch without the result of its call"))
}

/// Returns a part of a result as the reply that the same call would have had outside of a batch.
pub(crate) fn reply_of(status: u16, body: &Value) -> Reply {
    Reply {
        status,
        headers: HeaderMap::new(),
        body: body.to_string().into_bytes(),
    }
}
