//! Reads the page of limits: the providers' shared state, the money of the month, and this process's metrics.

use holdfast_console::view::{Frame, Health, LimitsView, ModelCounts, ModelNow, MoneyNow};
use holdfast_core::logs;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::port::KeepLogs;
use holdfast_core::provider::{ProviderState, Spend, SpendLimits, Terms, month_of};
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::metrics::{Metrics, table};

use super::App;

/// Reads the page.
///
/// # Errors
/// The table can't be read.
pub async fn read(app: &App, frame: Frame) -> Result<LimitsView, Failure> {
    let (logs, settings): (&dyn KeepLogs, _) = (&app.opened.table, &app.settings);
    let terms = Terms::of(settings);
    let mut models = Vec::new();
    for model in settings.models() {
        let state = logs::read::<ProviderState>(logs, &terms.key_of(model.provider())).await;
        models.push(model_now(model, &state.map_err(unread)?, &app.opened.metrics));
    }
    let mut money = Vec::new();
    let month = month_of(u64::try_from(machine::now_ms()).unwrap_or_default());
    if let Some(limit) = settings.spend_per_month {
        let spend = logs::read::<Spend>(logs, &SpendLimits::key_of_month(&month))
            .await
            .map_err(unread)?;
        money.push(MoneyNow {
            setting: "HOLDFAST_SPEND_PER_MONTH".to_owned(),
            month,
            spent: dollars(spend.spent()),
            reserved: dollars(spend.committed() - spend.spent()),
            limit: dollars(limit),
        });
    }
    Ok(LimitsView { frame, models, money })
}

fn unread(error: holdfast_core::error::StageError) -> Failure {
    Failure::incomplete(error.message)
}

fn dollars(nano: u64) -> f64 {
    nano as f64 / 1e9
}

fn model_now(model: &ModelId, state: &ProviderState, metrics: &Metrics) -> ModelNow {
    let number = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
    let budget = state.budget(model.name());
    let sum = |metric, more: &[&str]| metrics.sum(metric, &[&[model.provider(), model.name()], more].concat());
    ModelNow {
        model: model.to_string(),
        health: health(model, state),
        in_flight: budget.map_or(0, |budget| number(budget.in_flight())),
        allowed: budget.map(|budget| u64::from(budget.concurrent())),
        waiting: budget.map_or(0, |budget| number(budget.waiting())),
        usual_ms: state.usual_ms(model.name()),
        counts: ModelCounts {
            answered: sum(&table::MODEL_CALLS, &[]),
            wasted: sum(&table::CALLS_WASTED, &[]),
            waits: sum(&table::MODEL_WAITS, &[]),
            first_valid: sum(&table::FIRST_ANSWERS, &["", "true"]),
            first: sum(&table::FIRST_ANSWERS, &[]),
        },
    }
}

fn health(model: &ModelId, state: &ProviderState) -> Health {
    if let Some(refusal) = state.refusal(model.name()) {
        return Health::Refuses {
            why: refusal.message.clone(),
        };
    }
    match state.failing_since_ms() {
        Some(since_ms) => Health::Down {
            since_ms: i64::try_from(since_ms).unwrap_or(i64::MAX),
            why: state.failure().unwrap_or("no answer").to_owned(),
        },
        None if state.has_answered() => Health::Answers,
        None => Health::Unknown,
    }
}
