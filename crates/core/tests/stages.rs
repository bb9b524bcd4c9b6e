//! The stages one after the other, as the workflow calls them, on ports that live in memory: what each leaves behind for

//! the next, and what a second call of the same state finds.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

#[path = "stages/kept_results.rs"]
mod kept_results;
#[path = "stages/who_decides.rs"]
mod who_decides;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use async_trait::async_trait;
use futures::executor::block_on;
use holdfast_core::claim;
use holdfast_core::identity::settings_digest;
use holdfast_core::model::change::{Change, ChangedFile, FileKind, FileStatus, Pinned, Target};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::plan::Tier;
use holdfast_core::model::report::{GateDecision, Outcome, Report, RunStatus};
use holdfast_core::model::run::{Prompt, RecordedAnswer, Run, Stop};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::model::{key, report::Coverage};
use holdfast_core::port::{
    AskModel, CheckConclusion, CheckOutcome, DraftedReview, Ends, ExecutionError, FailedRun, ListFailedRuns,
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

/// The executions: which were stopped, and how they all failed.
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

/// What stands on the pull request.
#[derive(Default)]
struct PullRequestPage {
    drafts: Mutex<Vec<ReviewDraft>>,
    submitted: Mutex<usize>,
    closed: Mutex<Vec<CheckOutcome>>,
    /// By run: its announcement or summary.
    comments: Mutex<BTreeMap<String, String>>,
    notices: Mutex<Vec<String>>,
    refuses_anchors: bool,
    /// How many withdrawals GitHub refuses before it takes one.
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
                owner: "o".to_owned(),
                repository: "r".to_owned(),
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
    /// Makes the source count more changed files than it lists.
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
            )
            .await
            .unwrap();
            plan.units
        })
    }

    /// The unit's child execution, as the state machine walks it.
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
        block_on(async {
            aggregate_findings::aggregate_findings(
                &aggregate_findings::Input {
                    run: "r".to_owned(),
                    results,
                },
                &self.store,
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

#[test]
fn prose_is_healed_by_the_second_call_which_holds_the_exact_failure() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok("Sure! Here is my review."), Ok(GOOD)],
    );
    assert_eq!(world.prepare(), 1);
    let result = world.walk_unit("u0001", Tier::Light);
    assert_eq!(result["attempts"], 2);
    let asked = world.asked();
    let correction = &asked[1].1.turns;
    assert_eq!(correction[1].text, "Sure! Here is my review.");
    assert!(
        correction[2]
            .text
            .contains("the answer is not one JSON object: expected value at line 1 column 1"),
        "{}",
        correction[2].text
    );
    assert!(
        correction[2].text.contains("\"additionalProperties\""),
        "the schema goes back too"
    );
    let (output, report) = world.finish(json!([result]));
    assert!(output.needs_approval, "a high finding waits for a person");
    assert_eq!(
        (report.findings.len(), report.usage.model_calls, report.status),
        (1, 2, RunStatus::Reviewed)
    );
    assert_eq!(
        report.coverage,
        [Coverage {
            path: "src/a.rs".to_owned(),
            outcome: Outcome::Reviewed,
            reason: None,
            attempts: 2,
            failure: None
        }]
    );
}

#[test]
fn a_bad_finding_among_good_ones_costs_only_itself_in_the_end() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(GOOD_AND_BAD), Ok("nothing"), Ok(ONLY_BAD)],
    );
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    assert_eq!(
        (&result["status"], &result["accepted_attempt"], &result["dropped"]),
        (&json!("reviewed"), &json!(1), &json!(1))
    );
    let (_, report) = world.finish(json!([result]));
    assert_eq!(report.findings.len(), 1);
    assert_eq!(
        report.coverage[0].reason.as_deref(),
        Some("1 finding stayed invalid and was dropped")
    );
}

#[test]
fn what_was_dropped_is_counted_by_findings_not_by_problems() {
    for (answer, dropped, says) in [
        (GOOD_AND_BAD, 1, Some("1 finding stayed invalid and was dropped")),
        (GOOD_AND_TWO_BAD, 2, Some("2 findings stayed invalid and were dropped")),
        // The answer's own problems drop no finding.
        (GOOD_AND_BAD_SUMMARY, 0, None),
    ] {
        let world = world(
            vec![file("src/a.rs", Some(PATCH))],
            "openai/m",
            "openai/m",
            vec![Ok(answer), Ok("nothing"), Ok("nothing")],
        );
        world.prepare();
        let result = world.walk_unit("u0001", Tier::Light);
        assert_eq!(result["dropped"], dropped, "{answer}");
        let (_, report) = world.finish(json!([result]));
        assert_eq!(report.coverage[0].reason.as_deref(), says, "{answer}");
    }
}

#[test]
fn no_words_of_a_model_decide_a_status() {
    let words = r#"{"summary": "Some files could not be listed and are unreviewed. status: partial", "findings": []}"#;
    let walkthrough = r#"{"summary": "2 of 3 changed files could not be listed and are unreviewed"}"#;
    for (unlisted, status) in [(0, RunStatus::Reviewed), (1, RunStatus::Partial)] {
        for answer in [walkthrough, "could not be listed", r#"{"could not be listed": 1}"#] {
            let mut world = world(
                vec![file("src/a.rs", Some(PATCH)), file("src/b.rs", Some(PATCH))],
                "openai/m",
                "openai/m",
                vec![Ok(words), Ok(words), Ok(answer)],
            );
            world.unlist(unlisted);
            world.prepare();
            let results = ["u0001", "u0002"].map(|unit| world.walk_unit(unit, Tier::Light));
            let (_, report) = world.finish(json!(results));
            assert_eq!(report.status, status, "{unlisted} {answer}: {:?}", report.notes);
        }
    }
}

#[test]
fn never_valid_is_unreviewed_after_three_and_the_strong_tier_once() {
    for (light, calls) in [("openai/m", 3), ("openai/small", 4)] {
        let world = world(
            vec![file("src/a.rs", Some(PATCH))],
            "openai/m",
            light,
            vec![Ok(ONLY_BAD), Ok(ONLY_BAD), Ok(ONLY_BAD), Ok(ONLY_BAD)],
        );
        world.prepare();
        let result = world.walk_unit("u0001", Tier::Light);
        assert_eq!(result["status"], "unreviewed");
        let asked = world.asked();
        assert_eq!(asked.len(), calls);
        assert_eq!(asked.last().unwrap().0, "openai/m");
        let (_, report) = world.finish(json!([result]));
        assert_eq!(report.status, RunStatus::Partial);
        assert!(report.findings.is_empty(), "what is not in the change is never shown");
        assert!(
            report.coverage[0]
                .reason
                .as_deref()
                .unwrap()
                .contains("is not a file that you were shown")
        );
    }
}

#[test]
fn a_model_that_repeats_itself_gets_a_fresh_question_without_its_answer() {
    let again = format!("{ONLY_BAD}\n");
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(ONLY_BAD), Ok(again.leak()), Ok(GOOD)],
    );
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    assert_eq!(
        (&result["status"], &result["attempts"]),
        (&json!("reviewed"), &json!(3))
    );
    let asked = world.asked();
    let [first, second, third] = [0, 1, 2].map(|index| &asked[index].1.turns);
    assert_eq!((first.len(), second.len(), third.len()), (1, 3, 1));
    assert!(third[0].text.starts_with(&first[0].text));
    assert!(
        third[0]
            .text
            .contains("findings[0].path: is not a file that you were shown")
    );
    assert!(
        !third[0].text.contains("src/other.rs"),
        "its own answer is not shown again"
    );
}

#[test]
fn a_finished_attempt_is_never_asked_for_again() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(VALID)],
    );
    world.prepare();
    world.walk_unit("u0001", Tier::Light);
    world.walk_unit("u0001", Tier::Light);
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn a_rate_limit_is_a_wait_and_other_failures_have_names() {
    let cases = [
        (ModelError::Unavailable("x".to_owned()), ErrorName::ModelUnavailable),
        (ModelError::TimedOut("x".to_owned()), ErrorName::ModelTimedOut),
        (ModelError::Unauthorized("x".to_owned()), ErrorName::ModelUnauthorized),
        (ModelError::Rejected("x".to_owned()), ErrorName::ModelRequestRejected),
        (
            ModelError::SpendingLimit("x".to_owned()),
            ErrorName::ModelSpendingLimitReached,
        ),
    ];
    let mut answers = vec![Err(ModelError::RateLimited { retry_after_s: Some(9) })];
    let names: Vec<ErrorName> = cases.iter().map(|(_, name)| *name).collect();
    answers.extend(cases.into_iter().map(|(error, _)| Err(error)));
    let world = world(vec![file("src/a.rs", Some(PATCH))], "openai/m", "openai/m", answers);
    world.prepare();
    let input = review_unit::Input {
        run: "r".to_owned(),
        unit: "u0001".to_owned(),
        attempt: 1,
        tier: Tier::Light,
        waits: 0,
    };
    let ask = || block_on(review_unit::review_unit(&input, &world.model, &world.store));
    assert_eq!(ask().unwrap(), review_unit::Output::Limited { wait_s: 9 });
    for name in names {
        assert_eq!(ask().unwrap_err().name, name);
    }
}

#[test]
fn every_file_ends_somewhere_and_nothing_is_green_for_free() {
    let files = vec![
        file("Cargo.lock", Some(PATCH)),
        file("src/big.rs", None),
        file("src/odd.rs", Some("@@ -1 +1 @@\n?")),
        file("src/a.rs", Some(PATCH)),
    ];
    let world = world(files, "rules", "rules", vec![]);
    assert_eq!(world.prepare(), 1);
    // The unit's execution died without a result.
    let (_, report) = world.finish(json!([]));
    let outcomes: Vec<Outcome> = report.coverage.iter().map(|entry| entry.outcome).collect();
    assert_eq!(
        outcomes,
        [
            Outcome::Skipped,
            Outcome::Unreviewed,
            Outcome::Unreviewed,
            Outcome::Unreviewed
        ]
    );
    assert_eq!(report.status, RunStatus::Partial);
    assert!(
        report.summary.starts_with("No model read this change"),
        "{}",
        report.summary
    );
    let outcome = holdfast_core::render::check_outcome(&report);
    assert_eq!(outcome.conclusion, CheckConclusion::Neutral);
}

#[test]
fn without_a_model_files_are_scanned_and_the_check_is_neutral() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH)), file("src/b.cob", Some(PATCH))],
        "rules",
        "rules",
        vec![],
    );
    let units = world.prepare();
    let results: Vec<Value> = (1..=units)
        .map(|unit| world.walk_unit(&format!("u{unit:04}"), Tier::Light))
        .collect();
    let (_, report) = world.finish(json!(results));
    for entry in &report.coverage {
        assert_eq!(
            (entry.outcome, entry.reason.as_deref()),
            (Outcome::Scanned, Some("secrets only"))
        );
    }
    assert_eq!(report.status, RunStatus::Reviewed);
    assert!(
        report.summary.starts_with("No model read this change"),
        "{}",
        report.summary
    );
    let outcome = holdfast_core::render::check_outcome(&report);
    assert_eq!(outcome.conclusion, CheckConclusion::Neutral);
}

#[test]
fn secrets_are_found_in_files_that_no_unit_shows() {
    let key = ["AKIA", "QWERTYUIOPASDFGH"].concat();
    let patch = format!("@@ -1,1 +1,2 @@\n one\n+let key = \"{key}\";");
    let deploy = ChangedFile {
        kind: FileKind::Binary,
        omitted: Some("has NUL bytes".to_owned()),
        ..file("deploy.sh", Some(&patch))
    };
    let world = world(
        vec![file("Cargo.lock", Some(&patch)), file("logo.svg", Some(&patch)), deploy],
        "openai/m",
        "openai/m",
        vec![],
    );
    assert_eq!(world.prepare(), 0);
    let (_, report) = world.finish(json!([]));
    let mut found: Vec<(&str, u32)> = report
        .findings
        .iter()
        .map(|found| (found.path.as_str(), found.line))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("Cargo.lock", 2), ("deploy.sh", 2), ("logo.svg", 2)]);
    let unread = report.coverage.iter().find(|entry| entry.path == "deploy.sh").unwrap();
    assert_eq!(
        (unread.outcome, unread.reason.as_deref()),
        (Outcome::Unreviewed, Some("has NUL bytes"))
    );
    assert_eq!(report.status, RunStatus::Partial);
}

#[test]
fn secrets_stay_out_of_prompts_and_are_findings() {
    let key = ["AKIA", "QWERTYUIOPASDFGH"].concat();
    let patch = format!("@@ -1,1 +1,2 @@\n one\n+let key = \"{key}\";");
    let world = world(
        vec![file("src/a.rs", Some(&patch))],
        "openai/m",
        "openai/m",
        vec![Ok(VALID)],
    );
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    assert!(!world.asked()[0].1.turns[0].text.contains(&key));
    let (output, report) = world.finish(json!([result]));
    assert_eq!(output.gate.decision, GateDecision::RequireApproval);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.source.rule().is_some() && finding.line == 2),
        "{:?}",
        report.findings
    );
    let draft =
        holdfast_core::render::review_draft(&report, &world.read.change, holdfast_core::render::Inline::Comments);
    assert!(!format!("{draft:?}").contains(&key), "nor in what is published");
}

#[test]
fn a_refused_anchor_moves_the_findings_into_the_body() {
    let mut world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(GOOD)],
    );
    world.page.refuses_anchors = true;
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    who_decides::approve(&world, |_| {});
    let output = block_on(publish_review::publish_review(
        &publish_review::Input { run: "r".to_owned() },
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap();
    assert_eq!(output.status, RunStatus::Published);
    let drafts = world.page.drafts.lock().unwrap();
    assert!(
        drafts[0].comments.is_empty() && drafts[0].body.contains("`src/a.rs` line 2"),
        "{}",
        drafts[0].body
    );
    assert_eq!(
        world.page.closed.lock().unwrap()[0].conclusion,
        CheckConclusion::ActionRequired
    );
    assert_eq!(*world.page.submitted.lock().unwrap(), 1);
    let comment = world.page.comments.lock().unwrap()["r"].clone();
    assert!(
        comment.contains("Coverage") && comment.contains("src/a.rs"),
        "{comment}"
    );
}

#[test]
fn a_newer_run_takes_over_and_the_old_one_writes_no_more() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    let open = |run: &Run| {
        block_on(open_review::open_review(
            &open_review::Input { run: run.clone() },
            &world.read,
            &world.page,
            &world.rows,
            &world.runs,
            &world.store,
        ))
    };
    let (old, mut newer) = (world.run.clone(), world.run.clone());
    newer.run = "r-newer".to_owned();
    open(&newer).unwrap();
    assert_eq!(
        world.page.comments.lock().unwrap().keys().collect::<Vec<_>>(),
        ["r-newer"],
        "the old announcement was undone"
    );
    assert_eq!(
        open(&old).unwrap_err().name,
        ErrorName::RunSuperseded,
        "however late it wakes"
    );
    let error = block_on(publish_review::publish_review(
        &publish_review::Input { run: "r".to_owned() },
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap_err();
    assert_eq!(error.name, ErrorName::RunSuperseded);
    assert!(world.page.drafts.lock().unwrap().is_empty());
    assert_eq!(*world.runs.stopped.lock().unwrap(), ["r RunSuperseded"]);
    let report: Report = block_on(read_artifact(&world.store, &key::report("r"))).unwrap();
    assert_eq!(report.status, RunStatus::Superseded);
    // The newer one, repeated, finds its own claim.
    open(&newer).unwrap();
    world.run = newer;
}

#[test]
fn a_take_over_that_broke_off_is_finished_by_the_next_try() {
    let world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let mut newer = world.run.clone();
    newer.run = "r-newer".to_owned();
    let open = || {
        block_on(open_review::open_review(
            &open_review::Input { run: newer.clone() },
            &world.read,
            &world.page,
            &world.rows,
            &world.runs,
            &world.store,
        ))
    };
    // The claim is taken, and then GitHub takes nothing.
    *world.page.refuses_withdrawals.lock().unwrap() = 1;
    assert_eq!(open().unwrap_err().name, ErrorName::GithubUnavailable);
    assert!(world.page.comments.lock().unwrap().contains_key("r"));
    open().unwrap();
    assert_eq!(
        world.page.comments.lock().unwrap().keys().collect::<Vec<_>>(),
        ["r-newer"]
    );
    assert!(!block_on(claim::needs_cleaning(&world.rows, "r")).unwrap());
}

#[test]
fn a_newer_run_leaves_a_result_alone() {
    let world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    let input = discard_review::Input {
        run: "r".to_owned(),
        reason: Some("not now".to_owned()),
    };
    for _ in 0..2 {
        block_on(discard_review::discard_review(&input, &world.page, &world.store)).unwrap();
    }
    let checks = world.page.closed.lock().unwrap().len();
    let mut newer = world.run.clone();
    newer.run = "r-newer".to_owned();
    block_on(open_review::open_review(
        &open_review::Input { run: newer },
        &world.read,
        &world.page,
        &world.rows,
        &world.runs,
        &world.store,
    ))
    .unwrap();
    assert_eq!(
        world.page.closed.lock().unwrap().len(),
        checks,
        "the check still says what was decided"
    );
    let report: Report = block_on(read_artifact(&world.store, &key::report("r"))).unwrap();
    assert_eq!(report.status, RunStatus::Rejected);
    assert_eq!(report.notes.iter().filter(|note| note.contains("not now")).count(), 1);
}

#[test]
fn a_sweep_cleans_up_what_an_undo_left_and_tries_again_what_it_cannot() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    world.runs.failed = vec![FailedRun {
        run: "r".to_owned(),
        started_with: json!(world.run),
        error: "States.Timeout".to_owned(),
        cause: None,
    }];
    let sweep = || block_on(clean_all(&world.runs, &world.page, &world.rows, &world.store)).unwrap();
    let dirty = || block_on(claim::needs_cleaning(&world.rows, "r")).unwrap();
    *world.page.refuses_withdrawals.lock().unwrap() = 1;
    assert!(sweep()[0].failure.is_some() && dirty());
    assert!(sweep()[0].failure.is_none() && !dirty());
    assert!(world.page.comments.lock().unwrap().is_empty());
    assert!(world.page.notices.lock().unwrap()[0].contains("an internal error"));
    let report: Report = block_on(read_artifact(&world.store, &key::report("r"))).unwrap();
    assert_eq!(report.status, RunStatus::Failed);
    assert!(sweep().is_empty(), "what is clean is left alone");
}

#[test]
fn a_failed_review_says_so_once_and_leaves_nothing_else() {
    let world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    assert!(world.page.comments.lock().unwrap()["r"].contains("is reviewing"));
    block_on(async {
        let (run, error) = ("r".to_owned(), "GithubForbidden".to_owned());
        let input = withdraw_announcement::Input {
            run: run.clone(),
            started_with: Value::Null,
            error: error.clone(),
        };
        withdraw_announcement::withdraw_announcement(&input, &world.page, &world.rows, &world.store)
            .await
            .unwrap();
        let cause = Some(r#"{"errorMessage":"no permission"}"#.to_owned());
        let input = report_failure::Input {
            run,
            started_with: Value::Null,
            error,
            cause,
        };
        for _ in 0..2 {
            report_failure::report_failure(&input, &world.page, &world.store)
                .await
                .unwrap();
        }
    });
    assert!(world.page.comments.lock().unwrap().is_empty());
    let late = block_on(open_review::open_review(
        &open_review::Input { run: world.run.clone() },
        &world.read,
        &world.page,
        &world.rows,
        &world.runs,
        &world.store,
    ));
    assert_eq!(
        late.unwrap_err().name,
        ErrorName::RunSuperseded,
        "a call that wakes late writes nothing"
    );
    assert!(world.page.comments.lock().unwrap().is_empty());
    let notice = world.page.notices.lock().unwrap()[0].clone();
    assert!(
        notice.contains("a permission is missing") && !notice.contains("no permission"),
        "{notice}"
    );
    let report: Report = block_on(read_artifact(&world.store, &key::report("r"))).unwrap();
    assert_eq!(
        report.notes.len(),
        1,
        "said once, however often the state is repeated: {:?}",
        report.notes
    );
}

#[test]
fn a_review_of_another_diff_is_not_published_and_the_pull_request_says_so() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    world.read.base_now = CommitSha::parse(&"d".repeat(40)).unwrap();
    let error = block_on(publish_review::publish_review(
        &publish_review::Input { run: "r".to_owned() },
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap_err();
    assert_eq!(error.name, ErrorName::PullRequestBaseMoved);
    assert!(world.page.drafts.lock().unwrap().is_empty());
    let input = report_failure::Input {
        run: "r".to_owned(),
        started_with: Value::Null,
        error: error.name.to_string(),
        cause: Some(error.message),
    };
    let reported = block_on(report_failure::report_failure(&input, &world.page, &world.store)).unwrap();
    assert_eq!(reported.status, RunStatus::Failed);
    let notices = world.page.notices.lock().unwrap();
    assert!(notices.len() == 1 && notices[0].contains("retargeted"), "{notices:?}");
}

#[test]
fn a_run_reviews_only_what_it_is_named_for() {
    let pinned = |merge_base: &str, settings: &str| {
        let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
        world.read.policy = "max_findings: 3";
        if let Target::PullRequest { pinned, .. } = &mut world.run.target {
            *pinned = Some(Pinned {
                merge_base: CommitSha::parse(&merge_base.repeat(40)).unwrap(),
                settings: settings.to_owned(),
            });
        }
        block_on(async {
            let input = open_review::Input { run: world.run.clone() };
            let (read, page, store) = (&world.read, &world.page, &world.store);
            open_review::open_review(&input, read, page, &world.rows, &world.runs, store).await?;
            plan_review::plan_review(&plan_review::Input { run: "r".to_owned() }, read, store).await
        })
        .map(drop)
        .map_err(|error| error.name)
    };
    let digest = settings_digest(Some(b"max_findings: 3"));
    assert_eq!(pinned("a", &digest), Ok(()));
    assert_eq!(
        pinned("d", &digest),
        Err(ErrorName::PullRequestBaseMoved),
        "retargeted before it opened"
    );
    assert_eq!(
        pinned("a", "none"),
        Err(ErrorName::PullRequestBaseMoved),
        "settings changed before it was planned"
    );
}

#[test]
fn an_old_run_never_publishes_over_a_newer_head() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    world.read.head_now = CommitSha::parse(&"c".repeat(40)).unwrap();
    let error = block_on(publish_review::publish_review(
        &publish_review::Input { run: "r".to_owned() },
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
    .unwrap_err();
    assert_eq!(error.name, ErrorName::PullRequestHeadMoved);
    assert!(world.page.drafts.lock().unwrap().is_empty());
    block_on(async {
        let input = withdraw_announcement::Input {
            run: "r".to_owned(),
            started_with: Value::Null,
            error: error.name.to_string(),
        };
        assert!(
            withdraw_announcement::withdraw_announcement(&input, &world.page, &world.rows, &world.store)
                .await
                .unwrap()
                .withdrawn
        );
        let input = report_failure::Input {
            run: "r".to_owned(),
            started_with: Value::Null,
            error: error.name.to_string(),
            cause: None,
        };
        assert_eq!(
            report_failure::report_failure(&input, &world.page, &world.store)
                .await
                .unwrap()
                .status,
            RunStatus::Superseded
        );
    });
}

#[test]
fn a_wrong_policy_names_its_place() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.read.policy = "gate:\n  severity: grave\n";
    block_on(async {
        open_review::open_review(
            &open_review::Input { run: world.run.clone() },
            &world.read,
            &world.page,
            &world.rows,
            &world.runs,
            &world.store,
        )
        .await
        .unwrap();
        let error = plan_review::plan_review(&plan_review::Input { run: "r".to_owned() }, &world.read, &world.store)
            .await
            .unwrap_err();
        assert_eq!(error.name, ErrorName::RepositoryConfigurationInvalid);
        assert!(error.message.contains("line 2"), "{}", error.message);
    });
}

#[test]
fn a_small_context_gets_smaller_units_and_answers_that_fit_it() {
    let lines: String = (1..=900)
        .map(|number| {
            format!(
                "@@ -{0},0 +{0},1 @@\n+let value_{number} = compute({number});\n",
                number * 10
            )
        })
        .collect();
    let units = |context: Option<u32>| {
        let mut world = world(
            vec![file("src/a.rs", Some(lines.as_str()))],
            "openai/m",
            "openai/m",
            vec![Ok(VALID)],
        );
        world.run.tokens = holdfast_core::model::token_limits::TokenLimits { context, output: None };
        let count = world.prepare();
        let _ = world.walk_unit("u0001", Tier::Light);
        let asked = world.model.limits.lock().unwrap().clone();
        let largest = world
            .asked()
            .iter()
            .map(|(_, prompt)| prompt.system.len() + prompt.turns[0].text.len())
            .max();
        (count, asked, largest.unwrap_or_default())
    };
    let (whole, limits, _) = units(None);
    assert_eq!((whole, limits), (2, vec![8_000]));
    let (parts, limits, bytes) = units(Some(4_096));
    assert!(parts > 10, "{parts}");
    assert_eq!(limits, [1_024]);
    assert!(
        bytes / 4 + 1_024 < 3_000,
        "{bytes} bytes leave no room for a correction"
    );
}
