//! Metrics of this process in Prometheus's text format: [`table`] declares each metric, [`Metrics`] holds the values,
//! [`RunWatch`] counts what the engine does and what each run's report holds at its end.

mod ended_run;
mod open_runs;
mod registry;
pub mod table;
mod units;
mod watch;

pub use registry::Metrics;
pub use watch::{AfterRun, RunWatch};
