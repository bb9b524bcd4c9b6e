//! Watches the model calls of this process: counts them in its metrics, and mails operators what they have to know.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::logs;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::settings::Settings;
use holdfast_core::port::{KeepLogs, ModelEvent, NotifyPeople, WaitFor, WatchModels};
use holdfast_core::provider::{ProviderState, Terms};

use crate::metrics::{Metrics, table};

/// The metrics and the people that hear of model calls.
pub struct ModelWatch {
    metrics: Arc<Metrics>,
    people: Arc<dyn NotifyPeople>,
}

impl ModelWatch {
    /// Watches for `metrics` and `people`.
    pub fn new(metrics: Arc<Metrics>, people: Arc<dyn NotifyPeople>) -> Self {
        Self { metrics, people }
    }
}

#[async_trait]
impl WatchModels for ModelWatch {
    async fn observe(&self, run: &RunName, model: &ModelId, event: ModelEvent) {
        let (metrics, labels) = (&self.metrics, [model.provider(), model.name()]);
        let with = |more| [labels[0], labels[1], more];
        match event {
            ModelEvent::Wasted(error) => metrics.increment(&table::CALLS_WASTED, &with(error.as_str())),
            ModelEvent::Waits { subject, ms } => {
                let labels = with(word(subject));
                metrics.increment(&table::MODEL_WAITS, &labels);
                metrics.add(&table::MODEL_WAIT_SECONDS, &labels, ms as f64 / 1_000.0);
            }
            ModelEvent::Down => metrics.set(&table::PROVIDER_DOWN, &[model.provider()], 1.0),
            ModelEvent::Up => metrics.set(&table::PROVIDER_DOWN, &[model.provider()], 0.0),
            ModelEvent::Alarm(alarm) => self.people.tell_operators(run, &alarm).await,
        }
    }
}

const fn word(subject: WaitFor) -> &'static str {
    match subject {
        WaitFor::Limit => "limit",
        WaitFor::Outage => "outage",
        WaitFor::Batch => "batch",
    }
}

/// Sets the metric of each configured provider's health as its shared state has it.
pub async fn load_health(metrics: &Metrics, logs: &dyn KeepLogs, settings: &Settings) {
    let terms = Terms::of(settings);
    for model in settings.models() {
        match logs::read::<ProviderState>(logs, &terms.key_of(model.provider())).await {
            Ok(state) => {
                let down = f64::from(u8::from(state.is_failing()));
                metrics.set(&table::PROVIDER_DOWN, &[model.provider()], down);
            }
            Err(error) => tracing::warn!(%model, %error, "the health of a model's provider can't be read"),
        }
    }
}
