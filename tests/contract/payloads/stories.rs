//! Reviews of the current program that together reach every stage, and all documents that they write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_asl::{TaskFailure, Timestamp};
use holdfast_core::approval;
use holdfast_core::model::approval::{Ballot, KnownBy, Person, Verdict};
use holdfast_core::model::change::Target;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::settings::Settings;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{KeepRows, Precondition, Row, RowError, Written};
use holdfast_engine::{Archive, Engine, EngineOptions, FunctionFailure, Functions, Invocation, Outcome, VirtualClock};
use holdfast_ops::executions::EngineExecutions;
use holdfast_ops::functions::StageFunctions;
use holdfast_ops::{machine, workflow};
use holdfast_testkit::{FakeGithub, Fault, Finding, Matcher, ModelServer, PullRequest, Repository, Script};
use serde_json::{Value, json};

use super::shape::kind_of;

const SLUG: &str = "octo/demo";
const RUN: &str = "octo-demo-12-1";
/// The run after a push.
const NEXT_RUN: &str = "octo-demo-12-2";
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

/// The documents and texts of the stories.
#[derive(Default)]
pub struct Documents {
    /// Documents by kind, `artifact/report`, in the order in which golden files are chosen.
    pub documents: BTreeMap<String, Vec<Value>>,
    /// Texts by file name.
    pub texts: BTreeMap<String, String>,
}

impl Documents {
    fn add(&mut self, name: String, document: Value) {
        self.documents.entry(name).or_default().push(document);
    }
}

/// The end of a story.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Approved,
    Unanswered,
    Withdrawn,
    NotUndone,
    /// Published, and published again after a push: one finding is fixed, a person decided against another.
    Pushed,
    /// What is below the gate is published, then the rest is approved. After a push, a published finding has a higher
    /// severity, which a person refuses.
    InParts,
}

/// Plays all stories.
pub async fn play_all() -> Documents {
    let written = Arc::new(Mutex::new(Documents::default()));
    for ending in [
        Ending::Approved,
        Ending::Unanswered,
        Ending::Withdrawn,
        Ending::NotUndone,
        Ending::Pushed,
        Ending::InParts,
    ] {
        play(ending, &written).await;
    }
    Arc::into_inner(written).unwrap().into_inner().unwrap()
}

/// Adds a pull request with most features of a change: a scope and imports, a rule's finding, a skipped and a renamed
/// file.
fn pull_request(github: &FakeGithub, settings: &str) -> (Repository, String, String) {
    let repository = Repository::new().unwrap();
    let shop = |list: &str| {
        format!("import os\n\n\nclass Shop:\n    def total(self, items{list}):\n        return sum(items)\n")
    };
    repository.write(".holdfast.yml", settings).unwrap();
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
    (repository, base, head)
}

async fn play(ending: Ending, written: &Arc<Mutex<Documents>>) {
    let github = FakeGithub::start().unwrap();
    let of_parts = SETTINGS
        .replace(
            "severity: high",
            "severity: high\n  mode: findings\n  on_timeout: publish_ungated",
        )
        .replace("max_findings: 40", "comments:\n  min_severity: low\n  max: 40");
    let settings_text = match ending {
        Ending::InParts => &of_parts,
        _ => SETTINGS,
    };
    let (repository, base, head) = pull_request(&github, settings_text);
    let is_refused = matches!(ending, Ending::Withdrawn | Ending::NotUndone);
    let severity = if is_refused || ending == Ending::Pushed {
        "medium"
    } else {
        "high"
    };
    // In the rule's own category the finding would merge into the rule's, whose severity needs no approval.
    let category = if matches!(ending, Ending::Unanswered | Ending::InParts) {
        "security"
    } else {
        "correctness"
    };
    let finding = Finding::first_added_line()
        .severity(severity)
        .category(category)
        .suggestion("    pass");
    let fixed = [Script::findings(vec![finding.clone()]), Script::findings(Vec::new())];
    let mut attempts = vec![Script::text("Let me think."), Script::findings(vec![finding])];
    if ending == Ending::Unanswered {
        // A virtual clock: waits take no time.
        attempts.insert(0, Script::rate_limited(Some(7)));
    }
    // Counted for each unit, so that the order of the units decides nothing.
    let script = Script::sequence(attempts);
    let script = match ending {
        Ending::Unanswered => script.for_path("src/pay.rs", Script::always_invalid()),
        Ending::InParts => {
            let found = |severity: &str| Script::findings(vec![Finding::first_added_line().severity(severity)]);
            script.for_path("src/pay.rs", Script::sequence(vec![found("medium"), found("critical")]))
        }
        Ending::Pushed => script.for_path("src/pay.rs", Script::sequence(fixed.to_vec())),
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
        refuse("PATCH", "/repos/*/*/issues/comments/*");
        refuse("DELETE", "/repos/*/*/issues/comments/*");
    }
    let data = tempfile::tempdir().unwrap();
    let runs = Arc::new(EngineExecutions::default());
    let mut stages = machine::stage_functions(data.path(), &settings(&github, &model), Arc::clone(&runs))
        .await
        .unwrap();
    let rows = Arc::clone(&stages.rows);
    stages.rows = Arc::new(WatchedRows(Arc::clone(&rows), Arc::clone(written)));
    let functions = Arc::new(WatchedFunctions(stages, Arc::clone(written)));
    let objects = Arc::new(holdfast_ops::artifact_objects::artifact_objects(data.path()));
    let mut options = EngineOptions::new(data.path(), functions, objects).unwrap();
    if ending == Ending::Unanswered {
        options.clock = Arc::new(VirtualClock::new(Timestamp(1_700_000_000_000)));
    }
    let (engine, _) = Engine::open(options).await.unwrap();
    runs.set(&engine);
    let input = json!(run(RUN, &head));
    engine.start(RUN, workflow::definition(), input).await.unwrap();
    follow(&engine, RUN, ending, rows.as_ref()).await;
    if matches!(ending, Ending::Pushed | Ending::InParts) {
        let input = json!(run(NEXT_RUN, &push(&github, &repository, &base)));
        engine.start(NEXT_RUN, workflow::definition(), input).await.unwrap();
        follow(&engine, NEXT_RUN, ending, rows.as_ref()).await;
    }
    engine.shutdown().await;
    let mut written = written.lock().unwrap();
    add_artifacts(data.path(), &mut written);
    if ending == Ending::Approved {
        add_history(data.path(), &mut written);
    }
}

/// Dismisses the findings of one file, and fixes those of the other. Returns the new head.
fn push(github: &FakeGithub, repository: &Repository, base: &str) -> String {
    github.set_permission(SLUG, "ada", "write");
    for comment in github.review_comments(SLUG, 12) {
        if comment["path"] == "src/shop.py" {
            let id = comment["id"].as_u64().unwrap();
            let command = "/holdfast dismiss the list is never changed";
            github.reply(SLUG, 12, id, "ada", command).unwrap();
        }
    }
    repository
        .write(
            "src/pay.rs",
            "pub fn pay(x: u64) -> u64 {\n    x.saturating_mul(2)\n}\n",
        )
        .unwrap();
    let head = repository.commit("Saturate").unwrap();
    github
        .push(PullRequest::from_git(repository.path(), base, &head, SLUG, 12).unwrap())
        .unwrap();
    head
}

async fn follow(engine: &Engine, run: &str, ending: Ending, rows: &dyn KeepRows) {
    for _ in 0..1_000 {
        let pending = match engine.wait(run).await.unwrap() {
            Outcome::Finished { .. } => return,
            Outcome::WaitingForToken { pending, .. } => pending,
        };
        if ending == Ending::InParts && run == NEXT_RUN {
            decide(rows, run, Verdict::Rejected).await;
            let failure = TaskFailure {
                error: "ApprovalRejected".to_owned(),
                cause: Some("not so severe".to_owned()),
            };
            engine.send_task_failure(&pending[0].token, failure).await.unwrap();
        } else if matches!(ending, Ending::Approved | Ending::InParts) {
            decide(rows, run, Verdict::Approved).await;
            let decision = json!({ "decision": "approved" });
            engine.send_task_success(&pending[0].token, decision).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not end");
}

/// Stores a person's decision about the question.
async fn decide(rows: &dyn KeepRows, run: &str, verdict: Verdict) {
    let run = run.parse().unwrap();
    let question = approval::find_open(rows, &run).await.unwrap().approval;
    let by = Person {
        name: "ada".to_owned(),
        known_by: KnownBy::MailCode,
        address: Some("ada@example.org".to_owned()),
    };
    let ballot = Ballot {
        reason: (verdict == Verdict::Rejected).then(|| "not so severe".to_owned()),
        verdict,
        content: question.content.clone(),
        dropped: Vec::new(),
        edited: BTreeMap::new(),
    };
    let decided = approval::decide(rows, &run, question.round, &by, &ballot, question.asked_ms);
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

fn run(name: &str, head: &str) -> Run {
    Run {
        version: PAYLOAD_VERSION,
        run: name.parse().unwrap(),
        bucket: machine::BUCKET.to_owned(),
        target: Target::PullRequest {
            repository: RepositoryName::new("octo", "demo").unwrap(),
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
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    }
}

/// Adds a run's artifacts. The last attempts come first: their answers are the valid ones, and stages are called with
/// those.
fn add_artifacts(data: &Path, written: &mut Documents) {
    let artifacts = data.join("artifacts");
    let mut files = Vec::new();
    collect(&artifacts, &mut files);
    files.sort();
    for file in files.into_iter().rev() {
        let key = file.strip_prefix(&artifacts).unwrap().to_str().unwrap();
        let kind = kind_of(key).unwrap();
        written.add(kind, serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap());
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

/// Adds the run's history and one unit's as the engine stores them, and the definition that is stored with them.
fn add_history(data: &Path, written: &mut Documents) {
    let archive = Archive::open(data).unwrap();
    let row = archive.execution(RUN).unwrap();
    let map_run = &archive.map_runs(row.id).unwrap()[0];
    let unit = &archive.children(map_run.id).unwrap()[0];
    let lines = |id: i64| -> String {
        let events = archive.history(id).unwrap();
        let line = |event| without_tokens(serde_json::to_value(event).unwrap()).to_string() + "\n";
        events.into_iter().map(line).collect()
    };
    written.texts.insert("history/review.jsonl".to_owned(), lines(row.id));
    written.texts.insert("history/unit.jsonl".to_owned(), lines(unit.id));
    let definition = archive.definition(&row.definition_sha256).unwrap();
    written
        .texts
        .insert("history/definition.asl.json".to_owned(), definition);
}

/// Replaces task tokens: they are random credentials, and a shape doesn't depend on them.
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

struct WatchedFunctions(StageFunctions, Arc<Mutex<Documents>>);

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

struct WatchedRows(Arc<dyn KeepRows>, Arc<Mutex<Documents>>);

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
