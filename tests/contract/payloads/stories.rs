//! What today's program writes: four reviews that come to every stage between them, and all documents they leave.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_asl::Timestamp;
use holdfast_core::approval;
use holdfast_core::model::approval::{Ballot, KnownBy, Person, Verdict};
use holdfast_core::model::change::Target;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::settings::Settings;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{KeepRows, Precondition, Row, RowError, Written};
use holdfast_engine::{Archive, Engine, EngineOptions, FunctionFailure, Functions, Invocation, Outcome, VirtualClock};
use holdfast_ops::functions::StageFunctions;
use holdfast_ops::{machine, workflow};
use holdfast_testkit::{FakeGithub, Fault, Finding, Matcher, ModelServer, PullRequest, Repository, Script};
use serde_json::{Value, json};

use super::shape::kind_of;

const SLUG: &str = "octo/demo";
const RUN: &str = "octo-demo-12-1";
const SETTINGS: &str = r#"include: ["src/**", "Cargo.lock"]
exclude: ["src/generated/**"]
gate:
  severity: high
max_findings: 40
instructions:
  - path: "src/**"
    text: "Prices are in cents."
tiers:
  - path: "src/shop.py"
    tier: strong
"#;

/// What the stories left.
#[derive(Default)]
pub struct Told {
    /// Documents by what they are, `artifact/report`, in the order in which golden files are chosen.
    pub documents: BTreeMap<String, Vec<Value>>,
    /// Texts by file name.
    pub texts: BTreeMap<String, String>,
}

impl Told {
    fn add(&mut self, name: String, document: Value) {
        self.documents.entry(name).or_default().push(document);
    }
}

/// How a story ends.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Approved,
    Unanswered,
    Withdrawn,
    NotUndone,
}

/// Plays all of them.
pub async fn play_all() -> Told {
    let told = Arc::new(Mutex::new(Told::default()));
    for ending in [
        Ending::Approved,
        Ending::Unanswered,
        Ending::Withdrawn,
        Ending::NotUndone,
    ] {
        play(ending, &told).await;
    }
    Arc::into_inner(told).unwrap().into_inner().unwrap()
}

/// A pull request with most that a change can have: a scope and imports, a rule's finding, a skipped file, a new one.
fn pull_request(github: &FakeGithub) -> (Repository, String) {
    let repository = Repository::new().unwrap();
    let shop = |list: &str| {
        format!("import os\n\n\nclass Shop:\n    def total(self, items{list}):\n        return sum(items)\n")
    };
    repository.write(".holdfast.yml", SETTINGS).unwrap();
    repository.write("src/shop.py", shop("")).unwrap();
    repository
        .write("src/old.rs", "pub fn pay(x: u64) -> u64 {\n    x\n}\n")
        .unwrap();
    repository.write("Cargo.lock", "version = 3\n").unwrap();
    let base = repository.commit("Shop").unwrap();
    repository.write("src/shop.py", shop("=[]")).unwrap();
    repository.rename("src/old.rs", "src/pay.rs").unwrap();
    repository
        .write("src/pay.rs", "pub fn pay(x: u64) -> u64 {\n    x * 2\n}\n")
        .unwrap();
    repository.write("Cargo.lock", "version = 4\n").unwrap();
    let head = repository.commit("Pay twice").unwrap();
    github.add(PullRequest::from_git(repository.path(), &base, &head, SLUG, 12).unwrap());
    (repository, head)
}

async fn play(ending: Ending, told: &Arc<Mutex<Told>>) {
    let github = FakeGithub::start().unwrap();
    let (_repository, head) = pull_request(&github);
    let is_refused = matches!(ending, Ending::Withdrawn | Ending::NotUndone);
    let severity = if is_refused { "low" } else { "high" };
    // Beside a rule's finding of the same category it would be the rule's, with the rule's severity: nobody would be asked.
    let category = if ending == Ending::Unanswered {
        "security"
    } else {
        "correctness"
    };
    let finding = Finding::first_added_line()
        .severity(severity)
        .category(category)
        .suggestion("    pass");
    let mut attempts = vec![Script::text("Let me think."), Script::findings(vec![finding])];
    if ending == Ending::Unanswered {
        // Its time is virtual: a wait costs nothing.
        attempts.insert(0, Script::rate_limited(Some(7)));
    }
    // Counted for each unit, so that the order of the units decides nothing.
    let script = Script::sequence(attempts);
    let script = match ending {
        Ending::Unanswered => script.for_path("src/pay.rs", Script::always_invalid()),
        _ => script,
    };
    let model = ModelServer::start(script).unwrap();
    let refuse = |method: &str, path: &str| {
        github.fail_next(Matcher::new(method, path).always(), Fault::status(403));
    };
    if is_refused {
        refuse("POST", "/repos/*/*/pulls/*/reviews");
    }
    if ending == Ending::NotUndone {
        refuse("DELETE", "/repos/*/*/issues/comments/*");
    }
    let data = tempfile::tempdir().unwrap();
    let mut stages = machine::stage_functions(data.path(), &settings(&github, &model), Arc::default())
        .await
        .unwrap();
    let rows = Arc::clone(&stages.rows);
    stages.rows = Arc::new(WatchedRows(Arc::clone(&rows), Arc::clone(told)));
    let functions = Arc::new(WatchedFunctions(stages, Arc::clone(told)));
    let objects = Arc::new(machine::artifact_objects(data.path()));
    let mut options = EngineOptions::new(data.path(), functions, objects).unwrap();
    if ending == Ending::Unanswered {
        options.clock = Arc::new(VirtualClock::new(Timestamp(1_700_000_000_000)));
    }
    let (engine, _) = Engine::open(options).await.unwrap();
    let input = json!(run(&head));
    engine.start(RUN, workflow::definition(), input).await.unwrap();
    follow(&engine, ending, rows.as_ref()).await;
    engine.shutdown().await;
    let mut told = told.lock().unwrap();
    add_artifacts(data.path(), &mut told);
    if ending == Ending::Approved {
        add_history(data.path(), &mut told);
    }
}

async fn follow(engine: &Engine, ending: Ending, rows: &dyn KeepRows) {
    for _ in 0..1_000 {
        let pending = match engine.wait(RUN).await.unwrap() {
            Outcome::Finished { .. } => return,
            Outcome::WaitingForToken { pending, .. } => pending,
        };
        if ending == Ending::Approved {
            approve(rows).await;
            let decision = json!({ "decision": "approved" });
            engine.send_task_success(&pending[0].token, decision).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not end");
}

/// Stores a person's approval of the question.
async fn approve(rows: &dyn KeepRows) {
    let question = approval::find_open(rows, RUN).await.unwrap().approval;
    let by = Person {
        name: "ada".to_owned(),
        known_by: KnownBy::MailCode,
        address: Some("ada@example.org".to_owned()),
    };
    let ballot = Ballot {
        verdict: Verdict::Approved,
        reason: None,
        content: question.content.clone(),
        dropped: Vec::new(),
        edited: BTreeMap::new(),
    };
    let decided = approval::decide(rows, RUN, question.round, &by, &ballot, question.asked_ms);
    decided.await.unwrap();
}

fn settings(github: &FakeGithub, model: &ModelServer) -> Settings {
    let (github, model) = (github.url(), model.url());
    Settings::read(&|name| {
        let value = match name {
            "HOLDFAST_MODEL" => "openai/test-model",
            "HOLDFAST_APPROVERS" => "ada@example.org",
            "HOLDFAST_MODEL_LIGHT" => "openai/light-model",
            "HOLDFAST_MODEL_URL" => &model,
            "OPENAI_API_KEY" => "key",
            "HOLDFAST_GITHUB_URL" => &github,
            "GITHUB_TOKEN" => FakeGithub::INSTALLATION_TOKEN,
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap()
}

fn run(head: &str) -> Run {
    Run {
        version: PAYLOAD_VERSION,
        run: RUN.to_owned(),
        bucket: machine::BUCKET.to_owned(),
        target: Target::PullRequest {
            owner: "octo".to_owned(),
            repository: "demo".to_owned(),
            number: 12,
            head: CommitSha::parse(head).unwrap(),
            repository_id: None,
            pinned: None,
        },
        publish: true,
        max_concurrency: 2,
        model: "openai/test-model".parse().unwrap(),
        model_light: "openai/light-model".parse().unwrap(),
        notes: Vec::new(),
        tokens: holdfast_core::model::token_limits::TokenLimits::default(),
    }
}

/// The last attempts come first: their answers are the valid ones, which stages are called with.
fn add_artifacts(data: &Path, told: &mut Told) {
    let artifacts = data.join("artifacts");
    let mut files = Vec::new();
    collect(&artifacts, &mut files);
    files.sort();
    for file in files.into_iter().rev() {
        let key = file.strip_prefix(&artifacts).unwrap().to_str().unwrap();
        let kind = kind_of(key).unwrap();
        told.add(kind, serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap());
    }
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The run's history and one unit's as the engine stores them, and the definition stored with them.
fn add_history(data: &Path, told: &mut Told) {
    let archive = Archive::open(data).unwrap();
    let row = archive.execution(RUN).unwrap();
    let map_run = &archive.map_runs(row.id).unwrap()[0];
    let unit = &archive.children(map_run.id).unwrap()[0];
    let lines = |id: i64| -> String {
        let events = archive.history(id).unwrap();
        let line = |event| without_tokens(serde_json::to_value(event).unwrap()).to_string() + "\n";
        events.into_iter().map(line).collect()
    };
    told.texts.insert("history/review.jsonl".to_owned(), lines(row.id));
    told.texts.insert("history/unit.jsonl".to_owned(), lines(unit.id));
    let definition = archive.definition(&row.definition_sha256).unwrap();
    told.texts.insert("history/definition.asl.json".to_owned(), definition);
}

/// Tokens are credentials, and random; which one it is says nothing of a shape.
fn without_tokens(mut value: Value) -> Value {
    hide_tokens(&mut value);
    value
}

fn hide_tokens(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "token" && field.is_string() {
                    *field = json!("a-token");
                }
                hide_tokens(field);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_tokens),
        _ => {}
    }
}

struct WatchedFunctions(StageFunctions, Arc<Mutex<Told>>);

#[async_trait]
impl Functions for WatchedFunctions {
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        let input = without_tokens(payload.clone());
        self.1.lock().unwrap().add(format!("input/{function}"), input);
        let output = self.0.invoke(function, payload, invocation).await?;
        self.1.lock().unwrap().add(format!("output/{function}"), output.clone());
        Ok(output)
    }
}

struct WatchedRows(Arc<dyn KeepRows>, Arc<Mutex<Told>>);

#[async_trait]
impl KeepRows for WatchedRows {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError> {
        let group = key.split('/').next().unwrap();
        self.1.lock().unwrap().add(format!("row/{group}"), value.clone());
        self.0.put(key, value, expect).await
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        self.0.delete(key, version).await
    }

    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
        self.0.list(prefix, most).await
    }
}
