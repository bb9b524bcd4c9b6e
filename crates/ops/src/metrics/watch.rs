//! Watches an engine: follows its open runs, and counts each run at its end. Only the runs that are open at the start, and
//! those that end, are read from disk.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holdfast_asl::EventKind;
use holdfast_core::model::run_name::RunName;
use holdfast_core::stage::state;
use holdfast_engine::{Archive, Engine, EngineError, EngineEvent, ExecutionFilter, ExecutionStatus, HistoryOrder};
use tokio::runtime::Handle;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::{JoinHandle, spawn_blocking};

use super::ended_run;
use super::open_runs::{OpenRun, Seen};
use super::registry::{Metrics, lock};
use super::table;
use crate::failure::Failure;
use crate::otlp::TraceExport;
use crate::quality_watch::QualityWatch;
use crate::run_summary::{LocalRuns, MAX_RUNS, ReadRuns};

/// Time limit for counting the last runs at the end.
const FINISH_TIME: Duration = Duration::from_secs(5);
/// Maximum number of units of a run whose states are read at the start.
const MAX_UNITS: usize = 1_000;

/// Maximum number of ended runs that wait for their trace to be sent.
const MAX_TRACES: usize = 1_000;

const RUNNING: ExecutionFilter = ExecutionFilter {
    status: Some(ExecutionStatus::Running),
    redriven: None,
};

/// What happens with each run after it was counted.
pub struct AfterRun {
    /// Compares the quality of its model's answers with earlier ones.
    pub quality: QualityWatch,
    /// Sends its trace.
    pub traces: Option<TraceExport>,
}

/// Counts the runs of an engine until it is finished.
pub struct RunWatch {
    stop: oneshot::Sender<()>,
    counter: JoinHandle<()>,
}

impl RunWatch {
    /// Starts to count. Events from before this call aren't counted.
    pub fn start(engine: &Engine, data: &Path, metrics: &Arc<Metrics>, after: AfterRun) -> Self {
        let AfterRun { quality, traces } = after;
        let (stop, stopped) = oneshot::channel();
        let (ended, to_count) = mpsc::unbounded_channel();
        let (counted, to_send) = mpsc::channel(MAX_TRACES);
        let counted = traces.and_then(|traces| match send_ended(traces, data.to_owned(), to_send) {
            Ok(()) => Some(counted),
            Err(error) => {
                tracing::error!(%error, "no traces are sent: their thread can't start");
                None
            }
        });
        let watcher = Watcher {
            metrics: Arc::clone(metrics),
            data: data.to_owned(),
            machine_arn: engine.naming().machine_arn(&engine.naming().state_machine),
            ended,
        };
        tokio::spawn(watcher.watch(engine.subscribe(), stopped));
        let counter = tokio::spawn(count_ended(
            Arc::clone(metrics),
            data.to_owned(),
            to_count,
            (quality, counted),
        ));
        Self { stop, counter }
    }

    /// Counts the runs that have ended so far, and stops.
    pub async fn finish(self) {
        let _already_over = self.stop.send(());
        let _late = tokio::time::timeout(FINISH_TIME, self.counter).await;
    }
}

/// Counts ended runs one after the other.
async fn count_ended(
    metrics: Arc<Metrics>,
    data: PathBuf,
    mut ended: mpsc::UnboundedReceiver<RunName>,
    (quality, counted): (QualityWatch, Option<mpsc::Sender<RunName>>),
) {
    while let Some(run) = ended.recv().await {
        let (metrics, data, name) = (Arc::clone(&metrics), data.clone(), run.clone());
        // Disks block, and the reader of runs can't move between threads.
        let count = move || Handle::current().block_on(ended_run::count(&metrics, &data, &name));
        match spawn_blocking(count).await {
            Ok(Ok(outcomes)) => quality.add(&run, &outcomes).await,
            Ok(Err(failure)) => tracing::warn!(run = run.as_str(), %failure, "a run that ended isn't in the metrics"),
            Err(error) => tracing::error!(run = run.as_str(), %error, "a run that ended isn't in the metrics"),
        }
        if let Some(counted) = &counted
            && let Err(error) = counted.try_send(run)
        {
            tracing::warn!(%error, "a run's trace is left out: the collector is too slow, or away");
        }
    }
}

/// Sends the traces of ended runs one after the other, on a thread of its own: a collector that is away delays only these,
/// and the end of the program doesn't wait for it.
fn send_ended(traces: TraceExport, data: PathBuf, ended: mpsc::Receiver<RunName>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("traces".to_owned());
    let send = move || runtime.block_on(send_each(&traces, &data, ended));
    thread.spawn(send).map(|_detached| ())
}

async fn send_each(traces: &TraceExport, data: &Path, mut ended: mpsc::Receiver<RunName>) {
    while let Some(run) = ended.recv().await {
        let sent: Result<(), Failure> = async {
            let runs = LocalRuns::with_rows(data, None)?;
            let record = runs.read(&run).await?;
            traces.send(&runs, &record).await;
            Ok(())
        }
        .await;
        if let Err(failure) = sent {
            tracing::warn!(run = run.as_str(), %failure, "a run's trace can't be made");
        }
    }
}

struct Watcher {
    metrics: Arc<Metrics>,
    data: PathBuf,
    machine_arn: String,
    ended: mpsc::UnboundedSender<RunName>,
}

impl Watcher {
    async fn watch(self, mut events: broadcast::Receiver<EngineEvent>, mut stopped: oneshot::Receiver<()>) {
        self.reload().await;
        loop {
            tokio::select! {
                // The events so far come before the end.
                biased;
                event = events.recv() => match event {
                    Ok(event) => self.take(&event),
                    Err(RecvError::Lagged(missed)) => {
                        self.metrics.add(&table::EVENTS_MISSED, &[], missed as f64);
                        self.reload().await;
                    }
                    Err(RecvError::Closed) => break,
                },
                _ = &mut stopped => break,
            }
        }
    }

    fn take(&self, event: &EngineEvent) {
        if let EventKind::StateEntered { .. } = event.event.kind {
            self.metrics.increment(&table::TRANSITIONS, &[]);
        }
        let Ok(run) = event.execution.parse::<RunName>() else {
            return;
        };
        let unit = event.child.as_ref().map(|child| child.index);
        let seen = lock(&self.metrics.open).apply(run.as_str(), unit, &event.event);
        match seen {
            None => {}
            Some(Seen::RunEnded) => self.end(run),
            Some(Seen::StageFailed {
                stage,
                error,
                is_retried,
            }) => {
                let retried = if is_retried { "true" } else { "false" };
                self.metrics
                    .increment(&table::STAGE_FAILURES, &[&stage, &error, retried]);
            }
        }
    }

    fn end(&self, run: RunName) {
        // It fails only after the end of the process has begun.
        drop(self.ended.send(run));
    }

    /// Reads the open runs, at the start and after missed events.
    async fn reload(&self) {
        let (data, machine_arn) = (self.data.clone(), self.machine_arn.clone());
        match spawn_blocking(move || open_runs(&data, &machine_arn)).await {
            Ok(Ok(stored)) => {
                let ended = lock(&self.metrics.open).replace(stored);
                ended
                    .iter()
                    .filter_map(|name| name.parse().ok())
                    .for_each(|run| self.end(run));
            }
            Ok(Err(error)) => tracing::warn!(%error, "the open runs can't be read for the metrics"),
            Err(error) => tracing::error!(%error, "the open runs can't be read for the metrics"),
        }
    }
}

/// Reads the open runs of a state machine from disk.
fn open_runs(data: &Path, machine_arn: &str) -> Result<HashMap<String, OpenRun>, EngineError> {
    let archive = Archive::open(data)?;
    let mut open = HashMap::new();
    for details in archive.executions_of(machine_arn, RUNNING, None, MAX_RUNS as usize)? {
        let record = details.record;
        let mut run = OpenRun::default();
        archive.visit_history(record.id, HistoryOrder::OldestFirst, None, &mut |_, event| {
            if let EventKind::StateEntered { name, .. } = &event.kind {
                run.enter(name, event.at.0);
            }
            ControlFlow::Continue(())
        })?;
        if run.state == state::REVIEW_EACH_UNIT {
            for map_run in archive.map_runs(record.id)? {
                for child in archive.children_of(map_run.id, RUNNING, 0, MAX_UNITS)? {
                    let entered = last_state(&archive, child.record.id)?;
                    run.units.extend(child.record.map_index.zip(entered));
                }
            }
        }
        open.insert(record.name, run);
    }
    Ok(open)
}

/// Returns the state that an execution entered last.
fn last_state(archive: &Archive, execution: i64) -> Result<Option<String>, EngineError> {
    let mut last = None;
    archive.visit_history(
        execution,
        HistoryOrder::NewestFirst,
        None,
        &mut |_, event| match event.kind {
            EventKind::StateEntered { name, .. } => {
                last = Some(name);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        },
    )?;
    Ok(last)
}
