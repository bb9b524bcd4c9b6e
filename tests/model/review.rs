//! One or two runs of one pull request, every order of their requests, with faults: the real stages as actors.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

use futures::FutureExt;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::policy::Policy;
use holdfast_core::model::run::Run;
use stateright::{Model, Property};

use crate::call::{Answer, Call};
use crate::invariant;
use crate::outside::Broken;
use crate::replay::{Place, Places, Step};
use crate::stages::{Script, Stage, a_report, a_run, play, retried};
use crate::story::Story;
use crate::world::World;

type At = Arc<Place<Script, Result<(), ErrorName>>>;

/// The state of a run.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Actor {
    stage: Stage,
    pub failure: Option<ErrorName>,
    /// True once the engine has stopped it: the current invocation may run to its end, and nothing follows.
    is_stopped: bool,
    pub phase: Phase,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    Works,
    /// The stage failed with an error that the workflow retries.
    BacksOff,
    Published,
    Failed,
    /// The engine ended it because a newer run has taken over.
    Stopped,
    /// The sweeper has ended.
    Swept,
}

impl Phase {
    const fn is_end(self) -> bool {
        matches!(self, Self::Published | Self::Failed | Self::Stopped | Self::Swept)
    }
}

/// A request whose sender no longer waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Flight {
    call: Call,
    run: usize,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub struct State {
    pub world: World,
    pub runs: Vec<Actor>,
    pub in_flight: Vec<Flight>,
    /// The number of faults that may still happen.
    pub faults: u8,
    /// The number of pushes that may still happen.
    pub pushes: u8,
    /// True if an undo failed permanently, so that a person was notified.
    pub is_alarmed: bool,
}

impl State {
    /// Returns true if nothing can happen any more.
    pub fn is_quiet(&self) -> bool {
        self.is_over() && self.runs.iter().all(|run| run.phase.is_end())
    }

    /// Returns true if every run has ended, and none of their requests is in flight.
    fn is_over(&self) -> bool {
        let is_over = |run: &Actor| run.stage == Stage::Sweep || run.phase.is_end();
        self.in_flight.is_empty() && self.pushes == 0 && self.runs.iter().all(is_over)
    }
}

/// The next step; the number is the run's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The author pushes.
    Push,
    /// The run's request takes effect and gets its answer.
    Serve(usize),
    /// It is never sent.
    Refuse(usize),
    /// It takes effect; the answer is lost.
    Lose(usize),
    /// It times out, and takes effect some time later.
    Delay(usize),
    /// The process dies; the engine runs the state again from its start.
    Crash(usize),
    /// A delayed request takes effect.
    Land(usize),
    /// The workflow retries the failed state.
    Retry(usize),
    /// It has no retries left.
    GiveUp(usize),
    /// The invocation of a stopped run ends.
    Die(usize),
}

/// The time at which a request without a waiting sender takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// At once: only the answer is lost.
    Not,
    /// Before the workflow's retry.
    BeforeTheNextTry,
    /// At any time, even after all runs have ended.
    AnyTime,
}

/// The behaviour of a stopped run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// It stops writing: both runs belong to one engine on one machine.
    AtOnce,
    /// The current invocation may run to its end: a function on AWS.
    Later,
    /// It continues, in another engine.
    Never,
}

/// The bounds of a check: its runs and their faults.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// For each run, its head: the run starts at any time after this push.
    pub heads: Vec<u8>,
    pub pushes: u8,
    pub faults: u8,
    /// The time at which a late request may take effect.
    pub late: Late,
    /// The way in which runs are stopped.
    pub stops: Stops,
    /// True if a run can pass from its first to its last state while another run is between its query of the fence and
    /// its next write. Usually it cannot: the states between them take longer than one request.
    pub is_swift: bool,
    /// True if a run publishes what is below the gate, and then the rest, about which nobody decides in time.
    pub in_parts: bool,
    pub broken: Option<Broken>,
}

pub struct Reviews {
    pub bounds: Bounds,
    pub runs: Vec<Run>,
    places: Places<Script, Result<(), ErrorName>>,
    /// The errors that the workflow retries, by state.
    retried: BTreeMap<Stage, BTreeSet<String>>,
}

impl Reviews {
    pub fn new(bounds: Bounds) -> Self {
        let runs: Vec<Run> = bounds
            .heads
            .iter()
            .enumerate()
            .map(|(at, head)| a_run(at, *head))
            .collect();
        let (known, broken) = (runs.clone(), bounds.broken);
        let places = Places::new(Box::new(move |script: &Script, recorded| {
            play(script.clone(), known.get(script.run).cloned(), broken, recorded).boxed()
        }));
        Self {
            bounds,
            runs,
            places,
            retried: retried(),
        }
    }

    fn enter(&self, state: &mut State, run: usize, stage: Stage) {
        let actor = &mut state.runs[run];
        actor.stage = stage;
        actor.phase = Phase::Works;
        actor.at = self.places.start(&Script {
            run,
            stage,
            failure: actor.failure,
        });
        self.settle(state, run);
    }

    fn answer(&self, state: &mut State, run: usize, answer: Answer) {
        state.runs[run].at = self.places.next(&state.runs[run].at, answer);
        self.settle(state, run);
    }

    /// Advances to the next request that others can see, or to the end of the stage.
    fn settle(&self, state: &mut State, run: usize) {
        loop {
            let at = Arc::clone(&state.runs[run].at);
            match &at.step {
                Step::Calls(call) if call.is_private() => {
                    let answer = state.world.serve(call);
                    state.runs[run].at = self.places.next(&at, answer);
                }
                Step::Calls(_) => return,
                Step::Ends(end) => return self.leave(state, run, *end),
            }
        }
    }

    /// Applies the workflow's transition after a stage: `state-machine/review.asl.json`.
    fn leave(&self, state: &mut State, run: usize, end: Result<(), ErrorName>) {
        let actor = &mut state.runs[run];
        if actor.is_stopped {
            return self.finish(state, run, Phase::Stopped);
        }
        match (actor.stage, end) {
            (stage, Err(error))
                if self
                    .retried
                    .get(&stage)
                    .is_some_and(|names| names.contains(error.as_str())) =>
            {
                actor.phase = Phase::BacksOff
            }
            (
                Stage::OpenReview | Stage::PublishUngated | Stage::PublishUndecided | Stage::PublishReview,
                Err(error),
            ) => {
                actor.failure = Some(error);
                self.enter(state, run, Stage::WithdrawAnnouncement);
            }
            (Stage::OpenReview, Ok(())) if self.bounds.in_parts => self.enter(state, run, Stage::PublishUngated),
            (Stage::OpenReview, Ok(())) => self.enter(state, run, Stage::PublishReview),
            (Stage::PublishUngated, Ok(())) => self.enter(state, run, Stage::PublishUndecided),
            (Stage::PublishUndecided | Stage::PublishReview, Ok(())) => self.finish(state, run, Phase::Published),
            (Stage::WithdrawAnnouncement, end) => {
                state.is_alarmed |= end.is_err();
                self.enter(state, run, Stage::ReportFailure);
            }
            (Stage::ReportFailure, end) => {
                state.is_alarmed |= end.is_err();
                self.finish(state, run, Phase::Failed);
            }
            (Stage::Sweep, end) => {
                assert_eq!(end, Ok(()), "nothing fails during the sweep");
                self.finish(state, run, Phase::Swept);
            }
        }
    }

    fn finish(&self, state: &mut State, run: usize, phase: Phase) {
        let actor = &mut state.runs[run];
        let error = match phase {
            Phase::Failed => actor.failure,
            Phase::Stopped => Some(ErrorName::RunSuperseded),
            _ => None,
        };
        actor.phase = phase;
        if let Some(error) = error {
            state.world.failed.push((self.name(run).into(), error.as_str().into()));
            state.world.failed.sort();
        }
    }

    /// Applies the consequences of other requests: stops a run, begins a sweep.
    fn follow(&self, state: &mut State) {
        for run in 0..self.runs.len() {
            let actor = &mut state.runs[run];
            let must_stop = self.bounds.stops != Stops::Never && state.world.stopped.contains(&self.name(run).into());
            if !must_stop || actor.is_stopped || actor.phase.is_end() {
                continue;
            }
            actor.is_stopped = true;
            if self.bounds.stops == Stops::AtOnce || actor.phase == Phase::BacksOff {
                self.finish(state, run, Phase::Stopped);
            }
        }
    }

    /// Returns true if another run is still in a state in which this run has taken over from it.
    fn is_overlapped(&self, state: &State, run: usize) -> bool {
        let overlaps = |(at, other): (usize, &Actor)| {
            at != run && !other.phase.is_end() && other.stage <= Stage::PublishReview && self.has_claimed(state, at)
        };
        self.holds(state, run) && state.runs.iter().enumerate().any(overlaps)
    }

    pub fn holds(&self, state: &State, run: usize) -> bool {
        let claim = state.world.rows.iter().find(|row| row.0.as_str().starts_with("claim/"));
        claim.is_some_and(|(_, _, value)| value.as_str().contains(&format!("\"run\":\"{}\"", self.name(run))))
    }

    fn has_claimed(&self, state: &State, run: usize) -> bool {
        state
            .world
            .row(&format!("run/{}", self.name(run)).as_str().into())
            .is_some()
    }

    fn name(&self, run: usize) -> &str {
        self.runs.get(run).map_or("the sweeper", |run| run.run.as_str())
    }
}

impl Model for Reviews {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut world = World::default();
        for run in &self.runs {
            for (key, value) in [
                (
                    key::report(&run.run),
                    serde_json::to_string(&a_report(run, self.bounds.in_parts)),
                ),
                (key::policy(&run.run), serde_json::to_string(&Policy::default())),
            ] {
                let (key, value) = (key.as_str().into(), value.unwrap().as_str().into());
                world.serve(&Call::PutArtifact { key, value });
            }
        }
        let actor = |run| {
            let stage = if run < self.runs.len() {
                Stage::OpenReview
            } else {
                Stage::Sweep
            };
            Actor {
                stage,
                failure: None,
                is_stopped: false,
                phase: Phase::Works,
                at: self.places.start(&Script {
                    run,
                    stage,
                    failure: None,
                }),
            }
        };
        let mut state = State {
            world,
            runs: (0..=self.runs.len()).map(actor).collect(),
            in_flight: Vec::new(),
            faults: self.bounds.faults,
            pushes: self.bounds.pushes,
            is_alarmed: false,
        };
        for run in 0..self.runs.len() {
            self.settle(&mut state, run);
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.pushes > 0 {
            actions.push(Action::Push);
        }
        actions.extend((0..state.in_flight.len()).map(Action::Land));
        for (run, actor) in state.runs.iter().enumerate() {
            let may_run = match self.bounds.heads.get(run) {
                Some(head) => *head <= state.world.head,
                None => state.is_over(),
            };
            let publishes = matches!(actor.stage, Stage::PublishUngated | Stage::PublishReview);
            let waits = !self.bounds.is_swift && publishes && self.is_overlapped(state, run);
            if !may_run || waits || actor.phase.is_end() {
                continue;
            }
            if actor.is_stopped && state.faults > 0 {
                actions.push(Action::Die(run));
            }
            let waits_for_it =
                self.bounds.late == Late::BeforeTheNextTry && state.in_flight.iter().any(|flight| flight.run == run);
            if actor.phase == Phase::BacksOff {
                if waits_for_it {
                    continue;
                }
                actions.push(Action::Retry(run));
                // An undo is retried as long as faults happen.
                if actor.stage < Stage::WithdrawAnnouncement {
                    actions.push(Action::GiveUp(run));
                }
                continue;
            }
            let Step::Calls(call) = &actor.at.step else { continue };
            // Requests in flight take effect before the stop is complete.
            let is_settling = self.bounds.late == Late::BeforeTheNextTry && !state.in_flight.is_empty();
            if !(is_settling && matches!(call, Call::StopRun { .. })) {
                actions.push(Action::Serve(run));
            }
            if state.faults == 0 || actor.stage == Stage::Sweep {
                continue;
            }
            actions.push(Action::Refuse(run));
            if !waits_for_it {
                actions.push(Action::Crash(run));
            }
            if call.is_write() {
                actions.push(match self.bounds.late {
                    Late::Not => Action::Lose(run),
                    Late::BeforeTheNextTry | Late::AnyTime => Action::Delay(run),
                });
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let pending = |run: usize| match &last.runs[run].at.step {
            Step::Calls(call) => call.clone(),
            Step::Ends(end) => panic!("run {run} has ended: {end:?}"),
        };
        match action {
            Action::Push => {
                state.pushes -= 1;
                state.world.head += 1;
            }
            Action::Serve(run) => {
                let answer = state.world.serve(&pending(run));
                self.answer(&mut state, run, answer);
            }
            Action::Refuse(run) => {
                state.faults -= 1;
                self.answer(&mut state, run, Answer::Unavailable);
            }
            Action::Lose(run) => {
                state.faults -= 1;
                state.world.serve(&pending(run));
                self.answer(&mut state, run, Answer::Unavailable);
            }
            Action::Delay(run) => {
                state.faults -= 1;
                let call = pending(run);
                state.in_flight.push(Flight { call, run });
                self.answer(&mut state, run, Answer::Unavailable);
            }
            Action::Crash(run) => {
                state.faults -= 1;
                let stage = last.runs[run].stage;
                self.enter(&mut state, run, stage);
            }
            Action::Land(at) => {
                let flight = state.in_flight.remove(at);
                state.world.serve(&flight.call);
            }
            Action::Retry(run) => {
                let stage = last.runs[run].stage;
                self.enter(&mut state, run, stage);
            }
            Action::GiveUp(run) => {
                let Step::Ends(Err(error)) = &last.runs[run].at.step else {
                    panic!("run {run} has not failed");
                };
                state.runs[run].failure = Some(*error);
                self.enter(&mut state, run, Stage::WithdrawAnnouncement);
            }
            Action::Die(run) => {
                state.faults -= 1;
                self.finish(&mut state, run, Phase::Stopped);
            }
        }
        self.follow(&mut state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariant::all()
    }
}

impl Story for Reviews {
    fn describe(&self, state: &State, action: &Action) -> String {
        let doing = |run: usize| {
            let actor = &state.runs[run];
            match &actor.at.step {
                Step::Calls(call) => format!("{} {:?}: {call:?}", self.name(run), actor.stage),
                Step::Ends(end) => format!("{} {:?}: {end:?}", self.name(run), actor.stage),
            }
        };
        match action {
            Action::Push => "the author pushes".to_owned(),
            Action::Land(at) => format!("takes effect late: {:?}", state.in_flight[*at].call),
            Action::Serve(run) => doing(*run),
            Action::Refuse(run) => format!("{}, which is never sent", doing(*run)),
            Action::Lose(run) => format!("{}, whose answer is lost", doing(*run)),
            Action::Delay(run) => format!("{}, which times out", doing(*run)),
            Action::Crash(run) => format!("{}, and the process dies before it", doing(*run)),
            Action::Retry(run) => format!("{}, tried again", doing(*run)),
            Action::GiveUp(run) => format!("{}, given up", doing(*run)),
            Action::Die(run) => format!("{}, and the stopped invocation dies before it", doing(*run)),
        }
    }
}
