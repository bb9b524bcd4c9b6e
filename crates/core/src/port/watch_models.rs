//! The port to those who watch model calls: metrics, and alarms to operators.

use async_trait::async_trait;

use super::{Alarm, WaitFor};
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
    /// Something that the operators have to know: a refusal, or a share of a limit of money.
    Alarm(Alarm),
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
