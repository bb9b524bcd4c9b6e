//! Progress on stderr. On a terminal: a line for each finished unit, and a last line with the step, the counts and the
//! elapsed time. Without a terminal, such as in a CI's log, or where control sequences are unwanted: a line at the start,
//! then one every 30 s.

use std::io::{IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use holdfast_core::model::key;
use holdfast_core::model::plan::Plan;
use holdfast_core::model::run_name::RunName;
use terminal_size::{Width, terminal_size_of};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use holdfast_engine::{Engine, EngineEvent};
use holdfast_ops::{machine, run_summary};

use super::style::{forbids_sequences, pieces};
use super::tracker::{Event, Tracker};

/// Time between two updates of the last line on a terminal.
const SCREEN_PERIOD: Duration = Duration::from_secs(1);
/// Time between two lines without a terminal.
const LOG_PERIOD: Duration = Duration::from_secs(30);

/// Shows a run's progress until it has finished.
pub struct Progress {
    task: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts to show progress; does nothing if `quiet`.
    pub fn start(engine: &Engine, run: &RunName, data: &Path, quiet: bool) -> Self {
        if quiet {
            return Self { task: None };
        }
        let mut events = engine.subscribe();
        let (stop, mut stopped) = oneshot::channel();
        let mut printer = Printer {
            is_screen: stderr().is_terminal() && !forbids_sequences(),
            tracker: Tracker::new(),
            run: run.clone(),
            data: data.to_owned(),
            begun: Instant::now(),
            drawn: String::new(),
        };
        let period = if printer.is_screen { SCREEN_PERIOD } else { LOG_PERIOD };
        let task = tokio::spawn(async move {
            printer.begin();
            let mut ticks = interval_at(printer.begun + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    biased;
                    event = events.recv() => match event {
                        Ok(event) => printer.update(&event).await,
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => break,
                    },
                    _ = &mut stopped => break,
                    _ = ticks.tick() => printer.tick(),
                }
            }
            printer.end();
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

struct Printer {
    is_screen: bool,
    tracker: Tracker,
    run: RunName,
    data: PathBuf,
    begun: Instant,
    /// The text of the last line, which is drawn again only when it changes.
    drawn: String,
}

impl Printer {
    fn begin(&self) {
        if !self.is_screen {
            super::print_to_stderr(&format!("reviewing, run {}", self.run));
        }
    }

    async fn update(&mut self, event: &EngineEvent) {
        if self.run != event.execution.as_str() {
            return;
        }
        let event = Event {
            child: event.child.as_ref().map(|child| child.name.as_str()),
            at: event.event.at,
            kind: &event.event.kind,
        };
        let seen = self.tracker.update(event, self.begun.elapsed());
        if seen.has_units {
            self.read_paths().await;
        }
        if let Some(line) = seen.finished.filter(|_| self.is_screen) {
            self.line(&line);
        }
        if let Some(line) = seen.waits {
            self.line(&line);
        }
        if self.is_screen {
            self.draw();
        }
    }

    fn tick(&mut self) {
        if self.is_screen {
            self.draw();
        } else {
            super::print_to_stderr(&self.tracker.status(self.begun.elapsed()));
        }
    }

    /// Prints a line that stays.
    fn line(&mut self, line: &str) {
        if self.is_screen {
            self.drawn.clear();
            write_stderr(&format!("\r\u{1b}[K{}\n", super::plain(line)));
        } else {
            super::print_to_stderr(line);
        }
    }

    /// Draws the last line in the width of the terminal: a wrapped line couldn't be cleared.
    fn draw(&mut self) {
        let columns = terminal_size_of(stderr()).map_or(80, |(Width(columns), _)| usize::from(columns));
        let status = self.tracker.status(self.begun.elapsed());
        let line = pieces(&status, columns.saturating_sub(1)).into_iter().next();
        let line = line.unwrap_or_default();
        if line != self.drawn {
            write_stderr(&format!("\r\u{1b}[K{line}"));
            self.drawn = line;
        }
    }

    fn end(&self) {
        if self.is_screen {
            write_stderr("\r\u{1b}[K");
        }
    }

    async fn read_paths(&mut self) {
        let store = machine::artifacts(&self.data);
        // Without a readable plan the units' ids are shown instead of their paths.
        if let Ok(Some(plan)) = run_summary::read_json::<Plan>(&store, &key::plan(&self.run)).await {
            let paths = plan.units.into_iter().map(|unit| (unit.id, unit.path));
            self.tracker.set_paths(paths.collect());
        }
    }
}

fn write_stderr(text: &str) {
    let mut err = stderr().lock();
    let _nobody_reads = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
