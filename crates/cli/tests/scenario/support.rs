//! What the scenarios share: the real program, started as a user starts it, in a clean environment.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use holdfast_testkit::{ModelServer, Repository};
use reqwest::blocking::Response;
use serde_json::Value;

/// The program under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_holdfast");

/// An older build of the program, of `HOLDFAST_OTHER_BINARY`: reviews begin with it, and the program under test takes them
/// over.
pub fn other_binary() -> Option<PathBuf> {
    std::env::var_os("HOLDFAST_OTHER_BINARY").map(PathBuf::from)
}

/// A work tree, a data directory, perhaps a model server: all that a review needs.
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

    /// `holdfast ARGUMENTS --data DATA`, without anything of this process's environment but PATH.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(Path::new(PROGRAM), arguments)
    }

    /// The same with another build of the program.
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

    /// `holdfast review WORK_TREE --format json`: the exit status and the document.
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

/// The program, in an empty environment.
pub fn holdfast(arguments: &[&str]) -> Command {
    holdfast_of(Path::new(PROGRAM), arguments)
}

/// Another build of the program, in an empty environment.
pub fn holdfast_of(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

/// What a failed command said: exactly one line, and its exit status.
pub fn one_line(output: &Output) -> (i32, String) {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 1, "one clear line, not {lines:#?}");
    (output.status.code().unwrap(), lines[0].to_owned())
}

/// Returns the cookie that a response sets, as a browser sends it back.
pub fn cookie_of(response: &Response) -> String {
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Coverage of one file.
pub fn coverage<'a>(document: &'a Value, path: &str) -> &'a Value {
    document["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["path"] == path)
        .unwrap_or_else(|| panic!("{path} is not covered: {document:#}"))
}

/// A repository of `count` files, all changed.
pub fn many_files(count: usize) -> Repository {
    Repository::many_files(count).unwrap().repository
}
