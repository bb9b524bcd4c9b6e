//! Calls the stages one after the other, like the workflow, on ports in memory: the artifacts of each stage for the
//! next, and repeated calls of a state.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

#[path = "stages/answers.rs"]
mod answers;
#[path = "stages/artifacts.rs"]
mod artifacts;
#[path = "stages/code_scanning.rs"]
mod code_scanning;
#[path = "stages/deadlines.rs"]
mod deadlines;
#[path = "stages/kept_results.rs"]
mod kept_results;
#[path = "stages/ledger.rs"]
mod ledger;
#[path = "stages/parts.rs"]
mod parts;
#[path = "stages/publication.rs"]
mod publication;
#[path = "stages/silencing.rs"]
mod silencing;
#[path = "stages/who_decides.rs"]
mod who_decides;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use holdfast_core::claim;
use holdfast_core::identity::settings_digest;
use holdfast_core::model::change::{Change, ChangedFile, FileKind, FileStatus, Pinned, Target};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::plan::Tier;
use holdfast_core::model::report::{GateDecision, Outcome, Report, RunStatus};
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{GateMode, Prompt, RecordedAnswer, Run, Stop};
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::model::{key, report::Coverage};
use holdfast_core::port::{
    AskModel, CheckConclusion, Deadline, ExecutionError, FailedRun, ListFailedRuns, ModelError, ModelRequest,
    Permission, ReadError, ReadPermission, StopRun, Waiting,
};
use holdfast_core::retry::RetrySettings;
use holdfast_core::stage::publish_review::Part;
use holdfast_core::stage::request_approval::ApprovalSettings;
use holdfast_core::stage::{
    StageError, aggregate_findings, correct_findings, discard_review, gather_context, open_review, plan_review,
    publish_review, read_artifact, reconcile_findings, report_failure, review_unit, summarize_review,
    validate_findings, withdraw_announcement,
};
use holdfast_core::sweep::clean_all;
use holdfast_testkit::port::{
    FixedChange, FixedThreads, MemoryArtifacts, MemoryRows, NoSyntax, PullRequestPage, run_name,
};
use serde_json::{Value, json};

const VALID: &str = r#"{"summary":"Adds a line.","findings":[]}"#;

#[derive(Default)]
struct ScriptedModel {
    answers: Mutex<VecDeque<Result<&'static str, ModelError>>>,
    asked: Mutex<Vec<(String, Prompt)>>,
    limits: Mutex<Vec<u32>>,
}

#[async_trait]
impl AskModel for ScriptedModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        self.asked
            .lock()
            .unwrap()
            .push((request.model.to_string(), request.prompt.clone()));
        self.limits.lock().unwrap().push(request.max_output_tokens);
        let text = self
            .answers
            .lock()
            .unwrap()
            .pop_front()
            .expect("an answer is scripted")?
            .to_owned();
        Ok(RecordedAnswer {
            text,
            stop: Stop::Complete,
            model: request.model.to_string(),
            input_tokens: 10,
            output_tokens: 2,
            cost_nano_usd: Some(3_000),
            cached: false,
            fallback: None,
            observed: None,
        })
    }
}

/// The executions: those that were stopped, and the failed ones.
#[derive(Default)]
struct Runs {
    stopped: Mutex<Vec<String>>,
    failed: Vec<FailedRun>,
}

#[async_trait]
impl StopRun for Runs {
    async fn stop_run(&self, run: &RunName, error: ErrorName, _cause: &str) -> Result<(), ExecutionError> {
        self.stopped.lock().unwrap().push(format!("{run} {error}"));
        Ok(())
    }
}

#[async_trait]
impl ListFailedRuns for Runs {
    async fn failed_runs(&self, most: usize) -> Result<Vec<FailedRun>, ExecutionError> {
        Ok(self.failed.iter().take(most).cloned().collect())
    }
}

/// People's permissions: those who may write.
#[derive(Default)]
struct People(Vec<&'static str>);

#[async_trait]
impl ReadPermission for People {
    async fn permission(&self, _repository: &RepositoryName, login: &str) -> Result<Permission, ReadError> {
        Ok(if self.0.contains(&login) {
            Permission::Write
        } else {
            Permission::Read
        })
    }

    async fn is_member(&self, _team: &TeamName, _login: &str) -> Result<bool, ReadError> {
        Ok(false)
    }
}

struct World {
    store: MemoryArtifacts,
    read: FixedChange,
    model: ScriptedModel,
    page: PullRequestPage,
    threads: FixedThreads,
    people: People,
    rows: MemoryRows,
    runs: Runs,
    run: Run,
}

fn file(path: &str, patch: Option<&str>) -> ChangedFile {
    ChangedFile {
        path: path.to_owned(),
        previous_path: None,
        status: FileStatus::Modified,
        kind: FileKind::Text,
        additions: 1,
        deletions: 0,
        patch: patch.map(str::to_owned),
        omitted: patch.is_none().then(|| "too large".to_owned()),
        secrets: Vec::new(),
    }
}

fn world(files: Vec<ChangedFile>, model: &str, light: &str, answers: Vec<Result<&'static str, ModelError>>) -> World {
    let head = CommitSha::parse(&"b".repeat(40)).unwrap();
    let files_total = files.len() as u64;
    World {
        store: MemoryArtifacts::default(),
        read: FixedChange {
            change: Some(Change {
                base: CommitSha::parse(&"a".repeat(40)).unwrap(),
                base_tip: None,
                is_branch_here: false,
                head: head.clone(),
                title: "A change".to_owned(),
                description: String::new(),
                author: None,
                url: None,
                files,
                files_total,
                notes: Vec::new(),
            }),
            merge_base: Some(CommitSha::parse(&"a".repeat(40)).unwrap()),
            ..FixedChange::default()
        },
        model: ScriptedModel {
            answers: Mutex::new(answers.into()),
            asked: Mutex::default(),
            limits: Mutex::default(),
        },
        page: PullRequestPage::default(),
        threads: FixedThreads::default(),
        people: People::default(),
        rows: MemoryRows::default(),
        runs: Runs::default(),
        run: Run {
            version: holdfast_core::model::run::PAYLOAD_VERSION,
            run: run_name("r"),
            bucket: "artifacts".to_owned(),
            target: Target::PullRequest {
                repository: RepositoryName::new("o", "r").unwrap(),
                number: 1,
                head,
                repository_id: None,
                pinned: None,
            },
            publish: true,
            max_concurrency: 2,
            model: model.parse().unwrap(),
            model_light: light.parse().unwrap(),
            notes: Vec::new(),
            tokens: holdfast_core::model::token_limits::TokenLimits::default(),
            gate: GateMode::default(),
            urgent: false,
            evidence: None,
        },
    }
}

impl World {
    /// Returns the change that the source has, to edit it.
    fn change(&mut self) -> &mut Change {
        self.read.change.as_mut().unwrap()
    }

    /// Sets the base's `.holdfast.yml`.
    fn set_policy(&mut self, text: &str) {
        self.read.files.insert(".holdfast.yml".to_owned(), text.into());
    }

    /// Makes the source count `files` more changed files than it lists.
    fn unlist(&mut self, files: u64) {
        self.change().files_total += files;
    }

    fn prepare(&self) -> u64 {
        block_on(async {
            open_review::open_review(
                &open_review::Input { run: self.run.clone() },
                &self.read,
                &self.page,
                &self.rows,
                &self.runs,
                &self.store,
            )
            .await
            .unwrap();
            let plan = plan_review::plan_review(
                &plan_review::Input {
                    run: self.run.run.clone(),
                },
                &self.read,
                &self.people,
                &self.store,
            )
            .await
            .unwrap();
            gather_context::gather_context(
                &gather_context::Input {
                    run: self.run.run.clone(),
                },
                &self.read,
                &NoSyntax,
                &self.store,
                &Duration::MAX,
            )
            .await
            .unwrap();
            plan.units
        })
    }

    /// Runs the states of a unit's child execution in the workflow's order; returns its output.
    fn walk_unit(&self, unit: &str, first: Tier) -> Value {
        block_on(async {
            let (mut attempt, mut tier) = (1, first);
            loop {
                let (run, unit) = (self.run.run.clone(), unit.to_owned());
                let input = review_unit::Input {
                    run: run.clone(),
                    unit: unit.clone(),
                    attempt,
                    tier,
                    waiting: Waiting::default(),
                };
                assert_eq!(
                    review_unit::review_unit(&input, &self.model, &self.store)
                        .await
                        .unwrap(),
                    review_unit::Output::Answered
                );
                let input = validate_findings::Input {
                    run: run.clone(),
                    unit: unit.clone(),
                    attempt,
                    tier,
                };
                match validate_findings::validate_findings(&input, &self.store).await.unwrap() {
                    validate_findings::Output::Accept {
                        accepted_attempt,
                        dropped,
                    } => {
                        break json!({ "status": "reviewed", "unit": unit, "attempts": attempt, "accepted_attempt": accepted_attempt, "dropped": dropped });
                    }
                    validate_findings::Output::GiveUp { reason } => {
                        break json!({ "status": "unreviewed", "unit": unit, "attempts": attempt, "reason": reason, "failure": "AnswersInvalid" });
                    }
                    validate_findings::Output::Correct => {
                        let input = correct_findings::Input {
                            run,
                            unit,
                            attempt,
                            tier,
                        };
                        let next = correct_findings::correct_findings(&input, &self.store).await.unwrap();
                        (attempt, tier) = (next.attempt, next.tier);
                    }
                }
            }
        })
    }

    fn finish(&self, results: Value) -> (summarize_review::Output, Report) {
        self.finish_before(results, &Duration::MAX)
    }

    fn finish_before(&self, results: Value, deadline: &dyn Deadline) -> (summarize_review::Output, Report) {
        block_on(async {
            aggregate_findings::aggregate_findings(
                &aggregate_findings::Input {
                    run: self.run.run.clone(),
                    results,
                },
                &self.store,
                deadline,
            )
            .await
            .unwrap();
            // As the workflow: again without threads, if they can't be read.
            for without_threads in [false, true] {
                let input = reconcile_findings::Input {
                    run: self.run.run.clone(),
                    without_threads: Some(without_threads),
                };
                let reconciled = reconcile_findings::reconcile_findings(
                    &input,
                    &self.read,
                    &self.threads,
                    &self.people,
                    &self.rows,
                    &self.store,
                    deadline,
                );
                match reconciled.await {
                    Err(error) if error.name == ErrorName::GithubThreadsUnavailable => {}
                    reconciled => {
                        reconciled.unwrap();
                        break;
                    }
                }
            }
            let summarized = summarize_review::summarize_review(
                &summarize_review::Input {
                    run: self.run.run.clone(),
                    waiting: Waiting::default(),
                },
                &self.model,
                &ApprovalSettings::default(),
                &self.store,
            )
            .await
            .unwrap();
            let summarize_review::Summarized::Written(output) = summarized else {
                panic!("the walkthrough waits");
            };
            (
                output,
                read_artifact(&self.store, &key::report(&self.run.run)).await.unwrap(),
            )
        })
    }

    fn publish(&self) -> Result<publish_review::Output, StageError> {
        self.publish_part(Part::Whole)
    }

    fn publish_part(&self, part: Part) -> Result<publish_review::Output, StageError> {
        let input = publish_review::Input {
            run: self.run.run.clone(),
            part,
        };
        block_on(publish_review::publish_review(
            &input,
            &RetrySettings::OFF,
            &self.read,
            &self.page,
            &self.rows,
            &self.store,
        ))
    }

    fn asked(&self) -> Vec<(String, Prompt)> {
        self.model.asked.lock().unwrap().clone()
    }
}

const PATCH: &str = "@@ -1,1 +1,2 @@\n one\n+two";
const GOOD: &str = r#"{"summary":"s","findings":[{"path":"src/a.rs","line":2,"severity":"high","category":"correctness","title":"T","body":"B","quote":"two"}]}"#;
const GOOD_AND_BAD: &str = r#"{"summary":"s","findings":[{"path":"src/a.rs","line":2,"severity":"high","category":"correctness","title":"T","body":"B","quote":"two"},{"path":"src/a.rs","line":99999,"severity":"low","category":"correctness","title":"U","body":"C","quote":"zwei"}]}"#;
const GOOD_AND_TWO_BAD: &str = r#"{"summary":"s","findings":[{"path":"src/a.rs","line":2,"severity":"high","category":"correctness","title":"T","body":"B","quote":"two"},{"path":"src/a.rs","line":99999,"severity":"low","category":"correctness","title":"U","body":"C","quote":"zwei"},{"path":"src/a.rs","line":"x","severity":"grave","category":"odd","title":"V","body":"D","quote":"two"}]}"#;
const GOOD_AND_BAD_SUMMARY: &str = r#"{"summary":5,"findings":[{"path":"src/a.rs","line":2,"severity":"high","category":"correctness","title":"T","body":"B","quote":"two"}]}"#;
const ONLY_BAD: &str = r#"{"summary":"s","findings":[{"path":"src/other.rs","line":2,"severity":"high","category":"correctness","title":"T","body":"B","quote":"two"}]}"#;
