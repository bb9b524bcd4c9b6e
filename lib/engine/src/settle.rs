//! The consequences of a change to an execution: jobs, timers, map runs, its end.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use holdfast_asl::{Command, Entropy, EventId, Execution, Moment, Status, Stimulus, TimerKey, TimerPurpose, Timestamp};
use serde_json::Value;

use super::dispatch::{Job, Selecting};
use super::error::EngineError;
use super::port::Invocation;
use super::run_loop::Runner;
use super::time::time_between;
use super::turn::Turn;
use super::write::Write;

/// A function call that an execution requests.
struct FunctionCall {
    key: EventId,
    state: String,
    function: String,
    payload: Value,
    token: Option<String>,
    timeout_at: Option<Timestamp>,
}

impl Runner {
    /// Settles every execution that changed, until nothing more follows.
    pub(super) async fn settle(&mut self, turn: &mut Turn) -> Result<(), EngineError> {
        loop {
            while let Some(id) = turn.touched.pop_first() {
                self.settle_one(turn, id);
            }
            if let Some(stop) = turn.stops.pop() {
                self.stop_child(turn, stop).await?;
                continue;
            }
            // At most one batch of children per turn, so that the disk and the functions don't wait for the rest.
            if self.open.fillable.is_empty() || !self.begin_children(turn).await? {
                return Ok(());
            }
        }
    }

    fn settle_one(&mut self, turn: &mut Turn, id: i64) {
        let Some(live) = self.open.live.get_mut(&id) else {
            return;
        };
        turn.leaving.remove(&id);
        turn.roots.insert(live.root);
        if *live.execution.status() != Status::Running {
            self.end(turn, id);
            return;
        }
        let closed = live
            .tokens
            .extract_if(.., |(_, token)| !is_open(&live.execution, token))
            .map(|(_, token)| token);
        for token in closed {
            self.open.tokens.remove(&token);
            turn.writes.push(Write::TokenClosed { token });
        }
        let mut timers: HashMap<TimerKey, Timestamp> = HashMap::new();
        let mut maps = HashSet::new();
        let mut calls = Vec::new();
        for command in live.execution.commands() {
            match command {
                Command::FireAt { key, at } => {
                    timers.insert(key, at);
                }
                Command::InvokeFunction {
                    key,
                    state,
                    function,
                    payload,
                    token,
                } => {
                    if live.inflight.insert(key) {
                        calls.push(FunctionCall {
                            key,
                            state,
                            function,
                            payload,
                            token,
                            timeout_at: None,
                        });
                    }
                }
                Command::StartMapRun {
                    key,
                    items,
                    map_run_arn,
                    ..
                } => {
                    maps.insert(key);
                    // A redriven map whose items could not be read has an ARN, but no map run.
                    let begun = map_run_arn.is_some() && live.map_runs.contains_key(&key);
                    if !begun && live.inflight.insert(key) {
                        turn.dispatch.push(Job::ReadItems {
                            execution: id,
                            key,
                            items,
                            of: Box::new(Selecting {
                                execution: live.execution.clone(),
                                machine: live.machine_arn.clone(),
                            }),
                        });
                    }
                }
            }
        }
        for call in &mut calls {
            let purpose = TimerPurpose::Timeout;
            let key = TimerKey {
                event: call.key,
                purpose,
            };
            call.timeout_at = timers.get(&key).copied();
        }
        let wanted: Vec<_> = live
            .execution
            .evaluations()
            .map(|(key, evaluation)| (key, Arc::clone(evaluation)))
            .collect();
        live.evaluating
            .retain(|key, _| wanted.iter().any(|(wanted, _)| wanted == key));
        for (key, evaluation) in wanted {
            // Nothing follows from an evaluation before its value is there, so it doesn't wait for the disk.
            if !live.evaluating.contains_key(&key) {
                let evaluating = self.evaluations.spawn(id, &live.machine_arn, key, evaluation);
                live.evaluating.insert(key, evaluating);
            }
        }
        let over: Vec<i64> = live
            .map_runs
            .extract_if(|key, _| !maps.contains(key))
            .map(|(_, run)| run)
            .collect();
        let stays = self.record_wait(turn, id, &timers);
        if let Some(live) = self.open.live.get_mut(&id) {
            // An execution that leaves memory needs no timers there.
            let timers = if stays { timers } else { HashMap::new() };
            let timers = timers.into_iter().map(|(key, at)| (key, self.time.engine_time(id, at)));
            live.armed.replace(timers.collect(), id, &mut self.open.timers);
        }
        let mut all_as_expected = true;
        for call in calls {
            all_as_expected &= self.invoke(turn, id, call);
        }
        if all_as_expected {
            // The events of these starts change nothing else, so it is settled.
            turn.touched.remove(&id);
        }
        for map_run in over {
            self.end_map_run(turn, map_run);
        }
    }

    /// Schedules a function for when the turn is stored. Returns true if that changes nothing else in the execution.
    fn invoke(&mut self, turn: &mut Turn, id: i64, call: FunctionCall) -> bool {
        let Some(live) = self.open.live.get_mut(&id) else {
            return false;
        };
        let last = live.execution.last_event_id();
        let FunctionCall {
            key,
            state,
            function,
            payload,
            token,
            timeout_at,
        } = call;
        if let Some(token) = &token
            && self.open.tokens.insert(token.clone(), id).is_none()
        {
            live.tokens.push((state.clone(), token.clone()));
            turn.writes.push(Write::Token {
                token: token.clone(),
                execution: id,
                state: state.clone(),
            });
        }
        let invocation = Invocation {
            execution: live.name.clone(),
            execution_arn: live.arn.clone(),
            state,
            key,
            time_left: timeout_at.map(|at| time_between(self.time.of(id, turn.now), at)),
            token,
        };
        turn.dispatch.push(Job::Invoke {
            execution: id,
            function,
            payload,
            invocation,
        });
        self.advance(turn, id, Stimulus::TaskStarted { key });
        self.open.live.get(&id).is_some_and(|live| {
            *live.execution.status() == Status::Running && live.execution.last_event_id() <= last + 1
        })
    }

    fn end(&mut self, turn: &mut Turn, id: i64) {
        if let Some(live) = self.open.live.get(&id) {
            let status = live.execution.status().clone();
            self.end_as(turn, id, status);
        }
    }

    /// Ends an execution with a status, whatever its history holds.
    pub(super) fn end_as(&mut self, turn: &mut Turn, id: i64, status: Status) {
        let Some(live) = self.open.remove(id) else { return };
        self.open.just_ended.insert(id);
        turn.touched.remove(&id);
        turn.roots.insert(live.root);
        turn.writes.push(Write::Ended {
            execution: id,
            status: status.clone(),
            stopped_ms: self.time.of(id, turn.now).0,
        });
        turn.writes
            .extend(live.tokens.into_iter().map(|(_, token)| Write::TokenClosed { token }));
        for map_run in live.map_runs.into_values() {
            self.end_map_run(turn, map_run);
        }
        match live.child_of {
            Some((map_run, _)) => {
                let succeeded = matches!(status, Status::Succeeded { .. });
                self.child_ended(turn, map_run, id, if succeeded { 0 } else { live.items });
            }
            None => turn.ended.push((id, status)),
        }
    }
}

/// Returns true if a token is open: a copy of the execution accepts a heartbeat for it.
fn is_open(execution: &Execution, token: &str) -> bool {
    let mut entropy = NoEntropy;
    let mut moment = Moment {
        now: Timestamp(i64::MIN),
        entropy: &mut entropy,
    };
    execution
        .clone()
        .advance(
            Stimulus::TokenHeartbeat {
                token: token.to_owned(),
            },
            &mut moment,
        )
        .is_ok()
}

/// A source of zeros: a heartbeat needs no randomness.
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}
