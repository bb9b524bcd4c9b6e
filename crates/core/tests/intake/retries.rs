//! Reviews that an outage or a limit ended: which are retried without a person, when, and once.

use std::time::Duration;

use holdfast_core::model::key;
use holdfast_core::model::run::{GateMode, PAYLOAD_VERSION, RecordedAnswer};
use holdfast_core::port::{FailedRun, ModelCall, ModelError, ModelRequest, ReachModel, Reached, Waiting};
use holdfast_core::redrive::{self, start_due, try_models};
use holdfast_core::retry::{self, RetrySettings};
use holdfast_core::stage::withdraw_announcement::{self, withdraw_announcement};
use holdfast_core::stage::write_artifact;
use holdfast_core::sweep;

use super::*;

const HOUR_MS: i64 = 3_600_000;

/// A model that is down until it is back.
#[derive(Default)]
struct Model {
    is_back: Mutex<bool>,
    refuses: bool,
    calls: Mutex<u32>,
}

#[async_trait]
impl ReachModel for Model {
    async fn reach(&self, _call: &ModelCall<'_>, _request: &ModelRequest) -> Result<Reached, ModelError> {
        *self.calls.lock().unwrap() += 1;
        match (*self.is_back.lock().unwrap(), self.refuses) {
            (_, true) => Err(ModelError::Unauthorized("the key".to_owned())),
            (true, _) => Ok(Reached::Answered(RecordedAnswer::of_rules())),
            (false, _) => Ok(Reached::Wait {
                wait_s: 60,
                waiting: Waiting::default(),
            }),
        }
    }
}

impl World {
    /// Stores the newest run as OpenReview does, and ends it with this error.
    fn fail(&self, error: ErrorName) -> RunName {
        let run = self.open_last();
        self.end_with(&run, error.as_str(), Some(24 * HOUR_MS));
        run
    }

    fn end_with(&self, run: &RunName, error: &str, within_ms: Option<i64>) {
        let stored = Run {
            version: PAYLOAD_VERSION,
            run: run.clone(),
            bucket: "artifacts".to_owned(),
            target: self.target(),
            publish: true,
            max_concurrency: 1,
            model: "openai/m".parse().unwrap(),
            model_light: "openai/m".parse().unwrap(),
            notes: Vec::new(),
            tokens: TokenLimits::default(),
            gate: GateMode::default(),
            urgent: false,
            evidence: None,
        };
        block_on(write_artifact(&self.artifacts, &key::run(run), &stored)).unwrap();
        self.end(run);
        let input = withdraw_announcement::Input {
            run: run.clone(),
            started_with: Value::Null,
            error: error.to_owned(),
        };
        let retries = RetrySettings {
            within_ms,
            clock: || NOW_MS,
        };
        let withdrawn = withdraw_announcement(&input, &retries, &self.page, &self.rows, &self.artifacts);
        block_on(withdrawn).unwrap();
    }

    fn is_pending(&self, run: &RunName) -> bool {
        block_on(retry::find(&self.rows, run)).unwrap().is_some()
    }

    fn look(&self, model: &Model, after_ms: i64) -> Vec<RunName> {
        let now_ms = NOW_MS + after_ms;
        let tried = try_models(model, &self.rows, &self.artifacts, &Duration::MAX, now_ms);
        block_on(tried).unwrap();
        self.start_due(now_ms)
    }

    fn start_due(&self, now_ms: i64) -> Vec<RunName> {
        let ports = redrive::Ports {
            pulls: self,
            publish: &self.page,
            runs: self,
            rows: &self.rows,
            store: &self.artifacts,
            deadline: &Duration::MAX,
            now_ms,
            is_off: *self.is_off.lock().unwrap(),
        };
        let redriven = block_on(start_due(ports)).unwrap();
        assert!(redriven.left.is_empty(), "{:?}", redriven.left);
        redriven.started
    }

    fn shown(&self, run: &RunName) -> String {
        let comments = self.page.comments.lock().unwrap();
        comments.get(run.as_str()).cloned().unwrap_or_default()
    }
}

/// Starts a review that ends with an outage of its model.
fn failed() -> (World, RunName) {
    let world = World::new();
    world.act("opened");
    let run = world.fail(ErrorName::ModelUnavailable);
    (world, run)
}

#[test]
fn a_review_is_retried_once_when_its_model_answers_and_not_before() {
    let (world, run) = failed();
    assert!(
        world
            .shown(&run)
            .contains("It is retried by itself once that is over, until")
    );
    let model = Model::default();
    for _ in 0..3 {
        assert!(world.look(&model, HOUR_MS).is_empty(), "the model is down");
    }
    *model.is_back.lock().unwrap() = true;
    let next = run.next_attempt().unwrap();
    assert_eq!(world.look(&model, 2 * HOUR_MS), std::slice::from_ref(&next));
    assert!(world.look(&model, 2 * HOUR_MS).is_empty());
    // The retry meets the next outage.
    assert_eq!(world.fail(ErrorName::ModelUnavailable), next);
    assert!(!world.is_pending(&next));
    assert!(!world.shown(&next).contains("retried"), "{}", world.shown(&next));
    assert!(world.look(&model, 3 * HOUR_MS).is_empty());
    assert_eq!(world.runs().len(), 2);
    // A person's attempt has a retry of its own.
    world.act("reopened");
    let third = world.fail(ErrorName::ModelUnavailable);
    assert_eq!(third, next.next_attempt().unwrap());
    assert_eq!(world.look(&model, HOUR_MS).len(), 1);
}

#[test]
fn a_review_that_ended_for_another_reason_is_not_retried() {
    for error in ErrorName::ALL {
        let world = World::new();
        world.act("opened");
        let run = world.fail(*error);
        assert_eq!(world.is_pending(&run), error.outage_of().is_some(), "{error}");
    }
    for (error, within_ms) in [("ModelUnavailable", None), ("States.Timeout", Some(HOUR_MS))] {
        let world = World::new();
        world.act("opened");
        let run = world.open_last();
        world.end_with(&run, error, within_ms);
        assert!(!world.is_pending(&run), "{error} {within_ms:?}");
    }
}

#[test]
fn a_review_that_nobody_needs_any_more_is_not_retried() {
    type Change = fn(&World);
    let cases: [(&str, Change); 7] = [
        ("closed", |world| world.change(|pull| pull.is_open = false)),
        ("draft", |world| world.change(|pull| pull.is_draft = true)),
        ("another head", |world| world.change(|pull| pull.head = sha("d"))),
        ("a newer push", |world| {
            world.change(|pull| pull.head = sha("d"));
            world.act("synchronize");
            world.change(|pull| pull.head = sha("a"));
        }),
        ("cancelled", |world| {
            let receipt = world.command(&world.comment(1, "maintainer", "/holdfast cancel"));
            assert!(matches!(receipt, Receipt::Done { .. }), "{receipt:?}");
        }),
        ("stopped by its closing", |world| {
            world.change(|pull| pull.is_open = false);
            world.act("closed");
            world.change(|pull| pull.is_open = true);
        }),
        ("reviewed again by a person", |world| {
            world.command(&world.comment(1, "maintainer", "/holdfast review"));
        }),
    ];
    for (what, change) in cases {
        let (world, run) = failed();
        change(&world);
        let before = world.runs().len();
        let model = Model {
            is_back: Mutex::new(true),
            ..Model::default()
        };
        assert!(world.look(&model, HOUR_MS).is_empty(), "{what}");
        assert!(!world.is_pending(&run), "{what}");
        assert_eq!(world.runs().len(), before, "{what}");
    }
}

#[test]
fn a_pause_github_and_the_end_of_the_time_hold_a_retry_back() {
    let model = Model {
        is_back: Mutex::new(true),
        ..Model::default()
    };
    let (world, run) = failed();
    world.command(&world.comment(1, "maintainer", "/holdfast pause"));
    assert!(
        world.look(&model, HOUR_MS).is_empty() && world.is_pending(&run),
        "paused"
    );

    let (world, run) = failed();
    *world.unavailable.lock().unwrap() = 1;
    assert!(
        world.look(&model, HOUR_MS).is_empty() && world.is_pending(&run),
        "GitHub"
    );
    assert_eq!(world.look(&model, HOUR_MS).len(), 1, "GitHub answers again");
    assert_eq!(*model.calls.lock().unwrap(), 2, "one call for each of the two runs");

    let (world, run) = failed();
    *world.page.limited_for.lock().unwrap() = Duration::from_secs(540);
    assert!(
        world.look(&model, HOUR_MS).is_empty() && world.is_pending(&run),
        "GitHub limits writes"
    );
    *world.page.limited_for.lock().unwrap() = Duration::ZERO;
    assert_eq!(world.look(&model, HOUR_MS).len(), 1);

    let refusing = Model {
        refuses: true,
        ..Model::default()
    };
    let (world, run) = failed();
    assert!(
        world.look(&refusing, HOUR_MS).is_empty() && world.is_pending(&run),
        "a refused key"
    );

    // An outage of GitHub needs no model.
    let world = World::new();
    world.act("opened");
    world.fail(ErrorName::GithubUnavailable);
    assert_eq!(world.start_due(NOW_MS + HOUR_MS).len(), 1);
}

#[test]
fn a_failure_promises_a_retry_only_while_there_will_be_one() {
    type Change = fn(&World);
    let cases: [(&str, i64, Change); 3] = [
        ("its time is over", 25, |_| {}),
        ("retries are off", 1, |world| *world.is_off.lock().unwrap() = true),
        ("the pull request is a draft", 1, |world| {
            world.change(|pull| pull.is_draft = true)
        }),
    ];
    for (what, hours, change) in cases {
        let (world, run) = failed();
        block_on(retry::note_model_back(&world.rows, &run)).unwrap();
        change(&world);
        assert!(world.start_due(NOW_MS + hours * HOUR_MS).is_empty(), "{what}");
        assert!(!world.is_pending(&run), "{what}");
        let (shown, checks) = (world.shown(&run), world.page.closed.lock().unwrap());
        assert!(
            shown.contains("could not complete") && !shown.contains("retried"),
            "{what}: {shown}"
        );
        assert!(
            !checks.last().unwrap().summary.contains("retried"),
            "{what}: {checks:?}"
        );
    }
    // A cancelled one has no state; its check shows who did it.
    let (world, run) = failed();
    world.command(&world.comment(1, "maintainer", "/holdfast cancel"));
    let checks = world.page.closed.lock().unwrap();
    let summary = &checks.last().unwrap().summary;
    assert!(
        summary.contains("maintainer cancelled it") && !summary.contains("retried"),
        "{summary}"
    );
    assert_eq!(world.shown(&run), "");
}

#[test]
fn an_attempt_that_takes_over_from_a_failure_leaves_it_until_its_own_state_replaces_it() {
    let (world, run) = failed();
    block_on(retry::note_model_back(&world.rows, &run)).unwrap();
    let attempts = world.start_due(NOW_MS + HOUR_MS);
    let superseded = FailedRun::ended(run.clone(), Value::Null, ErrorName::RunSuperseded, "taken over");
    let ended = sweep::end(
        &superseded,
        ErrorName::RunSuperseded,
        &world,
        &world.page,
        &world.rows,
        &world.artifacts,
    );
    block_on(ended).unwrap();
    assert_eq!((attempts.len(), *world.page.deleted_states.lock().unwrap()), (1, 0));
    assert!(world.shown(&run).contains("could not complete"));
}

#[test]
fn a_crash_between_the_mark_and_the_start_loses_no_retry_and_starts_none_twice() {
    let (world, run) = failed();
    let next = run.next_attempt().unwrap();
    block_on(retry::mark(&world.rows, &next, &run)).unwrap();
    // Neither the model nor GitHub is needed: the decision was made.
    *world.unavailable.lock().unwrap() = 9;
    assert_eq!(world.start_due(NOW_MS + HOUR_MS), std::slice::from_ref(&next));
    // A late repetition of the failed run's state.
    world.end_with(&run, "ModelUnavailable", Some(HOUR_MS));
    assert!(!world.is_pending(&run));
    // A sweep that started it and died before it could forget the run.
    let (world, run) = failed();
    block_on(retry::note_model_back(&world.rows, &run)).unwrap();
    let row = block_on(world.rows.get(&format!("retry/{run}"))).unwrap().unwrap();
    assert_eq!(world.start_due(NOW_MS + HOUR_MS).len(), 1);
    let key = format!("retry/{run}");
    block_on(world.rows.put(&key, &row.value, Precondition::Absent)).unwrap();
    assert!(world.start_due(NOW_MS + HOUR_MS).is_empty() && !world.is_pending(&run));
    assert_eq!(world.runs().len(), 2);
}
