//! `ListExecutions`: the executions of a state machine, newest first, or the children of a map run, in item order.

use std::str::FromStr;

use holdfast_asl::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arn::{self, Qualifier};
use super::error::ApiError;
use super::store::StartedBy;
use super::{Api, page, required, seconds, without_nulls};
use holdfast_engine::{ExecutionDetails, ExecutionFilter, ExecutionStatus, ListPosition};

/// Maximum number of executions that one page examines. A page of a version's or an alias's executions may therefore be
/// short, with a token.
const MAX_EXAMINED: usize = 5_000;

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
        let wanted = wanted(input)?;
        match (&input.state_machine_arn, &input.map_run_arn) {
            (Some(_), Some(_)) => Err(ApiError::validation(
                "give either stateMachineArn or mapRunArn, not both",
            )),
            (None, Some(map_run)) => self.list_children(input, wanted, map_run),
            (arn, None) => self.list_of_machine(input, wanted, required(arn.as_ref(), "stateMachineArn")?),
        }
    }

    fn list_of_machine(&self, input: &List, wanted: Option<ExecutionFilter>, arn: &str) -> Result<Value, ApiError> {
        let parsed = arn::machine(arn)?;
        self.target(&self.store(), arn)?;
        let limit = page::size(input.max_results)?;
        let query = format!("executions {arn} {wanted:?}");
        let position = page::position(&query, input.next_token.as_deref())?;
        let Some(wanted) = wanted else {
            return Ok(json!({ "executions": [] }));
        };
        let mut after = position.map(|text| place(&text)).transpose()?;
        let archive = self.archive()?;
        let (mut listed, mut examined, mut next) = (Vec::new(), 0, None);
        'pages: loop {
            // One more than the page holds, to recognize the last page.
            let batch = archive
                .executions_of(parsed.unqualified, wanted, after, limit + 1)
                .map_err(|error| ApiError::of_engine(&error, arn))?;
            let is_last = batch.len() <= limit;
            for found in batch {
                if listed.len() >= limit || examined >= MAX_EXAMINED {
                    next = after.map(|(at, id)| page::token(&query, &format!("{} {id}", at.0)));
                    break 'pages;
                }
                after = Some((found.record.started, found.record.id));
                examined += 1;
                let by = self.store().started_by(&found.record.arn)?.unwrap_or_default();
                if is_of(&by, parsed.qualifier) {
                    listed.push(shown(&found, &by)?);
                }
            }
            if is_last {
                break;
            }
        }
        Ok(without_nulls(json!({ "executions": listed, "nextToken": next })))
    }

    fn list_children(&self, input: &List, wanted: Option<ExecutionFilter>, map_run: &str) -> Result<Value, ApiError> {
        let limit = page::size(input.max_results)?;
        let query = format!("executions {map_run} {wanted:?}");
        let from = page::number(&query, input.next_token.as_deref())?.unwrap_or(0);
        let run = self.map_run(map_run)?;
        let Some(wanted) = wanted else {
            return Ok(json!({ "executions": [] }));
        };
        let mut children = self
            .archive()?
            .children_of(run.record.id, wanted, from, limit + 1)
            .map_err(|error| ApiError::of_engine(&error, map_run))?;
        let rest = children.split_off(limit.min(children.len()));
        let next = rest.first().and_then(|child| child.record.map_index);
        let next = next.map(|index| page::token(&query, &index.to_string()));
        let listed = children
            .iter()
            .map(|child| shown(child, &StartedBy::default()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(without_nulls(json!({ "executions": listed, "nextToken": next })))
    }
}

fn shown(found: &ExecutionDetails, by: &StartedBy) -> Result<Value, ApiError> {
    let record = &found.record;
    Ok(without_nulls(json!({
        "executionArn": record.arn,
        "stateMachineArn": found.machine_arn,
        "name": arn::execution(&record.arn)?.1,
        "status": record.status.as_str(),
        "startDate": seconds(record.started.0),
        "stopDate": record.stopped.map(|stopped| seconds(stopped.0)),
        "mapRunArn": found.map_run,
        "stateMachineVersionArn": by.version_arn(&found.machine_arn),
        "stateMachineAliasArn": by.alias_arn(&found.machine_arn),
        "redriveCount": found.redrives,
        "redriveDate": found.redriven.map(|at| seconds(at.0)),
    })))
}

/// Returns the filters of a list, or `None` if no execution can pass them.
fn wanted(input: &List) -> Result<Option<ExecutionFilter>, ApiError> {
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
    let status = match input.status_filter.as_deref() {
        None => None,
        Some("PENDING_REDRIVE") => return Ok(None),
        Some(text) => {
            let known = ExecutionStatus::from_str(text).ok();
            let known = known.filter(|status| *status != ExecutionStatus::Pending);
            Some(known.ok_or_else(|| {
                ApiError::validation(format!(
                    "statusFilter '{text}' is none of RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED, PENDING_REDRIVE"
                ))
            })?)
        }
    };
    Ok(Some(ExecutionFilter { status, redriven }))
}

fn is_of(by: &StartedBy, qualifier: Option<Qualifier<'_>>) -> bool {
    match qualifier {
        None => true,
        Some(Qualifier::Version(number)) => by.version == Some(number),
        Some(Qualifier::Alias(name)) => by.alias.as_deref() == Some(name),
    }
}

fn place(text: &str) -> Result<ListPosition, ApiError> {
    text.split_once(' ')
        .and_then(|(time, id)| Some((Timestamp(time.parse().ok()?), id.parse().ok()?)))
        .ok_or_else(ApiError::page_token)
}
