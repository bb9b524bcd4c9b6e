//! The models of this machine: the router to them, behind the shared state of their providers.

use std::sync::Arc;

use holdfast_core::model::setting_name::SettingProblem;
use holdfast_core::model::settings::Settings;
use holdfast_core::port::{KeepLogs, Pace, WatchModels};
use holdfast_core::provider::{BatchPorts, BatchedModel, FallbackModel, PacedModel, Terms};
use holdfast_models::{ModelRouter, ModelSettings, ModelSettingsError};
use holdfast_stores::sqlite::SqliteKeepRows;

use crate::aws;
use crate::failure::Failure;

/// Returns the models behind the shared state of their providers.
///
/// # Errors
/// The address or a key is unusable.
pub fn paced_model(
    settings: &Settings,
    logs: Arc<dyn KeepLogs>,
    pace: Arc<dyn Pace>,
    watch: Arc<dyn WatchModels>,
) -> Result<FallbackModel<PacedModel>, Failure> {
    Ok(paced(Arc::new(model(settings)?), settings, logs, pace, watch))
}

fn paced(
    model: Arc<ModelRouter>,
    settings: &Settings,
    logs: Arc<dyn KeepLogs>,
    pace: Arc<dyn Pace>,
    watch: Arc<dyn WatchModels>,
) -> FallbackModel<PacedModel> {
    let paced = PacedModel::new(model, logs, Arc::clone(&pace), Terms::of(settings)).watched_by(Arc::clone(&watch));
    FallbackModel::new(paced, settings.model_fallback.clone(), pace, watch)
}

/// Returns the models like [`paced_model`]; the calls that `HOLDFAST_MODEL_BATCH` names are batch calls.
///
/// # Errors
/// The address or a key is unusable.
pub fn batched_model(
    settings: &Settings,
    table: Arc<SqliteKeepRows>,
    pace: Arc<dyn Pace>,
    watch: Arc<dyn WatchModels>,
) -> Result<BatchedModel<FallbackModel<PacedModel>>, Failure> {
    let model = Arc::new(model(settings)?);
    let logs = Arc::clone(&table);
    let paced = paced(
        Arc::clone(&model),
        settings,
        logs.clone(),
        Arc::clone(&pace),
        Arc::clone(&watch),
    );
    let ports = BatchPorts {
        batches: model,
        rows: table,
        logs,
        pace,
        watch,
    };
    Ok(BatchedModel::new(
        paced,
        settings.model_batch,
        ports,
        Terms::of(settings),
    ))
}

/// Returns the router to the models that the settings name.
///
/// # Errors
/// The address or a key is unusable.
pub fn model(settings: &Settings) -> Result<ModelRouter, Failure> {
    router(settings).map_err(Failure::usage)
}

/// Returns the problems of the settings with the models.
pub fn problems(settings: &Settings) -> Vec<SettingProblem> {
    router(settings).map_or_else(
        |ModelSettingsError(problems)| problems,
        |router| router.check(&settings.models()),
    )
}

fn router(settings: &Settings) -> Result<ModelRouter, ModelSettingsError> {
    let timeout = settings.model_timeout();
    let router = ModelRouter::new(ModelSettings {
        url: settings.model_url.clone(),
        allow_http: settings.allow_http.clone(),
        anthropic_key: settings.anthropic_key.clone(),
        openai_key: settings.openai_key.clone(),
        prices: settings.prices.clone(),
        timeout,
    })?;
    Ok(match aws::bedrock(settings) {
        Some(bedrock) => router.with_bedrock(bedrock),
        None => router,
    })
}
