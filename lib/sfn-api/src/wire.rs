//! The protocol, AWS JSON 1.0: the action's name in a header, its input and output as JSON, errors by name.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::error::ApiError;
use super::machines::MAX_DEFINITION_BYTES;
use super::{Api, random_id};

/// Maximum size of a request.
const MAX_BODY_BYTES: usize = 1_048_576;
/// Maximum size of a request with a definition: the largest definition, with each character escaped.
const MAX_DEFINITION_BODY_BYTES: usize = 6 * MAX_DEFINITION_BYTES + 65_536;
/// The actions that have a definition.
const WITH_DEFINITION: [&str; 4] = [
    "CreateStateMachine",
    "TestState",
    "UpdateStateMachine",
    "ValidateStateMachineDefinition",
];
/// Maximum bytes of a too large body that are read before it is refused: a client that is cut off doesn't read the
/// answer.
const MAX_DRAINED_BYTES: usize = 64 * MAX_BODY_BYTES;
/// Time limit of a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of requests in progress; others wait.
const MAX_REQUESTS_AT_ONCE: usize = 64;
const PREFIX: &str = "AWSStepFunctions.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

type Action = fn(&Api, Value) -> Result<Value, ApiError>;

/// All actions.
const ACTIONS: &[(&str, Action)] = &[
    ("CreateStateMachine", |api, input| {
        api.create_state_machine(&read(input)?)
    }),
    ("CreateStateMachineAlias", |api, input| api.create_alias(&read(input)?)),
    ("DeleteStateMachine", |api, input| {
        api.delete_state_machine(&read(input)?)
    }),
    ("DeleteStateMachineAlias", |api, input| api.delete_alias(&read(input)?)),
    ("DeleteStateMachineVersion", |api, input| {
        api.delete_version(&read(input)?)
    }),
    ("DescribeExecution", |api, input| api.describe_execution(&read(input)?)),
    ("DescribeMapRun", |api, input| api.describe_map_run(&read(input)?)),
    ("DescribeStateMachine", |api, input| {
        api.describe_state_machine(&read(input)?)
    }),
    ("DescribeStateMachineAlias", |api, input| {
        api.describe_alias(&read(input)?)
    }),
    ("DescribeStateMachineForExecution", |api, input| {
        api.describe_machine_for_execution(&read(input)?)
    }),
    ("GetExecutionHistory", |api, input| api.history(&read(input)?)),
    ("ListExecutions", |api, input| api.list_executions(&read(input)?)),
    ("ListMapRuns", |api, input| api.list_map_runs(&read(input)?)),
    ("ListStateMachineAliases", |api, input| api.list_aliases(&read(input)?)),
    ("ListStateMachineVersions", |api, input| {
        api.list_versions(&read(input)?)
    }),
    ("ListTagsForResource", |api, input| api.list_tags(&read(input)?)),
    ("ListStateMachines", |api, input| api.list_state_machines(&read(input)?)),
    ("PublishStateMachineVersion", |api, input| {
        api.publish_version(&read(input)?)
    }),
    ("RedriveExecution", |api, input| api.redrive(&read(input)?)),
    ("SendTaskFailure", |api, input| api.task_failure(read(input)?)),
    ("SendTaskHeartbeat", |api, input| api.task_heartbeat(&read(input)?)),
    ("SendTaskSuccess", |api, input| api.task_success(&read(input)?)),
    ("StartExecution", |api, input| api.start(&read(input)?)),
    ("StopExecution", |api, input| api.stop(read(input)?)),
    ("TagResource", |api, input| api.tag(&read(input)?)),
    ("TestState", |api, input| api.test_state(&read(input)?)),
    ("UntagResource", |api, input| api.untag(&read(input)?)),
    ("UpdateMapRun", |api, input| api.update_map_run(&read(input)?)),
    ("UpdateStateMachine", |api, input| {
        api.update_state_machine(&read(input)?)
    }),
    ("UpdateStateMachineAlias", |api, input| api.update_alias(&read(input)?)),
    ("ValidateStateMachineDefinition", |api, input| {
        api.validate(&read(input)?)
    }),
];

struct Shared {
    api: Arc<Api>,
    permits: Semaphore,
}

/// Returns the API as a service on every path.
pub fn router(api: Arc<Api>) -> Router {
    let permits = Semaphore::new(MAX_REQUESTS_AT_ONCE);
    Router::new()
        .fallback(answer)
        .with_state(Arc::new(Shared { api, permits }))
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let answered = match act(&shared, request).await {
        Ok(output) => (StatusCode::OK, output),
        Err(error) => {
            if error.status.is_server_error() {
                tracing::error!(
                    error = error.name,
                    message = error.message,
                    "a request was not answered"
                );
            }
            let body = json!({ "__type": error.name, "message": error.message });
            (error.status, body)
        }
    };
    let (status, body) = answered;
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if let Ok(id) = HeaderValue::from_str(&random_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

async fn act(shared: &Arc<Shared>, request: Request) -> Result<Value, ApiError> {
    let (head, body) = request.into_parts();
    let action = refuse_web_pages(&head.headers).and_then(|()| action(&head.headers));
    let limit = match action {
        Ok((name, _)) if WITH_DEFINITION.contains(&name) => MAX_DEFINITION_BODY_BYTES,
        _ => MAX_BODY_BYTES,
    };
    let body = tokio::time::timeout(BODY_TIMEOUT, bytes(body, limit))
        .await
        .map_err(|_| ApiError::new("RequestTimeout", "the body did not arrive in time"))?;
    let (name, action) = action?;
    let input = input(&body?)?;
    let permit = shared
        .permits
        .acquire()
        .await
        .map_err(|_| ApiError::unavailable("the server is shutting down"))?;
    let api = Arc::clone(&shared.api);
    let done = tokio::task::spawn_blocking(move || action(&api, input)).await;
    drop(permit);
    done.unwrap_or_else(|error| Err(ApiError::internal(format!("{name} ended without an answer: {error}"))))
}

/// Refuses requests of web pages: a browser sends the page's origin, and the host name that it used.
fn refuse_web_pages(headers: &HeaderMap) -> Result<(), ApiError> {
    let refused = |what: &str| {
        Err(ApiError {
            status: StatusCode::FORBIDDEN,
            ..ApiError::new("AccessDeniedException", what)
        })
    };
    if headers.contains_key(header::ORIGIN) {
        return refused("web pages may not use this API");
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let name = name
        .map_or(host, |(name, _)| name)
        .trim_start_matches('[')
        .trim_end_matches(']');
    // Clients put this prefix before the host of TestState.
    let name = name.strip_prefix("sync-").unwrap_or(name);
    let is_loopback = name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if is_loopback {
        Ok(())
    } else {
        refused("this API is reached by 127.0.0.1, [::1] or localhost only")
    }
}

fn action(headers: &HeaderMap) -> Result<(&'static str, Action), ApiError> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let wanted = target.and_then(|target| target.strip_prefix(PREFIX));
    let found = ACTIONS.iter().find(|(name, _)| Some(*name) == wanted);
    found.copied().ok_or_else(|| {
        let known: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
        let sent: String = target.unwrap_or("no x-amz-target").chars().take(100).collect();
        ApiError::new(
            "UnknownOperationException",
            format!(
                "unknown action {sent:?}. Send {PREFIX}NAME with one of these names: {}",
                known.join(", ")
            ),
        )
    })
}

async fn bytes(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let (mut kept, mut read) = (Vec::new(), 0);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| serialization(&format!("the body cannot be read: {error}")))?;
        read += chunk.len();
        if read <= limit {
            kept.extend_from_slice(&chunk);
        } else {
            kept = Vec::new();
        }
        if read > MAX_DRAINED_BYTES {
            break;
        }
    }
    if read <= limit {
        return Ok(kept);
    }
    Err(ApiError {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        ..ApiError::new(
            "RequestEntityTooLargeException",
            format!("this request may have at most {limit} bytes"),
        )
    })
}

fn input(body: &[u8]) -> Result<Value, ApiError> {
    match serde_json::from_slice(body) {
        Ok(input @ Value::Object(_)) => Ok(input),
        Ok(_) => Err(serialization("the body is not a JSON object")),
        Err(error) => Err(serialization(&format!("the body is not valid JSON: {error}"))),
    }
}

/// Reads an action's input. Unknown fields are ignored; the action checks the required ones.
fn read<T: DeserializeOwned>(input: Value) -> Result<T, ApiError> {
    // serde's message may quote the input, which may be a credential.
    from_value(input).map_err(|kind| serialization(&format!("a field of the input has another type: {kind}")))
}

fn from_value<T: DeserializeOwned>(input: Value) -> Result<T, String> {
    serde_json::from_value(input).map_err(|error| {
        let message = error.to_string();
        message.rsplit_once("expected ").map_or_else(
            || "see the API's reference".to_owned(),
            |(_, what)| format!("expected {what}"),
        )
    })
}

fn serialization(message: &str) -> ApiError {
    ApiError::new("SerializationException", message)
}
