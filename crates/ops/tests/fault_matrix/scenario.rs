//! One cell from its start to its end: a pull request of two files, the workflow, the fault, restarts, decisions.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use holdfast_asl::{Status, TaskFailure};
use holdfast_core::approval::{self, Refusal};
use holdfast_core::model::approval::{Ballot, KnownBy, Person, Verdict};
use holdfast_core::model::change::Target;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::settings::Settings;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::Pace;
use holdfast_core::stage::state;
use holdfast_engine::{Engine, EngineOptions, Outcome};
use holdfast_ops::executions::EngineExecutions;
use holdfast_ops::failure::Failure;
use holdfast_ops::functions::StageFunctions;
use holdfast_ops::{machine, workflow};
use holdfast_stores::sqlite::SqliteKeepRows;
use holdfast_testkit::{FakeGithub, Finding, ModelServer, PullRequest, Repository, Script};
use serde_json::json;
use tokio::sync::Notify;

use crate::cell::{Cell, Point, Story};
use crate::clock::MatrixClock;
use crate::faulty::{Faulty, Trouble};
use crate::invariant;

pub const SLUG: &str = "octo/demo";
pub const RUN: &str = "octo-demo-12-1";
/// Longer than the two days that an approval question waits.
const A_QUESTIONS_END_MS: i64 = 172_900_000;
/// Maximum number of steps (starts of the process, decisions and so on): a run that needs more hangs.
const MAX_STEPS: usize = 12;

/// The parts of one cell that outlive a process.
pub struct Stage {
    pub github: Arc<FakeGithub>,
    pub model: ModelServer,
    pub data: tempfile::TempDir,
    pub head: String,
    _repository: Repository,
}

/// Runs a cell; the error names the broken invariant.
pub async fn play(cell: &Cell, without_undo: bool) -> Result<(), String> {
    let stage = set(cell);
    let (clock, struck) = (Arc::new(MatrixClock::new()), Arc::new(AtomicUsize::new(0)));
    let (kill, too_late) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let settings = settings(&stage, cell);
    let trouble = Arc::new(Trouble::default());
    let mut ended = None;
    for _ in 0..MAX_STEPS {
        let runs = Arc::new(EngineExecutions::default());
        let faulty = Faulty {
            stages: Arc::new(
                stages(stage.data.path(), &settings, &runs, &clock)
                    .await
                    .map_err(|f| f.message)?,
            ),
            cell: cell.clone(),
            github: Arc::clone(&stage.github),
            clock: Arc::clone(&clock),
            struck: Arc::clone(&struck),
            kill: Arc::clone(&kill),
            too_late: Arc::clone(&too_late),
            without_undo,
            trouble: Arc::clone(&trouble),
        };
        let engine = open(stage.data.path(), faulty).await?;
        runs.set(&engine);
        let input = json!(run_of(&stage));
        engine
            .start(RUN, workflow::definition(), input)
            .await
            .map_err(|error| error.to_string())?;
        let status = tokio::select! {
            status = follow(&engine, &clock, cell.story, stage.data.path()) => status?,
            () = kill.notified() => {
                // Dropping an engine ends it like a crash.
                drop(engine);
                stage.github.clear_faults();
                continue;
            }
            () = tokio::time::sleep(Duration::from_secs(60)) => return Err("it hangs".to_owned()),
        };
        ended = Some((status, engine));
        break;
    }
    let Some((status, engine)) = ended else {
        return Err(format!("no end after {MAX_STEPS} starts"));
    };
    if cell.point == Point::LateEffect {
        too_late.notify_one();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let late = tokio::time::timeout(Duration::from_secs(10), too_late.notified()).await;
        late.map_err(|_| "the late effect did not come".to_owned())?;
    }
    engine.shutdown().await;
    let struck = struck.load(std::sync::atomic::Ordering::SeqCst);
    if struck == 0 {
        return Err("the state was never reached".to_owned());
    }
    let early = trouble.early.load(std::sync::atomic::Ordering::SeqCst);
    if early > 0 {
        return Err(format!("{early} requests before the time that GitHub named"));
    }
    invariant::check(&stage, cell, &status).await
}

/// Returns the stages, whose model calls and writes have the matrix's time.
async fn stages(
    data: &Path,
    settings: &Settings,
    runs: &Arc<EngineExecutions>,
    clock: &Arc<MatrixClock>,
) -> Result<StageFunctions, Failure> {
    let pace = Arc::clone(clock) as Arc<dyn Pace>;
    machine::paced_stage_functions(data, settings, Arc::clone(runs), pace).await
}

fn set(cell: &Cell) -> Stage {
    let change = Repository::many_files(2).unwrap();
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::from_git(change.repository.path(), &change.base, &change.head, SLUG, 12).unwrap());
    let found = |severity: &str| Script::findings(vec![Finding::first_added_line().severity(severity)]);
    let findings = || match cell.story.is_grave() {
        true => found("medium").for_path("src/file_0000.rs", found("high")),
        false => found("medium"),
    };
    let answers = match cell.story {
        Story::Healing => Script::sequence(vec![Script::text("Let me think."), findings()]),
        _ => findings(),
    };
    let of_summary = cell.state == state::SUMMARIZE_REVIEW;
    let troubled = |trouble: Script, always: bool| match (of_summary, always) {
        // The summary's prompt shows no file.
        (true, _) => findings_or(trouble, findings()),
        (false, true) => trouble,
        (false, false) => Script::global_sequence(vec![trouble, findings()]),
    };
    let script = match cell.point {
        Point::Model { status, always } => troubled(refusal(status), always),
        Point::ModelMalformed => troubled(Script::malformed_body(), false),
        _ => answers,
    };
    Stage {
        github: Arc::new(github),
        model: ModelServer::start(script).unwrap(),
        data: tempfile::tempdir().unwrap(),
        head: change.head,
        _repository: change.repository,
    }
}

fn refusal(status: u16) -> Script {
    match status {
        401 => Script::wrong_key(),
        429 => Script::rate_limited(Some(1)),
        status => Script::status(status),
    }
}

/// Returns `trouble` for prompts that show no file, `findings` for all others.
fn findings_or(trouble: Script, findings: Script) -> Script {
    findings.for_path("", trouble)
}

fn settings(stage: &Stage, cell: &Cell) -> Settings {
    let (github, model) = (stage.github.url(), stage.model.url());
    Settings::read(&|name| {
        let value = match name {
            "HOLDFAST_MODEL" => "openai/test-model",
            "HOLDFAST_MODEL_URL" => &model,
            "HOLDFAST_MODEL_PATIENCE" | "HOLDFAST_MODEL_LIMIT_PATIENCE" => "10m",
            "OPENAI_API_KEY" => "key",
            "HOLDFAST_GITHUB_URL" => &github,
            "GITHUB_TOKEN" => FakeGithub::INSTALLATION_TOKEN,
            "HOLDFAST_GITHUB_WRITES_PER_MINUTE" => "6000",
            "HOLDFAST_GITHUB_PATIENCE" if !cell.point.ends_by_time() => "10m",
            "HOLDFAST_APPROVERS" if cell.story.waits_as_a_whole() => "ada=ada@example.org",
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap()
}

async fn open(data: &Path, faulty: Faulty) -> Result<Engine, String> {
    let clock = Arc::clone(&faulty.clock);
    let mut options = EngineOptions::new(
        data,
        Arc::new(faulty),
        Arc::new(holdfast_ops::artifact_objects::artifact_objects(data)),
    )
    .map_err(|error| error.to_string())?;
    options.clock = clock;
    let (engine, _recovered) = Engine::open(options).await.map_err(|error| error.to_string())?;
    Ok(engine)
}

/// Follows the run to its end, with the story's decisions.
async fn follow(engine: &Engine, clock: &MatrixClock, story: Story, data: &Path) -> Result<Status, String> {
    for _ in 0..MAX_STEPS {
        let pending = match engine.wait(RUN).await.map_err(|error| error.to_string())? {
            Outcome::Finished { status } => return Ok(status),
            Outcome::WaitingForToken { pending, .. } => pending,
        };
        let token = &pending[0].token;
        // A token that has timed out meanwhile takes no answer.
        let _decided = match story {
            Story::Unanswered => {
                clock.advance_ms(A_QUESTIONS_END_MS);
                Ok(())
            }
            Story::Rejected | Story::WholeRejected => {
                let failure = TaskFailure {
                    error: "ApprovalRejected".to_owned(),
                    cause: Some("not now".to_owned()),
                };
                engine.send_task_failure(token, failure).await
            }
            _ if approve(data).await => engine.send_task_success(token, json!({ "decision": "approved" })).await,
            // The question isn't stored yet.
            _ => Ok(()),
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err("it asks for a person again and again".to_owned())
}

/// Stores a person's approval of the newest question, once; returns whether it's stored.
async fn approve(data: &Path) -> bool {
    let rows = SqliteKeepRows::open(data).await.unwrap();
    let question = match approval::find_open(&rows, &RUN.parse().unwrap()).await {
        Ok(question) => question,
        Err(refusal) => return matches!(refusal, Refusal::Decided(_)),
    };
    let by = Person {
        name: "ada".to_owned(),
        known_by: KnownBy::Github,
        address: None,
    };
    let ballot = Ballot {
        verdict: Verdict::Approved,
        reason: None,
        content: question.approval.content.clone(),
        dropped: Vec::new(),
        edited: BTreeMap::new(),
    };
    let (round, now_ms) = (question.approval.round, question.approval.asked_ms);
    approval::decide(&rows, &RUN.parse().unwrap(), round, &by, &ballot, now_ms)
        .await
        .is_ok()
}

fn run_of(stage: &Stage) -> Run {
    Run {
        version: PAYLOAD_VERSION,
        run: RUN.parse().unwrap(),
        bucket: machine::BUCKET.to_owned(),
        target: Target::PullRequest {
            repository: RepositoryName::new("octo", "demo").unwrap(),
            number: 12,
            head: CommitSha::parse(&stage.head).unwrap(),
            repository_id: None,
            pinned: None,
        },
        publish: true,
        max_concurrency: 2,
        model: "openai/test-model".parse().unwrap(),
        model_light: "openai/test-model".parse().unwrap(),
        notes: Vec::new(),
        tokens: holdfast_core::model::token_limits::TokenLimits::default(),
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    }
}
