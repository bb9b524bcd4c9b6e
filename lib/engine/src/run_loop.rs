//! The engine's loop: it takes in requests, results and timers, advances the executions, stores all changes in one
//! transaction, and only then acts on them. While one turn is written to the disk, the loop decides the next.
//! `request_handler` handles requests, `settle` the consequences for an execution, `storage_outage` a failing disk.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use holdfast_asl::{Entropy, HistoryEvent, Moment, Stimulus, StimulusRejected, Timestamp};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::Id;

use super::archive::ExecutionStatus;
use super::dispatch::{JobOutput, JobResult, Jobs};
use super::error::EngineError;
use super::evaluator::{EvaluationResult, Evaluations};
use super::live::OpenState;
use super::machines::Machines;
use super::naming::Naming;
use super::read;
use super::recover::Recovered;
use super::request::{Outcome, Request, Waiter};
use super::scope::Scope;
use super::store::{Store, StoreThread};
use super::time::Timekeeper;
use super::turn::{ChildEvent, EngineEvent, Published, Turn};
use super::write::Write;

/// Maximum number of results taken in at once: few, so that the disk isn't idle.
const MAX_RESULTS: usize = 32;
/// Maximum number of requests taken in at once.
const MAX_REQUESTS: usize = 256;
/// A turn with this many writes waits for the disk before it takes in more.
const MAX_WRITES: usize = 16_384;

/// The engine's one writer: nothing else changes executions.
pub(super) struct Runner {
    pub store: Store,
    pub thread: StoreThread,
    pub jobs: Jobs,
    pub evaluations: Evaluations,
    pub time: Timekeeper,
    pub machines: Arc<Machines>,
    pub entropy: Box<dyn Entropy + Send + Sync>,
    pub naming: Naming,
    /// While an execution waits for a token, `wait` also waits for its timers that are due within this time.
    pub max_timer_wait_ms: i64,
    pub inbox: mpsc::UnboundedReceiver<Request>,
    /// A request that needs a database query while a turn is being written: the loop doesn't wait for the query. The
    /// requests behind it wait, too.
    pub held: Option<Request>,
    pub events: broadcast::Sender<EngineEvent>,
    pub health: watch::Sender<Option<EngineError>>,
    /// The stored executions that the engine resumes.
    pub scope: Scope,
    pub open: OpenState,
    pub waiters: HashMap<i64, Vec<Waiter>>,
}

/// The end of the loop: a shutdown with its reply channel, or no handle is left.
pub(super) struct Ended(pub Option<oneshot::Sender<()>>);

/// A turn that is being written to the disk.
struct Storing {
    turn: Turn,
    written: Pin<Box<dyn Future<Output = Result<(), EngineError>> + Send>>,
}

/// The event that the loop waited for.
enum LoopEvent {
    /// Something was taken in, or a timer is due.
    Decidable,
    /// The turn was written to the disk, or could not be.
    Stored(Result<(), EngineError>),
    Ended(Ended),
}

impl Runner {
    /// Resumes everything that is stored. Fails when the database cannot be read or written.
    pub(super) async fn begin(&mut self) -> Result<Recovered, EngineError> {
        let mut turn = Turn::new(self.now());
        let recovered = self.recover(&mut turn, &[]).await?;
        self.store_turn(&mut turn).await?;
        self.act_on_stored(turn).await;
        Ok(recovered)
    }

    /// Runs until a shutdown, or until no handle is left.
    pub(super) async fn run(mut self) {
        let mut next = Turn::new(self.now());
        let mut storing = None;
        let ended = loop {
            let failed = match self.step(&mut next, &mut storing).await {
                Ok(None) => continue,
                Ok(Some(ended)) => break ended,
                Err(error) => error,
            };
            let mut kept = self.settle_stored(storing.take()).await;
            kept.extend(std::mem::replace(&mut next, Turn::new(self.now())).abandon(&failed));
            if let Err(ended) = self.wait_for_storage(failed, kept).await {
                break ended;
            }
        };
        self.last_turn(next, storing).await;
        self.jobs.abort().await;
        let Self {
            store,
            thread,
            jobs,
            inbox,
            waiters,
            ..
        } = self;
        drop((store, jobs, inbox));
        thread.finished().await;
        for waiter in waiters.into_values().flatten() {
            waiter.send(Err(EngineError::Stopped));
        }
        if let Ended(Some(reply)) = ended
            && reply.send(()).is_err()
        {
            tracing::debug!("the caller of the shutdown has gone away");
        }
    }

    /// Runs one step: takes in and decides, or acts on a stored turn. Keeps the disk busy.
    async fn step(&mut self, next: &mut Turn, storing: &mut Option<Storing>) -> Result<Option<Ended>, EngineError> {
        let mut stored = None;
        match self.take_in(next, storing.as_mut()).await {
            LoopEvent::Decidable => self.decide(next).await?,
            LoopEvent::Ended(ended) => return Ok(Some(ended)),
            LoopEvent::Stored(result) => {
                let Some(Storing { mut turn, .. }) = storing.take() else {
                    return Ok(None);
                };
                if let Err(error) = result {
                    next.taken.splice(0..0, turn.abandon(&error));
                    return Err(error);
                }
                // Executions that change again in the next turn: that turn notifies their waiters.
                turn.roots.retain(|root| !next.roots.contains(root));
                stored = Some(turn);
                if self.held.is_some() {
                    if let Some(ended) = self.take_requests(next, None, false).await {
                        return Ok(Some(ended));
                    }
                    self.decide(next).await?;
                }
            }
        }
        let mut unwritten = None;
        if storing.is_none() && next.has_work() {
            let turn = std::mem::replace(next, Turn::new(self.now()));
            if turn.writes.is_empty() {
                unwritten = Some(turn);
            } else {
                *storing = Some(self.send(turn));
            }
        }
        // Last, so that the disk is already busy with the next turn.
        for turn in stored.into_iter().chain(unwritten) {
            self.act_on_stored(turn).await;
        }
        Ok(None)
    }

    /// Decides everything that follows from what was taken in, and stores it.
    pub(super) async fn store_turn(&mut self, turn: &mut Turn) -> Result<(), EngineError> {
        self.decide(turn).await?;
        if turn.writes.is_empty() {
            return Ok(());
        }
        self.writing(turn).await
    }

    /// Decides everything that follows from what was taken in.
    async fn decide(&mut self, turn: &mut Turn) -> Result<(), EngineError> {
        self.load_due(turn).await?;
        self.fire_due(turn);
        self.settle(turn).await
    }

    /// Starts writing a turn to the disk.
    fn send(&mut self, mut turn: Turn) -> Storing {
        let written = Box::pin(self.writing(&mut turn));
        Storing { turn, written }
    }

    /// Queues the writes of a turn. Later reads see them, so executions that leave memory can be read again.
    fn writing(&mut self, turn: &mut Turn) -> impl Future<Output = Result<(), EngineError>> + Send + use<> {
        let clock = self.time.save_due().map(Write::Clock);
        turn.writes.extend(clock);
        let written = self.store.commit(std::mem::take(&mut turn.writes));
        self.open.just_ended.clear();
        for id in std::mem::take(&mut turn.leaving) {
            self.unload(id);
        }
        written
    }

    fn fire_due(&mut self, turn: &mut Turn) {
        while let Some((at, execution, key)) = self.open.timers.take_due(turn.now) {
            let Some(live) = self.open.live.get_mut(&execution) else {
                continue;
            };
            if live.armed.fired(key, at) {
                self.advance(turn, execution, Stimulus::TimerFired { key });
            }
        }
    }

    /// Arms the timers of an execution that was read.
    pub(super) fn arm(&mut self, id: i64) {
        if let Some(live) = self.open.live.get_mut(&id) {
            let timers = live.timers().into_iter();
            let timers = timers.map(|(key, at)| (key, self.time.engine_time(id, at)));
            live.armed.replace(timers.collect(), id, &mut self.open.timers);
        }
    }

    /// Returns the time now. If the clock was set, timers are armed again.
    pub(super) fn now(&mut self) -> Timestamp {
        let now = self.time.now(self.open.last_execution);
        if self.time.take_shift() {
            let armed = self.open.live.iter().filter(|(_, live)| !live.armed.is_empty());
            let armed: Vec<i64> = armed.map(|(id, _)| *id).collect();
            for id in armed {
                self.arm(id);
            }
            // Executions that aren't in memory are searched again for due timers.
            self.open.next_due = Some(now);
        }
        now
    }

    /// Waits for an event, and takes in everything that has happened by then.
    async fn take_in(&mut self, turn: &mut Turn, storing: Option<&mut Storing>) -> LoopEvent {
        let (mut request, mut result, mut evaluated) = (None, None, None);
        let is_storing = storing.is_some();
        match storing {
            Some(storing) if turn.writes.len() >= MAX_WRITES => {
                return LoopEvent::Stored(storing.written.as_mut().await);
            }
            // Timers fire only after the turn is on the disk.
            Some(storing) => tokio::select! {
                biased;
                written = storing.written.as_mut() => return LoopEvent::Stored(written),
                received = self.inbox.recv(), if self.held.is_none() => request = received,
                ended = self.jobs.next() => result = Some(ended),
                ended = self.evaluations.next() => evaluated = Some(ended),
            },
            None if self.open.fillable.is_empty() => {
                let idle = self.jobs.is_empty() && self.evaluations.is_empty();
                let due = self.open.timers.next_due().into_iter().chain(self.open.next_due).min();
                tokio::select! {
                    biased;
                    received = self.inbox.recv() => request = received,
                    ended = self.jobs.next() => result = Some(ended),
                    ended = self.evaluations.next() => evaluated = Some(ended),
                    () = self.time.sleep_until(due, idle) => {}
                }
            }
            None => {}
        }
        turn.now = self.now();
        if let Some(result) = result {
            self.take_result(turn, result);
        }
        for _ in 0..MAX_RESULTS {
            let Some(result) = self.jobs.try_next() else { break };
            self.take_result(turn, result);
        }
        if let Some((id, result)) = evaluated {
            self.take_evaluation(turn, id, result);
        }
        for _ in 0..MAX_RESULTS {
            let Some((id, result)) = self.evaluations.try_next() else {
                break;
            };
            self.take_evaluation(turn, id, result);
        }
        if let Some(ended) = self.take_requests(turn, request, is_storing).await {
            return LoopEvent::Ended(ended);
        }
        if turn.has_work() || !self.inbox.is_closed() {
            LoopEvent::Decidable
        } else {
            LoopEvent::Ended(Ended(None))
        }
    }

    /// Serves `first` and the requests behind it, up to the first one that has to wait for the disk.
    async fn take_requests(&mut self, turn: &mut Turn, first: Option<Request>, is_storing: bool) -> Option<Ended> {
        let mut first = first;
        for _ in 0..MAX_REQUESTS {
            let held = if is_storing { None } else { self.held.take() };
            if self.held.is_some() {
                break;
            }
            let request = held.or_else(|| first.take()).or_else(|| self.inbox.try_recv().ok())?;
            // The request may be newer than the last reading of the clock: a heartbeat counts from its arrival.
            turn.now = self.now();
            match request {
                Request::Shutdown { reply } => return Some(Ended(Some(reply))),
                request if is_storing && request.needs_database(&self.open) => self.held = Some(request),
                request => self.serve(turn, request).await,
            }
        }
        None
    }

    /// Stores the last results. Jobs that follow from them aren't started: they start when the engine is opened again.
    async fn last_turn(&mut self, mut next: Turn, storing: Option<Storing>) {
        self.settle_stored(storing).await;
        match self.store_turn(&mut next).await {
            Ok(()) => {
                next.dispatch.clear();
                self.act_on_stored(next).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the last results were not stored; their functions run again");
                next.abandon(&error);
            }
        }
    }

    /// Waits for a turn that is being written. Returns the results of its jobs if the write fails.
    async fn settle_stored(&mut self, storing: Option<Storing>) -> Vec<JobResult> {
        let Some(Storing { turn, written }) = storing else {
            return Vec::new();
        };
        match written.await {
            Ok(()) => {
                self.act_on_stored(turn).await;
                Vec::new()
            }
            Err(error) => turn.abandon(&error),
        }
    }

    /// Takes in the result of a job.
    pub(super) fn take_result(&mut self, turn: &mut Turn, result: JobResult) {
        turn.taken.push(result.clone());
        let JobResult { execution, key, output } = result;
        match output {
            JobOutput::Items(items) => self.create_map_run(turn, execution, key, items),
            JobOutput::Stimulus(stimulus) => {
                let Some(live) = self.open.live.get_mut(&execution) else {
                    return;
                };
                live.inflight.remove(&key);
                if let Stimulus::MapRunFinished { result, .. } = &stimulus
                    && let Some(run) = live.map_runs.get(&key).and_then(|run| self.open.map_runs.get_mut(run))
                {
                    let status = if result.is_ok() {
                        ExecutionStatus::Succeeded
                    } else {
                        ExecutionStatus::Failed
                    };
                    run.outcome = Some(status);
                }
                self.advance(turn, execution, stimulus);
            }
        }
    }

    /// Takes in the value of a template that an execution waits for.
    fn take_evaluation(&mut self, turn: &mut Turn, id: Id, result: EvaluationResult) {
        let EvaluationResult { execution, key, answer } = result;
        let Some(live) = self.open.live.get_mut(&execution) else {
            return;
        };
        // The execution may have been read again since, and may evaluate something else under this key.
        if !live.evaluating.get(&key).is_some_and(|evaluating| evaluating.is(id)) {
            return;
        }
        live.evaluating.remove(&key);
        let mut moment = Moment {
            now: self.time.of(execution, turn.now),
            entropy: self.entropy.as_mut(),
        };
        turn.touched.insert(execution);
        if let Ok(events) = live.execution.answer(key, answer, &mut moment) {
            self.record(turn, execution, events);
        }
    }

    /// Advances an execution within the turn. Returns false if it rejected the stimulus.
    pub(super) fn advance(&mut self, turn: &mut Turn, id: i64, stimulus: Stimulus) -> bool {
        self.try_advance(turn, id, stimulus).is_ok()
    }

    pub(super) fn try_advance(&mut self, turn: &mut Turn, id: i64, stimulus: Stimulus) -> Result<(), StimulusRejected> {
        turn.touched.insert(id);
        let Some(live) = self.open.live.get_mut(&id) else {
            return Err(StimulusRejected::Ended);
        };
        let mut moment = Moment {
            now: self.time.of(id, turn.now),
            entropy: self.entropy.as_mut(),
        };
        let events = live.execution.advance(stimulus, &mut moment)?;
        self.record(turn, id, events);
        Ok(())
    }

    /// Adds events of an execution in memory to the turn, to be stored and published.
    pub(super) fn record(&mut self, turn: &mut Turn, id: i64, events: Vec<HistoryEvent>) {
        turn.touched.insert(id);
        let Some(live) = self.open.live.get(&id) else { return };
        if events.is_empty() {
            return;
        }
        let events: Vec<Arc<_>> = events.into_iter().map(Arc::new).collect();
        // A finished map run is no longer in memory: then the child's last event names no state.
        let child = live.child_of.map(|(run, index)| {
            let state = self
                .open
                .map_runs
                .get(&run)
                .map(|run| run.plan.state.clone())
                .unwrap_or_default();
            ChildEvent {
                name: live.name.clone(),
                state,
                index,
            }
        });
        turn.writes.add_events(id, events.iter().map(Arc::clone));
        turn.published.push(Published {
            root_name: Arc::clone(&live.root_name),
            child,
            events,
        });
    }

    fn publish(&self, published: Vec<Published>) {
        if self.events.receiver_count() == 0 {
            return;
        }
        for Published {
            root_name,
            child,
            events,
        } in published
        {
            for event in events {
                // The subscribers may have gone away.
                drop(self.events.send(EngineEvent {
                    execution: root_name.to_string(),
                    child: child.clone(),
                    event,
                }));
            }
        }
    }

    /// Acts on a turn that is on the disk, and answers everyone who waits for it.
    pub(super) async fn act_on_stored(&mut self, turn: Turn) {
        for job in turn.dispatch {
            let (execution, key) = job.origin();
            if self
                .open
                .live
                .get(&execution)
                .is_some_and(|live| live.inflight.contains(&key))
            {
                self.jobs.spawn(job);
            }
        }
        self.open.fillable.extend(turn.map_runs);
        self.publish(turn.published);
        for reply in turn.replies {
            reply.send(Ok(()));
        }
        for (id, waiter) in turn.waiters {
            self.waiters.entry(id).or_default().push(waiter);
        }
        for (id, status) in turn.ended {
            for waiter in self.waiters.remove(&id).into_iter().flatten() {
                waiter.send(Ok(Outcome::Finished { status: status.clone() }));
            }
        }
        for root in turn.roots {
            self.answer_waiters(root, turn.now).await;
        }
        for (root, question) in turn.token_requests {
            question.send(self.store.run(move |db| read::pending_tokens(db, root)).await);
        }
    }
}
