//! The functions as Lambda runs them: real programs on the runtime interface, with the workflow in our engine, and
//! objects and tables in a fake cloud on loopback. They give the same results as `holdfast` in one process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use holdfast_core::model::change::Target;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::stage::STAGES;
use holdfast_core::stage::state;
use holdfast_engine::{Engine, EngineOptions, FunctionFailure, Functions, Invocation, ObjectFailure, Objects, Outcome};
use holdfast_ops::workflow;
use holdfast_testkit::{FakeCloud, FakeGithub, ModelServer, PullRequest, Repository, RunningFunction, Script};
use holdfast_tests::programs;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::http;

const BUCKET: &str = "holdfast-artifacts";
const TOPIC: &str = "arn:aws:sns:eu-central-1:000000000000:holdfast";
pub const SLUG: &str = "octo/demo";

/// The folder of the functions' programs, which are built at the first use.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(programs);

/// A deployment's parts.
pub struct Deployment {
    pub cloud: FakeCloud,
    pub github: FakeGithub,
    model: ModelServer,
}

impl Deployment {
    pub fn new(script: Script) -> Self {
        Self {
            cloud: FakeCloud::start().unwrap(),
            github: FakeGithub::start().unwrap(),
            model: ModelServer::start(script).unwrap(),
        }
    }

    /// Lets the model answer by another script.
    pub fn set_script(&self, script: Script) {
        self.model.set_script(script);
    }

    /// Starts a function for one event.
    pub fn invoke(&self, function: &str, event: &Value) -> Result<Value, FunctionFailure> {
        let answer = self.start(function, &[]).invoke(event).unwrap();
        answer.map_err(|reported| FunctionFailure {
            error_type: reported.error_type,
            message: reported.message,
        })
    }

    /// Starts a function with the settings of its kind: a function that calls the model has no token for GitHub, and
    /// one that writes to GitHub has no key of the model. `settings` take precedence.
    pub fn start(&self, function: &str, settings: &[(&'static str, &'static str)]) -> RunningFunction {
        let (github, model) = (self.github.url(), self.model.url());
        let asks = [
            ("HOLDFAST_MODEL", "openai/test-model"),
            ("HOLDFAST_MODEL_URL", model.as_str()),
            ("OPENAI_API_KEY", "key"),
            ("HOLDFAST_TABLE", "holdfast"),
            ("HOLDFAST_TOPIC_ARN", TOPIC),
            ("HOLDFAST_APPROVERS", "ada=maintainer@example.org"),
        ];
        let reaches = [
            ("HOLDFAST_GITHUB_URL", github.as_str()),
            ("GITHUB_TOKEN", FakeGithub::INSTALLATION_TOKEN),
            ("HOLDFAST_MARKER_KEY", "0123456789abcdef"),
            ("HOLDFAST_TABLE", "holdfast"),
            ("HOLDFAST_WEBHOOK_SECRET", FakeGithub::WEBHOOK_SECRET),
            ("HOLDFAST_SEAL_KEY", "0123456789abcdef0123456789abcdef"),
            ("HOLDFAST_PUBLIC_URL", "https://holdfast.example.org/"),
            ("HOLDFAST_STATE_MACHINE_ALIAS", "live"),
            (
                "HOLDFAST_STATE_MACHINE_ARN",
                "arn:aws:states:eu-central-1:000000000000:stateMachine:holdfast",
            ),
        ];
        let people = [
            ("HOLDFAST_TABLE", "holdfast"),
            ("HOLDFAST_APPROVERS", "ada=maintainer@example.org"),
            ("HOLDFAST_PUBLIC_URL", "https://holdfast.example.org/"),
            ("HOLDFAST_TOPIC_ARN", TOPIC),
        ];
        let mut environment = vec![
            ("HOLDFAST_BUCKET", BUCKET),
            ("HOLDFAST_METRICS_NAMESPACE", "Holdfast/test"),
        ];
        let stage = STAGES.iter().find(|stage| stage.function == function);
        let reached = |port: &str| stage.is_some_and(|stage| stage.reaches(port));
        match function {
            "try-models" => environment.extend(asks),
            _ if reached("model") => environment.extend(asks),
            // It names a model for other functions, and has no key for it.
            "receive-webhook" => {
                environment.extend(reaches);
                environment.push(("HOLDFAST_MODEL", "anthropic/test-model"));
            }
            _ if reached("notify") => {
                environment.extend(people);
                environment.extend(reaches.into_iter().filter(|_| reached("publish")));
            }
            // It reads people's permissions with their own tokens.
            "approval-page" => {
                let is_needed = |(name, _): &(&str, &str)| !["GITHUB_TOKEN", "HOLDFAST_MARKER_KEY"].contains(name);
                environment.extend(reaches.into_iter().filter(is_needed));
                environment.push(("HOLDFAST_GITHUB_APP_CLIENT_ID", FakeGithub::CLIENT_ID));
                environment.push(("HOLDFAST_GITHUB_APP_CLIENT_SECRET", FakeGithub::CLIENT_SECRET));
            }
            _ => environment.extend(reaches),
        }
        environment.extend(settings);
        self.cloud
            .start_function(&PROGRAMS.join(function), &environment)
            .unwrap()
    }
}

impl Deployment {
    /// Returns the lines with metrics that functions printed.
    fn figures(&self) -> Vec<Value> {
        let printed = self.cloud.printed();
        let lines = printed
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line.get("_aws").is_some()).collect()
    }
}

/// The deployment behind the engine's ports.
struct Deployed(Arc<Deployment>);

#[async_trait]
impl Functions for Deployed {
    async fn invoke(&self, function: &str, payload: Value, _invocation: Invocation) -> Result<Value, FunctionFailure> {
        let (deployment, function) = (Arc::clone(&self.0), function.to_owned());
        tokio::task::spawn_blocking(move || deployment.invoke(&function, &payload))
            .await
            .unwrap()
    }
}

#[async_trait]
impl Objects for Deployed {
    async fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
        self.0.cloud.object(bucket, key).ok_or_else(|| ObjectFailure {
            message: format!("no object {key} in {bucket}"),
        })
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), ObjectFailure> {
        self.0.cloud.put_object(bucket, key, bytes);
        Ok(())
    }
}

/// Adds a pull request of three files to the deployment's GitHub. Returns its head.
pub fn pull_request(deployment: &Deployment) -> (Repository, CommitSha) {
    let change = Repository::many_files(3).unwrap();
    let path: &Path = change.repository.path();
    deployment
        .github
        .add(PullRequest::from_git(path, &change.base, &change.head, SLUG, 12).unwrap());
    let head = CommitSha::parse(&change.head).unwrap();
    (change.repository, head)
}

fn run(head: CommitSha) -> Run {
    Run {
        version: PAYLOAD_VERSION,
        run: "octo-demo-12-1".parse().unwrap(),
        bucket: BUCKET.to_owned(),
        target: Target::PullRequest {
            repository: RepositoryName::new("octo", "demo").unwrap(),
            number: 12,
            head,
            repository_id: None,
            pinned: None,
        },
        publish: true,
        max_concurrency: 3,
        model: "openai/test-model".parse().unwrap(),
        model_light: "openai/test-model".parse().unwrap(),
        notes: Vec::new(),
        tokens: holdfast_core::model::token_limits::TokenLimits::default(),
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_goes_from_function_to_function_and_waits_for_a_person() {
    let deployment = Arc::new(Deployment::new(Script::finding_each_file()));
    let (_repository, head) = pull_request(&deployment);
    let data = tempfile::tempdir().unwrap();
    let functions = Arc::new(Deployed(Arc::clone(&deployment)));
    let options = EngineOptions::new(data.path(), Arc::clone(&functions) as _, functions).unwrap();
    let (engine, _) = Engine::open(options).await.unwrap();
    let run = run(head);
    engine
        .start(run.run.as_str(), workflow::definition(), json!(run))
        .await
        .unwrap();

    let Outcome::WaitingForToken { state, pending } = engine.wait(run.run.as_str()).await.unwrap() else {
        panic!("a critical finding needs an approval");
    };
    assert_eq!(state, state::REQUEST_APPROVAL);
    assert_eq!(
        deployment.github.reviews(SLUG, 12),
        Vec::<Value>::new(),
        "nothing is public yet"
    );
    let items = deployment.cloud.items();
    let groups: Vec<&str> = items
        .iter()
        .map(|item| item["Item"]["pk"]["S"].as_str().unwrap())
        .collect();
    assert_eq!(
        groups,
        ["claim", "run", "turn", "provider", "question", "link"],
        "the claim, the turns of writes to GitHub, the state of the model's provider, and the question"
    );
    let question = &items[4]["Item"];
    assert_eq!(question["sk"]["S"], format!("{}#01", run.run));
    let kept: Value = serde_json::from_str(question["value"]["S"].as_str().unwrap()).unwrap();
    assert_eq!(kept["token"], pending[0].token, "the token is in the table");
    assert_eq!(kept["approval"]["run"], run.run.as_str());
    let mails = deployment.cloud.mails();
    assert_eq!(mails.len(), 1);
    let (mail, link) = (mails[0].to_string(), &items[5]["Item"]);
    assert!(!mail.contains(&pending[0].token), "and in no mail");
    assert_eq!(
        mails[0]["Destination"]["ToAddresses"],
        json!(["maintainer@example.org"])
    );
    let id = mail.split("/approvals/").nth(1).unwrap().get(..64).unwrap();
    assert!(
        link["sk"]["S"] == hex::encode(Sha256::digest(id)) && !link.to_string().contains(id),
        "the table has the link's hash alone"
    );

    let code = mail.split("to be typed there: ").nth(1).unwrap().get(..11).unwrap();
    let (page, code) = (format!("/approvals/{id}"), code.to_owned());
    let decided = Arc::clone(&deployment);
    tokio::task::spawn_blocking(move || http::decide(&decided, &page, &code))
        .await
        .unwrap();
    let told = deployment.cloud.executions("SendTaskSuccess");
    assert_eq!(told.len(), 1, "a decision is delivered once");
    assert_eq!(told[0]["taskToken"], pending[0].token);
    let decision: Value = serde_json::from_str(told[0]["output"].as_str().unwrap()).unwrap();
    engine.send_task_success(&pending[0].token, decision).await.unwrap();
    let outcome = engine.wait(run.run.as_str()).await.unwrap();
    assert!(matches!(&outcome, Outcome::Finished { .. }), "{outcome:?}");
    let reviews = deployment.github.reviews(SLUG, 12);
    assert_eq!(reviews.len(), 1);
    assert_eq!(reviews[0]["state"], "COMMENTED");
    assert_eq!(deployment.github.review_comments(SLUG, 12).len(), 3);
    let checks = deployment.github.check_runs(SLUG);
    assert_eq!((checks.len(), &checks[0]["status"]), (1, &json!("completed")));
    engine.shutdown().await;

    let (first_answers, figures): (Vec<Value>, Vec<Value>) =
        (deployment.figures().into_iter()).partition(|line| !line["FirstAnswersValid"].is_null());
    let valid = first_answers.iter().filter(|line| line["FirstAnswersValid"] == 1);
    assert_eq!((first_answers.len(), valid.count()), (3, 3), "{first_answers:?}");
    assert_eq!(figures.len(), 1, "{figures:?}");
    assert_eq!(
        (&figures[0]["FilesReviewed"], &figures[0]["FilesUnreviewed"]),
        (&json!(3), &json!(0))
    );
    assert!(figures[0]["ModelCalls"].as_u64() >= Some(2) && figures[0]["InputTokens"].as_u64() > Some(0));
    assert_eq!(figures[0]["Provider"], "openai");
    let swept = tokio::task::spawn_blocking(move || http::sweep_late(&deployment))
        .await
        .unwrap();
    assert_eq!(swept, json!([run.run]));
}

#[test]
fn a_failure_has_the_name_that_the_workflow_matches() {
    let deployment = Deployment::new(Script::valid());
    for stage in STAGES {
        let failure = deployment.invoke(stage.function, &json!({ "wrong": 1 })).unwrap_err();
        assert_eq!(
            failure.error_type, "PayloadInvalid",
            "{}: {}",
            stage.function, failure.message
        );
        assert!(
            failure.message.contains("missing field"),
            "{}: {}",
            stage.function,
            failure.message
        );
    }
    let counted = deployment.figures();
    let of = |name: &str| {
        counted
            .iter()
            .map(|line| line[name].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("Stage"), STAGES.iter().map(|stage| stage.state).collect::<Vec<_>>());
    assert!(of("Error").iter().all(|error| error == "PayloadInvalid"));
    let missing = deployment
        .invoke("plan-review", &json!({ "run": "nobody" }))
        .unwrap_err();
    assert_eq!(missing.error_type, "ArtifactMissing", "{}", missing.message);
}

#[test]
fn a_function_without_its_settings_names_them_and_ends() {
    let cloud = FakeCloud::start().unwrap();
    let program = PROGRAMS.join("request-approval");
    let printed = cloud
        .invoke(
            &program,
            &[("HOLDFAST_MODEL", "gpt"), ("HOLDFAST_APROVERS", "ada=a@example.org")],
            &json!({}),
        )
        .unwrap_err()
        .to_string();
    for name in [
        "HOLDFAST_BUCKET",
        "HOLDFAST_TABLE",
        "HOLDFAST_TOPIC_ARN",
        "HOLDFAST_MODEL",
        "did you mean HOLDFAST_APPROVERS?",
    ] {
        assert!(printed.contains(name), "{name}: {printed}");
    }
}
