//! One question to the approvers: people who decide at the same time, the engine's time-out, a cancellation and a newer
//! run, with faults. The protocol is at the end, in `decide`, `sweep` and `answer_time_out`, which use only the ports.
//!
//! The engine's time-out closes the task token, but not the row. A decision that was stored just before the time-out
//! would be lost, although the person sees it as accepted. So the state after the time-out must read the row, too
//! (`Broken::TimeOut` shows this).

use std::hash::Hash;
use std::sync::Arc;

use futures::FutureExt;
use holdfast_core::claim;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::port::{KeepRows, Precondition, Row, RowError, Written};
use serde_json::{Value, json};
use stateright::{Model, Property};

use crate::call::{Answer, Call};
use crate::outside::Outside;
use crate::replay::{Place, Places, Recorded, Step, Text};
use crate::stages::a_run;
use crate::story::Story;
use crate::world::World;

const KEY: &str = "approval/1f";
/// Hours after which the row counts as expired.
const EXPIRES: u64 = 48;

/// The answer that a person sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// The decision is stored.
    Stored,
    /// Another decision is stored.
    DecidedBefore,
    Expired,
    Superseded,
    /// Something failed: the person must reload.
    Unknown,
}

/// The end of an actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum End {
    Shown(Shown),
    Swept,
    /// The workflow continues after the time-out with the decision, or without one.
    TimedOut(Option<Text>),
    /// It failed and runs again.
    Failed,
}

/// The part of an actor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// A person clicks.
    Decides { who: &'static str, decision: &'static str },
    /// The state after the engine's time-out runs.
    AnswersTimeOut,
    /// The sweeper runs, at any time or as the last actor.
    Sweeps { is_last: bool },
}

type At = Arc<Place<Part, End>>;

#[derive(Clone, Debug, PartialEq, Hash)]
pub struct State {
    pub world: World,
    actors: Vec<At>,
    /// For each actor: true if its process died.
    died: Vec<bool>,
    /// The decision that was stored first.
    stored: Option<(Text, Text)>,
    faults: u8,
    events: Vec<Event>,
}

/// The events without an actor; each happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The row expires.
    Expire,
    /// The engine's time limit ends.
    TimeOut,
    /// A person cancels the run: its right to write ends.
    Cancel,
    /// A newer run takes the pull request over.
    Push,
    /// The engine stops the run that was cancelled or superseded.
    Stop,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Happen(Event),
    Serve(usize),
    Refuse(usize),
    Lose(usize),
    Crash(usize),
}

/// The bounds of a check.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub clicks: Vec<(&'static str, &'static str)>,
    pub events: Vec<Event>,
    pub faults: u8,
    pub broken: Option<Broken>,
}

/// A part of the protocol that is removed: a check must then find a violated invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// The row is written without a condition.
    Condition,
    /// The token is sent before the row is written.
    Order,
    /// The sweeper never sends the token again.
    Sweeper,
    /// The state after the time-out does not read the row.
    TimeOut,
}

pub struct Approvals {
    bounds: Bounds,
    parts: Vec<Part>,
    places: Places<Part, End>,
}

impl Approvals {
    pub fn new(bounds: Bounds) -> Self {
        let broken = bounds.broken;
        let clicks = bounds
            .clicks
            .iter()
            .map(|(who, decision)| Part::Decides { who, decision });
        let others = [
            Part::AnswersTimeOut,
            Part::Sweeps { is_last: false },
            Part::Sweeps { is_last: true },
        ];
        Self {
            parts: clicks.chain(others).collect(),
            places: Places::new(Box::new(move |part: &Part, recorded| {
                play(part.clone(), broken, recorded).boxed()
            })),
            bounds,
        }
    }

    /// Returns an actor's next call; none if it may not act yet, or has ended.
    fn pending<'a>(&self, state: &'a State, at: usize) -> Option<&'a Call> {
        let may_run = match &self.parts[at] {
            Part::Decides { .. } => true,
            Part::AnswersTimeOut => state
                .world
                .token
                .as_ref()
                .is_some_and(|token| token.as_str() == "timed out"),
            Part::Sweeps { is_last: false } => self.bounds.broken != Some(Broken::Sweeper),
            Part::Sweeps { is_last: true } => self.bounds.broken != Some(Broken::Sweeper) && self.is_over(state),
        };
        match &state.actors[at].step {
            Step::Calls(call) if may_run && !state.died[at] => Some(call),
            _ => None,
        }
    }

    /// Returns true once everything but the last sweep is done.
    fn is_over(&self, state: &State) -> bool {
        let all = self.parts.iter().enumerate();
        let mut others = all.filter(|(_, part)| **part != Part::Sweeps { is_last: true });
        state.events.is_empty() && others.all(|(at, _)| self.pending(state, at).is_none())
    }

    fn is_quiet(&self, state: &State) -> bool {
        state.events.is_empty() && (0..self.parts.len()).all(|at| self.pending(state, at).is_none())
    }

    /// Returns the decision with which the workflow continued: the token's, or that of the state after the time-out.
    fn continued_with(&self, state: &State) -> Option<Text> {
        let token = state.world.token.clone()?;
        let at = self.parts.iter().position(|part| *part == Part::AnswersTimeOut)?;
        match &state.actors[at].step {
            Step::Ends(End::TimedOut(Some(decision))) if token.as_str() == "timed out" => Some(decision.clone()),
            _ => Some(token),
        }
    }

    fn serve(&self, state: &mut State, call: &Call) -> Answer {
        let answer = state.world.serve(call);
        if state.stored.is_none() {
            state.stored = decided(&state.world);
        }
        answer
    }

    fn answer(&self, state: &mut State, at: usize, answer: Answer) {
        let next = self.places.next(&state.actors[at], answer);
        // A workflow's state is tried again; a sweep comes again.
        state.actors[at] = match &next.step {
            Step::Ends(End::Failed) => self.places.start(&self.parts[at]),
            _ => next,
        };
    }
}

/// Returns the person and the decision in the row.
fn decided(world: &World) -> Option<(Text, Text)> {
    let row = row_of(world);
    Some((row["by"].as_str()?.into(), row["state"].as_str()?.into()))
}

fn row_of(world: &World) -> Value {
    let (_, value) = world.row(&KEY.into()).unwrap();
    serde_json::from_str(value.as_str()).unwrap()
}

type Invariant = Property<Approvals>;

impl Model for Approvals {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut world = World::default();
        let claim = json!({"generation": 1, "run": "A", "closed": false, "undone": false});
        let question = json!({"state": "pending", "delivered": false});
        let claimed = claim_key();
        for (key, value) in [(claimed.as_str(), &claim), ("run/A", &claim), (KEY, &question)] {
            let value = value.to_string().as_str().into();
            world.serve(&Call::PutRow {
                key: key.into(),
                value,
                expect: None,
            });
        }
        vec![State {
            world,
            actors: self.parts.iter().map(|part| self.places.start(part)).collect(),
            died: vec![false; self.parts.len()],
            stored: None,
            faults: self.bounds.faults,
            events: self.bounds.events.clone(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for event in &state.events {
            let waits = [Event::Cancel, Event::Push]
                .iter()
                .any(|first| state.events.contains(first));
            if *event != Event::Stop || !waits {
                actions.push(Action::Happen(*event));
            }
        }
        for (at, part) in self.parts.iter().enumerate() {
            let Some(call) = self.pending(state, at) else { continue };
            actions.push(Action::Serve(at));
            if state.faults > 0 && *part != (Part::Sweeps { is_last: true }) {
                actions.extend([Action::Refuse(at), Action::Crash(at)]);
                if call.is_write() {
                    actions.push(Action::Lose(at));
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let pending = |at: usize| self.pending(last, at).unwrap().clone();
        match action {
            Action::Happen(event) => {
                state.events.retain(|known| *known != event);
                self.happen(&mut state, event);
            }
            Action::Serve(at) => {
                let answer = self.serve(&mut state, &pending(at));
                self.answer(&mut state, at, answer);
            }
            Action::Refuse(at) => {
                state.faults -= 1;
                self.answer(&mut state, at, Answer::Unavailable);
            }
            Action::Lose(at) => {
                state.faults -= 1;
                self.serve(&mut state, &pending(at));
                self.answer(&mut state, at, Answer::Unavailable);
            }
            Action::Crash(at) => {
                state.faults -= 1;
                match self.parts[at] {
                    Part::Decides { .. } => state.died[at] = true,
                    _ => state.actors[at] = self.places.start(&self.parts[at]),
                }
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Invariant::always("a decision stands", |_, state| {
                state.stored.is_none() || state.stored == decided(&state.world)
            }),
            Invariant::always("the delivered decision is the decision of the row", |_, state| {
                let sent = state
                    .world
                    .token
                    .as_ref()
                    .filter(|token| ["approved", "rejected"].contains(&token.as_str()));
                sent.is_none() || sent == decided(&state.world).map(|(_, decision)| decision).as_ref()
            }),
            Invariant::always("a person whose decision is accepted has decided", |model, state| {
                model
                    .parts
                    .iter()
                    .zip(&state.actors)
                    .all(|(part, actor)| match (part, &actor.step) {
                        (Part::Decides { who, decision }, Step::Ends(End::Shown(Shown::Stored))) => {
                            decided(&state.world) == Some(((*who).into(), (*decision).into()))
                        }
                        _ => true,
                    })
            }),
            Invariant::always("every decision is delivered at last", |model, state| {
                !model.is_quiet(state) || decided(&state.world).is_none() || row_of(&state.world)["delivered"] == true
            }),
            Invariant::always("no decision is lost, unless the run was ended", |model, state| {
                let continued_with = model.continued_with(state);
                let is_ended = continued_with.as_ref().is_some_and(|with| with.as_str() == "stopped");
                let decision = decided(&state.world).map(|(_, decision)| decision);
                !model.is_quiet(state) || is_ended || decision.is_none() || decision == continued_with
            }),
            Invariant::sometimes("a decision is taken", |model, state| {
                model.is_quiet(state) && decided(&state.world).is_some()
            }),
        ]
    }
}

impl Approvals {
    fn happen(&self, state: &mut State, event: Event) {
        let close = |world: &mut World, why: &str| {
            world.token.get_or_insert_with(|| why.into());
        };
        match event {
            Event::Expire => state.world.hours = EXPIRES,
            Event::TimeOut => close(&mut state.world, "timed out"),
            Event::Stop => close(&mut state.world, "stopped"),
            Event::Cancel | Event::Push => {
                let (key, value) = match event {
                    Event::Cancel => ("run/A".to_owned(), json!({"generation": 1, "run": "A", "closed": true})),
                    _ => (claim_key(), json!({"generation": 2, "run": "B", "before": "A"})),
                };
                let value = value.to_string().as_str().into();
                state.world.serve(&Call::PutRow {
                    key: key.as_str().into(),
                    value,
                    expect: Some(1),
                });
            }
        }
    }
}

fn claim_key() -> String {
    let target = a_run(0, 0).target;
    format!("claim/{}#{}", target.repository(), target.pull_request().unwrap())
}

impl Story for Approvals {
    fn describe(&self, state: &State, action: &Action) -> String {
        let doing = |at: usize| format!("{:?}: {:?}", self.parts[at], state.actors[at].step);
        match action {
            Action::Happen(event) => format!("{event:?}"),
            Action::Serve(at) => doing(*at),
            Action::Refuse(at) => format!("{}, which is never sent", doing(*at)),
            Action::Lose(at) => format!("{}, whose answer is lost", doing(*at)),
            Action::Crash(at) => format!("{}, and the process dies before it", doing(*at)),
        }
    }
}

async fn play(part: Part, broken: Option<Broken>, recorded: &Recorded) -> End {
    let outside = Outside::new(recorded, "A", None, true);
    match part {
        Part::Decides { who, decision } => {
            End::Shown(decide(&outside, who, decision, broken).await.unwrap_or(Shown::Unknown))
        }
        Part::AnswersTimeOut => answer_time_out(&outside, broken)
            .await
            .map_or(End::Failed, End::TimedOut),
        Part::Sweeps { .. } => sweep(&outside).await.map_or(End::Failed, |()| End::Swept),
    }
}

/// The engine or the table did not answer: the outcome is unknown.
struct NotKnown;

impl From<RowError> for NotKnown {
    fn from(_: RowError) -> Self {
        Self
    }
}

/// Handles a click.
async fn decide(outside: &Outside<'_>, who: &str, decision: &str, broken: Option<Broken>) -> Result<Shown, NotKnown> {
    let Some(row) = outside.get(KEY).await? else {
        return Ok(Shown::Superseded);
    };
    if row.value["state"] != "pending" {
        return Ok(shown(&row.value, who, decision));
    }
    match outside.recorded.ask(Call::AskClock).await {
        Answer::Time(hours) if hours < EXPIRES => {}
        Answer::Time(_) => return Ok(Shown::Expired),
        _ => return Err(NotKnown),
    }
    let target = a_run(0, 0).target;
    match claim::hold(outside, &target, &"A".parse().unwrap()).await {
        Ok(()) => {}
        Err(error) if error.name == ErrorName::RunSuperseded => return Ok(Shown::Superseded),
        Err(_) => return Err(NotKnown),
    }
    if broken == Some(Broken::Order) {
        send(outside, decision).await?;
    }
    let mut version = row.version;
    if broken == Some(Broken::Condition) {
        version = outside.get(KEY).await?.map_or(version, |row| row.version);
    }
    let value = json!({"state": decision, "by": who, "delivered": false});
    let stored = match outside.put(KEY, &value, Precondition::Version(version)).await? {
        Written::Done { version } => Row { version, value },
        Written::Conflict { found } => {
            return Ok(found.map_or(Shown::Superseded, |found| shown(&found.value, who, decision)));
        }
    };
    // It is stored: the sweeper handles it from now on, whatever happens.
    drop(deliver(outside, stored).await);
    Ok(Shown::Stored)
}

/// Returns the answer for a decided row: the same person clicked twice, or another one was first.
fn shown(row: &Value, who: &str, decision: &str) -> Shown {
    match (row["by"] == who, row["state"] == decision) {
        (true, true) => Shown::Stored,
        _ if row["state"] == "expired" => Shown::Expired,
        _ => Shown::DecidedBefore,
    }
}

/// Sends the token with the row's decision, then records that.
async fn deliver(outside: &Outside<'_>, row: Row) -> Result<(), NotKnown> {
    send(outside, row.value["state"].as_str().unwrap_or_default()).await?;
    let mut value = row.value;
    value["delivered"] = Value::from(true);
    // A conflict means that another actor has recorded it.
    outside.put(KEY, &value, Precondition::Version(row.version)).await?;
    Ok(())
}

/// Sends a token. A closed token counts as delivered, because an earlier attempt may have closed it.
async fn send(outside: &Outside<'_>, decision: &str) -> Result<(), NotKnown> {
    let decision = decision.into();
    match outside.recorded.ask(Call::SendToken { decision }).await {
        Answer::Done | Answer::NotFound => Ok(()),
        _ => Err(NotKnown),
    }
}

async fn sweep(outside: &Outside<'_>) -> Result<(), NotKnown> {
    for (_, row) in outside.list("approval/", 10).await? {
        if row.value["by"].is_string() && row.value["delivered"] == false {
            deliver(outside, row).await?;
        }
    }
    Ok(())
}

/// Runs the state after the engine's time-out. The row decides here, too: the workflow continues with a decision that
/// was made in the meantime.
async fn answer_time_out(outside: &Outside<'_>, broken: Option<Broken>) -> Result<Option<Text>, NotKnown> {
    if broken == Some(Broken::TimeOut) {
        return Ok(None);
    }
    loop {
        let Some(row) = outside.get(KEY).await? else {
            return Ok(None);
        };
        if row.value["by"].is_string() {
            return Ok(row.value["state"].as_str().map(Text::from));
        }
        let expired = json!({"state": "expired", "delivered": true});
        if let Written::Done { .. } = outside.put(KEY, &expired, Precondition::Version(row.version)).await? {
            return Ok(None);
        }
    }
}
