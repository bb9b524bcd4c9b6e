//! Map runs of executions. The engine finds a map run by the execution that started it: who asks by the map run's own ARN
//! has the newest executions of its state machine looked through.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{Api, arn, page, required, seconds, without_nulls};
use crate::engine::{Archive, ExecutionRecord, ExecutionStatus, MapRunRecord};
use crate::record::RUNS_MOST;

/// How many executions are read at a time.
const LOT: usize = 500;

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
        let (known, record) = self.record(arn)?;
        let runs = self.archive()?.map_runs(record.id);
        let runs = runs.map_err(|error| ApiError::of_engine(&error, arn))?;
        let (runs, next) = page::cut(
            runs,
            &format!("map runs {arn}"),
            input.max_results,
            input.next_token.as_deref(),
        )?;
        let machine_arn = self.machine_arn(&known.machine);
        let listed: Vec<Value> = runs
            .iter()
            .map(|run| {
                without_nulls(json!({
                    "executionArn": arn,
                    "mapRunArn": run.arn,
                    "stateMachineArn": machine_arn,
                    "startDate": seconds(run.started.0),
                    "stopDate": run.stopped.map(|stopped| seconds(stopped.0)),
                }))
            })
            .collect();
        Ok(without_nulls(json!({ "mapRuns": listed, "nextToken": next })))
    }

    pub(super) fn describe_map_run(&self, input: &OfMapRun) -> Result<Value, ApiError> {
        let arn = required(input.map_run_arn.as_ref(), "mapRunArn")?;
        let archive = self.archive()?;
        let (parent, run) = self.map_run(&archive, arn)?;
        let children = archive
            .children(run.id)
            .map_err(|error| ApiError::of_engine(&error, arn))?;
        let with = |status| children.iter().filter(|child| child.status == status).count();
        // The counts of items are those of their children: a batch counts as one here.
        let counts = json!({
            "pending": with(ExecutionStatus::Pending),
            "running": with(ExecutionStatus::Running),
            "succeeded": with(ExecutionStatus::Succeeded),
            "failed": with(ExecutionStatus::Failed),
            "timedOut": with(ExecutionStatus::TimedOut),
            "aborted": with(ExecutionStatus::Aborted),
            "total": run.total,
            "resultsWritten": 0,
            "failuresNotRedrivable": 0,
            "pendingRedrive": 0,
        });
        Ok(without_nulls(json!({
            "mapRunArn": run.arn,
            "executionArn": parent.arn,
            "status": run.status.as_str(),
            "startDate": seconds(run.started.0),
            "stopDate": run.stopped.map(|stopped| seconds(stopped.0)),
            "maxConcurrency": 0,
            "toleratedFailurePercentage": 0.0,
            "toleratedFailureCount": 0,
            "itemCounts": counts,
            "executionCounts": counts,
            "redriveCount": 0,
        })))
    }

    /// The map run of an ARN, and the execution that started it.
    pub(super) fn map_run(&self, archive: &Archive, arn: &str) -> Result<(ExecutionRecord, MapRunRecord), ApiError> {
        let machine = arn::map_run(arn)?;
        self.find_map_run(archive, machine, |_, run| run.arn == arn)?
            .ok_or_else(|| ApiError::no_resource(arn))
    }

    /// Looks through the map runs of a machine's executions, newest first; and of those below them, where a label is nested.
    pub(super) fn find_map_run(
        &self,
        archive: &Archive,
        machine: &str,
        is_it: impl Fn(&Archive, &MapRunRecord) -> bool,
    ) -> Result<Option<(ExecutionRecord, MapRunRecord)>, ApiError> {
        let failed = |error| ApiError::of_engine(&error, machine);
        let naming = self.engine.naming();
        let look = |record: ExecutionRecord| {
            let runs = archive.map_runs(record.id).map_err(failed)?;
            Ok::<_, ApiError>(
                runs.into_iter()
                    .find(|run| is_it(archive, run))
                    .map(|run| (record, run)),
            )
        };
        if naming.state_machine == machine {
            for record in archive.executions(RUNS_MOST).map_err(failed)? {
                if let Some(found) = look(record)? {
                    return Ok(Some(found));
                }
            }
            return Ok(None);
        }
        let mut before: Option<(i64, String)> = None;
        loop {
            let place = before.as_ref().map(|(time, name)| (*time, name.as_str()));
            let lot = self.store().started(machine, place, LOT)?;
            for by in &lot {
                let arn = naming.execution_arn(machine, &by.name);
                if let Some(record) = self.recorded(&naming.known_as(machine, &by.name), &arn)?
                    && let Some(found) = look(record)?
                {
                    return Ok(Some(found));
                }
            }
            match lot.last() {
                Some(last) if lot.len() == LOT => before = Some((last.started_ms, last.name.clone())),
                _ => return Ok(None),
            }
        }
    }
}

/// The machine's name out of the ARN of a map's child.
pub fn machine_of_child(child_arn: &str) -> &str {
    arn::execution(child_arn).map_or("", |(machine, _)| machine.split('/').next().unwrap_or(machine))
}

/// Whether a map run has the label that stands in the ARN of a child.
pub fn has_label_of(map_run_arn: &str, child_arn: &str) -> bool {
    let family = child_arn
        .rsplit_once(':')
        .map(|(family, _)| family.replacen(":execution:", ":mapRun:", 1));
    map_run_arn.rsplit_once(':').map(|(family, _)| family.to_owned()) == family
}
