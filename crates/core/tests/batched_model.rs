//! Calls that are handed over in batches: once, in virtual time, with every end that a batch can have.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::executor::block_on;
use holdfast_core::logs;
use holdfast_core::model::model_batch::ModelBatch;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::payer::Payer;
use holdfast_core::model::price::Prices;
use holdfast_core::model::run::{RecordedAnswer, Stop};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{
    BatchId, BatchModel, BatchState, KeepRows, ModelCall, ModelError, ModelEvent, ModelRequest, Pace, Precondition,
    ReachModel, Reached, Row, RowError, Submitted, WaitFor, Waiting, WatchModels, Written,
};
use holdfast_core::provider::{
    BatchPorts, BatchedModel, ProviderEntry, ProviderState, Spend, SpendLimits, Step, Terms,
};
use holdfast_testkit::logs::MemoryLogs;
use holdfast_testkit::port::{MemoryRows, run_name};
use holdfast_testkit::virtual_reviews::{request, terms};

const HOUR_MS: u64 = 3_600_000;

/// A clock that a test moves.
struct Clock(AtomicU64);

impl Clock {
    fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

#[async_trait]
impl Pace for Clock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn longest_rest_ms(&self) -> u64 {
        0
    }

    async fn rest(&self, _: u64, ms: u64) {
        self.pass(ms);
    }

    fn wake(&self, _: &[u64]) {}
}

type Fetched = fn(u64) -> Result<BatchState, ModelError>;

/// A provider's batches: the names of those that were submitted, and how often each was fetched.
struct Batches {
    clock: Arc<Clock>,
    submitted: Mutex<Vec<String>>,
    /// The outcomes of the first submissions; then they succeed.
    refusals: Mutex<VecDeque<Result<Submitted, ModelError>>>,
    /// The time that a submission takes, in milliseconds.
    takes_ms: AtomicU64,
    fetches: AtomicU64,
    /// What a fetch returns, by the time since the start.
    fetched: Fetched,
}

#[async_trait]
impl BatchModel for Batches {
    async fn submit(&self, _: &ModelRequest, name: &str) -> Result<Submitted, ModelError> {
        let mut submitted = self.submitted.lock().unwrap();
        submitted.push(name.to_owned());
        self.clock.pass(self.takes_ms.load(Ordering::Relaxed));
        let id = format!("batch_{}", submitted.len());
        let refusal = self.refusals.lock().unwrap().pop_front();
        refusal.unwrap_or_else(|| Ok(Submitted::Batch(BatchId::try_from(id).unwrap())))
    }

    async fn fetch(&self, _: &ModelId, batch: &BatchId, name: &str) -> Result<BatchState, ModelError> {
        let submitted = self.submitted.lock().unwrap();
        assert_eq!(Some(name), submitted.last().map(String::as_str));
        assert_eq!(batch.as_str(), format!("batch_{}", submitted.len()));
        self.fetches.fetch_add(1, Ordering::Relaxed);
        (self.fetched)(self.clock.now_ms() - START_MS)
    }
}

const START_MS: u64 = 1_700_000_000_000;

/// The model that makes ordinary calls: what each had waited for.
#[derive(Clone, Default)]
struct Ordinary(Arc<Mutex<Vec<Waiting>>>);

#[async_trait]
impl ReachModel for Ordinary {
    async fn reach(&self, call: &ModelCall<'_>, _: &ModelRequest) -> Result<Reached, ModelError> {
        self.0.lock().unwrap().push(call.waiting);
        Ok(Reached::Answered(answer(20)))
    }
}

/// Rows whose next write can fail.
#[derive(Default)]
struct Rows {
    rows: MemoryRows,
    fails: AtomicBool,
}

#[async_trait]
impl KeepRows for Rows {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        self.rows.get(key).await
    }

    async fn put(&self, key: &str, value: &serde_json::Value, expect: Precondition) -> Result<Written, RowError> {
        match self.fails.swap(false, Ordering::Relaxed) {
            true => Err(RowError {
                key: key.to_owned(),
                detail: "the table can't be reached".to_owned(),
            }),
            false => self.rows.put(key, value, expect).await,
        }
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        self.rows.delete(key, version).await
    }

    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
        self.rows.list(prefix, most).await
    }
}

/// The waits that were observed, in seconds.
#[derive(Default)]
struct Watch(Mutex<Vec<u64>>);

#[async_trait]
impl WatchModels for Watch {
    async fn observe(&self, _: &RunName, _: &ModelId, event: ModelEvent) {
        if let ModelEvent::Waits { subject, ms } = event {
            assert_eq!(subject, WaitFor::Batch);
            self.0.lock().unwrap().push(ms / 1_000);
        }
    }
}

/// A deployment with batches.
struct World {
    clock: Arc<Clock>,
    batches: Arc<Batches>,
    ordinary: Ordinary,
    rows: Arc<Rows>,
    logs: Arc<MemoryLogs>,
    watch: Arc<Watch>,
    terms: Terms,
    mode: ModelBatch,
    payer: Payer,
    run: RunName,
}

impl World {
    fn new(fetched: Fetched) -> Self {
        let clock = Arc::new(Clock(AtomicU64::new(START_MS)));
        Self {
            batches: Arc::new(Batches {
                clock: Arc::clone(&clock),
                submitted: Mutex::default(),
                refusals: Mutex::default(),
                takes_ms: AtomicU64::new(0),
                fetches: AtomicU64::new(0),
                fetched,
            }),
            clock,
            ordinary: Ordinary::default(),
            rows: Arc::default(),
            logs: Arc::default(),
            watch: Arc::default(),
            terms: terms(10),
            mode: ModelBatch::All,
            payer: Payer::default(),
            run: run_name("r-1"),
        }
    }

    /// Returns the model of a new process.
    fn model(&self) -> BatchedModel<Ordinary> {
        let ports = BatchPorts {
            batches: self.batches.clone(),
            rows: self.rows.clone(),
            logs: self.logs.clone(),
            pace: self.clock.clone(),
            watch: self.watch.clone(),
        };
        BatchedModel::new(self.ordinary.clone(), self.mode, ports, self.terms.clone())
    }

    fn reach(&self, model: &BatchedModel<Ordinary>, part: &str, waiting: Waiting) -> Result<Reached, ModelError> {
        let call = ModelCall {
            run: &self.run,
            payer: &self.payer,
            part,
            attempt: 1,
            is_risky: false,
            may_batch: true,
            waiting,
        };
        block_on(model.reach(&call, &request(&self.run)))
    }

    /// Makes a call with its waits, each try in a new process. Returns the answer's text or the error's name.
    fn end_of(&self, part: &str) -> Result<String, &'static str> {
        let mut waiting = Waiting::default();
        loop {
            match self.reach(&self.model(), part, waiting) {
                Ok(Reached::Wait { wait_s, waiting: next }) => {
                    assert_eq!(next.subject, WaitFor::Batch);
                    self.clock.pass(wait_s * 1_000);
                    waiting = next;
                }
                Ok(Reached::Answered(answer)) => return Ok(answer.text),
                Err(error) => return Err(error.name().as_str()),
            }
        }
    }

    fn submitted(&self) -> usize {
        self.batches.submitted.lock().unwrap().len()
    }

    fn ordinary(&self) -> Vec<Waiting> {
        self.ordinary.0.lock().unwrap().clone()
    }

    fn waits(&self) -> Vec<u64> {
        self.watch.0.lock().unwrap().clone()
    }

    /// Returns what is spent, and what is spent or reserved.
    fn spent(&self) -> (u64, u64) {
        let spend = block_on(logs::read::<Spend>(self.logs.as_ref(), "spend/run/r")).unwrap();
        (spend.spent(), spend.committed())
    }

    /// Limits the money of a run, at 100 dollars for a million tokens.
    fn limited(mut self, limit: u64) -> Self {
        self.terms.spend = SpendLimits {
            per_run: Some(limit),
            prices: Prices::parse("openai/m=100/100", false).unwrap(),
            ..SpendLimits::default()
        };
        self
    }
}

fn answer(cost: u64) -> RecordedAnswer {
    RecordedAnswer {
        text: if cost == 20 { "ordinary" } else { "batch" }.to_owned(),
        stop: Stop::Complete,
        model: "m".to_owned(),
        input_tokens: 1,
        output_tokens: 1,
        cost_nano_usd: Some(cost),
        cached: false,
        fallback: None,
        observed: None,
    }
}

fn after_ten_minutes(ms: u64) -> Result<BatchState, ModelError> {
    Ok(match ms {
        0..600_000 => BatchState::Pending,
        _ => BatchState::Answered(answer(7)),
    })
}

const fn never(_: u64) -> Result<BatchState, ModelError> {
    Ok(BatchState::Pending)
}

#[test]
fn a_call_is_submitted_once_and_fetched_with_growing_gaps() {
    let world = World::new(after_ten_minutes);
    assert_eq!(world.end_of("u0001"), Ok("batch".to_owned()));
    assert_eq!((world.submitted(), world.ordinary().len()), (1, 0));
    assert_eq!(world.waits(), [30, 60, 120, 240, 300]);
    // The process died before the answer was stored.
    assert_eq!(world.end_of("u0001"), Ok("batch".to_owned()));
    assert_eq!(world.submitted(), 1);
    // Another attempt, or another run, is another call.
    assert_eq!(world.end_of("u0002"), Ok("batch".to_owned()));
    assert_eq!(world.submitted(), 2);
}

#[test]
fn a_state_that_is_repeated_finds_its_batch() {
    let world = World::new(after_ten_minutes);
    for _ in 0..3 {
        let reached = world.reach(&world.model(), "u0001", Waiting::default()).unwrap();
        assert!(matches!(reached, Reached::Wait { wait_s: 30, .. }), "{reached:?}");
    }
    assert_eq!(world.submitted(), 1);
    // Batches are switched off meanwhile: a call that waits for one still gets its answer.
    let (model, mut world) = (world.model(), world);
    let Reached::Wait { waiting, .. } = world.reach(&model, "u0001", Waiting::default()).unwrap() else {
        panic!("a wait");
    };
    world.mode = ModelBatch::Off;
    world.clock.pass(HOUR_MS);
    let reached = world.reach(&world.model(), "u0001", waiting).unwrap();
    assert!(matches!(reached, Reached::Answered(answer) if answer.text == "batch"));
}

#[test]
fn a_crash_between_the_submission_and_its_row_costs_one_batch() {
    let world = World::new(after_ten_minutes).limited(1_000_000_000);
    world.rows.fails.store(true, Ordering::Relaxed);
    assert_eq!(world.end_of("u0001"), Err("ArtifactUnavailable"));
    // The workflow repeats the state.
    assert_eq!(world.end_of("u0001"), Ok("batch".to_owned()));
    assert_eq!((world.submitted(), world.ordinary().len()), (2, 0));
    // The first batch counts with its reservation: half of 101 and 100 tokens.
    assert_eq!(world.spent(), (10_050_000 + 7, 10_050_000 + 7));
}

#[test]
fn a_batch_without_an_answer_leads_to_an_ordinary_call() {
    let rows: [(Fetched, u64, u64); 5] = [
        // What counts: a pending batch may still be paid for.
        (never, 24 * HOUR_MS, 10_050_000),
        (
            |_| Ok(BatchState::Failed(ModelError::Outage("expired".to_owned()))),
            30_000,
            0,
        ),
        (|_| Err(ModelError::NotFound("gone".to_owned())), 30_000, 10_050_000),
        (|_| Err(ModelError::Unreadable("a page".to_owned())), 30_000, 10_050_000),
        (
            |_| Err(ModelError::Unavailable("no connection".to_owned())),
            24 * HOUR_MS,
            10_050_000,
        ),
    ];
    for (fetched, took_ms, spent) in rows {
        let world = World::new(fetched).limited(1_000_000_000);
        assert_eq!(world.end_of("u0001"), Ok("ordinary".to_owned()));
        assert_eq!(world.ordinary(), [Waiting::default()], "its own waits begin now");
        assert_eq!(world.clock.now_ms() - START_MS, took_ms);
        assert!(world.waits().len() <= 292, "{}", world.waits().len());
        assert_eq!(world.spent(), (spent, spent));
        // A repeated state doesn't ask for the batch again.
        let fetches = world.batches.fetches.load(Ordering::Relaxed);
        assert_eq!(world.end_of("u0001"), Ok("ordinary".to_owned()));
        assert_eq!(world.batches.fetches.load(Ordering::Relaxed), fetches);
        assert_eq!(world.submitted(), 1);
    }
}

#[test]
fn a_fetch_that_fails_for_a_while_is_repeated() {
    let world = World::new(|ms| match ms {
        0..200_000 => Err(ModelError::Outage("503".to_owned())),
        200_000..500_000 => Err(ModelError::RateLimited {
            retry_after_s: Some(900),
            observed: None,
        }),
        _ => Ok(BatchState::Answered(answer(7))),
    });
    assert_eq!(world.end_of("u0001"), Ok("batch".to_owned()));
    // What the provider states is a lower bound.
    assert_eq!(
        (world.submitted(), world.clock.now_ms() - START_MS),
        (1, (30 + 60 + 120 + 900) * 1_000)
    );
}

#[test]
fn only_calls_that_nobody_waits_for_are_batch_calls() {
    for (mode, is_marked, urgent, may_batch, is_batch) in [
        (ModelBatch::All, false, false, true, true),
        (ModelBatch::All, true, true, true, false),
        (ModelBatch::All, false, false, false, false),
        (ModelBatch::Marked, true, false, true, true),
        (ModelBatch::Marked, false, false, true, false),
        (ModelBatch::Marked, true, true, true, false),
        (ModelBatch::Off, true, false, true, false),
    ] {
        let mut world = World::new(never);
        world.mode = mode;
        world.payer.batch = is_marked;
        world.payer.urgent = urgent;
        let call = ModelCall {
            run: &world.run,
            payer: &world.payer,
            part: "u0001",
            attempt: 1,
            is_risky: false,
            may_batch,
            waiting: Waiting::default(),
        };
        let reached = block_on(world.model().reach(&call, &request(&world.run))).unwrap();
        assert_eq!(
            matches!(reached, Reached::Wait { .. }),
            is_batch,
            "{mode:?} {is_marked} {urgent} {may_batch}"
        );
        assert_eq!(
            (world.submitted() == 1, world.ordinary().is_empty()),
            (is_batch, is_batch)
        );
    }
}

#[test]
fn a_call_that_waits_for_its_provider_stays_an_ordinary_one() {
    let world = World::new(never);
    let waiting = Waiting::default().after(WaitFor::Limit, START_MS);
    world.reach(&world.model(), "u0001", waiting).unwrap();
    assert_eq!((world.submitted(), world.ordinary()), (0, vec![waiting]));
}

#[test]
fn a_provider_without_batches_is_asked_once() {
    for refusal in [
        Ok(Submitted::NotOffered),
        Err(ModelError::Unauthorized("403".to_owned())),
    ] {
        let world = World::new(never).limited(1_000_000_000);
        world.batches.refusals.lock().unwrap().push_back(refusal);
        let model = world.model();
        for part in ["u0001", "u0002"] {
            let reached = world.reach(&model, part, Waiting::default()).unwrap();
            assert!(matches!(reached, Reached::Answered(_)), "{reached:?}");
        }
        assert_eq!(
            (world.submitted(), world.ordinary().len(), world.spent()),
            (1, 2, (0, 0))
        );
    }
}

#[test]
fn a_submission_that_fails_leads_to_an_ordinary_call_and_a_limited_one_waits() {
    // After a time-out the provider may have the batch.
    for (error, takes_ms, spent) in [
        (ModelError::Outage("500".to_owned()), 0, 0),
        (ModelError::Rejected("413".to_owned()), 0, 0),
        (ModelError::TimedOut("no answer".to_owned()), 60_000, 10_050_000),
    ] {
        let world = World::new(never).limited(1_000_000_000);
        world.batches.takes_ms.store(takes_ms, Ordering::Relaxed);
        world.batches.refusals.lock().unwrap().push_back(Err(error));
        assert_eq!(world.end_of("u0001"), Ok("ordinary".to_owned()));
        // A state that has taken long has no time for the call.
        let waits: &[u64] = if takes_ms > 0 { &[1] } else { &[] };
        assert_eq!(
            (world.submitted(), world.waits().as_slice(), world.spent()),
            (1, waits, (spent, spent))
        );
    }
    let world = World::new(after_ten_minutes).limited(1_000_000_000);
    let limited = || {
        Err(ModelError::RateLimited {
            retry_after_s: Some(90),
            observed: None,
        })
    };
    world.batches.refusals.lock().unwrap().extend([limited(), limited()]);
    assert_eq!(world.end_of("u0001"), Ok("batch".to_owned()));
    assert_eq!(
        (world.submitted(), world.ordinary().len(), world.spent()),
        (3, 0, (7, 7))
    );
}

#[test]
fn nothing_is_submitted_while_the_provider_is_down() {
    let world = World::new(never);
    let key = world.terms.key_of("openai");
    let entry = |call: u32, step| ProviderEntry {
        model: "m".to_owned(),
        call: call.to_string(),
        now_ms: START_MS,
        step,
    };
    for call in 0..10 {
        let reserve = Step::Reserve {
            tenant: "t".to_owned(),
            shares: 1,
            run: "r".to_owned(),
            urgent: false,
            tokens: 1,
            hold_ms: 1_000,
            limits: world.terms.limits,
        };
        let message = "503".to_owned();
        for step in [reserve, Step::Failed { message }] {
            block_on(logs::append::<ProviderState>(
                world.logs.as_ref(),
                &key,
                &entry(call, step),
            ))
            .unwrap();
        }
    }
    assert_eq!(world.end_of("u0001"), Ok("ordinary".to_owned()));
    assert_eq!(world.submitted(), 0);
}

#[test]
fn a_batch_call_reserves_half_and_never_exceeds_a_limit() {
    // Half of 101 and 100 tokens at 100 dollars for a million is 0.01005 dollars.
    for (limit, end, submitted) in [
        (10_050_000, Ok("batch".to_owned()), 1),
        (10_049_999, Err("SpendLimitReached"), 0),
    ] {
        let world = World::new(after_ten_minutes).limited(limit);
        assert_eq!(world.end_of("u0001"), end, "{limit}");
        assert_eq!((world.submitted(), world.ordinary().len()), (submitted, 0));
        assert!(world.spent().1 <= limit);
    }
    // The second call waits for what the first one gives back.
    let world = World::new(after_ten_minutes).limited(15_000_000);
    let model = world.model();
    world.reach(&model, "u0001", Waiting::default()).unwrap();
    assert_eq!(world.spent(), (0, 10_050_000));
    let reached = world.reach(&model, "u0002", Waiting::default()).unwrap();
    assert!(matches!(reached, Reached::Wait { .. }), "{reached:?}");
    assert_eq!(world.submitted(), 1);
    world.clock.pass(HOUR_MS);
    world.reach(&model, "u0001", Waiting::default()).unwrap();
    assert_eq!(world.spent(), (7, 7));
    world.reach(&model, "u0002", Waiting::default()).unwrap();
    assert_eq!(world.submitted(), 2);
}
