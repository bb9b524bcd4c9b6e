//! A plain HTTP client for these tests, and their pull request.

use holdfast_testkit::github::ChangedFile;
use holdfast_testkit::{FakeGithub, PullRequest};
use serde_json::Value;

pub const SLUG: &str = "octo/demo";
/// The head and the base of [`pull_request`].
pub const HEAD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub const BASE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// Two hunks: lines 1..=4 and 20..=22 at the head, 1..=4 and 20..=21 at the base.
pub const PATCH: &str = "@@ -1,4 +1,4 @@\n one\n-two\n+2\n three\n four\n@@ -20,2 +20,3 @@\n x\n+y\n z";

/// Returns pull request 12, with `src/a.rs` (see [`PATCH`]) and a binary file.
pub fn pull_request() -> PullRequest {
    let image = ChangedFile {
        patch: None,
        ..ChangedFile::modified("image.png", "")
    };
    PullRequest::by_hand(SLUG, 12, vec![ChangedFile::modified("src/a.rs", PATCH), image])
}

pub fn start() -> FakeGithub {
    let github = FakeGithub::start().unwrap();
    github.add(pull_request());
    github
}

pub struct Client<'a> {
    github: &'a FakeGithub,
    token: Option<&'a str>,
    accept: &'a str,
}

impl<'a> Client<'a> {
    /// Creates a client with the token of the App's installation.
    pub fn new(github: &'a FakeGithub) -> Self {
        Self::with(github, Some(FakeGithub::INSTALLATION_TOKEN))
    }

    pub fn with(github: &'a FakeGithub, token: Option<&'a str>) -> Self {
        Self {
            github,
            token,
            accept: "application/vnd.github+json",
        }
    }

    pub fn accepting(self, accept: &'a str) -> Self {
        Self { accept, ..self }
    }

    /// Sends a request below `/repos/octo/demo` (or, with `//`, below the root).
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> reqwest::Result<reqwest::Response> {
        let path = match path.strip_prefix('/') {
            Some(root) if root.starts_with('/') => root.to_owned(),
            _ => format!("/repos/{SLUG}{path}"),
        };
        let client = reqwest::Client::builder().user_agent("test").build().unwrap();
        let mut request = client.request(method.parse().unwrap(), format!("{}{path}", self.github.url()));
        request = request.header("accept", self.accept);
        if let Some(token) = self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let response = self.send(method, path, body).await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null),
        )
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, Some(body)).await
    }
}
