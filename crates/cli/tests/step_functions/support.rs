//! A server process, the client, and an endpoint that serves both Lambda and S3.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_sdk_sfn::Client;
use aws_sdk_sfn::config::http::HttpRequest;
use aws_sdk_sfn::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::types::{ExecutionStatus, HistoryEvent};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const ROLE: &str = "arn:aws:iam::000000000000:role/test";
pub const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function";

/// The requests that the endpoint received, and its objects.
#[derive(Default)]
pub struct World {
    pub calls: Mutex<Vec<(String, Value)>>,
    pub objects: Mutex<HashMap<String, Vec<u8>>>,
    /// Number of calls for which the function `flaky` still fails.
    pub failures: Mutex<u32>,
}

impl World {
    /// Returns the names of the invoked functions.
    pub fn called(&self) -> Vec<String> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Waits for a token of an invocation, after the first `after` ones.
    pub async fn token(&self, after: usize) -> String {
        until("a token comes", async || {
            let calls = self.calls.lock().unwrap();
            let tokens: Vec<&str> = calls
                .iter()
                .filter_map(|(_, payload)| payload["token"].as_str())
                .collect();
            tokens.get(after).map(|token| (*token).to_owned())
        })
        .await
    }
}

pub struct Server {
    pub client: Client,
    pub world: Arc<World>,
    pub url: String,
    pub data: PathBuf,
    endpoint: String,
    child: Child,
    _directory: TempDir,
}

impl Server {
    pub async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let data = directory.path().join("data");
        let world = Arc::new(World::default());
        let endpoint = serve(Arc::clone(&world)).await;
        let (child, url) = spawn(&data, &endpoint);
        Self {
            client: client(&url),
            world,
            url,
            data,
            endpoint,
            child,
            _directory: directory,
        }
    }

    /// Kills the server with SIGKILL and starts it again.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (child, url) = spawn(&self.data, &self.endpoint);
        self.client = client(&url);
        (self.child, self.url) = (child, url);
    }

    pub async fn create(&self, name: &str, definition: &Value) -> String {
        let created = self
            .client
            .create_state_machine()
            .name(name)
            .definition(definition.to_string())
            .role_arn(ROLE)
            .send();
        created.await.unwrap().state_machine_arn
    }

    pub async fn run(&self, machine: &str, name: &str, input: &Value) -> String {
        let started = self.client.start_execution().state_machine_arn(machine).name(name);
        started.input(input.to_string()).send().await.unwrap().execution_arn
    }

    pub async fn describe(&self, execution: &str) -> DescribeExecutionOutput {
        let described = self.client.describe_execution().execution_arn(execution);
        described.send().await.unwrap()
    }

    pub async fn ended(&self, execution: &str) -> DescribeExecutionOutput {
        until("it ends", async || {
            let described = self.describe(execution).await;
            (described.status != ExecutionStatus::Running).then_some(described)
        })
        .await
    }

    pub async fn history(&self, execution: &str) -> Vec<HistoryEvent> {
        let history = self.client.get_execution_history().execution_arn(execution);
        history.send().await.unwrap().events
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_holdfast"));
    program.env_clear().envs([
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOLDFAST_METRICS_LISTEN", "off"),
    ]);
    program
}

fn spawn(data: &std::path::Path, endpoint: &str) -> (Child, String) {
    let mut program = program();
    program.args([
        "engine",
        "--listen",
        "127.0.0.1:0",
        "--lambda",
        endpoint,
        "--s3",
        endpoint,
        "--data",
    ]);
    let mut child = program.arg(data).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = lines
        .by_ref()
        .map(Result::unwrap)
        .find_map(|line| {
            let (_, rest) = line.split_once("Step Functions API on ")?;
            rest.split_once(' ').map(|(url, _)| url.to_owned())
        })
        .unwrap();
    std::thread::spawn(move || lines.for_each(|line| drop(line.map(|line| eprintln(&line)))));
    (child, url)
}

#[expect(clippy::print_stderr, reason = "the output of the server explains why a test fails")]
fn eprintln(line: &str) {
    eprintln!("server: {line}");
}

pub fn client(url: &str) -> Client {
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url)
        .retry_config(aws_sdk_sfn::config::retry::RetryConfig::disabled());
    Client::from_conf(config.build())
}

/// Removes the prefix `sync-` that clients put before the host of `TestState`: no name server knows such a host.
pub fn without_host_prefix(request: &mut HttpRequest) {
    let uri = request.uri().replacen("//sync-", "//", 1);
    request.set_uri(uri).unwrap();
}

/// Returns the name of a call's error.
pub fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(sent: Result<T, SdkError<E>>) -> String {
    match sent {
        Err(SdkError::ServiceError(answer)) => answer.into_err().code().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Polls until there is a value.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < give_up, "{what}: not within 30 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Returns a machine of one state.
pub fn one(name: &str, mut state: Value) -> Value {
    state["End"] = json!(true);
    json!({ "QueryLanguage": "JSONata", "StartAt": name, "States": { name: state } })
}

/// Returns a task that invokes a function with the state's input.
pub fn invoke(function: &str) -> Value {
    json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": { "FunctionName": function, "Payload": "{% $states.input %}" },
        "Output": "{% $states.result.Payload %}",
    })
}

/// Returns a task that waits for its token.
pub fn wait_for_token() -> Value {
    json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": { "FunctionName": "ask", "Payload": { "token": "{% $states.context.Task.Token %}" } },
    })
}

async fn serve(world: Arc<World>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer).with_state(world);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn answer(State(world): State<Arc<World>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().replace("%3A", ":").replace("%24", "$");
    let function = path
        .strip_prefix("/2015-03-31/functions/")
        .and_then(|rest| rest.strip_suffix("/invocations"));
    match (function, method) {
        (Some(function), _) => run_function(&world, function, &body).await,
        (None, Method::PUT) => {
            world.objects.lock().unwrap().insert(path, body.to_vec());
            StatusCode::OK.into_response()
        }
        (None, _) => match world.objects.lock().unwrap().get(&path) {
            Some(object) => object.clone().into_response(),
            None => (
                StatusCode::NOT_FOUND,
                "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>",
            )
                .into_response(),
        },
    }
}

async fn run_function(world: &World, function: &str, body: &[u8]) -> Response {
    let payload: Value = serde_json::from_slice(body).unwrap();
    world.calls.lock().unwrap().push((function.to_owned(), payload.clone()));
    let failed = |name: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-function-error", "Unhandled".parse().unwrap());
        let said = json!({ "errorType": name, "errorMessage": "it broke", "trace": [] });
        (headers, said.to_string()).into_response()
    };
    let refused = |status: StatusCode, name: &'static str| {
        (status, [("x-amzn-errortype", name)], r#"{"Message":"no"}"#).into_response()
    };
    let plain = function.strip_prefix(&format!("{FUNCTION}:")).unwrap_or(function);
    match plain.split(':').next().unwrap() {
        "fail" => failed("Broken"),
        "flaky" => {
            let mut failures = world.failures.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                return failed("Flaky");
            }
            payload.to_string().into_response()
        }
        "slow" => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            payload.to_string().into_response()
        }
        "throttled" => refused(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        "missing" => refused(StatusCode::NOT_FOUND, "ResourceNotFoundException"),
        "broken" => (StatusCode::BAD_GATEWAY, "bad gateway").into_response(),
        _ => payload.to_string().into_response(),
    }
}
