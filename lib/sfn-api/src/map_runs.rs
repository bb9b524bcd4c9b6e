//! The actions on map runs: list, describe, update.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::test_state::find_state;
use super::{Api, arn, page, required, seconds, without_nulls};
use holdfast_engine::{EngineError, ExecutionStatus, MapRunDetails, MapRunLimits};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    execution_arn: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfMapRun {
    map_run_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    map_run_arn: Option<String>,
    max_concurrency: Option<i64>,
    tolerated_failure_count: Option<i64>,
    tolerated_failure_percentage: Option<f64>,
}

impl Api {
    pub(super) fn update_map_run(&self, input: &Update) -> Result<Value, ApiError> {
        let arn = required(input.map_run_arn.as_ref(), "mapRunArn")?;
        arn::map_run(arn)?;
        let percentage = input.tolerated_failure_percentage;
        if let Some(outside) = percentage.filter(|percentage| !(0.0..=100.0).contains(percentage)) {
            let bound = if outside > 100.0 {
                "less than or equal to 100"
            } else {
                "greater than or equal to 0"
            };
            return Err(out_of_range("toleratedFailurePercentage", outside, bound));
        }
        let limits = MapRunLimits {
            max_concurrency: not_negative("maxConcurrency", input.max_concurrency)?,
            tolerated_failure_count: not_negative("toleratedFailureCount", input.tolerated_failure_count)?,
            tolerated_failure_percentage: percentage,
        };
        match self.wait(self.engine.update_map_run(arn, limits)) {
            Ok(()) => Ok(json!({})),
            Err(EngineError::MapRunUnknown { .. }) => Err(ApiError::no_resource(arn)),
            Err(error @ EngineError::MapRunNotRunning { .. }) => Err(ApiError::validation(error.to_string())),
            Err(error) => Err(ApiError::of_engine(&error, arn)),
        }
    }

    pub(super) fn list_map_runs(&self, input: &List) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let found = self.execution(arn)?;
        let runs = self.archive()?.map_runs(found.record.id);
        let runs = runs.map_err(|error| ApiError::of_engine(&error, arn))?;
        let (runs, next) = page::slice(
            runs,
            &format!("map runs {arn}"),
            input.max_results,
            input.next_token.as_deref(),
        )?;
        let listed: Vec<Value> = runs
            .iter()
            .map(|run| {
                without_nulls(json!({
                    "executionArn": arn,
                    "mapRunArn": run.arn,
                    "stateMachineArn": found.machine_arn,
                    "startDate": seconds(run.started.0),
                    "stopDate": run.stopped.map(|stopped| seconds(stopped.0)),
                }))
            })
            .collect();
        Ok(without_nulls(json!({ "mapRuns": listed, "nextToken": next })))
    }

    pub(super) fn describe_map_run(&self, input: &OfMapRun) -> Result<Value, ApiError> {
        let arn = required(input.map_run_arn.as_ref(), "mapRunArn")?;
        let run = self.map_run(arn)?;
        let definition = self.archive()?.definition(&run.parent.record.definition_sha256);
        let definition = definition.map_err(|error| ApiError::of_engine(&error, arn))?;
        let state = serde_json::from_str::<Value>(&definition)
            .ok()
            .and_then(|definition| find_state(&definition, &run.record.state).cloned())
            .unwrap_or_default();
        // A map run of an older version has no stored limits: those in the definition are shown.
        let number = |field: &str, stored: Option<Value>| {
            let defined = || state[field].as_number().cloned().map(Value::Number);
            stored.or_else(defined).unwrap_or_else(|| 0.into())
        };
        let limits = &run.limits;
        let percentage = limits.tolerated_failure_percentage.map(Value::from);
        let record = &run.record;
        Ok(without_nulls(json!({
            "mapRunArn": record.arn,
            "executionArn": run.parent.record.arn,
            "status": record.status.as_str(),
            "startDate": seconds(record.started.0),
            "stopDate": record.stopped.map(|stopped| seconds(stopped.0)),
            "maxConcurrency": number("MaxConcurrency", limits.max_concurrency.map(Value::from)),
            "toleratedFailurePercentage": number("ToleratedFailurePercentage", percentage),
            "toleratedFailureCount": number("ToleratedFailureCount", limits.tolerated_failure_count.map(Value::from)),
            "itemCounts": counts(&run, |(_, _, items)| *items),
            "executionCounts": counts(&run, |(_, executions, _)| *executions),
            "redriveCount": run.redrives,
        })))
    }

    /// Returns the map run of an ARN. Fails if the ARN is invalid or unknown.
    pub(super) fn map_run(&self, arn: &str) -> Result<MapRunDetails, ApiError> {
        arn::map_run(arn)?;
        let found = self.archive()?.map_run_by_arn(arn);
        found
            .map_err(|error| ApiError::of_engine(&error, arn))?
            .ok_or_else(|| ApiError::no_resource(arn))
    }
}

fn not_negative(field: &str, number: Option<i64>) -> Result<Option<u64>, ApiError> {
    let checked = number.map(|number| {
        u64::try_from(number).map_err(|_| out_of_range(field, number as f64, "greater than or equal to 0"))
    });
    checked.transpose()
}

fn out_of_range(field: &str, number: f64, bound: &str) -> ApiError {
    ApiError::validation(format!(
        "1 validation error detected: Value '{number}' at '{field}' failed to satisfy constraint: Member must have value \
         {bound}"
    ))
}

fn counts(run: &MapRunDetails, of: impl Fn(&(ExecutionStatus, u64, u64)) -> u64) -> Value {
    let with = |wanted| {
        let those = run.children.iter().filter(|(status, ..)| *status == wanted);
        those.map(&of).sum::<u64>()
    };
    json!({
        "pending": with(ExecutionStatus::Pending),
        "running": with(ExecutionStatus::Running),
        "succeeded": with(ExecutionStatus::Succeeded),
        "failed": with(ExecutionStatus::Failed),
        "timedOut": with(ExecutionStatus::TimedOut),
        "aborted": with(ExecutionStatus::Aborted),
        "total": run.children.iter().map(of).sum::<u64>(),
        "resultsWritten": 0,
        "failuresNotRedrivable": 0,
        "pendingRedrive": 0,
    })
}
