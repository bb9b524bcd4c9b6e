//! The port to those who watch model calls: metrics, and alarms to operators.

use async_trait::async_trait;

use super::WaitFor;
use crate::model::error_name::ErrorName;
use crate::model::model_id::ModelId;
use crate::model::run_name::RunName;

/// An event of a deployment's model calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelEvent {
    /// A call was sent and gave no answer.
    Wasted(ErrorName),
    /// A call waits as a state.
    Waits {
        /// The subject.
        subject: WaitFor,
        /// The time, in milliseconds.
        ms: u64,
    },
    /// A failure began an outage.
    Down,
    /// The first answer after an outage.
    Up,
    /// The first refusal for a while that a wait doesn't cure: the key, the account's money, the model's name.
    Refused {
        /// The error's name.
        error: ErrorName,
        /// One line for the operator.
        message: String,
    },
    /// A share of a limit of money was reached for the first time.
    Spent {
        /// The limit's setting.
        setting: String,
        /// The share, in percent: 50, 75, 90 or 100.
        percent: u8,
        /// The limit, in billionths of a US dollar.
        limit: u64,
    },
}

/// Watches model calls.
#[async_trait]
pub trait WatchModels: Send + Sync {
    /// Takes note of an event of a run's call. What can't be noted is logged, and never fails the call.
    async fn observe(&self, run: &RunName, model: &ModelId, event: ModelEvent);
}

/// Nobody watches.
#[async_trait]
impl WatchModels for () {
    async fn observe(&self, _: &RunName, _: &ModelId, _: ModelEvent) {}
}
