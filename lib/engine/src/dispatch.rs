//! Jobs outside the loop: invoking a function, reading a map's items, gathering a map's results. A job that panics
//! fails like any other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_asl::{EventId, Execution, InputType, ItemSource, MapChild, Stimulus, TaskFailure, parse_payload};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::{Id, JoinError, JoinSet};

use super::evaluator::Evaluator;
use super::map_result::{self, Gathering};
use super::port::{FunctionFailure, Functions, Invocation, Objects};
use super::store::Store;

/// Time limit for selecting the items of one map whose `ItemSelector` is of unknown cost.
const SELECTION_LIMIT: Duration = Duration::from_secs(60);

/// Work to start once the turn that caused it is stored.
pub(super) enum Job {
    Invoke {
        execution: i64,
        function: String,
        payload: Value,
        invocation: Invocation,
    },
    ReadItems {
        execution: i64,
        key: EventId,
        items: ItemSource,
        of: Box<Selecting>,
    },
    Gather {
        execution: i64,
        key: EventId,
        gathering: Gathering,
    },
}

/// A copy of the execution whose map's items are read.
pub(super) struct Selecting {
    pub execution: Execution,
    /// The ARN of its state machine.
    pub machine: String,
}

impl Job {
    /// Returns the execution and the event that caused the job.
    pub(super) fn origin(&self) -> (i64, EventId) {
        match self {
            Self::Invoke {
                execution, invocation, ..
            } => (*execution, invocation.key),
            Self::ReadItems { execution, key, .. } | Self::Gather { execution, key, .. } => (*execution, *key),
        }
    }
}

/// The result of a job.
#[derive(Clone)]
pub(super) struct JobResult {
    pub execution: i64,
    pub key: EventId,
    pub output: JobOutput,
}

/// The output of a job.
#[derive(Clone)]
pub(super) enum JobOutput {
    Stimulus(Stimulus),
    Items(Result<Vec<MapChild>, TaskFailure>),
}

#[derive(Copy, Clone)]
enum Kind {
    Invoke,
    ReadItems,
    Gather,
}

/// The jobs in flight. Dropping this value ends them.
pub(super) struct Jobs {
    functions: Arc<dyn Functions>,
    objects: Arc<dyn Objects>,
    store: Store,
    evaluator: Evaluator,
    set: JoinSet<JobOutput>,
    origins: HashMap<Id, (i64, EventId, Kind)>,
}

impl Jobs {
    pub(super) fn new(
        functions: Arc<dyn Functions>,
        objects: Arc<dyn Objects>,
        store: Store,
        evaluator: Evaluator,
    ) -> Self {
        Self {
            functions,
            objects,
            store,
            evaluator,
            set: JoinSet::new(),
            origins: HashMap::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Returns the executions and events of the jobs in flight.
    pub(super) fn origins(&self) -> impl Iterator<Item = (i64, EventId)> {
        self.origins.values().map(|(execution, key, _)| (*execution, *key))
    }

    pub(super) fn spawn(&mut self, job: Job) {
        let (execution, key) = job.origin();
        let (kind, handle) = match job {
            Job::Invoke {
                function,
                payload,
                invocation,
                ..
            } => {
                let functions = Arc::clone(&self.functions);
                let task = async move {
                    let result = functions.invoke(&function, payload, invocation).await;
                    JobOutput::Stimulus(answer(key, result))
                };
                (Kind::Invoke, self.set.spawn(task))
            }
            Job::ReadItems { items, of, .. } => {
                let (objects, evaluator) = (Arc::clone(&self.objects), self.evaluator.clone());
                let task = async move {
                    JobOutput::Items(match read_items(objects.as_ref(), items).await {
                        Ok(items) => select(*of, key, items, evaluator).await,
                        Err(failure) => Err(failure),
                    })
                };
                (Kind::ReadItems, self.set.spawn(task))
            }
            Job::Gather { gathering, .. } => {
                let (objects, store) = (Arc::clone(&self.objects), self.store.clone());
                let task = async move {
                    let result = map_result::gather(&store, objects.as_ref(), gathering).await;
                    JobOutput::Stimulus(Stimulus::MapRunFinished { key, result })
                };
                (Kind::Gather, self.set.spawn(task))
            }
        };
        self.origins.insert(handle.id(), (execution, key, kind));
    }

    /// Waits for the next job to end. Never returns when there is none.
    pub(super) async fn next(&mut self) -> JobResult {
        loop {
            match self.set.join_next_with_id().await {
                Some(ended) => {
                    if let Some(result) = self.ended(ended) {
                        return result;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Takes a job that has ended, if any.
    pub(super) fn try_next(&mut self) -> Option<JobResult> {
        loop {
            let ended = self.set.try_join_next_with_id()?;
            if let Some(result) = self.ended(ended) {
                return Some(result);
            }
        }
    }

    /// Aborts all jobs.
    pub(super) async fn abort(&mut self) {
        self.set.shutdown().await;
        self.origins.clear();
    }

    fn ended(&mut self, ended: Result<(Id, JobOutput), JoinError>) -> Option<JobResult> {
        let (id, outcome) = match ended {
            Ok((id, output)) => (id, Ok(output)),
            Err(error) => (error.id(), Err(error)),
        };
        let (execution, key, kind) = self.origins.remove(&id)?;
        let output = outcome.unwrap_or_else(|error| panicked(key, kind, error));
        Some(JobResult { execution, key, output })
    }
}

fn answer(key: EventId, result: Result<Value, FunctionFailure>) -> Stimulus {
    match result {
        Ok(output) => Stimulus::TaskSucceeded { key, output },
        Err(failure) => Stimulus::TaskFailed {
            key,
            failure: failure.into_task_failure(),
        },
    }
}

/// Returns the message of a job that panicked or was cancelled.
pub(super) fn panic_message(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("it panicked: {}", text.unwrap_or_else(|| "no message".to_owned()))
        }
        Err(_) => "it was cancelled".to_owned(),
    }
}

/// Maps a panic to a failure. AWS reports a crash of a function's process as `Lambda.Unknown`; so does the engine.
fn panicked(key: EventId, kind: Kind, error: JoinError) -> JobOutput {
    let message = panic_message(error);
    match kind {
        Kind::Invoke => {
            let failure = FunctionFailure {
                error_type: "Lambda.Unknown".to_owned(),
                message,
            };
            JobOutput::Stimulus(Stimulus::TaskFailed {
                key,
                failure: failure.into_task_failure(),
            })
        }
        Kind::ReadItems => JobOutput::Items(Err(reader_failed(message))),
        Kind::Gather => {
            let failure = TaskFailure {
                error: "States.ResultWriterFailed".to_owned(),
                cause: Some(message),
            };
            JobOutput::Stimulus(Stimulus::MapRunFinished {
                key,
                result: Err(failure),
            })
        }
    }
}

async fn read_items(objects: &dyn Objects, items: ItemSource) -> Result<Vec<Value>, TaskFailure> {
    let (bucket, key, input_type) = match items {
        ItemSource::Inline(items) => return Ok(items),
        ItemSource::Object {
            bucket,
            key,
            input_type,
        } => (bucket, key, input_type),
    };
    let bytes = objects
        .get(&bucket, &key)
        .await
        .map_err(|error| reader_failed(error.message))?;
    let place = format!("{bucket}/{key}");
    match input_type {
        InputType::Json => match parse_payload(&bytes) {
            Ok(Value::Array(items)) => Ok(items),
            Ok(_) => Err(reader_failed(format!("{place} must hold a JSON array"))),
            Err(error) => Err(reader_failed(format!("{place} is not valid JSON: {error}"))),
        },
        InputType::Jsonl => bytes
            .split(|byte| *byte == b'\n')
            .zip(1..)
            .filter(|(line, _)| !line.trim_ascii().is_empty())
            .map(|(line, number)| {
                parse_payload(line)
                    .map_err(|error| reader_failed(format!("line {number} of {place} is not valid JSON: {error}")))
            })
            .collect(),
    }
}

/// Selects the inputs of a map's children. Runs on its own thread: there may be a hundred thousand items.
async fn select(
    of: Selecting,
    key: EventId,
    items: Vec<Value>,
    evaluator: Evaluator,
) -> Result<Vec<MapChild>, TaskFailure> {
    let runtime = Handle::current();
    let selected = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        of.execution.map_children_by(key, items, &mut |evaluation| {
            if begun.elapsed() > SELECTION_LIMIT {
                return evaluation.timed_out();
            }
            runtime.block_on(evaluator.evaluate(&of.machine, Arc::new(evaluation.clone())))
        })
    });
    selected
        .await
        .unwrap_or_else(|error| Err(reader_failed(error.to_string())))
}

fn reader_failed(cause: String) -> TaskFailure {
    TaskFailure {
        error: "States.ItemReaderFailed".to_owned(),
        cause: Some(cause),
    }
}
