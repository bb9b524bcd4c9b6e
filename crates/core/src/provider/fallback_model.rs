//! A second model that answers while the provider of the asked one is down.

use std::sync::Arc;

use async_trait::async_trait;

use crate::model::model_id::ModelId;
use crate::port::{
    ModelCall, ModelError, ModelEvent, ModelRequest, Pace, ReachModel, Reached, WaitFor, Waiting, WatchModels,
};

/// The longest time of the first call after which the fallback is called in the same state, in milliseconds: a state has
/// 930 seconds, a function 900, and a call with its rests up to 890.
const MAX_MS_BEFORE: u64 = 5_000;

/// Calls a model, and while its provider is down, the fallback. The provider is still tried by one call at a time, so
/// calls return to it when it answers again.
pub struct FallbackModel<M> {
    /// Reaches both models.
    model: M,
    /// `HOLDFAST_MODEL_FALLBACK`.
    fallback: Option<ModelId>,
    pace: Arc<dyn Pace>,
    watch: Arc<dyn WatchModels>,
}

impl<M: ReachModel> FallbackModel<M> {
    /// Lets `fallback` answer in an outage; without one, calls wait. `watch` is notified of each wait.
    pub fn new(model: M, fallback: Option<ModelId>, pace: Arc<dyn Pace>, watch: Arc<dyn WatchModels>) -> Self {
        Self {
            model,
            fallback,
            pace,
            watch,
        }
    }

    /// Returns the fallback's answer. If it has none, its failure is logged: the call waits for its own provider.
    async fn ask_fallback(&self, call: &ModelCall<'_>, request: &ModelRequest, fallback: &ModelId) -> Option<Reached> {
        let request = &ModelRequest {
            model: fallback.clone(),
            ..request.clone()
        };
        // What the call has waited for is of its own provider.
        let call = &ModelCall {
            waiting: Waiting::default(),
            ..*call
        };
        match self.model.reach(call, request).await {
            Ok(Reached::Answered(mut answer)) => {
                answer.fallback = Some(fallback.clone());
                Some(Reached::Answered(answer))
            }
            Ok(Reached::Wait { .. }) => None,
            Err(error) => {
                tracing::warn!(model = %fallback, error = %error.name(), "the fallback model doesn't answer either: {error}");
                None
            }
        }
    }
}

#[async_trait]
impl<M: ReachModel> ReachModel for FallbackModel<M> {
    async fn reach(&self, call: &ModelCall<'_>, request: &ModelRequest) -> Result<Reached, ModelError> {
        let begun_ms = self.pace.now_ms();
        let reached = self.model.reach(call, request).await;
        // After a call that took long, the state has no time for another one: the next try calls the fallback.
        let has_time = self.pace.now_ms().saturating_sub(begun_ms) < MAX_MS_BEFORE;
        let fallback = self.fallback.as_ref().filter(|fallback| **fallback != request.model);
        let reached = match fallback {
            Some(fallback) if has_time && is_outage(&reached, call.waiting) => {
                self.ask_fallback(call, request, fallback).await.map_or(reached, Ok)
            }
            _ => reached,
        };
        if let Ok(Reached::Wait { wait_s, waiting }) = &reached {
            let event = ModelEvent::Waits {
                subject: waiting.subject,
                ms: wait_s * 1_000,
            };
            self.watch.observe(call.run, &request.model, event).await;
        }
        reached
    }
}

/// Returns whether the provider's outage is the reason why there is no answer. If the outage may be over, the call first
/// waits once for the answer of the call that tries the provider.
fn is_outage(reached: &Result<Reached, ModelError>, before: Waiting) -> bool {
    match reached {
        Ok(Reached::Wait { waiting, .. }) => {
            waiting.subject == WaitFor::Outage && (!waiting.may_be_over || before.may_be_over)
        }
        Err(error) => matches!(
            error,
            ModelError::Unavailable(_) | ModelError::BrokenOff(_) | ModelError::Outage(_)
        ),
        Ok(Reached::Answered(_)) => false,
    }
}
