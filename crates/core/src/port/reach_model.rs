//! The port of the stages to a model: one call, made only when the provider's limits and health allow it. Otherwise the
//! answer is a wait, which is a state of the workflow.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{AskModel, ModelError, ModelRequest};
use crate::model::payer::Payer;
use crate::model::run::RecordedAnswer;
use crate::model::run_name::RunName;

/// The longest wait before the next try, in seconds.
pub const MAX_WAIT_S: u64 = 3_600;

/// A call's place in the work of a deployment.
#[derive(Clone, Copy, Debug)]
pub struct ModelCall<'a> {
    /// The run.
    pub run: &'a RunName,
    /// The parties that it counts for.
    pub payer: &'a Payer,
    /// The unit, or another name within the run.
    pub part: &'a str,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Whether its unit is of the strong tier: such a call may take longer.
    pub is_risky: bool,
    /// Whether it may be a batch call, which may take a day. An urgent payer's call never is one.
    pub may_batch: bool,
    /// What the call has waited for so far. Default before its first wait.
    pub waiting: Waiting,
}

/// The subject of a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// The provider's limits, or another call's end.
    #[default]
    Limit,
    /// The end of an outage.
    Outage,
    /// The answer to a batch call.
    Batch,
}

/// What a call has waited for so far. It goes through the workflow with the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// The subject.
    #[serde(rename = "for")]
    pub subject: WaitFor,
    /// The begin of this wait, in milliseconds since 1970; 0 before the first wait.
    pub since_ms: u64,
    /// Waits so far.
    pub waits: u32,
    /// Failures of this call while the provider answered other calls.
    pub failures: u32,
    /// Calls that gave no complete answer in time.
    pub timeouts: u32,
    /// Whether the limit of this wait is one of the deployment's settings, not the provider's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_own_limit: bool,
    /// Whether the outage of this wait may be over: nobody has tried the provider for a while, and another call tries it
    /// now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub may_be_over: bool,
}

impl Waiting {
    /// Returns the state after one more wait for `subject` that begins at `now_ms`.
    #[must_use]
    pub const fn after(self, subject: WaitFor, now_ms: u64) -> Self {
        let is_same = self.since_ms > 0
            && matches!(
                (self.subject, subject),
                (WaitFor::Limit, WaitFor::Limit)
                    | (WaitFor::Outage, WaitFor::Outage)
                    | (WaitFor::Batch, WaitFor::Batch)
            );
        Self {
            subject,
            since_ms: if is_same { self.since_ms } else { now_ms },
            waits: self.waits.saturating_add(1),
            is_own_limit: false,
            may_be_over: false,
            ..self
        }
    }
}

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// The model's answer.
    Answered(RecordedAnswer),
    /// No call now.
    Wait {
        /// The time until the next try, in seconds, 1 to [`MAX_WAIT_S`].
        wait_s: u64,
        /// Belongs to the next try.
        waiting: Waiting,
    },
}

impl Reached {
    /// Returns the same outcome; a wait is one for a limit of the deployment's settings, or isn't.
    #[must_use]
    pub fn for_own_limit(self, is_own_limit: bool) -> Self {
        match self {
            Self::Wait { wait_s, waiting } => Self::Wait {
                wait_s,
                waiting: Waiting {
                    is_own_limit,
                    ..waiting
                },
            },
            answered @ Self::Answered(_) => answered,
        }
    }

    /// Returns the same outcome; a wait takes at least these seconds.
    #[must_use]
    pub fn for_at_least(self, seconds: u64) -> Self {
        match self {
            Self::Wait { wait_s, waiting } => Self::Wait {
                wait_s: wait_s.max(seconds.min(MAX_WAIT_S)),
                waiting,
            },
            answered @ Self::Answered(_) => answered,
        }
    }
}

/// Calls a model when its provider allows it.
#[async_trait]
pub trait ReachModel: Send + Sync {
    /// Makes at most one call.
    ///
    /// # Errors
    ///
    /// See [`ModelError`]; a wait was longer than the deployment's patience.
    async fn reach(&self, call: &ModelCall<'_>, request: &ModelRequest) -> Result<Reached, ModelError>;
}

/// A model without shared limits: each call is made at once. After a rate limit, the call waits as long as the provider
/// states, or for a time that doubles from two seconds.
#[async_trait]
impl<M: AskModel> ReachModel for M {
    async fn reach(&self, call: &ModelCall<'_>, request: &ModelRequest) -> Result<Reached, ModelError> {
        match self.ask(request).await {
            Ok(answer) => Ok(Reached::Answered(answer)),
            Err(ModelError::RateLimited { retry_after_s, .. }) => Ok(Reached::Wait {
                wait_s: retry_after_s
                    .unwrap_or_else(|| 2_u64.saturating_pow(call.waiting.waits.saturating_add(1).min(9)))
                    .clamp(1, MAX_WAIT_S),
                waiting: Waiting {
                    waits: call.waiting.waits.saturating_add(1),
                    ..call.waiting
                },
            }),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::executor::block_on;
    use serde_json::Value;

    use super::*;
    use crate::model::payer::Payer;
    use crate::prompt::probe_prompt;

    /// A model that limits requests.
    struct Limits(Option<u64>);

    #[async_trait]
    impl AskModel for Limits {
        async fn ask(&self, _request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
            Err(ModelError::RateLimited {
                retry_after_s: self.0,
                observed: None,
            })
        }
    }

    #[test]
    fn a_wait_is_between_a_second_and_an_hour() {
        #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
        let (run, payer) = ("r".parse().unwrap(), Payer::default());
        let request = ModelRequest {
            model: "openai/m".parse().unwrap(),
            prompt: probe_prompt(),
            schema: Value::Null,
            max_output_tokens: 1,
            time_limit: None,
        };
        for (named, waits, expected_s) in [
            (Some(0), 0, 1),
            (Some(90), 0, 90),
            (Some(86_400), 0, 3_600),
            (None, 0, 2),
            (None, 99, 512),
        ] {
            let call = ModelCall {
                run: &run,
                payer: &payer,
                part: "u0001",
                attempt: 1,
                is_risky: false,
                may_batch: false,
                waiting: Waiting {
                    waits,
                    ..Waiting::default()
                },
            };
            match block_on(Limits(named).reach(&call, &request)).unwrap() {
                Reached::Wait { wait_s, waiting } => assert_eq!((wait_s, waiting.waits), (expected_s, waits + 1)),
                Reached::Answered(answer) => panic!("{answer:?}"),
            }
        }
    }
}
