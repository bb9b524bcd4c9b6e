//! The consequences of a failure: another attempt, a Catch, or the end of the thread of control.

use serde_json::{Value, json};

use super::Execution;
use super::advance::Advance;
use super::branch::{Branch, Phase};
use crate::definition::Retrier;
use crate::error_name::ErrorName;
use crate::event::{BranchId, EventKind, Failure, InRecord, Retrial, StateFailure, StateKind};
use crate::expression::Fault;
use crate::stimulus::Entropy;

/// The longest text of a cause, beside the state's name: AWS allows 32,768 characters in total.
const MAX_DETAIL_CHARACTERS: usize = 32_000;
/// The longest delay between two attempts, in seconds: 366 days.
const MAX_DELAY_SECONDS: f64 = 31_622_400.0;

impl Execution {
    /// Returns the next attempt after a failure, if a retrier has one left.
    pub(super) fn retrial(&self, advance: &mut Advance<'_>, id: BranchId, failure: &Failure) -> Option<Retrial> {
        let branch = self.branches.get(&id)?;
        let state = self.machine.state(&branch.state)?;
        let (position, retrier) = state
            .retry
            .iter()
            .enumerate()
            .find(|(_, retrier)| failure.is_one_of(&retrier.errors))?;
        let done = branch.retries.get(&position).copied().unwrap_or(0);
        if done >= retrier.max_attempts {
            return None;
        }
        let at = advance.now.after_ms(delay_ms(retrier, done, advance.entropy));
        Some(Retrial { retrier: position, at })
    }

    /// Handles an expression of the branch's state that failed or has no value yet.
    pub(super) fn evaluation_failed(&mut self, advance: &mut Advance<'_>, id: BranchId, mut fault: Fault) {
        if let Some(evaluation) = fault.unanswered.take() {
            return self.deferral.request(id, *evaluation);
        }
        let failure = self.fault(id, fault);
        self.state_failed(advance, id, failure);
    }

    /// Turns a fault into a failure.
    pub(super) fn fault(&self, id: BranchId, fault: Fault) -> Failure {
        let cause = self.branches.get(&id).map(|branch| self.explain(branch, &fault.detail));
        Failure {
            location: (!fault.location.is_empty()).then_some(fault.location),
            ..Failure::of(ErrorName::QueryEvaluationError.as_str(), cause)
        }
    }

    /// Returns a cause in AWS's form.
    pub(super) fn explain(&self, branch: &Branch, detail: &str) -> String {
        // The detail may quote a large value.
        let end = detail.char_indices().nth(MAX_DETAIL_CHARACTERS);
        let detail = end.map_or(detail, |(end, _)| &detail[..end]);
        format!(
            "An error occurred while executing the state '{}' (entered at the event id #{}). {detail}",
            branch.state,
            self.aws_id(branch.entered)
        )
    }

    /// Returns the failure of a state whose payload is too large.
    pub(super) fn too_large(&self, id: BranchId) -> Failure {
        let state = self
            .branches
            .get(&id)
            .map(|branch| branch.state.as_str())
            .unwrap_or_default();
        too_large(state)
    }

    /// Handles a failure of the branch's state itself, before or after its task or children.
    pub(super) fn state_failed(&mut self, advance: &mut Advance<'_>, id: BranchId, failure: Failure) {
        let Some(branch) = self.branches.get(&id) else { return };
        let Some(state) = self.machine.state(&branch.state) else {
            return;
        };
        let compound = matches!(state.kind, StateKind::Map | StateKind::Parallel);
        let lasting = !compound && state.kind != StateKind::Task;
        if lasting
            && failure.location.is_none()
            && failure.error.as_deref() != Some(ErrorName::QueryEvaluationError.as_str())
        {
            // Nothing can catch it and no expression failed: AWS writes no event for it.
            return self.branch_failed(advance, id, failure);
        }
        let announced = matches!(branch.phase, Phase::Resulted { .. });
        self.write_failure(advance, id, failure, announced, false);
    }

    /// Handles a failure of a Catch's own expressions, which nothing catches.
    pub(super) fn catch_failed(&mut self, advance: &mut Advance<'_>, id: BranchId, failure: Failure) {
        self.write_failure(advance, id, failure, true, true);
    }

    /// Writes `EvaluationFailed`. `uncaught`: the failure bypasses Retry and Catch.
    fn write_failure(
        &mut self,
        advance: &mut Advance<'_>,
        id: BranchId,
        failure: Failure,
        announced: bool,
        uncaught: bool,
    ) {
        let Some(branch) = self.branches.get(&id) else { return };
        // AWS's chain leaves out the entry of a state that failed before it did anything.
        let previous = if branch.last == branch.entered {
            branch.entered_after
        } else {
            branch.last
        };
        let kind = EventKind::EvaluationFailed {
            state: branch.state.clone(),
            retrial: if uncaught {
                None
            } else {
                self.retrial(advance, id, &failure)
            },
            error: failure.error.unwrap_or_default(),
            cause: failure.cause.unwrap_or_default(),
            location: failure.location,
            uncaught,
            announced,
        };
        self.push_after(advance, id, previous, kind);
    }

    /// Handles a failure without a retry: announces it, catches it, or ends the branch.
    pub(super) fn recover(
        &mut self,
        advance: &mut Advance<'_>,
        id: BranchId,
        failure: Failure,
        announced: bool,
        uncaught: bool,
    ) {
        let Some(state) = self
            .branches
            .get(&id)
            .and_then(|branch| self.machine.state(&branch.state))
        else {
            return;
        };
        let announcement = match state.kind {
            StateKind::Map => Some(EventKind::MapStateFailed as fn(_) -> _),
            StateKind::Parallel => Some(EventKind::ParallelStateFailed as fn(_) -> _),
            _ => None,
        };
        if let (Some(kind), false) = (announcement, announced) {
            let retrial = self.retrial(advance, id, &failure);
            return self.push(advance, id, kind(InRecord(StateFailure { failure, retrial })));
        }
        let catcher = state
            .catch
            .iter()
            .position(|catcher| failure.is_one_of(&catcher.errors));
        match catcher {
            Some(position) if !uncaught => self.caught(advance, id, &failure, position),
            _ => self.branch_failed(advance, id, failure),
        }
    }

    /// Ends a branch by a failure: the execution fails, or the Map or Parallel around the branch does.
    pub(super) fn branch_failed(&mut self, advance: &mut Advance<'_>, id: BranchId, failure: Failure) {
        let Some(branch) = self.branches.get(&id) else { return };
        let (last, index) = (branch.last, branch.index);
        let Some(parent) = branch.parent else {
            let kind = EventKind::ExecutionFailed {
                error: failure.error,
                cause: failure.cause,
            };
            return self.push(advance, id, kind);
        };
        let name = self
            .branches
            .get(&parent)
            .map(|parent| parent.state.clone())
            .unwrap_or_default();
        let failure = StateFailure {
            retrial: self.retrial(advance, parent, &failure),
            failure,
        };
        let kind = if self.map_state(&name).is_some() {
            EventKind::MapIterationFailed { name, index, failure }
        } else if failure.retrial.is_some() {
            EventKind::ParallelStateRetried(InRecord(failure))
        } else {
            EventKind::ParallelStateFailed(InRecord(failure))
        };
        self.push_after(advance, parent, last, kind);
    }
}

/// Returns the failure of a state or a service whose result is too large.
pub(super) fn too_large(name: &str) -> Failure {
    let cause = format!(
        "The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service limit."
    );
    Failure::of(ErrorName::DataLimitExceeded.as_str(), Some(cause))
}

/// Returns the value of `$states.errorOutput`.
pub(super) fn error_output(failure: &Failure) -> Value {
    json!({
        "Error": failure.error,
        "Cause": failure.cause.clone().unwrap_or_default(),
    })
}

/// Returns the delay before a retrier's next attempt, in milliseconds.
fn delay_ms(retrier: &Retrier, done: u64, entropy: &mut dyn Entropy) -> i64 {
    let grown = retrier.interval_seconds as f64 * retrier.backoff_rate.powf(done as f64);
    let most = retrier.max_delay_seconds.map_or(MAX_DELAY_SECONDS, |most| most as f64);
    let delay_ms = (grown.min(most) * 1000.0) as i64;
    if !retrier.full_jitter {
        return delay_ms;
    }
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    let share = u128::from(u64::from_le_bytes(bytes));
    let choices = u128::from(delay_ms.unsigned_abs()) + 1;
    i64::try_from((share * choices) >> 64).unwrap_or(delay_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(u8);
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    #[test]
    fn delays_grow_are_capped_and_jitter_within_bounds() {
        let plain = Retrier {
            errors: vec![],
            interval_seconds: 2,
            backoff_rate: 1.5,
            max_attempts: 9,
            max_delay_seconds: Some(6),
            full_jitter: false,
        };
        let delays: Vec<i64> = (0..5).map(|done| delay_ms(&plain, done, &mut Fixed(0))).collect();
        assert_eq!(delays, [2000, 3000, 4500, 6000, 6000]);
        let jittered = Retrier {
            full_jitter: true,
            ..plain.clone()
        };
        for (byte, expected) in [(0x00, 0), (0x80, 2259), (0xff, 4500)] {
            assert_eq!(delay_ms(&jittered, 2, &mut Fixed(byte)), expected, "{byte}");
        }
        let endless = Retrier {
            max_delay_seconds: None,
            backoff_rate: 1e300,
            ..plain
        };
        assert_eq!(delay_ms(&endless, 99_999_999, &mut Fixed(0)), 31_622_400_000);
    }
}
