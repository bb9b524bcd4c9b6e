//! A model behind its provider's shared state: each call first gets its turn there, and reports its end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::digest;
use super::provider_state::{ProviderAnswer, ProviderEntry, ProviderState, Step};
use super::purse::{self, NoMoney};
use super::terms::Terms;
use crate::error::StageError;
use crate::logs;
use crate::model::error_name::ErrorName;
use crate::model::model_id::ModelId;
use crate::port::{
    Alarm, AskModel, KeepLogs, MAX_WAIT_S, ModelCall, ModelError, ModelEvent, ModelRequest, Pace, ReachModel, Reached,
    TimeLimit, WaitFor, Waiting, WatchModels,
};
use crate::prompt::estimate_tokens;

/// The time within which a server that has never answered must answer, in milliseconds.
const NEVER_REACHED_MS: u64 = 30_000;
/// The time in which a server that has never answered is tried at least once, in milliseconds.
const FIRST_TRY_MS: u64 = 5_000;
/// The longest wait that is no state, except for another call's end, in milliseconds.
const SHORT_REST_MS: u64 = 2_000;
/// By how much each further wait of a call is longer at least, in milliseconds. A wait is some events in the history of
/// its unit's execution, and AWS allows 25,000: the waits of 24 hours are 588 at most, those of seven days 1,555.
const LONGER_EACH_MS: u64 = 500;
/// The time limit of a call before the model's time is known, and the bounds of a learned one, in milliseconds.
const FIRST_CALL_MS: u64 = 120_000;
const MIN_CALL_MS: u64 = 30_000;
const MAX_CALL_MS: u64 = 840_000;
/// The time over which calls that waited for the end of an outage are spread when they return, in milliseconds.
const SPREAD_MS: u64 = 1_000;
/// The wait for calls in flight that hold the money of a limit, in milliseconds.
const MONEY_WAIT_MS: u64 = 3_000;
/// The part of a state's time that rests and a call share, in milliseconds: below the state's `TimeoutSeconds`.
const STATE_MS: u64 = 890_000;
/// Failures of one call while the provider answers others, after which the call is given up.
const MAX_OWN_FAILURES: u32 = 5;
/// Time-outs of one call while the provider answers others, after which the call is given up.
const MAX_TIMEOUTS: u32 = 2;
/// Time for a call's connection and for writing its end, in milliseconds: a part of a reservation's life.
const MARGIN_MS: u64 = 60_000;

/// Makes calls when their provider's shared state allows it.
pub struct PacedModel {
    model: Arc<dyn AskModel>,
    logs: Arc<dyn KeepLogs>,
    pace: Arc<dyn Pace>,
    terms: Terms,
    watch: Arc<dyn WatchModels>,
}

/// A call on its way: its names in the provider's state.
struct Place<'a> {
    call: &'a ModelCall<'a>,
    model: &'a ModelId,
    key: String,
    id: String,
    digest: u64,
}

impl PacedModel {
    /// Paces the calls of `model` by the provider states in `logs`.
    pub fn new(model: Arc<dyn AskModel>, logs: Arc<dyn KeepLogs>, pace: Arc<dyn Pace>, terms: Terms) -> Self {
        Self {
            model,
            logs,
            pace,
            terms,
            watch: Arc::new(()),
        }
    }

    /// Tells `watch` what happens to the calls.
    #[must_use]
    pub fn watched_by(self, watch: Arc<dyn WatchModels>) -> Self {
        Self { watch, ..self }
    }

    async fn append(&self, place: &Place<'_>, step: Step) -> Result<(ProviderState, ProviderAnswer), StageError> {
        let entry = ProviderEntry {
            model: place.model.name().to_owned(),
            call: place.id.clone(),
            now_ms: self.pace.now_ms(),
            step,
        };
        logs::append::<ProviderState>(self.logs.as_ref(), &place.key, &entry).await
    }

    async fn observe(&self, place: &Place<'_>, event: ModelEvent) {
        self.watch.observe(place.call.run, place.model, event).await;
    }

    /// Writes a call's end to the provider's state; wakes the calls whose turn it is then. The answer matters more: if
    /// the state can't be written, the reservation ends by itself.
    async fn note(&self, place: &Place<'_>, step: Step) -> Option<(ProviderState, bool)> {
        match self.append(place, step).await {
            Ok((state, answer)) => {
                self.pace.wake(&state.next_calls(place.model.name()));
                let others_answered = answer == ProviderAnswer::Noted { others_answered: true };
                Some((state, others_answered))
            }
            Err(error) => {
                tracing::warn!(%error, "the end of a model call is not in its provider's state");
                None
            }
        }
    }

    /// Returns the longest time of a call without any part of its answer: twice the time of nearly all recent answers,
    /// longer for a risky unit, and twice as long after each time-out.
    fn call_ms(&self, place: &Place<'_>, state: &ProviderState) -> u64 {
        if let Some(fixed_ms) = self.terms.call_ms {
            return fixed_ms;
        }
        let usual_ms = state
            .usual_ms(place.model.name())
            .map_or(FIRST_CALL_MS, |usual_ms| usual_ms * 2);
        let usual_ms = if place.call.is_risky {
            usual_ms * 3 / 2
        } else {
            usual_ms
        };
        let longer = usual_ms.max(MIN_CALL_MS) << place.call.waiting.timeouts.min(5);
        longer.min(MAX_CALL_MS)
    }

    /// Gets the call's turn: returns the provider's state when it may be made now, otherwise the wait.
    async fn reserve(
        &self,
        place: &Place<'_>,
        request: &ModelRequest,
    ) -> Result<Result<ProviderState, Reached>, ModelError> {
        let longest_ms = self.terms.call_ms.unwrap_or(MAX_CALL_MS);
        let step = Step::Reserve {
            tenant: place.call.payer.tenant.clone(),
            shares: self.terms.shares.of(&place.call.payer.tenant),
            run: place.call.run.to_string(),
            urgent: place.call.payer.urgent,
            tokens: input_tokens(request),
            hold_ms: longest_ms + MARGIN_MS,
            limits: self.terms.limits,
        };
        let mut rested_ms = 0;
        loop {
            let reserved = self.append(place, step.clone()).await;
            let (state, answer) = reserved.map_err(|error| {
                ModelError::LimitsUnavailable(format!("no call without the provider's limits: {}", error.message))
            })?;
            let call_ms = self.call_ms(place, &state);
            let rest_ms = self.pace.longest_rest_ms().min(STATE_MS.saturating_sub(call_ms));
            let rest_ms = rest_ms.saturating_sub(rested_ms);
            match answer {
                ProviderAnswer::Call | ProviderAnswer::Noted { .. } => return Ok(Ok(state)),
                ProviderAnswer::Refused(refusal) => return Err(refused(refusal.error, refusal.message)),
                // A wait for another call's end passes here, where that end can end it. Others are states, which cost
                // nothing and are shown.
                ProviderAnswer::Wait { ms, is_turn, .. } if ms <= rest_ms && (is_turn || ms <= SHORT_REST_MS) => {
                    let before_ms = self.pace.now_ms();
                    self.pace.rest(place.digest, ms.max(1)).await;
                    rested_ms += self.pace.now_ms().saturating_sub(before_ms).max(1);
                }
                ProviderAnswer::Wait {
                    ms, subject, is_own, ..
                } => {
                    let wait = self.wait(place, place.call.waiting, subject, ms, &state).await?;
                    return Ok(Err(wait.for_own_limit(is_own)));
                }
            }
        }
    }

    /// Returns the wait, unless the call has already waited for too long.
    async fn wait(
        &self,
        place: &Place<'_>,
        waiting: Waiting,
        subject: WaitFor,
        ms: u64,
        state: &ProviderState,
    ) -> Result<Reached, ModelError> {
        let now_ms = self.pace.now_ms();
        let waiting = waiting.after(subject, now_ms);
        let waited_ms = now_ms.saturating_sub(waiting.since_ms);
        let patience_ms = match subject {
            // A server that was never reached is probably a wrong address.
            WaitFor::Outage if !state.has_answered() => self.terms.outage_patience_ms.min(NEVER_REACHED_MS),
            WaitFor::Outage => self.terms.outage_patience_ms,
            WaitFor::Limit | WaitFor::Batch => self.terms.limit_patience_ms,
        };
        let is_never_reached = subject == WaitFor::Outage && !state.has_answered();
        let left_ms = match patience_ms.checked_sub(waited_ms).filter(|left_ms| *left_ms > 0) {
            // Other calls have tried for long enough; this one waits for one more try only.
            Some(_) if is_never_reached && state.is_down_for(patience_ms, now_ms) && waited_ms >= FIRST_TRY_MS => None,
            // Nobody has tried for a while, for example because no process ran: the next try decides.
            None if subject == WaitFor::Outage && !state.is_down(now_ms) => Some(ms),
            left_ms => left_ms,
        };
        let Some(left_ms) = left_ms else {
            let waited_s = waited_ms / 1_000;
            return Err(match subject {
                WaitFor::Outage => {
                    let failure = state.failure().unwrap_or("the server gives no answer");
                    let why = if is_never_reached {
                        "the server has never answered"
                    } else {
                        "HOLDFAST_MODEL_PATIENCE"
                    };
                    ModelError::Unavailable(format!("{failure} (waited {waited_s} s; {why})"))
                }
                WaitFor::Limit | WaitFor::Batch => ModelError::LimitedTooLong(format!(
                    "the limits of {} had no room for this call within {waited_s} s (HOLDFAST_MODEL_LIMIT_PATIENCE): \
                     raise the provider's limits, or HOLDFAST_MODEL_REQUESTS_PER_MINUTE and \
                     HOLDFAST_MODEL_TOKENS_PER_MINUTE if they are lower, or lower HOLDFAST_MAX_CONCURRENCY",
                    place.key
                )),
            });
        };
        // The state machine waits in whole seconds; the rest of a limit's time passes here, where that is possible.
        let least_ms = u64::from(waiting.waits.saturating_sub(1)).saturating_mul(LONGER_EACH_MS);
        let ms = ms.max(least_ms).min(left_ms).clamp(1, MAX_WAIT_S * 1_000);
        let wait_s = match self.pace.longest_rest_ms() {
            0..1_000 => ms.div_ceil(1_000),
            _ if subject == WaitFor::Outage => ms.div_ceil(1_000),
            _ if ms < 1_000 => 1,
            _ => {
                self.pace.rest(place.digest, ms % 1_000).await;
                ms / 1_000
            }
        };
        let may_be_over = subject == WaitFor::Outage && !state.is_down(now_ms);
        let waiting = Waiting { may_be_over, ..waiting };
        Ok(Reached::Wait { wait_s, waiting })
    }

    /// Decides after a call without an answer: the call is given up, or waits.
    async fn after_failure(
        &self,
        place: &Place<'_>,
        before: &ProviderState,
        error: ModelError,
    ) -> Result<Reached, ModelError> {
        let message = error.to_string();
        let Some((state, others_answered)) = self.note(place, Step::Failed { message }).await else {
            return Err(error);
        };
        if state.has_just_failed() {
            self.observe(place, ModelEvent::Down).await;
            tracing::warn!(
                provider = place.key,
                "a model's provider fails, and reviews wait: {error}"
            );
        }
        let mut waiting = place.call.waiting;
        let is_timeout = matches!(error, ModelError::TimedOut(_));
        if is_timeout {
            waiting.timeouts = waiting.timeouts.saturating_add(1);
        }
        // The fault is the call's own if the provider answered others meanwhile. Once it did, the fault is also the call's
        // own while no other call fails.
        let fails_alone = waiting.failures > 0 && before.failed_last(&place.id);
        if others_answered || state.answers() > before.answers() || fails_alone {
            waiting.failures = waiting.failures.saturating_add(1);
            if waiting.failures >= MAX_OWN_FAILURES || (is_timeout && waiting.timeouts >= MAX_TIMEOUTS) {
                return Err(error);
            }
        }
        // The provider's state has the time of the next try; a call that fails alone waits longer each time.
        let ms = 1_000 << waiting.failures.min(5);
        let wait = self.wait(place, waiting, WaitFor::Outage, ms, &state).await;
        wait.map_err(|_| error)
    }

    /// Makes the call when it is its turn, and notes its end.
    async fn make(&self, place: Place<'_>, request: &ModelRequest) -> Result<Reached, ModelError> {
        let call = place.call;
        let state_begun_ms = self.pace.now_ms();
        let before = match self.reserve(&place, request).await? {
            Ok(state) => state,
            Err(wait) => return Ok(wait),
        };
        let has_waited = call.waiting.waits > 0 && call.waiting.subject == WaitFor::Outage;
        if has_waited && !before.is_failing() {
            self.pace.rest(place.digest, place.digest % SPREAD_MS).await;
        }
        let begun_ms = self.pace.now_ms();
        let until = (begun_ms, MAX_CALL_MS + MARGIN_MS);
        let money = &self.terms.spend;
        let purses = match money
            .reserve(self.logs.as_ref(), (call, &place.id), request, until)
            .await
        {
            Ok(Some(purses)) => purses,
            refused => {
                let noted = self.note(&place, Step::NotSent).await;
                let state = noted.map(|(state, _)| state).unwrap_or_default();
                if let Err(NoMoney { error, reached }) = refused {
                    if let Some(alarm) = reached {
                        self.observe(&place, ModelEvent::Alarm(alarm)).await;
                    }
                    return Err(error);
                }
                // The calls in flight hold the money.
                let wait = self.wait(&place, call.waiting, WaitFor::Limit, MONEY_WAIT_MS, &state);
                return Ok(wait.await?.for_own_limit(true));
            }
        };
        let request = &ModelRequest {
            time_limit: Some(TimeLimit {
                quiet: Duration::from_millis(self.call_ms(&place, &before)),
                whole: Duration::from_millis(match self.terms.call_ms {
                    Some(fixed_ms) => fixed_ms,
                    None => MAX_CALL_MS.min(STATE_MS.saturating_sub(self.pace.now_ms().saturating_sub(state_begun_ms))),
                }),
            }),
            ..request.clone()
        };
        let asked = self.model.ask(request).await;
        // A call without a known price counts as free, as in the report; so does one without an answer. One that timed
        // out or broke off may be paid for, and an answer without counted tokens is.
        let cost = match &asked {
            Ok(answer) if answer.input_tokens == 0 && answer.output_tokens == 0 => None,
            Ok(answer) => Some(answer.cost_nano_usd.unwrap_or(0)),
            Err(ModelError::TimedOut(_) | ModelError::BrokenOff(_)) => None,
            Err(_) => Some(0),
        };
        for alarm in purse::settle(self.logs.as_ref(), &place.id, &purses, cost).await {
            self.observe(&place, ModelEvent::Alarm(alarm)).await;
        }
        if let Err(error) = &asked {
            self.observe(&place, ModelEvent::Wasted(error.name())).await;
        }
        match asked {
            Ok(answer) => {
                let took_ms = u32::try_from(self.pace.now_ms().saturating_sub(begun_ms)).unwrap_or(u32::MAX);
                let answered = Step::Answered {
                    input_tokens: answer.input_tokens,
                    output_tokens: answer.output_tokens,
                    observed: answer.observed,
                    took_ms,
                };
                self.note(&place, answered).await;
                if before.is_failing() {
                    self.observe(&place, ModelEvent::Up).await;
                    tracing::warn!(
                        provider = place.key,
                        "a model's provider answers again: reviews continue"
                    );
                }
                Ok(Reached::Answered(answer))
            }
            Err(ModelError::RateLimited {
                retry_after_s,
                observed,
            }) => {
                let retry_after_ms = retry_after_s.map(|seconds| seconds.saturating_mul(1_000));
                self.note(
                    &place,
                    Step::Limited {
                        retry_after_ms,
                        observed,
                    },
                )
                .await;
                // The state has the time of this call's turn.
                match self.reserve(&place, request).await? {
                    Err(wait) => Ok(wait),
                    Ok(_) => {
                        let waiting = call.waiting.after(WaitFor::Limit, self.pace.now_ms());
                        Ok(Reached::Wait { wait_s: 1, waiting })
                    }
                }
            }
            Err(
                error @ (ModelError::Unavailable(_)
                | ModelError::BrokenOff(_)
                | ModelError::Outage(_)
                | ModelError::Unreadable(_)
                | ModelError::TimedOut(_)),
            ) => self.after_failure(&place, &before, error).await,
            Err(error @ (ModelError::Unauthorized(_) | ModelError::SpendingLimit(_) | ModelError::NotFound(_))) => {
                let (error_name, message) = (error.name(), error.to_string());
                let refused = Step::Refused {
                    error: error_name,
                    message: message.clone(),
                };
                let noted = self.note(&place, refused).await;
                let noted = noted.map(|(state, _)| state);
                // The other calls in flight meet the same refusal.
                if noted.as_ref().is_none_or(ProviderState::is_first_refusal) {
                    tracing::error!(model = %request.model, error = %error_name, "{error}");
                }
                if noted.as_ref().is_none_or(ProviderState::is_refusal_news) {
                    let alarm = Alarm::ModelRefused {
                        model: request.model.clone(),
                        message,
                    };
                    self.observe(&place, ModelEvent::Alarm(alarm)).await;
                }
                Err(error)
            }
            Err(error) => {
                self.note(&place, Step::Rejected).await;
                Err(error)
            }
        }
    }
}

#[async_trait]
impl ReachModel for PacedModel {
    async fn reach(&self, call: &ModelCall<'_>, request: &ModelRequest) -> Result<Reached, ModelError> {
        let id = call_id(call);
        let place = Place {
            call,
            model: &request.model,
            key: self.terms.key_of(request.model.provider()),
            digest: digest(&id),
            id,
        };
        self.make(place, request).await
    }
}

/// Returns the error of a call that was refused a moment ago.
fn refused(name: ErrorName, message: String) -> ModelError {
    match name {
        ErrorName::ModelSpendingLimitReached => ModelError::SpendingLimit(message),
        ErrorName::ModelNotFound => ModelError::NotFound(message),
        _ => ModelError::Unauthorized(message),
    }
}

/// Returns a call's short name in its provider's state. A retry of the state has the same one.
fn call_id(call: &ModelCall<'_>) -> String {
    format!(
        "{:016x}",
        digest(&format!("{}\n{}\n{}", call.run, call.part, call.attempt))
    )
}

/// Estimates the tokens of a request.
pub(super) fn input_tokens(request: &ModelRequest) -> u64 {
    let turns = request.prompt.turns.iter().map(|turn| estimate_tokens(&turn.text));
    estimate_tokens(&request.prompt.system) + turns.sum::<u64>()
}
