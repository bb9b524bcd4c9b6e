//! The table of all metrics. A new metric is an entry here; its value is set with [`super::Metrics`], and
//! docs/metrics.md has its row (a test writes it).

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A sum that only grows, from 0 at the start of the process.
    Counter,
    /// A value that rises and falls.
    Gauge,
    /// Observations counted in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

impl Kind {
    /// Returns its name in the text format.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The names of its labels. No label has a repository, a person or a run.
    pub labels: &'static [&'static str],
    /// Its meaning, in one line.
    pub help: &'static str,
    /// The name of the equal metric of a deployment on AWS.
    pub on_aws: Option<&'static str>,
}

macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:expr, [$($label:literal),*], $on_aws:expr, $help:literal;)+) => {
        $(#[doc = concat!("`", $name, "`")]
        pub static $constant: Metric = Metric {
            name: concat!("holdfast_", $name),
            kind: $kind,
            labels: &[$($label),*],
            help: $help,
            on_aws: $on_aws,
        };)+

        /// All metrics, in the order of the text.
        pub static ALL: &[&Metric] = &[$(&$constant),+];
    };
}

/// From a second to a week: a run may wait for a model or for a person.
const RUN_SECONDS: Kind = Kind::Histogram(&[
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 21600.0, 86400.0, 345600.0,
]);
/// GitHub waits ten seconds for an answer.
const ANSWER_SECONDS: Kind = Kind::Histogram(&[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);

metrics! {
    BUILD_INFO = "build_info", Kind::Gauge, ["version"], None, "Always 1; the label has the program's version.";
    RUNS_ENDED = "runs_ended_total", Kind::Counter, ["status"], None, "Runs that ended, by status.";
    RUNS_RETRIED = "runs_retried_total", Kind::Counter, [], None,
        "Reviews that were retried by themselves after an outage or a limit.";
    RUN_DURATION = "run_duration_seconds", RUN_SECONDS, [], None,
        "Time from the start to the end of each run, waits included.";
    RUNS_OPEN = "runs_open", Kind::Gauge, ["state"], None, "Open runs, by what they do now.";
    APPROVAL_AGE = "approval_oldest_age_seconds", Kind::Gauge, [], None,
        "Time since the first approval request of the run that has waited longest for a person; 0 if none waits.";
    FILES = "files_total", Kind::Counter, ["outcome"], Some("FilesReviewed, FilesScanned, FilesUnreviewed"),
        "Changed files of ended runs, by outcome.";
    FILES_UNREVIEWED = "files_unreviewed_total", Kind::Counter, ["reason"], None,
        "Unreviewed files of ended runs, by the kind of failure.";
    FINDINGS = "findings_total", Kind::Counter, ["severity"], Some("Findings"),
        "Findings in the reports of ended runs, by severity; a later run of a pull request reports those that are still there again.";
    FINDING_OUTCOMES = "finding_outcomes_total", Kind::Counter, ["outcome"], None,
        "Findings of runs that published or discarded their review, by outcome; each outcome of a finding counts once.";
    MODEL_CALLS = "model_calls_total", Kind::Counter, ["provider", "model"], Some("ModelCalls"),
        "Calls that a model answered.";
    INPUT_TOKENS = "model_input_tokens_total", Kind::Counter, ["provider", "model"], Some("InputTokens"),
        "Tokens sent to models, as the providers count them.";
    OUTPUT_TOKENS = "model_output_tokens_total", Kind::Counter, ["provider", "model"], Some("OutputTokens"),
        "Tokens received from models.";
    MODEL_COST = "model_cost_usd_total", Kind::Counter, ["provider", "model"], Some("CostUsd"),
        "Cost of the calls with a known price, in US dollars.";
    UNPRICED_CALLS = "model_unpriced_calls_total", Kind::Counter, ["provider", "model"], None,
        "Calls without a known price, which the cost leaves out.";
    CACHE_HITS = "model_cache_hits_total", Kind::Counter, ["provider", "model"], None,
        "Answers that came from the cache instead of a call.";
    CALLS_WASTED = "model_calls_wasted_total", Kind::Counter, ["provider", "model", "error"], Some("ModelCallsWasted"),
        "Calls that were sent and that no model answered, by error.";
    MODEL_WAITS = "model_waits_total", Kind::Counter, ["provider", "model", "for"], Some("ModelWaits"),
        "Waits of calls as states of the workflow, by subject; one call may wait several times.";
    MODEL_WAIT_SECONDS = "model_wait_seconds_total", Kind::Counter, ["provider", "model", "for"], Some("ModelWaitSeconds"),
        "The time of these waits, as it is planned at their begin.";
    PROVIDER_DOWN = "model_provider_down", Kind::Gauge, ["provider"], Some("ModelProviderDown"),
        "1 while the provider is down and one call at a time tries it, otherwise 0.";
    FIRST_ANSWERS = "first_answers_total", Kind::Counter, ["provider", "model", "prompt_version", "valid"], Some("FirstAnswersValid"),
        "First answers to a unit's prompt, by whether they passed all checks.";
    UNITS = "units_total", Kind::Counter, ["provider", "model", "prompt_version", "outcome"], None,
        "Units that a model was called for, by the attempt that ended them or the reason without one.";
    UNIT_ATTEMPTS = "unit_attempts_total", Kind::Counter, ["provider", "model", "prompt_version"], None,
        "Attempts with a model's answer at the units of the metric above.";
    STAGE_FAILURES = "stage_failures_total", Kind::Counter, ["stage", "error", "retried"], Some("StageFailures"),
        "Failed calls of a stage, by error and by whether the workflow tried again.";
    WEBHOOK_DELIVERIES = "webhook_deliveries_total", Kind::Counter, ["code"], None,
        "Answers to deliveries, by HTTP status.";
    WEBHOOK_DURATION = "webhook_duration_seconds", ANSWER_SECONDS, [], None,
        "Time from the head of a delivery to its answer.";
    TRANSITIONS = "engine_transitions_total", Kind::Counter, [], None,
        "States that executions entered, those of units included.";
    EVENTS_MISSED = "engine_events_missed_total", Kind::Counter, [], None,
        "Events of the engine that were not counted because too many came at once.";
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::*;

    const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    const BEGIN: &str = "| name | type | labels | on AWS | meaning |\n| --- | --- | --- | --- | --- |\n";

    #[test]
    fn names_are_unique_and_follow_prometheus() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        for metric in ALL {
            let of_name = |sign: char| sign.is_ascii_lowercase() || sign == '_';
            assert!(metric.name.chars().all(of_name), "{}", metric.name);
            let is_counter = metric.kind == Kind::Counter;
            assert_eq!(metric.name.ends_with("_total"), is_counter, "{}", metric.name);
            assert!(
                !metric
                    .labels
                    .iter()
                    .any(|label| ["run", "repository", "author", "le"].contains(label))
            );
        }
    }

    #[test]
    fn the_functions_write_the_metrics_on_aws() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/src/metrics.rs");
        let functions = std::fs::read_to_string(path).unwrap();
        for name in ALL
            .iter()
            .filter_map(|metric| metric.on_aws)
            .flat_map(|names| names.split(", "))
        {
            assert!(functions.contains(&format!("(\"{name}\", ")), "{name}");
        }
    }

    /// To update the table: `UPDATE_EXPECT=1 cargo test -p holdfast-ops metrics::table`.
    #[test]
    fn the_guide_has_each_metric() {
        let mut table = String::new();
        for metric in ALL {
            let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let on_aws = metric
                .on_aws
                .map_or_else(String::new, |names| format!("`{}`", names.replace(", ", "`, `")));
            let (name, kind) = (metric.name, metric.kind.as_str());
            writeln!(
                table,
                "| `{name}` | {kind} | {} | {on_aws} | {} |",
                labels.join(", "),
                metric.help
            )
            .unwrap();
        }
        let guide = std::fs::read_to_string(GUIDE).unwrap();
        let (before, rest) = guide.split_once(BEGIN).unwrap();
        let end = rest.find("\n\n").map_or(rest.len(), |end| end + 1);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(GUIDE, [before, BEGIN, &table, &rest[end..]].concat()).unwrap();
        } else {
            assert_eq!(
                &rest[..end],
                table,
                "docs/metrics.md differs: UPDATE_EXPECT=1 writes the table"
            );
        }
    }
}
