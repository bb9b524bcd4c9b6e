//! Progress on a terminal: one line for each finished unit, and a last line that counts the units in flight.

use std::collections::HashMap;
use std::io::{Write, stderr};
use std::path::{Path, PathBuf};

use holdfast_asl::EventKind;
use holdfast_core::model::key;
use holdfast_core::model::plan::Plan;
use holdfast_core::render::counted;
use holdfast_core::stage::state;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use holdfast_engine::{Engine, EngineEvent};
use holdfast_ops::{machine, run_summary};

/// Shows a run's progress until it has finished.
pub struct Progress {
    task: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts to show progress; does nothing unless `shown`.
    pub fn start(engine: &Engine, run: &str, data: &Path, shown: bool) -> Self {
        if !shown {
            return Self { task: None };
        }
        let mut events = engine.subscribe();
        let (stop, mut stopped) = oneshot::channel();
        let mut follower = Follower {
            run: run.to_owned(),
            data: data.to_owned(),
            paths: HashMap::new(),
            open: HashMap::new(),
            done: 0,
            state: String::new(),
            drawn: String::new(),
        };
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    event = events.recv() => match event {
                        Ok(event) => follower.update(&event).await,
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => break,
                    },
                    _ = &mut stopped => break,
                }
            }
            write_stderr("\r\u{1b}[K");
        });
        Self {
            task: Some((stop, task)),
        }
    }

    /// Stops and clears the last line.
    pub async fn finish(self) {
        if let Some((stop, task)) = self.task {
            let _already_over = stop.send(());
            let _joined = task.await;
        }
    }
}

struct Follower {
    run: String,
    data: PathBuf,
    paths: HashMap<String, String>,
    open: HashMap<String, UnitInFlight>,
    done: usize,
    state: String,
    /// The text of the last line, which is drawn again only when it changes.
    drawn: String,
}

struct UnitInFlight {
    unit: String,
    state: String,
    attempts: u32,
    since_ms: i64,
}

impl Follower {
    async fn update(&mut self, seen: &EngineEvent) {
        if seen.execution != self.run {
            return;
        }
        if let Some(child) = &seen.child {
            self.update_unit(&child.name, seen);
        } else {
            if let EventKind::StateEntered { name, .. } = &seen.event.kind {
                self.state.clone_from(name);
                if name == state::REVIEW_EACH_UNIT {
                    self.read_paths().await;
                }
            }
        }
        self.count();
    }

    fn update_unit(&mut self, child: &str, seen: &EngineEvent) {
        let at = seen.event.at.0;
        match &seen.event.kind {
            EventKind::StateEntered { name, input, .. } => {
                let unit = input
                    .get("unit")
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default()
                    .to_owned();
                let open = self.open.entry(child.to_owned()).or_insert(UnitInFlight {
                    unit,
                    state: String::new(),
                    attempts: 0,
                    since_ms: at,
                });
                open.state.clone_from(name);
                if name == state::REVIEW_UNIT {
                    open.attempts += 1;
                }
            }
            EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed { .. }
            | EventKind::ExecutionTimedOut { .. }
            | EventKind::ExecutionAborted { .. } => {
                if let Some(unit) = self.open.remove(child) {
                    self.done += 1;
                    let path = self.paths.get(&unit.unit).map_or(unit.unit.as_str(), String::as_str);
                    let how = if unit.state == state::UNIT_REVIEWED {
                        "reviewed"
                    } else {
                        "unreviewed"
                    };
                    let took = at - unit.since_ms;
                    self.drawn.clear();
                    write_stderr(&format!(
                        "\r\u{1b}[K{how:<10} {}  {}  {}.{:01} s\n",
                        super::name(path),
                        counted(usize::try_from(unit.attempts).unwrap_or(usize::MAX), "attempt"),
                        took / 1_000,
                        took % 1_000 / 100
                    ));
                }
            }
            _ => {}
        }
    }

    fn count(&mut self) {
        let units = if self.paths.is_empty() {
            String::new()
        } else {
            format!(
                "  {} of {}, {} in flight",
                self.done,
                counted(self.paths.len(), "unit"),
                self.open.len()
            )
        };
        let line = format!("{}{units}", self.state);
        if line != self.drawn {
            write_stderr(&format!("\r\u{1b}[K{line}"));
            self.drawn = line;
        }
    }

    async fn read_paths(&mut self) {
        let store = machine::artifacts(&self.data);
        // Without a readable plan the units' ids are shown instead of their paths.
        if let Ok(Some(plan)) = run_summary::read_json::<Plan>(&store, &key::plan(&self.run)).await {
            self.paths = plan.units.into_iter().map(|unit| (unit.id, unit.path)).collect();
        }
    }
}

fn write_stderr(text: &str) {
    let mut err = stderr().lock();
    let _nobody_reads = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
