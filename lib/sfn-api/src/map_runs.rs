//! Map runs of executions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{Api, arn, page, required, seconds, without_nulls};
use holdfast_engine::{ExecutionStatus, MapRunDetails};

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

impl Api {
    pub(super) fn list_map_runs(&self, input: &List) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let found = self.execution(arn)?;
        let runs = self.archive()?.map_runs(found.record.id);
        let runs = runs.map_err(|error| ApiError::of_engine(&error, arn))?;
        let (runs, next) = page::cut(
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
            .and_then(|definition| state(&definition, &run.record.state).cloned())
            .unwrap_or_default();
        // What an expression says of them stands in no table.
        let number = |field: &str| state[field].as_number().cloned().unwrap_or_else(|| 0.into());
        let record = &run.record;
        Ok(without_nulls(json!({
            "mapRunArn": record.arn,
            "executionArn": run.parent.record.arn,
            "status": record.status.as_str(),
            "startDate": seconds(record.started.0),
            "stopDate": record.stopped.map(|stopped| seconds(stopped.0)),
            "maxConcurrency": number("MaxConcurrency"),
            "toleratedFailurePercentage": number("ToleratedFailurePercentage"),
            "toleratedFailureCount": number("ToleratedFailureCount"),
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

/// Finds a state by its name anywhere in a definition: names are unique.
fn state<'a>(definition: &'a Value, name: &str) -> Option<&'a Value> {
    let states = definition.get("States")?.as_object()?;
    states.get(name).or_else(|| {
        states.values().find_map(|within| {
            let processor = within.get("ItemProcessor").and_then(|inner| state(inner, name));
            processor.or_else(|| {
                let branches = within.get("Branches")?.as_array()?;
                branches.iter().find_map(|inner| state(inner, name))
            })
        })
    })
}
