//! Reads the runs of a deployment: executions and histories from Step Functions, artifacts from the bucket, claims and
//! approvals from the table.

use std::str::FromStr;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use holdfast_asl::{EventKind, HistoryEvent, StateKind, Timestamp};
use holdfast_aws::step_functions::{EventFound, EventFoundKind, ExecutionFound, Payloads};
use holdfast_core::approval::{Refusal, find_open};
use holdfast_core::claim;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::StoreArtifact;
use serde_json::{Map, Value};

use super::AwsDeployment;
use crate::failure::Failure;
use crate::find_run;
use crate::run_summary::{self, Child, ExecutionSummary, MAX_RUNS, READS_IN_FLIGHT, ReadRuns, RunSummary};
use holdfast_engine::ExecutionStatus;

impl AwsDeployment {
    async fn record(&self, run: RunName, mut row: ExecutionSummary) -> Result<RunSummary, Failure> {
        if row.has_failed() && row.error.is_none() {
            // A list has the status of a failed execution, without its error.
            let described = self.runs.execution(&run).await.map_err(Failure::incomplete)?;
            row = described.map_or(row, row_of);
        }
        let waits = !row.status.is_final() && self.waits(&run).await?;
        let needs_cleaning = row.has_failed()
            && claim::needs_cleaning(&self.rows, &run)
                .await
                .map_err(Failure::incomplete)?;
        run_summary::summarize(run, row, waits, needs_cleaning, &self.store).await
    }

    /// Returns whether the run waits for a decision.
    async fn waits(&self, run: &RunName) -> Result<bool, Failure> {
        match find_open(&self.rows, run).await {
            Ok(question) => Ok(!question.closed),
            Err(Refusal::Failed(error)) => Err(Failure::incomplete(error)),
            Err(_) => Ok(false),
        }
    }
}

#[async_trait(?Send)]
impl ReadRuns for AwsDeployment {
    fn place(&self) -> String {
        format!("stack {}", self.name)
    }

    fn option(&self) -> String {
        format!(" --stack {}", self.name)
    }

    fn store(&self) -> &dyn StoreArtifact {
        &self.store
    }

    async fn names(&self, beginning: &str) -> Result<Vec<RunName>, Failure> {
        // AWS's list lags behind: a run that has just started may be missing.
        if let Ok(exact) = beginning.parse::<RunName>()
            && self
                .runs
                .execution(&exact)
                .await
                .map_err(Failure::incomplete)?
                .is_some()
        {
            return Ok(vec![exact]);
        }
        let found = self.runs.executions(MAX_RUNS as usize).await;
        let found = found.map_err(Failure::incomplete)?;
        let names = found.iter().filter_map(|found| RunName::of_listed(&found.name));
        Ok(find_run::narrowed(names.collect(), beginning))
    }

    async fn list(&self) -> Result<Vec<RunSummary>, Failure> {
        let found = self.runs.executions(MAX_RUNS as usize).await;
        let rows = found.map_err(Failure::incomplete)?.into_iter().map(row_of);
        let runs = rows.filter_map(|row| Some((RunName::of_listed(&row.name)?, row)));
        stream::iter(runs.map(|(run, row)| self.record(run, row)))
            .buffered(READS_IN_FLIGHT)
            .try_collect()
            .await
    }

    async fn read(&self, run: &RunName) -> Result<RunSummary, Failure> {
        let found = self.runs.execution(run).await.map_err(Failure::incomplete)?;
        let found =
            found.ok_or_else(|| Failure::usage(format!("there is no run {:?} in {}", run.as_str(), self.place())))?;
        self.record(run.clone(), row_of(found)).await
    }

    async fn history(&self, record: &RunSummary) -> Result<Vec<HistoryEvent>, Failure> {
        let events = self.runs.history(&record.row.arn, Payloads::LeftOut).await;
        Ok(engine_events(events.map_err(Failure::incomplete)?))
    }

    async fn children(&self, record: &RunSummary) -> Result<Vec<Child>, Failure> {
        let found = self.runs.children(&record.run).await.map_err(Failure::incomplete)?;
        let children = found.into_iter().map(|found| async move {
            // The history has the input too, which saves a call for each child.
            let events = self.runs.history(&found.arn, Payloads::Included).await;
            let events = events.map_err(Failure::incomplete)?;
            let input = events.iter().find_map(|event| match &event.kind {
                EventFoundKind::Started(input) => Some(input.clone()),
                _ => None,
            });
            let row = row_of(ExecutionFound {
                input: input.unwrap_or_default(),
                ..found
            });
            let history = engine_events(events);
            Ok(Child { row, history })
        });
        stream::iter(children).buffered(READS_IN_FLIGHT).try_collect().await
    }

    async fn definition(&self, record: &RunSummary) -> Result<String, Failure> {
        self.runs.definition(&record.run).await.map_err(Failure::incomplete)
    }

    async fn retried_until_ms(&self, run: &RunName) -> Option<i64> {
        run_summary::retry_in(&self.rows, run).await
    }
}

fn row_of(found: ExecutionFound) -> ExecutionSummary {
    // The only status that the engine doesn't have is PENDING_REDRIVE, which waits too.
    let status = ExecutionStatus::from_str(&found.status).unwrap_or(ExecutionStatus::Pending);
    ExecutionSummary {
        arn: found.arn,
        name: found.name,
        status,
        input: found.input,
        error: found.error,
        cause: found.cause,
        result: run_summary::status_in(&found.output),
        started: Timestamp(found.started_ms),
        stopped: found.stopped_ms.map(Timestamp),
    }
}

/// Converts AWS's events to the engine's own, from which run details are built.
fn engine_events(events: Vec<EventFound>) -> Vec<HistoryEvent> {
    let as_ours = |event: EventFound| {
        let kind = match event.kind {
            EventFoundKind::Entered { state_type, name } => EventKind::StateEntered {
                state: state_kind(&state_type),
                name,
                input: Value::Null,
                wait: None,
            },
            EventFoundKind::Left { state_type, name } => EventKind::StateExited {
                state: state_kind(&state_type),
                name,
                output: Value::Null,
                assigned: Map::new(),
                next: None,
            },
            EventFoundKind::TaskFailed => EventKind::TaskFailed {
                resource: String::new(),
                error: String::new(),
                cause: None,
                retrial: None,
            },
            EventFoundKind::Ended => EventKind::ExecutionSucceeded { output: Value::Null },
            EventFoundKind::Started(_) | EventFoundKind::Other => return None,
        };
        Some(HistoryEvent::foreign(
            event.id,
            event.previous,
            Timestamp(event.at_ms),
            kind,
        ))
    };
    events.into_iter().filter_map(as_ours).collect()
}

fn state_kind(name: &str) -> StateKind {
    match name {
        "Choice" => StateKind::Choice,
        "Wait" => StateKind::Wait,
        "Pass" => StateKind::Pass,
        "Succeed" => StateKind::Succeed,
        "Fail" => StateKind::Fail,
        "Map" => StateKind::Map,
        "Parallel" => StateKind::Parallel,
        _ => StateKind::Task,
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::stage::state;

    use holdfast_asl::RunPath;

    use super::*;
    use crate::run_details::states_taken;

    #[test]
    fn aws_histories_convert_to_the_engines() {
        let entered = |state_type: &str, name: &str| EventFoundKind::Entered {
            state_type: state_type.to_owned(),
            name: name.to_owned(),
        };
        let kinds = [
            EventFoundKind::Started(Value::Null),
            entered("Task", state::OPEN_REVIEW),
            EventFoundKind::TaskFailed,
            EventFoundKind::Other,
            EventFoundKind::Left {
                state_type: "Task".to_owned(),
                name: state::OPEN_REVIEW.to_owned(),
            },
            entered("Choice", state::ROUTE_REVIEWABLE),
            EventFoundKind::Ended,
        ];
        let events = kinds.into_iter().zip(1_u64..).map(|(kind, id)| EventFound {
            id,
            previous: id - 1,
            at_ms: i64::from(u32::try_from(id).unwrap_or(0)) * 10,
            kind,
        });
        let history = engine_events(events.collect());
        let [opened, routed] = &states_taken(&history)[..] else {
            panic!("{history:?}");
        };
        assert_eq!(
            (
                opened.state.as_str(),
                opened.entered_ms,
                opened.left_ms,
                opened.failures
            ),
            (state::OPEN_REVIEW, 20, Some(50), 1)
        );
        assert_eq!((routed.state.as_str(), routed.left_ms), (state::ROUTE_REVIEWABLE, None));
        let path = RunPath::of(&history);
        assert!(path.taken.contains(state::OPEN_REVIEW) && path.failed.contains(state::ROUTE_REVIEWABLE));
        let step = (state::OPEN_REVIEW.to_owned(), state::ROUTE_REVIEWABLE.to_owned());
        assert!(path.transitions.contains(&step));
    }

    #[test]
    fn a_status_that_only_aws_has_is_not_final() {
        let found = |status: &str| ExecutionFound {
            arn: "a".to_owned(),
            name: "n".to_owned(),
            status: status.to_owned(),
            input: Value::Null,
            error: None,
            cause: None,
            output: Value::Null,
            started_ms: 1,
            stopped_ms: None,
        };
        assert!(!row_of(found("PENDING_REDRIVE")).status.is_final());
        assert!(row_of(found("TIMED_OUT")).has_failed());
        assert!(!row_of(found("SUCCEEDED")).has_failed());
    }
}
