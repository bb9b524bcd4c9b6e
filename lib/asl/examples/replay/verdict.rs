//! The verdict on a case: equal, same outcome, refused or wrong.

use std::fmt;
use std::sync::Arc;

use holdfast_asl::{StateMachine, Status};
use serde_json::{Value, json};

use crate::case::{Case, Function};
use crate::compare;
use crate::normal;
use crate::placeholder::Bindings;
use crate::run::run;

/// The verdict on a case.
#[derive(Debug)]
pub enum Verdict {
    /// The whole history is equal.
    Equal,
    /// Status, output and error are equal; the histories first differ here.
    SameOutcome(String),
    /// The definition uses something that this engine does not implement.
    Refused(String),
    /// The outcome differs.
    Wrong(String),
}

/// Runs a case and compares it.
pub fn judge(case: &Case) -> Verdict {
    let unknown = |(_, function): &(&String, &Function)| matches!(function, Function::Unknown);
    if let Some((name, _)) = case.functions.iter().find(unknown) {
        return Verdict::Refused(format!("the function `{name}` does what this program cannot"));
    }
    let machine = match StateMachine::parse(&case.definition_text()) {
        Ok(machine) => Arc::new(machine),
        Err(errors) => {
            let problems: Vec<String> = errors.problems.iter().map(ToString::to_string).collect();
            return Verdict::Refused(problems.join("; "));
        }
    };
    let run = match run(case, machine) {
        Ok(run) => run,
        Err(problem) => return Verdict::Wrong(problem),
    };
    let recorded = outcome(case.history.last().unwrap_or(&Value::Null));
    let input = normal::payload(&case.history.first().unwrap_or(&Value::Null)["executionStartedEventDetails"]["input"]);
    let bindings = Bindings::of_input(&input, &case.input);
    if let Err(difference) = compare::same(&recorded, &ended(&run.status), &mut bindings.clone(), "") {
        return Verdict::Wrong(difference);
    }
    match compare::histories(&case.history, &run.history, bindings) {
        None => Verdict::Equal,
        Some(difference) => Verdict::SameOutcome(difference),
    }
}

/// Returns status, output and error from a recording's last event.
fn outcome(event: &Value) -> Value {
    let kind = event["type"].as_str().unwrap_or_default();
    let details = |name: &str| event[name].clone();
    match kind {
        "ExecutionSucceeded" => json!({
            "status": kind, "output": normal::payload(&details("executionSucceededEventDetails")["output"]),
        }),
        "ExecutionFailed" => json!({ "status": kind, "error": details("executionFailedEventDetails")["error"] }),
        "ExecutionTimedOut" => json!({ "status": kind, "error": details("executionTimedOutEventDetails")["error"] }),
        "ExecutionAborted" => json!({ "status": kind, "error": details("executionAbortedEventDetails")["error"] }),
        _ => json!({ "status": "open" }),
    }
}

/// Returns status, output and error of an execution after its run.
fn ended(status: &Status) -> Value {
    match status {
        Status::Succeeded { output } => json!({
            "status": "ExecutionSucceeded", "output": normal::payload(&json!(output.to_string())),
        }),
        Status::Failed { error, .. } => json!({ "status": "ExecutionFailed", "error": error }),
        Status::TimedOut { error, .. } => json!({ "status": "ExecutionTimedOut", "error": error }),
        Status::Aborted { error, .. } => json!({ "status": "ExecutionAborted", "error": error }),
        Status::Running => json!({ "status": "open" }),
    }
}

impl Verdict {
    /// Returns the difference or the reason, to print after the case's name.
    pub fn detail(&self) -> String {
        match self {
            Self::Equal => String::new(),
            Self::SameOutcome(text) | Self::Refused(text) | Self::Wrong(text) => format!(" ({text})"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Equal => "equal",
            Self::SameOutcome(_) => "same outcome",
            Self::Refused(_) => "refused",
            Self::Wrong(_) => "wrong",
        })
    }
}

/// The number of cases of each verdict.
#[derive(Debug, Default)]
pub struct Totals {
    /// Whole history equal.
    pub equal: u64,
    /// Only the outcome is equal.
    pub same_outcome: u64,
    /// Refused when loaded.
    pub refused: u64,
    /// Outcome different.
    pub wrong: u64,
}

impl Totals {
    /// Counts a verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        *match verdict {
            Verdict::Equal => &mut self.equal,
            Verdict::SameOutcome(_) => &mut self.same_outcome,
            Verdict::Refused(_) => &mut self.refused,
            Verdict::Wrong(_) => &mut self.wrong,
        } += 1;
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            equal,
            same_outcome,
            refused,
            wrong,
        } = self;
        write!(
            f,
            "{} cases: {equal} equal, {same_outcome} same outcome, {refused} refused, {wrong} wrong",
            equal + same_outcome + refused + wrong
        )
    }
}
