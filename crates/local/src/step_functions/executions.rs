//! Executions: started, described, stopped, redriven.

use holdfast_asl::{EventKind, HistoryEvent, PAYLOAD_LIMIT_BYTES};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::store::StartedBy;
use super::versions::Target;
use super::{Api, arn, map_runs, random_id, required, seconds, tasks, without_nulls};
use crate::engine::{EngineError, ExecutionRecord, ExecutionStatus, OtherMachine, Started};
use crate::machine::now_ms;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    state_machine_arn: Option<String>,
    name: Option<String>,
    input: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop {
    execution_arn: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfExecution {
    execution_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Redrive {
    execution_arn: Option<String>,
    client_token: Option<String>,
}

/// What is known of an execution beside the engine's record.
pub struct Known {
    pub machine: String,
    pub name: String,
    pub known_as: String,
    pub by: Option<StartedBy>,
}

impl Api {
    pub(super) fn start(&self, input: &Start) -> Result<Value, ApiError> {
        let machine_arn = required(input.state_machine_arn.as_ref(), "stateMachineArn")?;
        let name = input.name.clone().unwrap_or_else(random_id);
        if !arn::is_name(&name) {
            return Err(ApiError::invalid_name(&name));
        }
        let payload = payload(input.input.as_deref().unwrap_or("{}"))?;
        let target = self.target(&self.store(), machine_arn)?;
        let naming = self.engine.naming();
        let (arn, known_as) = (
            naming.execution_arn(&target.machine, &name),
            naming.known_as(&target.machine, &name),
        );
        let is_first = self.starting().insert(known_as.clone());
        let started = self.start_target(&target, &name, &known_as, payload, is_first);
        if is_first {
            self.starting().remove(&known_as);
        }
        match started {
            Ok(Started::New | Started::AlreadyRunning) => {}
            Ok(Started::AlreadyFinished) => return Err(ApiError::already_exists(&arn)),
            Err(error) => return Err(error),
        }
        let (_, record) = self.record(&arn)?;
        Ok(json!({ "executionArn": arn, "startDate": seconds(record.started.0) }))
    }

    fn start_target(
        &self,
        target: &Target,
        name: &str,
        known_as: &str,
        payload: Value,
        is_first: bool,
    ) -> Result<Started, ApiError> {
        let arn = self.engine.naming().execution_arn(&target.machine, name);
        // Of one that the engine does not have, what was written before a crash is written anew.
        if is_first && self.recorded(known_as, &arn)?.is_none() {
            let by = StartedBy {
                name: name.to_owned(),
                version: target.version,
                alias: target.alias.clone(),
                role_arn: target.role_arn.clone(),
                started_ms: now_ms(),
                redriven: false,
                redrive_token: None,
                redrive_from: 0,
            };
            self.store().put_started_by(&target.machine, &by)?;
        }
        let started = if self.engine.naming().state_machine == target.machine {
            self.wait(self.engine.start(name, &target.definition, payload))
        } else {
            let other = OtherMachine {
                name: target.machine.clone(),
                role_arn: target.role_arn.clone(),
            };
            self.wait(self.engine.start_of(other, name, &target.definition, payload))
        };
        started.map_err(|error| ApiError::of_engine(&error, &arn))
    }

    pub(super) fn stop(&self, input: Stop) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?.to_owned();
        tasks::ended_with(input.error.as_deref(), input.cause.as_deref())?;
        let (known, _) = self.record(&arn)?;
        match self.wait(self.engine.stop(&known.known_as, input.error, input.cause)) {
            // It stays as it ended, and when.
            Ok(()) | Err(EngineError::ExecutionEnded { .. }) => {}
            Err(error) => return Err(ApiError::of_engine(&error, &arn)),
        }
        let (_, record) = self.record(&arn)?;
        let stopped = record.stopped.map_or_else(now_ms, |stopped| stopped.0);
        Ok(json!({ "stopDate": seconds(stopped) }))
    }

    pub(super) fn describe_execution(&self, input: &OfExecution) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let (known, record) = self.record(arn)?;
        let redrives = self.redrives(&known, &record)?;
        let is_child = record.map_index.is_some();
        let (redrive_status, reason) = match record.status {
            status if !status.is_final() || status == ExecutionStatus::Succeeded => (
                "NOT_REDRIVABLE",
                Some(format!("Execution is {} and cannot be redriven", status.as_str())),
            ),
            _ if is_child => ("REDRIVABLE_BY_MAP_RUN", None),
            _ => ("REDRIVABLE", None),
        };
        let map_run = if is_child {
            self.map_run_of_child(&record)?
        } else {
            None
        };
        let machine_arn = self.machine_arn(&known.machine);
        Ok(without_nulls(json!({
            "executionArn": arn,
            "stateMachineArn": machine_arn,
            "name": known.name,
            "status": record.status.as_str(),
            "startDate": seconds(record.started.0),
            "stopDate": record.stopped.map(|stopped| seconds(stopped.0)),
            "input": record.input.to_string(),
            "inputDetails": { "included": true },
            "output": record.output.as_ref().map(Value::to_string),
            "outputDetails": record.output.as_ref().map(|_| json!({ "included": true })),
            "error": record.error,
            "cause": record.cause,
            "mapRunArn": map_run,
            "stateMachineVersionArn": known.version_arn(&machine_arn),
            "stateMachineAliasArn": known.alias_arn(&machine_arn),
            "redriveCount": redrives.0,
            "redriveDate": redrives.1.map(seconds),
            "redriveStatus": redrive_status,
            "redriveStatusReason": reason,
        })))
    }

    pub(super) fn describe_machine_for_execution(&self, input: &OfExecution) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let (known, record) = self.record(arn)?;
        let definition = self.archive()?.definition(&record.definition_sha256);
        let (machine, label) = match known.machine.split_once('/') {
            Some((machine, label)) => (machine, Some(label)),
            None => (known.machine.as_str(), None),
        };
        let kept = self.store().machine(machine)?;
        let role = known.by.as_ref().map(|by| by.role_arn.clone());
        let role = role.or_else(|| kept.as_ref().map(|machine| machine.role_arn.clone()));
        Ok(without_nulls(json!({
            "stateMachineArn": self.machine_arn(&known.machine),
            "name": machine,
            "label": label,
            "definition": definition.map_err(|error| ApiError::of_engine(&error, arn))?,
            "roleArn": role.unwrap_or_else(|| self.engine.naming().role_arn()),
            "updateDate": seconds(kept.as_ref().map_or(record.started.0, |machine| machine.updated_ms)),
            "loggingConfiguration": { "level": "OFF", "includeExecutionData": false },
            "tracingConfiguration": { "enabled": false },
            "revisionId": kept.and_then(|machine| machine.revision),
        })))
    }

    pub(super) fn redrive(&self, input: &Redrive) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let (known, record) = self.record(arn)?;
        if record.map_index.is_some() {
            return Err(ApiError::new(
                "ExecutionNotRedrivable",
                format!("'{arn}' is redriven with its map run: redrive the execution that started it"),
            ));
        }
        let (count, at) = self.redrives(&known, &record)?;
        if let Some(by) = &known.by {
            let is_repeated = input.client_token.is_some() && input.client_token == by.redrive_token;
            if is_repeated && count > by.redrive_from {
                return Ok(json!({ "redriveDate": at.map(seconds) }));
            }
            let by = StartedBy {
                redriven: true,
                redrive_token: input.client_token.clone(),
                redrive_from: count,
                ..by.clone()
            };
            self.store().put_started_by(&known.machine, &by)?;
        }
        self.wait(self.engine.redrive(&known.known_as))
            .map_err(|error| ApiError::of_engine(&error, arn))?;
        let (known, record) = self.record(arn)?;
        let at = self.redrives(&known, &record)?.1.unwrap_or_else(now_ms);
        Ok(json!({ "redriveDate": seconds(at) }))
    }

    /// The execution of an ARN, with what is kept beside it.
    pub(super) fn record(&self, arn: &str) -> Result<(Known, ExecutionRecord), ApiError> {
        let (machine, name, known_as) = self.known_as(arn)?;
        let record = self
            .recorded(&known_as, arn)?
            .ok_or_else(|| ApiError::no_execution(arn))?;
        let by = self.store().started_by(&machine, &name)?;
        let known = Known {
            machine,
            name,
            known_as,
            by,
        };
        Ok((known, record))
    }

    /// The engine's record of an execution; none when it has none of that ARN.
    pub(super) fn recorded(&self, known_as: &str, arn: &str) -> Result<Option<ExecutionRecord>, ApiError> {
        match self.archive()?.execution(known_as) {
            Ok(record) => Ok(Some(record).filter(|record| record.arn == arn)),
            Err(EngineError::ExecutionUnknown { .. }) => Ok(None),
            Err(error) => Err(ApiError::of_engine(&error, arn)),
        }
    }

    /// How often it has been redriven, and when last. The history says it; it is not read for nothing.
    pub(super) fn redrives(&self, known: &Known, record: &ExecutionRecord) -> Result<(u64, Option<i64>), ApiError> {
        if known.by.as_ref().is_some_and(|by| !by.redriven) {
            return Ok((0, None));
        }
        let history = self.archive()?.history(record.id);
        let history = history.map_err(|error| ApiError::of_engine(&error, &record.arn))?;
        Ok(redrives(&history))
    }

    /// The ARN of a child's map run.
    fn map_run_of_child(&self, child: &ExecutionRecord) -> Result<Option<String>, ApiError> {
        let archive = self.archive()?;
        let machine = map_runs::machine_of_child(&child.arn);
        Ok(self
            .find_map_run(&archive, machine, |archive, run| {
                map_runs::has_label_of(&run.arn, &child.arn)
                    && archive
                        .children(run.id)
                        .is_ok_and(|children| children.iter().any(|other| other.id == child.id))
            })?
            .map(|(_, run)| run.arn))
    }
}

impl Known {
    pub(super) fn version_arn(&self, machine_arn: &str) -> Option<String> {
        let version = self.by.as_ref()?.version?;
        Some(format!("{machine_arn}:{version}"))
    }

    pub(super) fn alias_arn(&self, machine_arn: &str) -> Option<String> {
        let alias = self.by.as_ref()?.alias.as_ref()?;
        Some(format!("{machine_arn}:{alias}"))
    }
}

fn redrives(history: &[HistoryEvent]) -> (u64, Option<i64>) {
    let mut found = (0, None);
    for event in history {
        if let EventKind::ExecutionRedriven { redrive_count } = &event.kind {
            found = (*redrive_count, Some(event.at.0));
        }
    }
    found
}

fn payload(text: &str) -> Result<Value, ApiError> {
    let invalid = |what: String| {
        ApiError::new(
            "InvalidExecutionInput",
            format!("Invalid State Machine Execution Input: {what}"),
        )
    };
    if text.len() > PAYLOAD_LIMIT_BYTES {
        return Err(invalid(format!("it has more than {PAYLOAD_LIMIT_BYTES} bytes")));
    }
    serde_json::from_str(text).map_err(|error| {
        invalid(format!(
            "it is no JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}
