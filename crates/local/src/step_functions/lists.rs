//! `ListExecutions`: the executions of a state machine or of a map run, newest first.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::{self, Qualifier};
use super::error::ApiError;
use super::executions::Known;
use super::store::StartedBy;
use super::{Api, page, required, seconds, without_nulls};
use crate::engine::{ExecutionRecord, ExecutionStatus};
use crate::record::RUNS_MOST;

/// The most executions that are looked at for one page. A page with a filter may hold fewer than asked for, and a token.
const LOOKED_AT: usize = 2_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct List {
    state_machine_arn: Option<String>,
    map_run_arn: Option<String>,
    status_filter: Option<String>,
    redrive_filter: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl Api {
    pub(super) fn list_executions(&self, input: &List) -> Result<Value, ApiError> {
        let wanted = Wanted::of(input)?;
        if let Some(map_run) = &input.map_run_arn {
            if input.state_machine_arn.is_some() {
                return Err(ApiError::validation(
                    "either stateMachineArn or mapRunArn is to be given, not both",
                ));
            }
            return self.list_children(input, &wanted, map_run);
        }
        let arn = required(input.state_machine_arn.as_ref(), "stateMachineArn")?;
        let parsed = arn::machine(arn)?;
        let machine = self.found(&self.store(), &parsed, arn)?.name;
        let query = wanted.query(arn);
        if self.engine.naming().state_machine == machine {
            return self.list_own(input, &wanted, &query, &machine, parsed.qualifier);
        }
        let most = page::size(input.max_results)?;
        let position = page::position(&query, input.next_token.as_deref())?;
        let mut before = position.map(|text| place(&text)).transpose()?;
        let (mut listed, mut looked_at, mut next) = (Vec::new(), 0, None);
        'pages: loop {
            let from = before.as_ref().map(|(time, name)| (*time, name.as_str()));
            // One more than fits, so that the last page is known as such.
            let lot = self.store().started(&machine, from, most + 1)?;
            let is_last = lot.len() <= most;
            for by in lot {
                if listed.len() >= most || looked_at >= LOOKED_AT {
                    next = before.map(|(time, name)| page::token(&query, &format!("{time} {name}")));
                    break 'pages;
                }
                before = Some((by.started_ms, by.name.clone()));
                looked_at += 1;
                if let Some(item) = self.listed(&machine, by, parsed.qualifier, &wanted)? {
                    listed.push(item);
                }
            }
            if is_last {
                break;
            }
        }
        Ok(without_nulls(json!({ "executions": listed, "nextToken": next })))
    }

    /// What is listed of an execution; none where it is not wanted, or was never started.
    fn listed(
        &self,
        machine: &str,
        by: StartedBy,
        qualifier: Option<Qualifier<'_>>,
        wanted: &Wanted,
    ) -> Result<Option<Value>, ApiError> {
        if !is_of(&by, qualifier) {
            return Ok(None);
        }
        let naming = self.engine.naming();
        let (arn, known_as) = (
            naming.execution_arn(machine, &by.name),
            naming.known_as(machine, &by.name),
        );
        let Some(record) = self.recorded(&known_as, &arn)? else {
            return Ok(None);
        };
        let known = Known {
            machine: machine.to_owned(),
            name: by.name.clone(),
            known_as,
            by: Some(by),
        };
        self.shown(&known, &record, wanted)
    }

    /// The executions of the engine's own machine, which others than this API start too.
    fn list_own(
        &self,
        input: &List,
        wanted: &Wanted,
        query: &str,
        machine: &str,
        qualifier: Option<Qualifier<'_>>,
    ) -> Result<Value, ApiError> {
        let records = self.archive()?.executions(RUNS_MOST);
        let records = records.map_err(|error| ApiError::of_engine(&error, machine))?;
        let mut listed = Vec::new();
        for record in records {
            let by = self.store().started_by(machine, &record.name)?;
            let is_of = qualifier.is_none() || by.as_ref().is_some_and(|by| is_of(by, qualifier));
            if !is_of || record.arn != self.engine.naming().execution_arn(machine, &record.name) {
                continue;
            }
            let known = Known {
                machine: machine.to_owned(),
                name: record.name.clone(),
                known_as: record.name.clone(),
                by,
            };
            listed.extend(self.shown(&known, &record, wanted)?);
        }
        let (page, next) = page::cut(listed, query, input.max_results, input.next_token.as_deref())?;
        Ok(without_nulls(json!({ "executions": page, "nextToken": next })))
    }

    fn list_children(&self, input: &List, wanted: &Wanted, map_run: &str) -> Result<Value, ApiError> {
        let archive = self.archive()?;
        let (_, run) = self.map_run(&archive, map_run)?;
        let children = archive
            .children(run.id)
            .map_err(|error| ApiError::of_engine(&error, map_run))?;
        let begun = children
            .iter()
            .filter(|child| child.status != ExecutionStatus::Pending && wanted.has(child.status));
        let listed: Vec<Value> = begun
            .map(|child| {
                let machine = arn::execution(&child.arn).map_or("", |(machine, _)| machine);
                without_nulls(json!({
                    "executionArn": child.arn,
                    "stateMachineArn": self.machine_arn(machine),
                    "name": child.name,
                    "status": child.status.as_str(),
                    "startDate": seconds(child.started.0),
                    "stopDate": child.stopped.map(|stopped| seconds(stopped.0)),
                    "mapRunArn": map_run,
                    "redriveCount": 0,
                }))
            })
            .collect();
        let query = wanted.query(map_run);
        let (page, next) = page::cut(listed, &query, input.max_results, input.next_token.as_deref())?;
        Ok(without_nulls(json!({ "executions": page, "nextToken": next })))
    }

    fn shown(&self, known: &Known, record: &ExecutionRecord, wanted: &Wanted) -> Result<Option<Value>, ApiError> {
        if !wanted.has(record.status) {
            return Ok(None);
        }
        let (redrives, redriven) = self.redrives(known, record)?;
        if wanted.redriven.is_some_and(|wanted| wanted != (redrives > 0)) {
            return Ok(None);
        }
        let machine_arn = self.machine_arn(&known.machine);
        Ok(Some(without_nulls(json!({
            "executionArn": record.arn,
            "stateMachineArn": machine_arn,
            "name": known.name,
            "status": record.status.as_str(),
            "startDate": seconds(record.started.0),
            "stopDate": record.stopped.map(|stopped| seconds(stopped.0)),
            "stateMachineVersionArn": known.version_arn(&machine_arn),
            "stateMachineAliasArn": known.alias_arn(&machine_arn),
            "redriveCount": redrives,
            "redriveDate": redriven.map(seconds),
        }))))
    }
}

/// The filters of a list.
struct Wanted {
    status: Option<ExecutionStatus>,
    /// Whether nothing has the status that is asked for.
    none: bool,
    redriven: Option<bool>,
}

impl Wanted {
    fn of(input: &List) -> Result<Self, ApiError> {
        let filter = input.status_filter.as_deref();
        let none = filter == Some("PENDING_REDRIVE");
        let status = filter.filter(|_| !none).map(|text| {
            let known = ExecutionStatus::from_str(text).ok();
            let known = known.filter(|status| *status != ExecutionStatus::Pending);
            known.ok_or_else(|| {
                ApiError::validation(format!(
                    "statusFilter '{text}' is none of RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, PENDING_REDRIVE"
                ))
            })
        });
        let redriven = match input.redrive_filter.as_deref() {
            None => None,
            Some("REDRIVEN") => Some(true),
            Some("NOT_REDRIVEN") => Some(false),
            Some(other) => {
                return Err(ApiError::validation(format!(
                    "redriveFilter '{other}' is none of REDRIVEN, NOT_REDRIVEN"
                )));
            }
        };
        Ok(Self {
            status: status.transpose()?,
            none,
            redriven,
        })
    }

    fn has(&self, status: ExecutionStatus) -> bool {
        !self.none && self.status.is_none_or(|wanted| wanted == status)
    }

    fn query(&self, arn: &str) -> String {
        format!("executions {arn} {:?} {} {:?}", self.status, self.none, self.redriven)
    }
}

fn is_of(by: &StartedBy, qualifier: Option<Qualifier<'_>>) -> bool {
    match qualifier {
        None => true,
        Some(Qualifier::Version(number)) => by.version == Some(number),
        Some(Qualifier::Alias(name)) => by.alias.as_deref() == Some(name),
    }
}

fn place(text: &str) -> Result<(i64, String), ApiError> {
    text.split_once(' ')
        .and_then(|(time, name)| Some((time.parse().ok()?, name.to_owned())))
        .ok_or_else(ApiError::page_token)
}
