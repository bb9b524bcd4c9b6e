//! A model whose calls are handed over in batches of one: they cost half, and are answered within a day. The try of a
//! call that submits its batch stores the batch's id, and each later try asks for the answer. If there is none, the call
//! is made at once.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::provider_state::ProviderState;
use super::purse::{self, NoMoney, Purse};
use super::terms::Terms;
use crate::error::StageError;
use crate::logs;
use crate::model::model_batch::ModelBatch;
use crate::model::model_id::ModelId;
use crate::port::{
    BatchId, BatchModel, BatchState, KeepLogs, KeepRows, MAX_WAIT_S, ModelCall, ModelError, ModelEvent, ModelRequest,
    Pace, ReachModel, Reached, Submitted, WaitFor, Waiting, WatchModels,
};
use crate::rows::{self, Update};

/// The time in which a batch is answered, in milliseconds. After it the call is made at once.
const BATCH_MS: u64 = 24 * 3_600_000;
/// The life of a batch's reservation of money, in milliseconds: its time, and some for the last try.
const HOLD_MS: u64 = BATCH_MS + 2 * 3_600_000;
/// The first gap between two tries, in milliseconds. It doubles up to the longest one: each wait is some events in the
/// history of its unit's execution, and AWS allows 25,000. The waits of 24 hours are 292.
const FIRST_GAP_MS: u64 = 30_000;
const MAX_GAP_MS: u64 = 300_000;
/// The longest time of a try after which the call is made in the same state, in milliseconds: a state has 930 seconds, a
/// function 900, and a call with its rests up to 890.
const MAX_MS_BEFORE: u64 = 5_000;

/// The ports of batches.
#[derive(Clone)]
pub struct BatchPorts {
    /// The providers' batches.
    pub batches: Arc<dyn BatchModel>,
    /// The ids of the batches.
    pub rows: Arc<dyn KeepRows>,
    /// What is spent, and the providers' states.
    pub logs: Arc<dyn KeepLogs>,
    /// The time.
    pub pace: Arc<dyn Pace>,
    /// Is told of waits and alarms.
    pub watch: Arc<dyn WatchModels>,
}

/// Hands calls over in batches; makes the others, and those without an answer, by another model.
pub struct BatchedModel<M> {
    model: M,
    mode: ModelBatch,
    ports: BatchPorts,
    /// Prices are those of batch calls.
    terms: Terms,
    /// The providers that take no batches, as far as this process knows.
    without: Mutex<BTreeSet<String>>,
}

/// A call's batch, as it is stored: `batch/DIGEST`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BatchRow {
    /// The model, whose provider has the batch.
    model: ModelId,
    /// The batch; none if the call is made at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<BatchId>,
    /// The time before its submission, in milliseconds since 1970.
    submitted_ms: u64,
}

/// A try of a call: its names, and its begin.
struct Try<'a> {
    call: &'a ModelCall<'a>,
    request: &'a ModelRequest,
    /// The call's name in its row's key and in its batch.
    name: String,
    begun_ms: u64,
}

impl Try<'_> {
    fn key(&self) -> String {
        format!("batch/{}", self.name)
    }

    /// Returns the begin of the call's wait, in milliseconds since 1970.
    const fn since_ms(&self) -> u64 {
        match self.call.waiting.waits {
            0 => self.begun_ms,
            _ => self.call.waiting.since_ms,
        }
    }

    /// Returns whether the call has waited as long as a batch may take.
    const fn is_late(&self, since_ms: u64) -> bool {
        self.begun_ms.saturating_sub(since_ms) >= BATCH_MS
    }
}

impl<M: ReachModel> BatchedModel<M> {
    /// Hands the calls of `mode` over in batches; `model` makes the others.
    pub fn new(model: M, mode: ModelBatch, ports: BatchPorts, mut terms: Terms) -> Self {
        terms.spend.prices = terms.spend.prices.halved();
        Self {
            model,
            mode,
            ports,
            terms,
            without: Mutex::default(),
        }
    }

    /// Returns whether a call that isn't one yet may become a batch call.
    fn may_submit(&self, call: &ModelCall<'_>, model: &ModelId) -> bool {
        let is_of_mode = match self.mode {
            ModelBatch::Off => false,
            ModelBatch::Marked => call.payer.batch,
            ModelBatch::All => true,
        };
        let without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        is_of_mode && call.may_batch && !call.payer.urgent && !without.contains(model.provider())
    }

    /// Remembers that a provider takes no batches.
    fn note_without(&self, model: &ModelId, why: &str) {
        let mut without = self.without.lock().unwrap_or_else(PoisonError::into_inner);
        if without.insert(model.provider().to_owned()) {
            tracing::warn!(%model, "no batches: {why}. Model calls are made at once, at the full price");
        }
    }

    /// Makes the call at once. If the try has taken long, the next one does.
    async fn at_once(&self, this: &Try<'_>) -> Result<Reached, ModelError> {
        let call = this.call;
        if self.ports.pace.now_ms().saturating_sub(this.begun_ms) >= MAX_MS_BEFORE {
            return Ok(self.wait(this, this.begun_ms, 1).await);
        }
        // Its waits for the provider begin now.
        let waiting = Waiting::default();
        self.model.reach(&ModelCall { waiting, ..*call }, this.request).await
    }

    /// Returns a wait for the batch that was submitted at this time: the gaps grow.
    async fn wait_for(&self, this: &Try<'_>, submitted_ms: u64) -> Reached {
        let gap_ms = (FIRST_GAP_MS << this.call.waiting.waits.min(4)).min(MAX_GAP_MS);
        let left_ms = submitted_ms
            .saturating_add(BATCH_MS)
            .saturating_sub(self.ports.pace.now_ms());
        self.wait(this, submitted_ms, gap_ms.min(left_ms).div_ceil(1_000)).await
    }

    async fn wait(&self, this: &Try<'_>, since_ms: u64, wait_s: u64) -> Reached {
        let wait_s = wait_s.clamp(1, MAX_WAIT_S);
        let event = ModelEvent::Waits {
            subject: WaitFor::Batch,
            ms: wait_s * 1_000,
        };
        self.observe(this, event).await;
        let waiting = this.call.waiting.after(WaitFor::Batch, since_ms);
        Reached::Wait { wait_s, waiting }
    }

    /// Hands the call over, and stores its batch.
    async fn submit(&self, this: &Try<'_>) -> Result<Reached, ModelError> {
        let (call, request, ports) = (this.call, this.request, &self.ports);
        let provider = self.terms.key_of(request.model.provider());
        let state = logs::read::<ProviderState>(ports.logs.as_ref(), &provider).await;
        // While the provider is down, one ordinary call at a time tries it.
        if state.map_err(unreachable)?.is_failing() {
            return self.at_once(this).await;
        }
        let (money, until) = (&self.terms.spend, (this.begun_ms, HOLD_MS));
        let payer = (call, this.name.as_str());
        let purses = match money.reserve(ports.logs.as_ref(), payer, request, until).await {
            Ok(Some(purses)) => purses,
            // The calls in flight hold the money.
            Ok(None) if !this.is_late(this.since_ms()) => {
                return Ok(self.wait_for(this, this.since_ms()).await);
            }
            Ok(None) => return self.at_once(this).await,
            Err(NoMoney { error, reached }) => {
                if let Some(alarm) = reached {
                    self.observe(this, ModelEvent::Alarm(alarm)).await;
                }
                return Err(error);
            }
        };
        let error = match ports.batches.submit(request, &this.name).await {
            Ok(Submitted::Batch(batch)) => {
                tracing::debug!(run = %call.run, part = call.part, %batch, "a model call is a batch");
                // Without this row the next try submits another batch. The reservation then counts as spent.
                self.store(this, Some(batch)).await?;
                return Ok(self.wait_for(this, this.begun_ms).await);
            }
            Ok(Submitted::NotOffered) => {
                self.settle(this, &purses, Some(0)).await;
                self.note_without(&request.model, "the model's server doesn't offer them");
                return self.at_once(this).await;
            }
            Err(error) => error,
        };
        let cost = match error {
            // The provider may have taken it.
            ModelError::TimedOut(_) | ModelError::BrokenOff(_) | ModelError::Unreadable(_) => None,
            _ => Some(0),
        };
        self.settle(this, &purses, cost).await;
        match &error {
            ModelError::RateLimited { retry_after_s, .. } if !this.is_late(this.since_ms()) => {
                let wait = self.wait_for(this, this.since_ms()).await;
                return Ok(wait.for_at_least(retry_after_s.unwrap_or(1)));
            }
            ModelError::Unauthorized(why) => self.note_without(&request.model, why),
            _ => {
                tracing::warn!(run = %call.run, part = call.part, error = %error.name(), "a batch can't be submitted, the call is made at once: {error}");
            }
        }
        self.store(this, None).await?;
        self.at_once(this).await
    }

    /// Asks for the answer of the call's batch.
    async fn follow(&self, this: &Try<'_>, row: &BatchRow, batch: &BatchId) -> Result<Reached, ModelError> {
        let fetched = self.ports.batches.fetch(&row.model, batch, &this.name).await;
        let is_late = this.is_late(row.submitted_ms);
        let purses = self.terms.spend.purses_of(this.call, this.request, row.submitted_ms);
        let (why, cost) = match fetched {
            Ok(BatchState::Answered(answer)) => {
                let is_counted = answer.input_tokens > 0 || answer.output_tokens > 0;
                let cost = is_counted.then(|| answer.cost_nano_usd.unwrap_or(0));
                self.settle(this, &purses, cost).await;
                return Ok(Reached::Answered(answer));
            }
            Ok(BatchState::Pending) if !is_late => return Ok(self.wait_for(this, row.submitted_ms).await),
            Ok(BatchState::Pending) => ("no answer within 24 hours".to_owned(), None),
            Ok(BatchState::Failed(error)) => (error.to_string(), Some(0)),
            Err(error) if !is_late && passes(&error) => {
                tracing::debug!(run = %this.call.run, part = this.call.part, error = %error.name(), "a batch can't be fetched yet: {error}");
                let wait = self.wait_for(this, row.submitted_ms).await;
                return Ok(match error {
                    ModelError::RateLimited { retry_after_s, .. } => wait.for_at_least(retry_after_s.unwrap_or(1)),
                    _ => wait,
                });
            }
            // It may be answered, and paid for.
            Err(error) => (error.to_string(), None),
        };
        tracing::warn!(run = %this.call.run, part = this.call.part, %batch, "a batch has no answer, the call is made at once: {why}");
        self.settle(this, &purses, cost).await;
        self.store(this, None).await?;
        self.at_once(this).await
    }

    /// Stores the call's batch, or that the call is made at once.
    async fn store(&self, this: &Try<'_>, batch: Option<BatchId>) -> Result<(), ModelError> {
        let row = |before: Option<BatchRow>| BatchRow {
            model: this.request.model.clone(),
            submitted_ms: before.map_or(this.begun_ms, |before| before.submitted_ms),
            batch: batch.clone(),
        };
        let write = |before| ready(Ok::<_, StageError>(Update::Write(row(before), ())));
        let stored = rows::update(self.ports.rows.as_ref(), &this.key(), write).await;
        stored.map_err(unreachable)
    }

    async fn settle(&self, this: &Try<'_>, purses: &[Purse], cost: Option<u64>) {
        for alarm in purse::settle(self.ports.logs.as_ref(), &this.name, purses, cost).await {
            self.observe(this, ModelEvent::Alarm(alarm)).await;
        }
    }

    async fn observe(&self, this: &Try<'_>, event: ModelEvent) {
        let (run, model) = (this.call.run, &this.request.model);
        self.ports.watch.observe(run, model, event).await;
    }
}

#[async_trait]
impl<M: ReachModel> ReachModel for BatchedModel<M> {
    async fn reach(&self, call: &ModelCall<'_>, request: &ModelRequest) -> Result<Reached, ModelError> {
        let may_submit = self.may_submit(call, &request.model);
        let waits_for_batch = call.waiting.subject == WaitFor::Batch;
        // A batch is followed to its end, whatever the settings are now; a call that waits for the provider is an
        // ordinary one to its end.
        if !waits_for_batch && (!may_submit || call.waiting.waits > 0) {
            return self.model.reach(call, request).await;
        }
        let this = Try {
            call,
            request,
            name: name_of(call),
            begun_ms: self.ports.pace.now_ms(),
        };
        let found = rows::find::<BatchRow>(self.ports.rows.as_ref(), &this.key()).await;
        match found.map_err(unreachable)?.map(|stored| stored.value) {
            Some(row) => match &row.batch {
                Some(batch) => self.follow(&this, &row, batch).await,
                None => self.at_once(&this).await,
            },
            None if may_submit => self.submit(&this).await,
            None => self.at_once(&this).await,
        }
    }
}

/// Returns a call's name: a retry of its state has the same one.
fn name_of(call: &ModelCall<'_>) -> String {
    let digest = Sha256::digest(format!("{}\n{}\n{}", call.run, call.part, call.attempt));
    hex::encode(digest)
}

/// Returns whether a later try may fetch the batch.
const fn passes(error: &ModelError) -> bool {
    !matches!(
        error,
        ModelError::Unauthorized(_)
            | ModelError::SpendingLimit(_)
            | ModelError::NotFound(_)
            | ModelError::Rejected(_)
            | ModelError::Unreadable(_)
    )
}

/// Returns the error of a table that can't be reached: the workflow retries it.
fn unreachable(error: StageError) -> ModelError {
    ModelError::LimitsUnavailable(format!("no call without the row of its batch: {}", error.message))
}
