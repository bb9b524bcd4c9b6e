//! Stages stop before their deadline with the results so far, and lose nothing. The tests of GatherContext are beside
//! its stage.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use futures::executor::block_on;
use holdfast_core::claim;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::plan::Tier;
use holdfast_core::model::report::{Outcome, RunStatus};
use holdfast_core::model::run::Aggregate;
use holdfast_core::port::{AnswerTask, Deadline, ExecutionError, FailedRun, ReadError, RedeliverWebhooks, TaskAnswer};
use holdfast_core::stage::{aggregate_findings, read_artifact};
use holdfast_core::sweep::{Ports, Swept, sweep};
use holdfast_testkit::port::run_name;
use serde_json::{Value, json};

use super::{PATCH, VALID, World, file, world};

/// A deadline that is over after this many looks at the clock.
struct Looks(Mutex<u32>);

impl Looks {
    fn new(count: u32) -> Self {
        Self(Mutex::new(count))
    }
}

impl Deadline for Looks {
    fn time_left(&self) -> Duration {
        let mut left = self.0.lock().unwrap();
        match left.checked_sub(1) {
            Some(fewer) => {
                *left = fewer;
                Duration::from_secs(1)
            }
            None => Duration::ZERO,
        }
    }
}

#[test]
fn results_that_are_not_read_in_time_count_as_unreviewed() {
    let files = ["src/a.rs", "src/b.rs", "src/c.rs"].map(|path| file(path, Some(PATCH)));
    let answers = vec![Ok(VALID), Ok(VALID), Ok(VALID)];
    let world = world(files.to_vec(), "openai/m", "openai/m", answers);
    assert_eq!(world.prepare(), 3);
    let results = ["u0001", "u0002", "u0003"].map(|unit| world.walk_unit(unit, Tier::Strong));
    let aggregate = |deadline: &dyn Deadline| -> Aggregate {
        let input = aggregate_findings::Input {
            run: run_name("r"),
            results: json!(results),
        };
        block_on(aggregate_findings::aggregate_findings(&input, &world.store, deadline)).unwrap();
        block_on(read_artifact(&world.store, &key::aggregate(&run_name("r")))).unwrap()
    };
    let outcomes = |aggregate: &Aggregate| aggregate.coverage.iter().map(|entry| entry.outcome).collect::<Vec<_>>();

    let late = aggregate(&Looks::new(2));
    assert_eq!(
        outcomes(&late),
        [Outcome::Reviewed, Outcome::Reviewed, Outcome::Unreviewed]
    );
    let reason = late.coverage[2].reason.as_deref().unwrap();
    assert!(reason.contains("ran out"), "{reason}");
    assert!(
        late.notes
            .iter()
            .any(|note| note.contains("results of 1 unit left out")),
        "{:?}",
        late.notes
    );
    assert_eq!(late.usage.model_calls, 2);

    let whole = aggregate(&Duration::MAX);
    assert_eq!(outcomes(&whole), [Outcome::Reviewed; 3]);
    assert!(whole.notes.is_empty(), "{:?}", whole.notes);
}

#[test]
fn a_review_whose_results_were_left_out_is_partial() {
    let world = world(
        vec![file("src/a.rs", Some(PATCH))],
        "openai/m",
        "openai/m",
        vec![Ok(VALID)],
    );
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Strong);
    let (_, report) = world.finish_before(json!([result]), &Duration::ZERO);
    assert_eq!(report.status, RunStatus::Partial);
}

/// GitHub and the engine, which a sweep without time left doesn't call.
struct Unreachable;

#[async_trait]
impl AnswerTask for Unreachable {
    async fn succeed_task(&self, _token: &str, _output: Value) -> Result<TaskAnswer, ExecutionError> {
        panic!("a decision is delivered after the deadline")
    }

    async fn fail_task(&self, _token: &str, _error: ErrorName, _cause: &str) -> Result<TaskAnswer, ExecutionError> {
        panic!("a decision is delivered after the deadline")
    }
}

#[async_trait]
impl RedeliverWebhooks for Unreachable {
    async fn redeliver_failed(&self, _since_ms: i64) -> Result<u64, ReadError> {
        panic!("webhooks are requested after the deadline")
    }
}

fn sweep_before(world: &World, deadline: &dyn Deadline) -> Swept {
    let ports = Ports {
        runs: &world.runs,
        tasks: &Unreachable,
        deliveries: &Unreachable,
        publish: &world.page,
        rows: &world.rows,
        store: &world.store,
        deadline,
    };
    block_on(sweep(0, ports)).unwrap()
}

#[test]
fn a_sweep_stops_at_its_deadline_and_the_next_one_does_the_rest() {
    let mut world = world(vec![file("src/a.rs", Some(PATCH))], "rules", "rules", vec![]);
    world.prepare();
    world.runs.failed = ["clean", "r", "later"]
        .map(|run| FailedRun {
            run: run_name(run),
            started_with: json!(world.run),
            error: "States.Timeout".to_owned(),
            cause: None,
        })
        .into();
    let is_dirty = || block_on(claim::needs_cleaning(&world.rows, &run_name("r"))).unwrap();
    let rest = "the sweep's time ran out; the next sweep continues";
    let swept = sweep_before(&world, &Looks::new(1));
    assert!(swept.cleaned.is_empty() && is_dirty(), "{swept:?}");
    assert_eq!(swept.left, [rest]);
    let swept = sweep_before(&world, &Looks::new(2));
    assert!(!is_dirty());
    assert_eq!(
        (swept.cleaned, swept.left),
        (vec![run_name("r")], vec![rest.to_owned()])
    );
}
