//! The decisions: each thread of control advances until it waits.

use std::sync::Arc;

use serde_json::Value;

use super::accept::later;
use super::advance::Advance;
use super::branch::{Branch, Phase};
use super::scope::AddedFields;
use super::{Execution, Status};
use crate::definition::{State, StateBody, WaitUntil};
use crate::event::{BranchId, EventKind, Failure, Timestamp, WaitEnd};
use crate::expression::{Fault, Session, Template};

/// The longest Wait, in seconds.
const MAX_WAIT_SECONDS: u64 = 99_999_999;

impl Execution {
    /// Advances until everything waits or the execution has ended.
    pub(super) fn run(&mut self, advance: &mut Advance<'_>) {
        while self.status == Status::Running {
            let before = self.last;
            let Some(id) = self.ready(advance.now) else { break };
            self.deferral.stepping = Some(id);
            self.step(advance, id);
            self.deferral.stepping = None;
            // A step adds an event or waits for a value. Otherwise machine and history do not match: stop.
            if self.last == before && !self.deferral.holds(id) {
                break;
            }
        }
        self.prune_evaluations();
    }

    /// Returns a branch that can advance.
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

    fn step(&mut self, advance: &mut Advance<'_>, id: BranchId) {
        // The machine outlives the borrow of `self`.
        let machine = Arc::clone(&self.machine);
        let Some(branch) = self.branches.get(&id) else { return };
        if matches!(branch.phase, Phase::Children(_)) {
            // Not cloned: it holds all items of a Map.
            return self.tend_children(advance, id);
        }
        let phase = branch.phase.clone();
        if let Phase::Leaving { next, input } = phase {
            if let Some(state) = machine.state(&next) {
                self.enter(advance, id, state, input);
            }
            return;
        }
        if let Phase::Finished { output } = phase {
            return self.push(advance, id, EventKind::ExecutionSucceeded { output });
        }
        let Some(state) = machine.state(&branch.state) else {
            return;
        };
        match phase {
            Phase::Entered | Phase::BackingOff { .. } => self.carry_out(advance, id, state),
            Phase::CannotRun(failure) => self.state_failed(advance, id, failure),
            Phase::Waiting { .. } => {
                let input = branch.input.clone();
                self.leave(advance, id, state, None, &input);
            }
            Phase::Resulted { result } => self.leave(advance, id, state, Some(&result), &result),
            Phase::Succeeding { .. } => self.push(advance, id, EventKind::MapStateSucceeded),
            Phase::Failing {
                failure,
                announced,
                uncaught,
            } => {
                self.recover(advance, id, failure, announced, uncaught);
            }
            Phase::MapRun(run) => {
                let kind = EventKind::MapRunRedriven {
                    map_run_arn: run.map_run_arn.unwrap_or_default(),
                    redrive_count: run.redrives + 1,
                };
                self.push(advance, id, kind);
            }
            Phase::Leaving { .. } | Phase::Finished { .. } | Phase::Task(_) | Phase::Children(_) => {}
        }
    }

    fn enter(&mut self, advance: &mut Advance<'_>, id: BranchId, state: &State, input: Value) {
        let Some(branch) = self.branches.get(&id) else { return };
        let mut wait = None;
        if let StateBody::Wait(until) = &state.body {
            // The branch as it will be once the event is written.
            let entered = Branch {
                state: state.name.clone(),
                input: input.clone(),
                entered: self.last + 1,
                entered_at: advance.now,
                retry_count: 0,
                ..branch.clone()
            };
            let mut session = self.session(&entered, AddedFields::default(), advance.now, || advance.random());
            match wait_end(&mut session, until, advance.now) {
                Ok(at) => wait = Some(WaitEnd::At(at)),
                Err(Fault {
                    unanswered: Some(evaluation),
                    ..
                }) => return self.deferral.request(id, *evaluation),
                Err(fault) => {
                    let cause = self.explain(&entered, &fault.detail);
                    let error = crate::ErrorName::QueryEvaluationError.as_str();
                    let location = Some(fault.location);
                    wait = Some(WaitEnd::Failed(Failure {
                        location,
                        ..Failure::of(error, Some(cause))
                    }));
                }
            }
        }
        let kind = EventKind::StateEntered {
            state: state.kind,
            name: state.name.clone(),
            input,
            wait,
        };
        self.push(advance, id, kind);
    }

    fn carry_out(&mut self, advance: &mut Advance<'_>, id: BranchId, state: &State) {
        let Some(branch) = self.branches.get(&id) else { return };
        match &state.body {
            StateBody::Task(task) => self.schedule(advance, id, task),
            StateBody::Choice { rules } => self.choose(advance, id, state, rules),
            StateBody::Pass { result: Some(result) } => self.leave(advance, id, state, None, result),
            StateBody::Pass { result: None } | StateBody::Succeed | StateBody::Wait(_) => {
                let input = branch.input.clone();
                self.leave(advance, id, state, None, &input);
            }
            StateBody::Fail { error, cause } => {
                self.declare_failure(advance, id, error.as_ref(), cause.as_ref());
            }
            StateBody::Map(map) => self.start_map(advance, id, map),
            StateBody::Parallel { arguments, branches } => {
                self.start_parallel(advance, id, arguments.as_ref(), branches.len());
            }
        }
    }

    fn declare_failure(
        &mut self,
        advance: &mut Advance<'_>,
        id: BranchId,
        error: Option<&Template>,
        cause: Option<&Template>,
    ) {
        let Some(branch) = self.branches.get(&id) else { return };
        let mut session = self.session(branch, AddedFields::default(), advance.now, || advance.random());
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
            Ok(failure) => self.branch_failed(advance, id, failure),
            Err(fault) => self.evaluation_failed(advance, id, fault),
        }
    }
}

/// Returns the end of a Wait that begins now.
fn wait_end(session: &mut Session, until: &WaitUntil, now: Timestamp) -> Result<Timestamp, Fault> {
    match until {
        WaitUntil::Seconds(template) => session
            .typed(template, "Seconds", "integer", |value| {
                value.as_u64().filter(|seconds| *seconds <= MAX_WAIT_SECONDS)
            })
            .map(|seconds| later(now, seconds)),
        WaitUntil::Timestamp(template) => session.typed(template, "Timestamp", "timestamp", |value| {
            let time: jiff::Timestamp = value.as_str()?.parse().ok()?;
            Some(Timestamp(time.as_millisecond()))
        }),
    }
}
