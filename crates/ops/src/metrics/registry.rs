//! The values of metrics, and their text in version 0.0.4 of Prometheus's format. Written by hand: the format is a few
//! lines, and the libraries bring a second table of metrics, atomics for rates that this process doesn't have, and more
//! code than this file.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::open_runs::OpenRuns;
use super::table::{self, Kind, Metric};

/// Maximum number of time series of one metric. The values of labels come from settings and from fixed lists, so only a
/// mistake reaches it: further series are counted together, with `other` in each label.
const MAX_SERIES: usize = 500;

/// The value of each time series.
enum Value {
    Number(f64),
    /// The number of observations in each bucket without those below, and above the last; the sum of all.
    Buckets(Vec<u64>, f64),
}

type Series = BTreeMap<Vec<String>, Value>;

/// The metrics of a process.
#[derive(Default)]
pub struct Metrics {
    series: Mutex<BTreeMap<&'static str, Series>>,
    /// The open runs, which some gauges are computed from.
    pub(super) open: Mutex<OpenRuns>,
}

impl Metrics {
    /// Sets the version of the program.
    pub fn set_version(&self, version: &str) {
        self.set(&table::BUILD_INFO, &[version], 1.0);
    }

    /// Adds to a counter. Labels are in the table's order.
    pub fn add(&self, metric: &'static Metric, labels: &[&str], amount: f64) {
        self.update(metric, labels, |number| *number += amount);
    }

    /// Adds one to a counter.
    pub fn increment(&self, metric: &'static Metric, labels: &[&str]) {
        self.add(metric, labels, 1.0);
    }

    /// Sets a gauge.
    pub fn set(&self, metric: &'static Metric, labels: &[&str], value: f64) {
        self.update(metric, labels, |number| *number = value);
    }

    /// Adds an observation to a histogram.
    pub fn observe(&self, metric: &'static Metric, labels: &[&str], value: f64) {
        let Kind::Histogram(bounds) = metric.kind else { return };
        let bucket = bounds.partition_point(|bound| *bound < value);
        self.with(metric, labels, |stored| {
            if let Value::Buckets(buckets, sum) = stored {
                buckets[bucket] += 1;
                *sum += value;
            }
        });
    }

    fn update(&self, metric: &'static Metric, labels: &[&str], change: impl FnOnce(&mut f64)) {
        self.with(metric, labels, |stored| {
            if let Value::Number(number) = stored {
                change(number);
            }
        });
    }

    fn with(&self, metric: &'static Metric, labels: &[&str], change: impl FnOnce(&mut Value)) {
        debug_assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
        let mut all = lock(&self.series);
        let series = all.entry(metric.name).or_default();
        let mut labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        if series.len() >= MAX_SERIES && !series.contains_key(&labels) {
            labels.fill("other".to_owned());
        }
        change(series.entry(labels).or_insert_with(|| empty(metric.kind)));
    }

    /// Returns the sum of a counter's series whose first labels are these; an empty one stands for any.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counters are whole and not negative"
    )]
    pub fn sum(&self, metric: &'static Metric, labels: &[&str]) -> u64 {
        let all = lock(&self.series);
        let series = all.get(metric.name).into_iter().flatten();
        let of_labels = |found: &&Vec<String>| {
            let mut pairs = labels.iter().zip(found.iter());
            pairs.all(|(wanted, found)| wanted.is_empty() || wanted == found)
        };
        let values = series
            .filter(|(found, _)| of_labels(found))
            .map(|(_, value)| match value {
                Value::Number(number) => *number,
                Value::Buckets(..) => 0.0,
            });
        values.sum::<f64>() as u64
    }

    /// Returns all metrics as text. The time is in ms since 1970.
    pub fn text(&self, now_ms: i64) -> String {
        self.set_gauges(now_ms);
        let all = lock(&self.series);
        let mut out = String::new();
        for metric in table::ALL {
            let (name, kind) = (metric.name, metric.kind.as_str());
            let _infallible = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
            let stored = all.get(name);
            let unlabelled = (metric.labels.is_empty() && stored.is_none()).then(|| empty(metric.kind));
            if let Some(value) = &unlabelled {
                write_series(&mut out, metric, &[], value);
            }
            for (labels, value) in stored.into_iter().flatten() {
                write_series(&mut out, metric, labels, value);
            }
        }
        out
    }

    fn set_gauges(&self, now_ms: i64) {
        let open = lock(&self.open);
        for (state, number) in open.by_state() {
            self.set(&table::RUNS_OPEN, &[state], number as f64);
        }
        let waits_ms = open
            .oldest_request_ms()
            .map_or(0, |since_ms| (now_ms - since_ms).max(0));
        self.set(&table::APPROVAL_AGE, &[], waits_ms as f64 / 1000.0);
    }
}

/// Locks a value. A panic elsewhere doesn't end the metrics.
pub(super) fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

fn empty(kind: Kind) -> Value {
    match kind {
        Kind::Counter | Kind::Gauge => Value::Number(0.0),
        Kind::Histogram(bounds) => Value::Buckets(vec![0; bounds.len() + 1], 0.0),
    }
}

fn write_series(out: &mut String, metric: &Metric, labels: &[String], value: &Value) {
    let pairs: Vec<String> = metric
        .labels
        .iter()
        .zip(labels)
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    let mut line = |suffix: &str, more: Option<String>, number: f64| {
        let pairs: Vec<&str> = pairs.iter().map(String::as_str).chain(more.as_deref()).collect();
        let braces = match pairs.is_empty() {
            true => String::new(),
            false => format!("{{{}}}", pairs.join(",")),
        };
        let _infallible = writeln!(out, "{}{suffix}{braces} {number}", metric.name);
    };
    match (value, metric.kind) {
        (Value::Number(number), _) => line("", None, *number),
        (Value::Buckets(buckets, sum), Kind::Histogram(bounds)) => {
            let ends = bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            let mut total = 0;
            for (end, bucket) in ends.zip(buckets) {
                total += bucket;
                line("_bucket", Some(format!("le=\"{end}\"")), total as f64);
            }
            line("_sum", None, *sum);
            line("_count", None, total as f64);
        }
        (Value::Buckets(..), _) => {}
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_each_kind_and_escapes_labels() {
        let metrics = Metrics::default();
        metrics.set_version("1 \"a\\b\n\"");
        metrics.add(&table::MODEL_COST, &["openai", "m"], 0.5);
        metrics.add(&table::MODEL_COST, &["openai", "m"], 0.25);
        for seconds in [0.01, 0.02, 0.5, 99.0] {
            metrics.observe(&table::WEBHOOK_DURATION, &[], seconds);
        }
        let text = metrics.text(0);
        for line in [
            "# TYPE holdfast_build_info gauge",
            r#"holdfast_build_info{version="1 \"a\\b\n\""} 1"#,
            r#"holdfast_model_cost_usd_total{provider="openai",model="m"} 0.75"#,
            r#"holdfast_webhook_duration_seconds_bucket{le="0.01"} 1"#,
            r#"holdfast_webhook_duration_seconds_bucket{le="0.025"} 2"#,
            r#"holdfast_webhook_duration_seconds_bucket{le="0.5"} 3"#,
            r#"holdfast_webhook_duration_seconds_bucket{le="30"} 3"#,
            r#"holdfast_webhook_duration_seconds_bucket{le="+Inf"} 4"#,
            "holdfast_webhook_duration_seconds_sum 99.53",
            "holdfast_webhook_duration_seconds_count 4",
            "holdfast_engine_transitions_total 0",
            r#"holdfast_runs_open{state="running"} 0"#,
            "holdfast_approval_oldest_age_seconds 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        for metric in table::ALL {
            assert_eq!(text.matches(&format!("# TYPE {} ", metric.name)).count(), 1);
        }
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let metrics = Metrics::default();
        for number in 0..MAX_SERIES + 10 {
            metrics.increment(&table::RUNS_ENDED, &[&number.to_string()]);
        }
        let text = metrics.text(0);
        assert_eq!(text.matches("holdfast_runs_ended_total{").count(), MAX_SERIES + 1);
        assert!(text.contains("holdfast_runs_ended_total{status=\"other\"} 10\n"));
    }
}
