//! The actions on executions: start, describe, stop, redrive.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex, PoisonError};

use holdfast_asl::{PAYLOAD_LIMIT_BYTES, is_payload, parse_payload, payload_text};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::store::StartedBy;
use super::versions::Target;
use super::{Api, arn, now_ms, random_id, required, seconds, tasks, without_nulls};
use holdfast_engine::{EngineError, ExecutionDetails, OtherMachine, Started};

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
pub struct Describe {
    execution_arn: Option<String>,
    included_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Redrive {
    execution_arn: Option<String>,
    client_token: Option<String>,
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
        let arn = self.engine.naming().execution_arn(&target.machine, &name);
        let started = {
            let _lock = self.locks.take(&arn);
            self.note_start(&target, &arn)?;
            self.start_target(target, &name, &arn, payload)?
        };
        if started == Started::AlreadyFinished {
            return Err(ApiError::already_exists(&arn));
        }
        let found = self.execution(&arn)?;
        Ok(json!({ "executionArn": arn, "startDate": seconds(found.record.started.0) }))
    }

    /// Stores the version and the alias of an execution before its start. If the engine doesn't have the execution,
    /// replaces or deletes the entry that an earlier start may have left behind at a crash.
    fn note_start(&self, target: &Target, arn: &str) -> Result<(), ApiError> {
        let noted = self.store().started_by(arn)?;
        if noted.is_none() && target.version.is_none() {
            return Ok(());
        }
        if self.find_execution(arn)?.is_some() {
            return Ok(());
        }
        if target.version.is_none() {
            return self.store().forget_started_by(arn);
        }
        let by = StartedBy {
            version: target.version,
            alias: target.alias.clone(),
            ..StartedBy::default()
        };
        self.store().put_started_by(arn, &by)
    }

    fn start_target(&self, target: Target, name: &str, arn: &str, payload: Value) -> Result<Started, ApiError> {
        let Target {
            machine,
            definition,
            role_arn,
            ..
        } = target;
        let started = if self.engine.naming().state_machine == machine {
            self.wait(self.engine.start(name, &definition, payload))
        } else {
            let other = OtherMachine {
                name: machine,
                role_arn,
            };
            self.wait(self.engine.start_of(other, name, &definition, payload))
        };
        started.map_err(|error| ApiError::of_engine(&error, arn))
    }

    pub(super) fn stop(&self, input: Stop) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?.to_owned();
        tasks::check_failure(input.error.as_deref(), input.cause.as_deref())?;
        if let Some(map_run) = self.execution(&arn)?.map_run {
            return Err(ApiError::validation(format!(
                "'{arn}' is a child of '{map_run}' and cannot be stopped by itself: stop the execution that has the map run"
            )));
        }
        match self.wait(self.engine.stop(&self.known_as(&arn)?, input.error, input.cause)) {
            // An ended execution keeps its status and its stop date.
            Ok(()) | Err(EngineError::ExecutionEnded { .. }) => {}
            Err(error) => return Err(ApiError::of_engine(&error, &arn)),
        }
        let stopped = self.execution(&arn)?.record.stopped.ok_or_else(|| {
            ApiError::unavailable(format!(
                "'{arn}' is still running: it could not be stopped now. Stop it again"
            ))
        })?;
        Ok(json!({ "stopDate": seconds(stopped.0) }))
    }

    pub(super) fn describe_execution(&self, input: &Describe) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let found = self.execution(arn)?;
        let by = self.store().started_by(arn)?.unwrap_or_default();
        let with_data = input.included_data.as_deref() != Some("METADATA_ONLY");
        let record = &found.record;
        let (redrive_status, reason) = match (record.status.as_str(), &found.map_run) {
            (status @ ("RUNNING" | "SUCCEEDED"), _) => (
                "NOT_REDRIVABLE",
                Some(format!("Execution is {status} and cannot be redriven")),
            ),
            (_, Some(_)) => ("REDRIVABLE_BY_MAP_RUN", None),
            (_, None) => ("REDRIVABLE", None),
        };
        let output = record.output.as_ref();
        let mut shown = without_nulls(json!({
            "executionArn": arn,
            "stateMachineArn": found.machine_arn,
            "name": arn::execution(arn)?.1,
            "status": record.status.as_str(),
            "startDate": seconds(record.started.0),
            "stopDate": record.stopped.map(|stopped| seconds(stopped.0)),
            "input": with_data.then(|| payload_text(&record.input)),
            "inputDetails": { "included": with_data },
            "output": output.filter(|_| with_data).map(payload_text),
            "outputDetails": output.map(|_| json!({ "included": with_data })),
            "error": record.error,
            "cause": record.cause,
            "mapRunArn": found.map_run,
            "stateMachineVersionArn": by.version_arn(&found.machine_arn),
            "stateMachineAliasArn": by.alias_arn(&found.machine_arn),
            "redriveCount": found.redrives,
            "redriveDate": found.redriven.map(|at| seconds(at.0)),
            "redriveStatus": redrive_status,
            "redriveStatusReason": reason,
        }));
        self.masked_tokens(&self.archive()?, &found)?.replace_in(&mut shown);
        Ok(shown)
    }

    pub(super) fn describe_machine_for_execution(&self, input: &Describe) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let found = self.execution(arn)?;
        let definition = self.archive()?.definition(&found.record.definition_sha256);
        let family = arn::execution(arn)?.0;
        let (machine, label) = match family.split_once('/') {
            Some((machine, label)) => (machine, Some(label)),
            None => (family, None),
        };
        let kept = self.store().machine(machine)?;
        Ok(without_nulls(json!({
            "stateMachineArn": found.machine_arn,
            "name": machine,
            "label": label,
            "mapRunArn": found.map_run,
            "definition": definition.map_err(|error| ApiError::of_engine(&error, arn))?,
            "roleArn": found.role_arn,
            "updateDate": seconds(kept.as_ref().map_or(found.record.started.0, |machine| machine.updated_ms)),
            "loggingConfiguration": { "level": "OFF", "includeExecutionData": false },
            "tracingConfiguration": { "enabled": false },
            "revisionId": kept.and_then(|machine| machine.revision),
        })))
    }

    pub(super) fn redrive(&self, input: &Redrive) -> Result<Value, ApiError> {
        let arn = required(input.execution_arn.as_ref(), "executionArn")?;
        let _lock = self.locks.take(arn);
        let found = self.execution(arn)?;
        if found.map_run.is_some() {
            return Err(ApiError::new(
                "ExecutionNotRedrivable",
                format!("'{arn}' is redriven with its map run: redrive the execution that started it"),
            ));
        }
        if input.client_token.is_some() {
            let by = self.store().started_by(arn)?.unwrap_or_default();
            if input.client_token == by.redrive_token && found.redrives > by.redrive_from {
                return Ok(json!({ "redriveDate": found.redriven.map(|at| seconds(at.0)) }));
            }
            let by = StartedBy {
                redrive_token: input.client_token.clone(),
                redrive_from: found.redrives,
                ..by
            };
            self.store().put_started_by(arn, &by)?;
        }
        self.wait(self.engine.redrive(&self.known_as(arn)?))
            .map_err(|error| ApiError::of_engine(&error, arn))?;
        let redriven = self.execution(arn)?.redriven;
        Ok(json!({ "redriveDate": seconds(redriven.map_or_else(now_ms, |at| at.0)) }))
    }

    /// Returns the execution of an ARN. Fails if the ARN is invalid or unknown.
    pub(super) fn execution(&self, arn: &str) -> Result<ExecutionDetails, ApiError> {
        arn::execution(arn)?;
        self.find_execution(arn)?.ok_or_else(|| ApiError::no_execution(arn))
    }

    fn find_execution(&self, arn: &str) -> Result<Option<ExecutionDetails>, ApiError> {
        let found = self.archive()?.execution_by_arn(arn);
        found.map_err(|error| ApiError::of_engine(&error, arn))
    }

    /// Returns the engine's name for the execution of an ARN. Not for a map's child.
    fn known_as(&self, execution_arn: &str) -> Result<String, ApiError> {
        let (machine, name) = arn::execution(execution_arn)?;
        Ok(self.engine.naming().known_as(machine, name))
    }
}

impl StartedBy {
    pub(super) fn version_arn(&self, machine_arn: &str) -> Option<String> {
        Some(format!("{machine_arn}:{}", self.version?))
    }

    pub(super) fn alias_arn(&self, machine_arn: &str) -> Option<String> {
        Some(format!("{machine_arn}:{}", self.alias.as_ref()?))
    }
}

/// A lock for each ARN. Blocks the thread.
#[derive(Default)]
pub struct ArnLocks {
    taken: Mutex<HashSet<String>>,
    given_back: Condvar,
}

/// The lock of an ARN. Dropping it releases the lock.
pub struct ArnLock<'a> {
    locks: &'a ArnLocks,
    arn: String,
}

impl ArnLocks {
    fn take(&self, arn: &str) -> ArnLock<'_> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = self
            .given_back
            .wait_while(taken, |taken| taken.contains(arn))
            .unwrap_or_else(PoisonError::into_inner);
        taken.insert(arn.to_owned());
        ArnLock {
            locks: self,
            arn: arn.to_owned(),
        }
    }
}

impl Drop for ArnLock<'_> {
    fn drop(&mut self) {
        let mut taken = self.locks.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.remove(&self.arn);
        self.locks.given_back.notify_all();
    }
}

/// Parses the input of an execution, within the limits of payloads.
pub fn payload(text: &str) -> Result<Value, ApiError> {
    let invalid = |what: String| {
        ApiError::new(
            "InvalidExecutionInput",
            format!("Invalid State Machine Execution Input: {what}"),
        )
    };
    if text.len() > PAYLOAD_LIMIT_BYTES {
        return Err(invalid(format!("it has more than {PAYLOAD_LIMIT_BYTES} bytes")));
    }
    let too_deep = || invalid("it nests deeper than 100 levels".to_owned());
    let value = parse_payload(text).map_err(|error| {
        if error.to_string().starts_with("recursion limit exceeded") {
            return too_deep();
        }
        invalid(format!(
            "it is not valid JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    if is_payload(&value) { Ok(value) } else { Err(too_deep()) }
}
