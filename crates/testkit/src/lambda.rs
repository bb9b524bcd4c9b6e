//! The part of AWS that a Lambda function uses, on loopback: the runtime interface that hands it events, and the calls
//! that our functions make: objects in S3, items in DynamoDB, secrets, texts to SNS, mails to SES, executions in Step
//! Functions that never advance. It enforces no rules.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::error::TestkitError;
use crate::executions::Executions;
use crate::loopback::Loopback;

/// The time limit of one event.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
const RUNTIME: &str = "/2018-06-01/runtime/invocation";

/// A cloud; it stops when this value is dropped.
#[derive(Debug)]
pub struct FakeCloud {
    server: Loopback,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    objects: BTreeMap<String, Vec<u8>>,
    items: Vec<Value>,
    texts: Vec<String>,
    executions: Executions,
    mails: Vec<Value>,
    secrets: BTreeMap<String, String>,
    printed: String,
}

/// The failure that a function reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedFailure {
    /// The error name for the workflow.
    pub error_type: String,
    /// The text for people.
    pub message: String,
}

impl FakeCloud {
    /// Starts an empty cloud.
    ///
    /// # Errors
    /// It cannot listen.
    pub fn start() -> Result<Self, TestkitError> {
        let shared = Arc::default();
        let router = Router::new()
            .route("/", post(call))
            .route("/v2/email/outbound-emails", post(send_mail))
            .route("/{bucket}/{*key}", get(get_object).put(put_object))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let server = Loopback::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), router)?;
        Ok(Self { server, shared })
    }

    /// Returns an object's bytes.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        lock(&self.shared).objects.get(&format!("{bucket}/{key}")).cloned()
    }

    /// Stores an object.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: Vec<u8>) {
        lock(&self.shared).objects.insert(format!("{bucket}/{key}"), bytes);
    }

    /// Returns the requests that put items into tables, in order.
    pub fn items(&self) -> Vec<Value> {
        lock(&self.shared).items.clone()
    }

    /// Stores an item as a request to put it into its table would.
    pub fn put_item(&self, request: Value) {
        lock(&self.shared).items.push(request);
    }

    /// Returns the output of all functions, in order: their logs.
    pub fn printed(&self) -> String {
        lock(&self.shared).printed.clone()
    }

    /// Returns the requests that published texts, in order, each as a form.
    pub fn texts(&self) -> Vec<String> {
        lock(&self.shared).texts.clone()
    }

    /// Returns the requests that sent mails, in order.
    pub fn mails(&self) -> Vec<Value> {
        lock(&self.shared).mails.clone()
    }

    /// Returns the requests for this operation of Step Functions, in order.
    pub fn executions(&self, operation: &str) -> Vec<Value> {
        lock(&self.shared).executions.requests(operation)
    }

    /// Stores a secret's text and replaces an earlier one.
    pub fn put_secret(&self, id: &str, text: &str) {
        lock(&self.shared).secrets.insert(id.to_owned(), text.to_owned());
    }

    /// Ends an execution from outside.
    pub fn stop_execution(&self, arn: &str) {
        let request = json!({ "executionArn": arn, "error": "Stopped", "cause": "from outside" });
        lock(&self.shared).executions.answer("StopExecution", request);
    }

    /// Starts a function's program, hands it one event, and ends it. Returns its answer or the failure that it
    /// reported.
    ///
    /// # Errors
    /// The program does not start, or ends or hangs without an answer.
    pub fn invoke(
        &self,
        program: &Path,
        environment: &[(&str, &str)],
        event: &Value,
    ) -> Result<Result<Value, ReportedFailure>, TestkitError> {
        self.start_function(program, environment)?.invoke(event)
    }

    /// Starts a function's program, which runs until it is dropped.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_function(
        &self,
        program: &Path,
        environment: &[(&str, &str)],
    ) -> Result<RunningFunction, TestkitError> {
        let (sender, answers) = channel();
        let (events, waiting) = unbounded_channel();
        let interface = Arc::new(Interface {
            events: tokio::sync::Mutex::new(waiting),
            answers: sender,
        });
        let router = Router::new()
            .route(&format!("{RUNTIME}/next"), get(next))
            .route(&format!("{RUNTIME}/{{id}}/response"), post(response))
            .route(&format!("{RUNTIME}/{{id}}/error"), post(failure))
            .layer(DefaultBodyLimit::disable())
            .with_state(interface);
        let runtime = Loopback::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), router)?;
        let name = Path::new(program.file_stem().unwrap_or_default());
        let mut child = Command::new(program)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address().to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", format!("holdfast-{}", name.display()))
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "id")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.server.address()))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| TestkitError::File {
                path: program.to_owned(),
                source,
            })?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Ok(RunningFunction {
            program: program.to_owned(),
            stdout: stdout.map(read_all),
            stderr: stderr.map(read_all),
            child,
            events,
            answers,
            _runtime: runtime,
            shared: Arc::clone(&self.shared),
        })
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // After an error, the bytes read so far are the output.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn joined(reader: Option<JoinHandle<Vec<u8>>>) -> String {
    let bytes = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A function's program. Its output is in the cloud's log once this value is dropped.
#[derive(Debug)]
pub struct RunningFunction {
    program: PathBuf,
    child: Child,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    events: UnboundedSender<String>,
    answers: Receiver<Result<Value, ReportedFailure>>,
    _runtime: Loopback,
    shared: Arc<Mutex<Shared>>,
}

impl RunningFunction {
    /// Hands it an event. Returns its answer or the failure that it reported.
    ///
    /// # Errors
    /// It ends or hangs without an answer.
    pub fn invoke(&mut self, event: &Value) -> Result<Result<Value, ReportedFailure>, TestkitError> {
        // A stopped interface gives no answer either.
        let _ = self.events.send(event.to_string());
        let child = &mut self.child;
        let answer = wait(&self.answers, || !matches!(child.try_wait(), Ok(None)));
        answer.ok_or_else(|| {
            let _ = self.child.kill();
            TestkitError::NoAnswer {
                program: self.program.clone(),
                stderr: joined(self.stderr.take()),
            }
        })
    }
}

impl Drop for RunningFunction {
    fn drop(&mut self) {
        // It has ended, or waits for an event that will not come.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let printed = joined(self.stdout.take());
        lock(&self.shared).printed += &printed;
    }
}

/// Waits for the first answer; `None` if the program ends without one or takes too long.
fn wait(
    answers: &Receiver<Result<Value, ReportedFailure>>,
    mut has_ended: impl FnMut() -> bool,
) -> Option<Result<Value, ReportedFailure>> {
    let give_up = Instant::now() + ANSWER_TIMEOUT;
    loop {
        match answers.recv_timeout(Duration::from_millis(20)) {
            Ok(answer) => return Some(answer),
            Err(RecvTimeoutError::Timeout) if Instant::now() < give_up && !has_ended() => {}
            Err(_) => return answers.try_recv().ok(),
        }
    }
}

#[derive(Debug)]
struct Interface {
    events: tokio::sync::Mutex<UnboundedReceiver<String>>,
    answers: Sender<Result<Value, ReportedFailure>>,
}

async fn next(State(runtime): State<Arc<Interface>>) -> Response {
    let Some(event) = runtime.events.lock().await.recv().await else {
        return std::future::pending().await;
    };
    let headers = [
        ("lambda-runtime-aws-request-id", "00000000-0000-4000-8000-000000000000"),
        ("lambda-runtime-deadline-ms", "99999999999999"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:eu-central-1:000000000000:function:function",
        ),
    ];
    (headers, event).into_response()
}

async fn response(State(runtime): State<Arc<Interface>>, body: Bytes) -> StatusCode {
    answer(&runtime, Ok(serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

async fn failure(State(runtime): State<Arc<Interface>>, body: Bytes) -> StatusCode {
    let reported: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let text = |name: &str| reported[name].as_str().unwrap_or_default().to_owned();
    let reported = ReportedFailure {
        error_type: text("errorType"),
        message: text("errorMessage"),
    };
    answer(&runtime, Err(reported))
}

fn answer(runtime: &Interface, answer: Result<Value, ReportedFailure>) -> StatusCode {
    // The waiting test may have timed out.
    let _ = runtime.answers.send(answer);
    StatusCode::ACCEPTED
}

async fn get_object(
    State(shared): State<Arc<Mutex<Shared>>>,
    UrlPath((bucket, key)): UrlPath<(String, String)>,
) -> Response {
    let found = lock(&shared).objects.get(&format!("{bucket}/{key}")).cloned();
    let missing = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
    found.map_or_else(
        || {
            (
                StatusCode::NOT_FOUND,
                [(header::CONTENT_TYPE, "application/xml")],
                missing,
            )
                .into_response()
        },
        IntoResponse::into_response,
    )
}

async fn put_object(
    State(shared): State<Arc<Mutex<Shared>>>,
    UrlPath((bucket, key)): UrlPath<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let is_chunked = headers
        .get("x-amz-content-sha256")
        .is_some_and(|value| value.to_str().is_ok_and(|value| value.starts_with("STREAMING-")));
    let bytes = if is_chunked { unchunk(&body) } else { body.to_vec() };
    lock(&shared).objects.insert(format!("{bucket}/{key}"), bytes);
    StatusCode::OK
}

/// Decodes `SIZE[;extension]\r\nBYTES\r\n…0\r\ntrailers`, the SDK's form of a body whose checksum follows it.
fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(end) = body.windows(2).position(|pair| pair == b"\r\n") {
        let head = String::from_utf8_lossy(&body[..end]);
        let size = head.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let from = end + 2;
        if size == 0 || body.len() < from + size {
            break;
        }
        bytes.extend_from_slice(&body[from..from + size]);
        body = body.get(from + size + 2..).unwrap_or_default();
    }
    bytes
}

async fn send_mail(State(shared): State<Arc<Mutex<Shared>>>, body: Bytes) -> Response {
    let request = serde_json::from_slice(&body).unwrap_or(Value::Null);
    lock(&shared).mails.push(request);
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, json!({ "MessageId": "1" }).to_string()).into_response()
}

/// Dispatches a call: DynamoDB names the target in a header, SNS the action in the form.
async fn call(State(shared): State<Arc<Mutex<Shared>>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((service, operation)) = target.and_then(|target| target.split_once('.')) {
        let request = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if service == "AWSStepFunctions" {
            let (status, answer) = lock(&shared).executions.answer(operation, request);
            let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
            return (status, kind, answer.to_string()).into_response();
        }
        if service == "secretsmanager" {
            return secret(&lock(&shared).secrets, &request);
        }
        return table_call(&mut lock(&shared).items, operation, request);
    }
    let form = String::from_utf8_lossy(&body).into_owned();
    if form.contains("Action=Publish") {
        lock(&shared).texts.push(form);
        let published = "<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>";
        return ([(header::CONTENT_TYPE, "text/xml")], published).into_response();
    }
    (StatusCode::BAD_REQUEST, "this cloud does not know the call").into_response()
}

fn secret(secrets: &BTreeMap<String, String>, request: &Value) -> Response {
    let id = request["SecretId"].as_str().unwrap_or_default();
    let (status, answer) = match secrets.get(id) {
        Some(text) => (StatusCode::OK, json!({ "Name": id, "SecretString": text })),
        None => {
            let missing = json!({ "__type": "ResourceNotFoundException", "Message": "no such secret" });
            (StatusCode::BAD_REQUEST, missing)
        }
    };
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.1")];
    (status, kind, answer.to_string()).into_response()
}

/// Appends an entry to the log of the key, and returns the log's attributes.
fn append(items: &mut Vec<Value>, request: &Value) -> Value {
    let is_log = |put: &Value| {
        let mut key = request["Key"].as_object().into_iter().flatten();
        put["TableName"] == request["TableName"] && key.all(|(name, value)| put["Item"][name] == *value)
    };
    let before = items.iter().position(is_log).map(|at| items.remove(at)["Item"].take());
    let mut item = before.unwrap_or_else(|| request["Key"].clone());
    let values = &request["ExpressionAttributeValues"];
    let mut entries = item["entries"]["L"].as_array().cloned().unwrap_or_default();
    entries.extend(values[":entry"]["L"].as_array().into_iter().flatten().cloned());
    item["entries"] = json!({ "L": entries });
    items.push(json!({ "TableName": request["TableName"], "Item": item }));
    json!({ "Attributes": item })
}

/// Accepts every put whatever its condition; a get finds the last one. An update appends to a log.
fn table_call(items: &mut Vec<Value>, operation: &str, request: Value) -> Response {
    let answer = match operation {
        "PutItem" => {
            items.push(request);
            json!({})
        }
        "GetItem" => {
            let is_wanted = |put: &&Value| {
                let mut key = request["Key"].as_object().into_iter().flatten();
                put["TableName"] == request["TableName"] && key.all(|(name, value)| put["Item"][name] == *value)
            };
            let found = items.iter().rev().find(is_wanted);
            found.map_or_else(|| json!({}), |put| json!({ "Item": put["Item"] }))
        }
        "UpdateItem"
            if request["UpdateExpression"]
                .as_str()
                .is_some_and(|set| set.contains("list_append")) =>
        {
            append(items, &request)
        }
        "DeleteItem" => {
            items.retain(|put| {
                let mut key = request["Key"].as_object().into_iter().flatten();
                put["TableName"] != request["TableName"] || !key.all(|(name, value)| put["Item"][name] == *value)
            });
            json!({})
        }
        "Query" => {
            let values = &request["ExpressionAttributeValues"];
            let begin = values[":begin"]["S"].as_str().unwrap_or_default();
            let mut found: BTreeMap<&str, &Value> = BTreeMap::new();
            for put in items.iter().filter(|put| put["TableName"] == request["TableName"]) {
                let name = put["Item"]["sk"]["S"].as_str().unwrap_or_default();
                if put["Item"]["pk"] == values[":group"] && name.starts_with(begin) {
                    found.insert(name, &put["Item"]);
                }
            }
            json!({ "Items": found.values().collect::<Vec<_>>() })
        }
        _ => return (StatusCode::BAD_REQUEST, "this cloud does not know the call").into_response(),
    };
    let kind = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    (kind, answer.to_string()).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
