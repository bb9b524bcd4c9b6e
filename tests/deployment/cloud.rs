//! AWS on one machine: an emulator for functions, HTTP API, tables, objects, secrets and mail; our engine's Step
//! Functions API for the workflow; and the real template, built and deployed by the SAM CLI. `tests/python/emulated.py`
//! removes the parts of the built template that the emulator lacks, and prints them.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use holdfast_testkit::{FakeGithub, ModelServer};
use holdfast_tests::{programs, root, target};
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The stack's name.
pub const STACK: &str = "holdfast";
const REGION: &str = "us-east-1";
/// The maximum time until a server listens.
const START: Duration = Duration::from_secs(60);

/// A deployment. Dropping it ends its servers.
pub struct Cloud {
    folder: TempDir,
    servers: Vec<Server>,
    emulator: String,
    engine: String,
    pub client: Client,
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Returns a program of the tests' Python environment; `cargo xtask tools` installs it.
fn tool(name: &str) -> Command {
    let folder = target().join("tools/python/bin");
    let program = folder.join(name);
    assert!(program.exists(), "{}: cargo xtask tools", program.display());
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("SAM_CLI_TELEMETRY", "0")
        .current_dir(root())
        .stdin(Stdio::null());
    command
}

/// Runs a command and returns its output. Panics if it fails.
fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Builds the program `holdfast` and returns its path.
pub fn holdfast() -> PathBuf {
    programs().join("holdfast")
}

/// Runs `sam build` on the real template like a user, and returns the result's folder. It leaves out the slow
/// optimisations at link time, because nothing here measures the programs.
fn build() -> PathBuf {
    let folder = target().join("sam");
    done(
        tool("sam")
            .args(["build", "--parameter-overrides", "Architecture=x86_64", "--build-dir"])
            .arg(&folder)
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    );
    folder
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Cloud {
    /// Builds the template, starts the servers and deploys with the template's `parameters`.
    pub fn deploy(parameters: &[String]) -> Self {
        let built = build();
        let folder = tempfile::tempdir().unwrap();
        let (emulator, engine) = (free_port(), free_port());
        let mut cloud = Self {
            emulator: format!("http://127.0.0.1:{emulator}"),
            engine: format!("http://127.0.0.1:{engine}"),
            servers: Vec::new(),
            client: Client::builder()
                .user_agent("GitHub-Hookshot/test")
                .redirect(reqwest::redirect::Policy::none())
                .timeout(Duration::from_secs(60))
                .build()
                .unwrap(),
            folder,
        };
        cloud.start_emulator(emulator);
        cloud.start_engine(engine);
        let template = built.join("template.yaml");
        let adapted = cloud.python("emulated.py", &["adapt", template.to_str().unwrap()]);
        assert!(adapted.as_array().is_some_and(|done| !done.is_empty()));
        let mut deploy = tool("sam");
        cloud.account(&mut deploy);
        deploy.args(["deploy", "--template-file"]).arg(&template);
        deploy.args([
            "--stack-name",
            STACK,
            "--resolve-s3",
            "--capabilities",
            "CAPABILITY_IAM",
        ]);
        deploy.args(["--no-confirm-changeset", "--no-progressbar", "--parameter-overrides"]);
        done(deploy.args(parameters).arg("Architecture=x86_64"));
        cloud.create_workflow();
        cloud
    }

    /// Starts the emulator, which enforces the functions' roles. The functions inherit its environment, which has the
    /// engine's address.
    fn start_emulator(&mut self, port: u16) {
        let log = File::create(self.folder.path().join("emulator.log")).unwrap();
        let mut command = tool("ministack");
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("AUTH", "true")
            .env("AWS_ENDPOINT_URL", &self.emulator)
            .env("AWS_ENDPOINT_URL_SFN", &self.engine);
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        self.servers.push(Server(child));
        self.wait_for(&self.emulator, "emulator.log");
    }

    fn start_engine(&mut self, port: u16) {
        let log = File::create(self.folder.path().join("engine.log")).unwrap();
        let mut command = Command::new(holdfast());
        self.account(&mut command);
        command.args(["engine", "--listen", &format!("127.0.0.1:{port}"), "--data"]);
        command
            .arg(self.folder.path().join("engine"))
            .args(["--lambda", &self.emulator, "--s3", &self.emulator]);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        self.servers.push(Server(child));
        self.wait_for(&self.engine, "engine.log");
    }

    fn wait_for(&self, url: &str, log: &str) {
        let give_up = Instant::now() + START;
        while self.client.get(url).send().is_err() {
            let printed = || std::fs::read_to_string(self.folder.path().join(log)).unwrap_or_default();
            assert!(Instant::now() < give_up, "{url} does not listen\n{}", printed());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sets the account that deploys.
    pub fn account(&self, command: &mut Command) {
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &self.emulator);
    }

    /// Sets the account of an operator, with the workflow on our engine.
    pub fn operator(&self, command: &mut Command) {
        self.account(command);
        command.env("AWS_ENDPOINT_URL_SFN", &self.engine);
    }

    /// Runs a script in `tests/python` and returns its output.
    pub fn python(&self, script: &str, arguments: &[&str]) -> Value {
        let mut command = tool("python");
        self.account(&mut command);
        let output = done(command.arg(root().join("tests/python").join(script)).args(arguments));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn emulated(&self, arguments: &[&str]) -> Value {
        self.python("emulated.py", arguments)
    }

    /// Creates the workflow with the stack's functions on our engine: a version, and the alias that starts runs.
    fn create_workflow(&self) {
        let made = self.emulated(&["definition", STACK]);
        let machine = self.workflow(
            "CreateStateMachine",
            &json!({ "name": made["name"], "definition": made["definition"], "roleArn": made["roleArn"], "publish": true }),
        );
        assert_eq!(
            machine["stateMachineArn"], made["stateMachineArn"],
            "functions know its ARN"
        );
        let route = json!([{ "stateMachineVersionArn": machine["stateMachineVersionArn"], "weight": 100 }]);
        self.workflow(
            "CreateStateMachineAlias",
            &json!({ "name": "live", "routingConfiguration": route }),
        );
    }

    /// Calls Step Functions' API.
    pub fn workflow(&self, action: &str, body: &Value) -> Value {
        let call = self.client.post(&self.engine);
        let call = call.header("x-amz-target", format!("AWSStepFunctions.{action}"));
        let answer = call
            .header("content-type", "application/x-amz-json-1.0")
            .body(body.to_string());
        let answer = answer.send().unwrap();
        let (status, body) = (answer.status(), answer.text().unwrap());
        assert!(status.is_success(), "{action}: {status} {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Returns the address of a path of the HTTP API.
    pub fn address(&self, api: &str, path: &str) -> String {
        format!("{}/_aws/execute-api/{api}/$default{path}", self.emulator)
    }

    /// Returns an execution's status and the states that it entered.
    pub fn execution(&self, run: &str) -> (String, Vec<String>) {
        let arn = format!("arn:aws:states:{REGION}:000000000000:execution:{STACK}-review:{run}");
        let described = self.workflow("DescribeExecution", &json!({ "executionArn": arn }));
        let history = self.workflow(
            "GetExecutionHistory",
            &json!({ "executionArn": arn, "maxResults": 1000 }),
        );
        let entered = history["events"].as_array().unwrap().iter();
        let entered = entered.filter_map(|event| event["stateEnteredEventDetails"]["name"].as_str());
        (
            described["status"].as_str().unwrap().to_owned(),
            entered.map(str::to_owned).collect(),
        )
    }

    /// Waits until an execution has this status. Returns the states that it entered.
    pub fn wait_until(&self, run: &str, status: &str) -> Vec<String> {
        let give_up = Instant::now() + Duration::from_secs(120);
        loop {
            let (now, states) = self.execution(run);
            if now == status {
                return states;
            }
            assert!(
                Instant::now() < give_up && now == "RUNNING",
                "{run} is {now} after {states:?}\n{}",
                self.logs()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Returns the last lines of the servers' logs.
    pub fn logs(&self) -> String {
        let tail = |name: &str| {
            let text = std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            let from = text.len().saturating_sub(6_000);
            text.get(from..).unwrap_or_default().to_owned()
        };
        format!("{}\n{}", tail("emulator.log"), tail("engine.log"))
    }
}

/// Returns the answer's text. Panics if it has another status.
pub fn text(answer: Response, expected: u16) -> String {
    let (status, text) = (answer.status().as_u16(), answer.text().unwrap());
    assert_eq!(status, expected, "{text}");
    text
}

/// Returns the parameters that point a deployment at the fake GitHub and the fake model.
pub fn parameters(github: &FakeGithub, model: &ModelServer) -> Vec<String> {
    vec![
        format!("GithubUrl={}", github.url()),
        "Model=openai/test-model".to_owned(),
        format!("ModelUrl={}", model.url()),
        "Approvers=ada=ada@example.org".to_owned(),
        "MailFrom=holdfast@example.org".to_owned(),
    ]
}
