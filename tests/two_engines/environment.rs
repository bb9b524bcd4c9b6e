//! The environment of both engines: LocalStack with the functions, and a fake GitHub and model on loopback. Dropping it
//! ends its servers.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use holdfast_core::stage::STAGES;
use holdfast_testkit::{FakeGithub, ModelServer, Script};
use holdfast_tests::{programs, root};
use reqwest::blocking::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::{Engine, call, text};

/// The variable that names the Python environment with LocalStack.
const VENV: &str = "HOLDFAST_LOCALSTACK";
pub const BUCKET: &str = "holdfast-artifacts";
const TABLE: &str = "holdfast";
/// The maximum time until a server listens.
const START: Duration = Duration::from_secs(90);

pub struct Environment {
    pub github: FakeGithub,
    pub model: ModelServer,
    /// LocalStack's interpreter, and ours.
    pub engines: [Engine; 2],
    cloud: String,
    client: Client,
    folder: TempDir,
    servers: Vec<Server>,
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // Terminated before it is killed, so that it ends the functions' programs; it may have ended already.
        let id = self.0.id().to_string();
        drop(Command::new("kill").args(["-TERM", &id]).status());
        let give_up = Instant::now() + Duration::from_secs(10);
        while self.0.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < give_up {
            std::thread::sleep(Duration::from_millis(50));
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sets the account.
fn account(command: &mut Command, cloud: &str) {
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", cloud);
}

impl Environment {
    pub fn start() -> Self {
        let venv = std::env::var_os(VENV).map(PathBuf::from);
        let venv = venv.unwrap_or_else(|| panic!("{VENV} names no Python environment; run cargo xtask two-engines"));
        let programs = programs();
        let folder = tempfile::tempdir().unwrap();
        let (cloud, own) = (free_port(), free_port());
        let address = |port: u16| format!("http://127.0.0.1:{port}");
        let client = Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        let children = folder.path().join("children");
        std::fs::create_dir(&children).unwrap();
        let engine = |name, port, children| Engine {
            name,
            url: address(port),
            client: client.clone(),
            children,
        };
        let engines = [
            engine("LocalStack", cloud, Some(children)),
            engine("holdfast engine", own, None),
        ];
        let mut environment = Self {
            github: FakeGithub::start().unwrap(),
            model: ModelServer::start(Script::valid()).unwrap(),
            engines,
            cloud: address(cloud),
            client,
            folder,
            servers: Vec::new(),
        };
        environment.start_cloud(&venv, cloud);
        environment.start_engine(&programs.join("holdfast"), own);
        environment.create_functions(&venv, &programs);
        environment
    }

    fn start_cloud(&mut self, venv: &Path, port: u16) {
        let folder = self.folder.path();
        let mut command = Command::new(venv.join("bin/python"));
        command
            .args(["-m", "localstack.runtime.main"])
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", folder)
            .env("TMPDIR", folder)
            .env("PYTHONPATH", root().join("tests/localstack"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("HOLDFAST_CHILDREN", folder.join("children"))
            .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
            .env("LOCALSTACK_VOLUME_DIR", folder.join("volume"))
            .env("FILESYSTEM_ROOT", folder.join("filesystem"))
            .env("LAMBDA_RUNTIME_EXECUTOR", "native")
            .env("PROVIDER_OVERRIDE_DYNAMODB", "moto")
            .env("DNS_ADDRESS", "0")
            .env("SKIP_SSL_CERT_DOWNLOAD", "1")
            .env("DISABLE_EVENTS", "1");
        let url = format!("{}/_localstack/health", self.cloud);
        self.serve(&mut command, "localstack.log", &url);
    }

    fn start_engine(&mut self, program: &Path, port: u16) {
        let mut command = Command::new(program);
        account(&mut command, &self.cloud);
        command.args(["engine", "--listen", &format!("127.0.0.1:{port}"), "--data"]);
        command.arg(self.folder.path().join("engine"));
        command.args(["--lambda", &self.cloud, "--s3", &self.cloud]);
        let url = self.engines[1].url.clone();
        self.serve(&mut command, "engine.log", &url);
    }

    fn serve(&mut self, command: &mut Command, log: &str, url: &str) {
        let file = File::create(self.folder.path().join(log)).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file);
        self.servers.push(Server(child.spawn().unwrap()));
        let give_up = Instant::now() + START;
        while self.client.get(url).send().is_err() {
            assert!(
                Instant::now() < give_up,
                "{url} does not listen\n{}",
                self.log(log, 6_000)
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Creates each function with the settings of its kind: a function that calls the model has no token for GitHub,
    /// and one that writes to GitHub has no key of the model.
    fn create_functions(&self, venv: &Path, programs: &Path) {
        let common = json!({ "HOLDFAST_BUCKET": BUCKET, "HOLDFAST_METRICS_NAMESPACE": "Holdfast/test" });
        let asks = json!({
            "HOLDFAST_MODEL": "openai/test-model", "HOLDFAST_MODEL_URL": self.model.url(), "OPENAI_API_KEY": "key",
            "HOLDFAST_APPROVERS": "ada=ada@example.org", "HOLDFAST_TABLE": TABLE,
        });
        let reaches = json!({
            "HOLDFAST_GITHUB_URL": self.github.url(), "GITHUB_TOKEN": FakeGithub::INSTALLATION_TOKEN,
            "HOLDFAST_MARKER_KEY": "0123456789abcdef", "HOLDFAST_TABLE": TABLE,
            "HOLDFAST_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:review",
        });
        let people = json!({
            "HOLDFAST_TABLE": TABLE, "HOLDFAST_APPROVERS": "ada=ada@example.org",
            "HOLDFAST_MAIL_FROM": "holdfast@example.org", "HOLDFAST_PUBLIC_URL": "https://holdfast.example.org/",
        });
        let settings = STAGES.iter().map(|stage| {
            let own = match stage {
                _ if stage.reaches("model") => &asks,
                _ if stage.reaches("notify") => &people,
                _ => &reaches,
            };
            let mut all = common.as_object().unwrap().clone();
            if stage.reaches("publish") {
                all.extend(reaches.as_object().unwrap().clone());
            }
            all.extend(own.as_object().unwrap().clone());
            (stage.function.to_owned(), Value::Object(all))
        });
        let settings = Value::Object(settings.collect());
        let mut python = Command::new(venv.join("bin/python"));
        account(&mut python, &self.cloud);
        let made = python
            .arg(root().join("tests/localstack/resources.py"))
            .arg(programs)
            .arg(settings.to_string())
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&made.stderr);
        assert!(
            made.status.success(),
            "{printed}\n{}",
            self.log("localstack.log", 6_000)
        );
    }

    /// Waits for a run's question for approval and returns its task token.
    pub fn token(&self, run: &str) -> String {
        let key = json!({ "pk": { "S": "question" }, "sk": { "S": format!("{run}#01") } });
        let asked = json!({ "TableName": TABLE, "Key": key });
        let give_up = Instant::now() + Duration::from_secs(60);
        loop {
            let row = call(&self.client, &self.cloud, "DynamoDB_20120810.GetItem", &asked);
            if let Some(value) = row["Item"]["value"]["S"].as_str() {
                let question: Value = serde_json::from_str(value).unwrap();
                return text(&question["token"]);
            }
            assert!(
                Instant::now() < give_up,
                "{run} has no question for approval\n{}",
                self.logs()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Stores a person's approval of a run's question, like the approval page.
    pub fn store_approval(&self, run: &str) {
        let key = json!({ "pk": { "S": "question" }, "sk": { "S": format!("{run}#01") } });
        let asked = json!({ "TableName": TABLE, "Key": key });
        let mut row = call(&self.client, &self.cloud, "DynamoDB_20120810.GetItem", &asked);
        let mut question: Value = serde_json::from_str(row["Item"]["value"]["S"].as_str().unwrap()).unwrap();
        let content = question["approval"]["content"].clone();
        question["decided"] = json!("approved");
        question["votes"] = json!([{ "by": { "name": "ada", "known_by": "mail_code" }, "at_ms": 1,
            "ballot": { "verdict": "approved", "content": content } }]);
        row["Item"]["value"]["S"] = json!(question.to_string());
        let put = json!({ "TableName": TABLE, "Item": row["Item"] });
        call(&self.client, &self.cloud, "DynamoDB_20120810.PutItem", &put);
    }

    /// Returns the last lines of the servers' logs.
    pub fn logs(&self) -> String {
        format!(
            "{}\n{}",
            self.log("localstack.log", 6_000),
            self.log("engine.log", 3_000)
        )
    }

    fn log(&self, name: &str, most: usize) -> String {
        let bytes = std::fs::read(self.folder.path().join(name)).unwrap_or_default();
        let from = bytes.len().saturating_sub(most);
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }
}
