//! Deciding: as long as a thread of control can go on by itself, it does.

use std::sync::Arc;

use serde_json::Value;

use super::accept::later;
use super::branch::{Branch, Phase};
use super::scope::Sight;
use super::turn::Turn;
use super::{Execution, Status};
use crate::definition::{State, StateBody, WaitUntil};
use crate::event::{BranchId, EventKind, Failure, Record, Timestamp};
use crate::expression::{Fault, Session, Template};

/// The longest Wait, in seconds.
const LONGEST_SECONDS: u64 = 99_999_999;

impl Execution {
    /// Goes on until everything waits or the execution has ended.
    pub(super) fn run(&mut self, turn: &mut Turn<'_>) {
        while self.status == Status::Running {
            let before = self.last;
            let Some(id) = self.ready(turn.now) else { break };
            self.deferral.stepping = Some(id);
            self.step(turn, id);
            self.deferral.stepping = None;
            // A step makes an event or waits for a value, or the machine and the history do not fit together: then
            // waiting is all there is.
            if self.last == before && !self.deferral.holds(id) {
                break;
            }
        }
        self.prune_evaluations();
    }

    /// A branch that can go on by itself.
    fn ready(&self, now: Timestamp) -> Option<BranchId> {
        self.branches
            .iter()
            .filter(|(id, _)| !self.deferral.holds(**id))
            .find(|(id, branch)| match &branch.phase {
                Phase::Waiting { at, .. } | Phase::BackingOff { at, .. } => *at <= now,
                Phase::Task(_) => false,
                Phase::MapRun(run) => run.to_announce,
                Phase::Children(_) => self.children_ready(**id),
                Phase::Finished { .. } => branch.parent.is_none(),
                _ => true,
            })
            .map(|(id, _)| *id)
    }

    fn step(&mut self, turn: &mut Turn<'_>, id: BranchId) {
        // The machine outlives the borrow of `self`.
        let machine = Arc::clone(&self.machine);
        let Some(branch) = self.branches.get(&id) else { return };
        if matches!(branch.phase, Phase::Children(_)) {
            // Not cloned: it holds all items of a Map.
            return self.tend_children(turn, id);
        }
        let phase = branch.phase.clone();
        if let Phase::Leaving { next, input } = phase {
            if let Some(state) = machine.state(&next) {
                self.enter(turn, id, state, input);
            }
            return;
        }
        if let Phase::Finished { output } = phase {
            return self.push(turn, id, EventKind::ExecutionSucceeded { output }, Record::default());
        }
        let Some(state) = machine.state(&branch.state) else {
            return;
        };
        match phase {
            Phase::Entered | Phase::BackingOff { .. } => self.carry_out(turn, id, state),
            Phase::Unable(failure) => self.state_failed(turn, id, failure),
            Phase::Waiting { .. } => {
                let input = branch.input.clone();
                self.leave(turn, id, state, None, &input);
            }
            Phase::Resulted { result } => self.leave(turn, id, state, Some(&result), &result),
            Phase::Succeeding { .. } => self.push(turn, id, EventKind::MapStateSucceeded, Record::default()),
            Phase::Failing {
                failure,
                announced,
                uncaught,
            } => {
                self.recover(turn, id, failure, announced, uncaught);
            }
            Phase::MapRun(run) => {
                let kind = EventKind::MapRunRedriven {
                    map_run_arn: run.map_run_arn.unwrap_or_default(),
                    redrive_count: run.redrives + 1,
                };
                self.push(turn, id, kind, Record::default());
            }
            Phase::Leaving { .. } | Phase::Finished { .. } | Phase::Task(_) | Phase::Children(_) => {}
        }
    }

    fn enter(&mut self, turn: &mut Turn<'_>, id: BranchId, state: &State, input: Value) {
        let Some(branch) = self.branches.get(&id) else { return };
        let mut record = Record::default();
        if let StateBody::Wait(until) = &state.body {
            // What the branch will be once the event is written.
            let entered = Branch {
                state: state.name.clone(),
                input: input.clone(),
                entered: self.last + 1,
                entered_at: turn.now,
                retry_count: 0,
                ..branch.clone()
            };
            let mut session = self.session(&entered, Sight::default(), turn.now, || turn.random());
            match wait_end(&mut session, until, turn.now) {
                Ok(due) => record.due = Some(due),
                Err(Fault {
                    unanswered: Some(evaluation),
                    ..
                }) => return self.deferral.ask(id, *evaluation),
                Err(fault) => {
                    let cause = self.explain(&entered, &fault.detail);
                    let error = crate::ErrorName::QueryEvaluationError.as_str();
                    let location = Some(fault.location);
                    record.failure = Some(Failure {
                        location,
                        ..Failure::of(error, Some(cause))
                    });
                }
            }
        }
        let kind = EventKind::StateEntered {
            state: state.kind,
            name: state.name.clone(),
            input,
        };
        self.push(turn, id, kind, record);
    }

    fn carry_out(&mut self, turn: &mut Turn<'_>, id: BranchId, state: &State) {
        let Some(branch) = self.branches.get(&id) else { return };
        match &state.body {
            StateBody::Task(task) => self.schedule(turn, id, task),
            StateBody::Choice { rules } => self.choose(turn, id, state, rules),
            StateBody::Pass { result: Some(result) } => self.leave(turn, id, state, None, result),
            StateBody::Pass { result: None } | StateBody::Succeed | StateBody::Wait(_) => {
                let input = branch.input.clone();
                self.leave(turn, id, state, None, &input);
            }
            StateBody::Fail { error, cause } => {
                self.declare_failure(turn, id, error.as_ref(), cause.as_ref());
            }
            StateBody::Map(map) => self.start_map(turn, id, map),
            StateBody::Parallel { arguments, branches } => {
                self.start_parallel(turn, id, arguments.as_ref(), branches.len());
            }
        }
    }

    fn declare_failure(
        &mut self,
        turn: &mut Turn<'_>,
        id: BranchId,
        error: Option<&Template>,
        cause: Option<&Template>,
    ) {
        let Some(branch) = self.branches.get(&id) else { return };
        let mut session = self.session(branch, Sight::default(), turn.now, || turn.random());
        let mut text = |template: Option<&Template>, location| {
            template
                .map(|template| session.typed(template, location, "string", |value| value.as_str().map(str::to_owned)))
                .transpose()
        };
        let failure = text(error, "Error").and_then(|error| {
            Ok(Failure {
                error,
                cause: text(cause, "Cause")?,
                ..Failure::default()
            })
        });
        match failure {
            Ok(failure) => self.branch_failed(turn, id, failure),
            Err(fault) => self.evaluation_failed(turn, id, fault),
        }
    }
}

/// When a Wait that begins now ends.
fn wait_end(session: &mut Session, until: &WaitUntil, now: Timestamp) -> Result<Timestamp, Fault> {
    match until {
        WaitUntil::Seconds(template) => session
            .typed(template, "Seconds", "integer", |value| {
                value.as_u64().filter(|seconds| *seconds <= LONGEST_SECONDS)
            })
            .map(|seconds| later(now, seconds)),
        WaitUntil::Timestamp(template) => session.typed(template, "Timestamp", "timestamp", |value| {
            let time: jiff::Timestamp = value.as_str()?.parse().ok()?;
            Some(Timestamp(time.as_millisecond()))
        }),
    }
}
