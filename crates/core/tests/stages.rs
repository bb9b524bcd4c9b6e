//! Calls the stages one after the other, like the workflow, on ports in memory: the artifacts of each stage for the
//! next, and repeated calls of a state.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

#[path = "stages/answers.rs"]
mod answers;
#[path = "stages/deadlines.rs"]
mod deadlines;
#[path = "stages/kept_results.rs"]
mod kept_results;
#[path = "stages/publication.rs"]
mod publication;
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
use holdfast_core::model::run::{Prompt, RecordedAnswer, Run, Stop};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::model::{key, report::Coverage};
use holdfast_core::port::{
    AskModel, CheckConclusion, CheckOutcome, Deadline, DraftedReview, Ends, ExecutionError, FailedRun, ListFailedRuns,
    ModelError, ModelRequest, PublishError, PublishReview, ReadChange, ReadError, ReviewDraft, StopRun,
};
use holdfast_core::stage::{
    aggregate_findings, correct_findings, discard_review, gather_context, open_review, plan_review, publish_review,
    read_artifact, report_failure, review_unit, summarize_review, validate_findings, withdraw_announcement,
};
use holdfast_core::sweep::clean_all;
use holdfast_testkit::port::{MemoryArtifacts, MemoryRows, NoSyntax};
use serde_json::{Value, json};

const VALID: &str = r#"{"summary":"Adds a line.","findings":[]}"#;

struct OneChange {
    change: Change,
    policy: &'static str,
    head_now: CommitSha,
    base_now: CommitSha,
}

#[async_trait]
impl ReadChange for OneChange {
    async fn read_change(&self, _target: &Target) -> Result<Change, ReadError> {
        Ok(self.change.clone())
    }

    async fn read_file(&self, _target: &Target, path: &str, _at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        Ok((path == ".holdfast.yml").then(|| self.policy.as_bytes().to_vec()))
    }

    async fn current_head(&self, _target: &Target) -> Result<CommitSha, ReadError> {
        Ok(self.head_now.clone())
    }

    async fn current_ends(&self, _target: &Target) -> Result<Ends, ReadError> {
        Ok(Ends {
            head: self.head_now.clone(),
            merge_base: Some(self.base_now.clone()),
        })
    }
}

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
    async fn stop_run(&self, run: &str, error: ErrorName, _cause: &str) -> Result<(), ExecutionError> {
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

/// The contents of the pull request's page.
#[derive(Default)]
struct PullRequestPage {
    drafts: Mutex<Vec<ReviewDraft>>,
    submitted: Mutex<usize>,
    closed: Mutex<Vec<CheckOutcome>>,
    /// Each run's announcement or summary.
    comments: Mutex<BTreeMap<String, String>>,
    notices: Mutex<Vec<String>>,
    refuses_anchors: bool,
    /// Number of withdrawals that GitHub refuses before it accepts one.
    refuses_withdrawals: Mutex<u32>,
}

#[async_trait]
impl PublishReview for PullRequestPage {
    async fn open_check(&self, _target: &Target, _external_id: &str) -> Result<Option<u64>, PublishError> {
        Ok(Some(7))
    }

    async fn close_check(&self, _target: &Target, check: u64, outcome: &CheckOutcome) -> Result<(), PublishError> {
        assert_eq!(check, 7);
        self.closed.lock().unwrap().push(outcome.clone());
        Ok(())
    }

    async fn close_checks(&self, target: &Target, _: &str, outcome: &CheckOutcome) -> Result<(), PublishError> {
        self.close_check(target, 7, outcome).await
    }

    async fn announce(&self, _target: &Target, run: &str, body: &str) -> Result<(), PublishError> {
        self.comments.lock().unwrap().insert(run.to_owned(), body.to_owned());
        Ok(())
    }

    async fn withdraw(&self, _target: &Target, run: &str) -> Result<bool, PublishError> {
        let mut refusals = self.refuses_withdrawals.lock().unwrap();
        if *refusals > 0 {
            *refusals -= 1;
            return Err(PublishError::Unavailable("502".to_owned()));
        }
        self.comments.lock().unwrap().remove(run);
        self.drafts.lock().unwrap().clear();
        Ok(*self.submitted.lock().unwrap() > 0)
    }

    async fn summarize(&self, _target: &Target, run: &str, body: &str) -> Result<(), PublishError> {
        *self.comments.lock().unwrap() = BTreeMap::from([(run.to_owned(), body.to_owned())]);
        Ok(())
    }

    async fn give_notice(&self, _target: &Target, _run: &str, body: &str) -> Result<(), PublishError> {
        self.notices.lock().unwrap().push(body.to_owned());
        Ok(())
    }

    async fn answer_command(&self, _target: &Target, _comment: u64, _body: &str) -> Result<(), PublishError> {
        Ok(())
    }

    async fn draft_review(&self, _target: &Target, draft: &ReviewDraft) -> Result<DraftedReview, PublishError> {
        if self.refuses_anchors && !draft.comments.is_empty() {
            return Err(PublishError::Rejected("422".to_owned()));
        }
        self.drafts.lock().unwrap().push(draft.clone());
        Ok(DraftedReview {
            review: 1,
            is_submitted: *self.submitted.lock().unwrap() > 0,
        })
    }

    async fn submit_review(&self, _target: &Target, _review: u64) -> Result<(), PublishError> {
        *self.submitted.lock().unwrap() += 1;
        Ok(())
    }
}

struct World {
    store: MemoryArtifacts,
    read: OneChange,
    model: ScriptedModel,
    page: PullRequestPage,
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
        read: OneChange {
            change: Change {
                base: CommitSha::parse(&"a".repeat(40)).unwrap(),
                base_tip: None,
                head: head.clone(),
                title: "A change".to_owned(),
                description: String::new(),
                author: None,
                url: None,
                files,
                files_total,
                notes: Vec::new(),
            },
            policy: "",
            head_now: head.clone(),
            base_now: CommitSha::parse(&"a".repeat(40)).unwrap(),
        },
        model: ScriptedModel {
            answers: Mutex::new(answers.into()),
            asked: Mutex::default(),
            limits: Mutex::default(),
        },
        page: PullRequestPage::default(),
        rows: MemoryRows::default(),
        runs: Runs::default(),
        run: Run {
            version: holdfast_core::model::run::PAYLOAD_VERSION,
            run: "r".to_owned(),
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
        },
    }
}

impl World {
    /// Makes the source count `files` more changed files than it lists.
    fn unlist(&mut self, files: u64) {
        self.read.change.files_total += files;
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
            let plan = plan_review::plan_review(&plan_review::Input { run: "r".to_owned() }, &self.read, &self.store)
                .await
                .unwrap();
            gather_context::gather_context(
                &gather_context::Input { run: "r".to_owned() },
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
                let (run, unit) = ("r".to_owned(), unit.to_owned());
                let input = review_unit::Input {
                    run: run.clone(),
                    unit: unit.clone(),
                    attempt,
                    tier,
                    waits: 0,
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
                    run: "r".to_owned(),
                    results,
                },
                &self.store,
                deadline,
            )
            .await
            .unwrap();
            let output = summarize_review::summarize_review(
                &summarize_review::Input { run: "r".to_owned() },
                &self.model,
                &self.store,
            )
            .await
            .unwrap();
            (output, read_artifact(&self.store, &key::report("r")).await.unwrap())
        })
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
