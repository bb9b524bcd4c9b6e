//! Watches the model calls of a function: writes them as metrics, and tells operators what they have to know.

use async_trait::async_trait;
use holdfast_aws::people::AwsNotifyPeople;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{ModelEvent, NotifyPeople, WatchModels};

use crate::metrics;

/// The people that hear of model calls.
pub struct FunctionModelWatch {
    /// The topic of alarms.
    pub people: AwsNotifyPeople,
}

#[async_trait]
impl WatchModels for FunctionModelWatch {
    async fn observe(&self, run: &RunName, model: &ModelId, event: ModelEvent) {
        metrics::count_model_event(model, &event);
        if let ModelEvent::Alarm(alarm) = event {
            self.people.tell_operators(run, &alarm).await;
        }
    }
}
