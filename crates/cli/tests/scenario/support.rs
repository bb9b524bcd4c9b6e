//! Shared parts of the scenarios: the real program, started like a user starts it, in a clean environment.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use holdfast_testkit::{ModelServer, Repository};
use reqwest::blocking::Response;
use serde_json::Value;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_holdfast");

/// Returns the older build of the program that `HOLDFAST_OTHER_BINARY` names: it starts reviews, and the program under
/// test takes them over.
pub fn other_binary() -> Option<PathBuf> {
    std::env::var_os("HOLDFAST_OTHER_BINARY").map(PathBuf::from)
}

/// The prerequisites of a review: a work tree, a data directory, perhaps a model server.
pub struct Scene {
    pub repository: Repository,
    pub data: tempfile::TempDir,
    pub server: Option<ModelServer>,
    pub settings: Vec<(String, String)>,
}

impl Scene {
    pub fn new(repository: Repository) -> Self {
        Self {
            repository,
            data: tempfile::tempdir().unwrap(),
            server: None,
            settings: Vec::new(),
        }
    }

    pub fn with_model(repository: Repository, server: ModelServer) -> Self {
        let mut scene = Self::new(repository);
        scene.settings = vec![
            ("HOLDFAST_MODEL".to_owned(), "openai/test-model".to_owned()),
            ("HOLDFAST_MODEL_URL".to_owned(), server.url()),
            ("OPENAI_API_KEY".to_owned(), "test-key".to_owned()),
        ];
        scene.server = Some(server);
        scene
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn server(&self) -> &ModelServer {
        self.server.as_ref().unwrap()
    }

    /// Returns `holdfast ARGUMENTS --data DATA` with the environment variable PATH only.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(PROGRAM), arguments)
    }

    /// Returns the same command with another build of the program.
    pub fn command_of(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = holdfast_of(program, arguments);
        command.arg("--data").arg(self.data.path().join("data"));
        for (name, value) in &self.settings {
            command.env(name, value);
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs `holdfast review WORK_TREE --format json`; returns the exit status and the document.
    pub fn review(&self) -> (i32, Value) {
        let output = self.run(&["review", self.path(), "--format", "json"]);
        let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "{error}\n{}\n{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        });
        (output.status.code().unwrap(), document)
    }

    pub fn spawn_review(&self) -> Child {
        self.command(&["review", self.path(), "--format", "json"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub fn path(&self) -> &str {
        self.repository.path().to_str().unwrap()
    }
}

/// Returns the program in an empty environment.
pub fn holdfast(arguments: &[&str]) -> Command {
    holdfast_of(Path::new(PROGRAM), arguments)
}

/// Returns another build of the program in an empty environment.
pub fn holdfast_of(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::temp_dir())
        .stdin(Stdio::null());
    // Servers of concurrent tests can't share the default address. Older builds don't know the setting.
    if program == Path::new(PROGRAM) {
        command.env("HOLDFAST_METRICS_LISTEN", "off");
    }
    command
}

/// Returns a failed command's exit status and its stderr, which must be exactly one line.
pub fn one_line(output: &Output) -> (i32, String) {
    let message = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<&str> = message.lines().collect();
    assert_eq!(lines.len(), 1, "one clear line, not {lines:#?}");
    (output.status.code().unwrap(), lines[0].to_owned())
}

/// Returns the cookie that a response sets, as a browser sends it back.
pub fn cookie_of(response: &Response) -> String {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Returns the coverage of one file.
pub fn coverage<'a>(document: &'a Value, path: &str) -> &'a Value {
    document["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["path"] == path)
        .unwrap_or_else(|| panic!("{path} is not covered: {document:#}"))
}

/// Returns a repository of `count` files, all changed.
pub fn many_files(count: usize) -> Repository {
    Repository::many_files(count).unwrap().repository
}
