//! A model provider in memory, in virtual time: it enforces limits, has outages, and keeps a
//! journal of its calls.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::channel::oneshot;
use futures::future::select;
use holdfast_core::model::payer::Payer;
use holdfast_core::model::price::Prices;
use holdfast_core::model::provider_limits::ObservedLimits;
use holdfast_core::model::run::{RecordedAnswer, Stop};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{AskModel, ModelCall, ModelError, ModelRequest, Pace, ReachModel, Reached, Waiting};

use crate::virtual_time::VirtualTime;

/// The text of each answer.
pub const ANSWER: &str = r#"{"summary":"Adds a line.","findings":[]}"#;

/// The behaviour of a provider.
#[derive(Clone, Debug)]
pub struct ProviderRules {
    /// Requests a minute: a bucket of this size that fills continuously.
    pub requests_per_minute: Option<u32>,
    /// Input tokens a minute, the same way.
    pub tokens_per_minute: Option<u64>,
    /// Calls in flight.
    pub concurrent: usize,
    /// Whether answers state the limits.
    pub states_limits: bool,
    /// Whether refusals state no wait.
    pub hides_waits: bool,
    /// The time of an answer.
    pub latency: Duration,
    /// From this time on, answers take longer the more calls are in flight beyond this number.
    pub crowded: Option<(Duration, usize)>,
    /// The times without answers, from the start.
    pub outages: Vec<Range<Duration>>,
    /// The times in which every call is answered with 529.
    pub storms: Vec<Range<Duration>>,
    /// The times in which every call is answered with 429 that states no wait.
    pub busy: Vec<Range<Duration>>,
    /// The times in which the key is refused.
    pub refusals: Vec<Range<Duration>>,
    /// The prices of answers.
    pub prices: Prices,
}

/// A word in a prompt that the provider always answers with 500.
pub const POISON: &str = "poison";

impl Default for ProviderRules {
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrent: usize::MAX,
            states_limits: false,
            hides_waits: false,
            latency: Duration::from_secs(2),
            crowded: None,
            outages: Vec::new(),
            storms: Vec::new(),
            busy: Vec::new(),
            refusals: Vec::new(),
            prices: Prices::default(),
        }
    }
}

/// The end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// Answered.
    Answered,
    /// Refused by a limit.
    Limited,
    /// No answer.
    Failed,
}

/// A call as the provider saw it.
#[derive(Clone, Debug)]
pub struct SeenCall {
    /// The time from the start.
    pub at: Duration,
    /// The end.
    pub end: CallEnd,
    /// The calls in flight with it when it ended, itself included.
    pub in_flight: usize,
    /// The system part of its prompt: tests name the run there.
    pub system: String,
}

/// A provider in memory.
#[derive(Debug)]
pub struct LimitedProvider {
    rules: ProviderRules,
    time: VirtualTime,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: usize,
    most_in_flight: usize,
    requests: Bucket,
    tokens: Bucket,
    calls: Vec<SeenCall>,
}

/// A bucket's used part, and the time of its last change.
#[derive(Debug, Default)]
struct Bucket {
    used: f64,
    at_s: f64,
}

impl Bucket {
    /// Takes an amount; returns the seconds until there is room, if there is none now.
    fn take(&mut self, amount: f64, per_minute: Option<f64>, now_s: f64) -> Result<(), f64> {
        let Some(per_minute) = per_minute else { return Ok(()) };
        self.used = (self.used - (now_s - self.at_s) * per_minute / 60.0).max(0.0);
        self.at_s = now_s;
        let over = self.used + amount - per_minute.max(amount);
        if over > 1e-9 {
            return Err(over * 60.0 / per_minute);
        }
        self.used += amount;
        Ok(())
    }
}

impl LimitedProvider {
    /// Starts a provider; its times are those of `time`.
    pub fn start(rules: ProviderRules, time: &VirtualTime) -> Arc<Self> {
        Arc::new(Self {
            rules,
            time: time.clone(),
            state: Mutex::default(),
        })
    }

    /// Returns the calls so far.
    pub fn calls(&self) -> Vec<SeenCall> {
        self.state().calls.clone()
    }

    /// Returns the number of calls with this end.
    pub fn count(&self, end: CallEnd) -> usize {
        self.state().calls.iter().filter(|call| call.end == end).count()
    }

    /// Returns the largest number of calls in flight so far.
    pub fn most_in_flight(&self) -> usize {
        self.state().most_in_flight
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_within(&self, times: &[Range<Duration>]) -> bool {
        times.iter().any(|time| time.contains(&self.time.now()))
    }

    fn observed(&self) -> Option<ObservedLimits> {
        self.rules.states_limits.then(|| ObservedLimits {
            requests_per_minute: self.rules.requests_per_minute,
            input_tokens_per_minute: self.rules.tokens_per_minute,
            ..ObservedLimits::default()
        })
    }

    /// Admits a call, or returns the seconds until there is room.
    fn admit(&self, tokens: f64) -> Result<(), f64> {
        let now_s = self.time.now().as_secs_f64();
        let mut state = self.state();
        if state.in_flight >= self.rules.concurrent {
            return Err(1.0);
        }
        state
            .requests
            .take(1.0, self.rules.requests_per_minute.map(f64::from), now_s)?;
        #[expect(clippy::cast_precision_loss, reason = "limits are small")]
        state
            .tokens
            .take(tokens, self.rules.tokens_per_minute.map(|tokens| tokens as f64), now_s)?;
        state.in_flight += 1;
        state.most_in_flight = state.most_in_flight.max(state.in_flight);
        Ok(())
    }

    /// Returns the time of an answer to a call that begins now.
    fn latency(&self) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "few calls are in flight")]
        let factor = match self.rules.crowded {
            Some((from, calls)) if self.time.now() >= from => self.state().in_flight as f64 / calls as f64,
            _ => 1.0,
        };
        self.rules.latency.mul_f64(factor.max(1.0))
    }

    fn note(&self, at: Duration, end: CallEnd, request: &ModelRequest) {
        let system = request.prompt.system.clone();
        let mut state = self.state();
        let in_flight = state.in_flight;
        state.calls.push(SeenCall {
            at,
            end,
            in_flight,
            system,
        });
    }
}

#[async_trait]
impl AskModel for LimitedProvider {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let at = self.time.now();
        if self.is_within(&self.rules.outages) {
            self.note(at, CallEnd::Failed, request);
            self.time.sleep(Duration::from_millis(50)).await;
            return Err(ModelError::Unavailable("provider.test could not be reached".to_owned()));
        }
        let is_poisoned = request.prompt.turns.iter().any(|turn| turn.text.contains(POISON));
        if is_poisoned || self.is_within(&self.rules.storms) {
            self.note(at, CallEnd::Failed, request);
            let status = if is_poisoned { 500 } else { 529 };
            return Err(ModelError::Outage(format!("provider.test answered {status}")));
        }
        if self.is_within(&self.rules.busy) {
            self.note(at, CallEnd::Limited, request);
            return Err(ModelError::RateLimited {
                retry_after_s: None,
                observed: None,
            });
        }
        if self.is_within(&self.rules.refusals) {
            self.note(at, CallEnd::Failed, request);
            return Err(ModelError::Unauthorized("provider.test answered 401".to_owned()));
        }
        let input_tokens: u64 = request.prompt.turns.iter().map(|turn| turn.text.len() as u64 / 4).sum();
        #[expect(clippy::cast_precision_loss, reason = "prompts are small")]
        if let Err(seconds) = self.admit(input_tokens as f64) {
            self.note(at, CallEnd::Limited, request);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a short time")]
            return Err(ModelError::RateLimited {
                retry_after_s: (!self.rules.hides_waits).then_some(seconds.ceil() as u64),
                observed: self.observed(),
            });
        }
        self.time.sleep(self.latency()).await;
        let is_down = self.is_within(&self.rules.outages);
        let end = if is_down { CallEnd::Failed } else { CallEnd::Answered };
        self.note(at, end, request);
        self.state().in_flight -= 1;
        if is_down {
            return Err(ModelError::Unavailable("provider.test broke off its answer".to_owned()));
        }
        Ok(RecordedAnswer {
            text: ANSWER.to_owned(),
            stop: Stop::Complete,
            model: request.model.name().to_owned(),
            input_tokens,
            output_tokens: 10,
            cost_nano_usd: self.rules.prices.cost(&request.model, input_tokens, 10),
            cached: false,
            fallback: None,
            observed: self.observed(),
        })
    }
}

/// Virtual time, as the time of one process or of one function.
#[derive(Debug)]
pub struct VirtualPace {
    time: VirtualTime,
    longest_rest: Duration,
    /// The calls that rest, each with what wakes it.
    resting: Mutex<HashMap<u64, oneshot::Sender<()>>>,
}

impl VirtualPace {
    /// Makes a pace with rests of at most `longest_rest`.
    pub fn new(time: &VirtualTime, longest_rest: Duration) -> Arc<Self> {
        Arc::new(Self {
            time: time.clone(),
            longest_rest,
            resting: Mutex::default(),
        })
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Pace for VirtualPace {
    fn now_ms(&self) -> u64 {
        START_MS + millis(self.time.now())
    }

    fn longest_rest_ms(&self) -> u64 {
        millis(self.longest_rest)
    }

    async fn rest(&self, call: u64, ms: u64) {
        let (wake, woken) = oneshot::channel();
        self.resting().insert(call, wake);
        let _first = select(self.time.sleep(Duration::from_millis(ms)), woken).await;
        self.resting().remove(&call);
    }

    fn wake(&self, calls: &[u64]) {
        let mut resting = self.resting();
        for wake in calls.iter().filter_map(|call| resting.remove(call)).collect::<Vec<_>>() {
            let _gone = wake.send(());
        }
    }
}

/// The clock at the start, in milliseconds since 1970.
const START_MS: u64 = 1_700_000_000_000;

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The end of a unit.
#[derive(Clone, Debug)]
pub struct UnitEnd {
    /// The time from the start of its run.
    pub at: Duration,
    /// The error's name, if there is no answer.
    pub error: Option<&'static str>,
    /// The number of waits as states.
    pub waits: u32,
}

/// Runs a unit as the workflow does: calls the model, waits as a state, calls again.
pub async fn run_unit(
    model: &dyn ReachModel,
    time: &VirtualTime,
    (run, tenant, part): (&RunName, &str, &str),
    request: &ModelRequest,
) -> UnitEnd {
    let payer = Payer {
        tenant: tenant.to_owned(),
        ..Payer::default()
    };
    let (start, mut waiting, mut waits) = (time.now(), Waiting::default(), 0);
    loop {
        let call = ModelCall {
            run,
            payer: &payer,
            part,
            attempt: 1,
            is_risky: false,
            may_batch: true,
            waiting,
        };
        let error = match model.reach(&call, request).await {
            Ok(Reached::Wait { wait_s, waiting: next }) => {
                time.sleep(Duration::from_secs(wait_s)).await;
                (waiting, waits) = (next, waits + 1);
                continue;
            }
            Ok(Reached::Answered(_)) => None,
            Err(error) => Some(error.name().as_str()),
        };
        let at = time.now() - start;
        return UnitEnd { at, error, waits };
    }
}
