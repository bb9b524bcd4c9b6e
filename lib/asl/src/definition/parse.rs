//! The parser of a machine: its own fields and its flows of states.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::fields::{Fields, Report};
use super::lines::Lines;
use super::report::{Problem, ProblemCode};
use super::{DefinitionErrors, Flow, State, StateMachine, check, parse_state, scopes};
use crate::payload::parse_payload;

/// The longest time limit that AWS allows, in seconds.
pub(super) const MAX_SECONDS: u64 = 99_999_999;

/// Parses and checks a whole definition.
pub(super) fn machine(text: &str) -> Result<StateMachine, DefinitionErrors> {
    let mut report = Report::default();
    let machine = read(text, &mut report);
    report.problems.append(&mut report.tolerated);
    finished(machine, report)
}

/// Parses a definition that was accepted before. Tolerates problems for which only AWS refuses it.
pub(super) fn stored(text: &str) -> Result<StateMachine, DefinitionErrors> {
    let mut report = Report::default();
    let machine = read(text, &mut report);
    finished(machine, report)
}

fn finished(machine: Option<StateMachine>, report: Report) -> Result<StateMachine, DefinitionErrors> {
    match machine {
        Some(machine) if report.problems.is_empty() => Ok(machine),
        _ => {
            let mut problems = report.problems;
            problems.sort_by_key(|problem| problem.line);
            Err(DefinitionErrors { problems })
        }
    }
}

fn read(text: &str, report: &mut Report) -> Option<StateMachine> {
    let value = match parse_payload(text) {
        Ok(value) => value,
        Err(error) => {
            let line = error.line().max(1);
            let at = format!("line: {line}, column: {}", error.column());
            report.problems.push(Problem {
                code: ProblemCode::Json,
                location: Some(at),
                ..problem(line, format!("not JSON: {error}"))
            });
            return None;
        }
    };
    report.lines = Lines::of(text);
    let Value::Object(object) = &value else {
        whole(report, 1, "must be a JSON object".to_owned());
        return None;
    };
    for (name, line) in std::mem::take(&mut report.lines.twice) {
        whole(report, line, format!("`{name}` is given a second time"));
    }
    let mut fields = Fields::of_machine(object);
    let language = fields.one_of("QueryLanguage", &[("JSONata", true), ("JSONPath", false)], report);
    let named = fields.take("QueryLanguage").is_some();
    if let Some(version) = fields.text("Version", report)
        && version != "1.0"
    {
        fields.problem(report, "Version", "must be 1.0");
    }
    let timeout_seconds = fields.whole("TimeoutSeconds", 1..=MAX_SECONDS, report);
    let comment = fields.text("Comment", report).map(str::to_owned);
    let mut states = States::default();
    let flow = states.flow(&mut fields, report);
    if language != Some(true) && (language.is_some() || !named) {
        check::query_language(&states, named, &fields, report);
    }
    fields.finish(report);
    let names_are_unique = check::names(&states, report);
    let paths = states.taken_names.iter().cloned().collect();
    let machine = StateMachine {
        comment,
        timeout_seconds,
        flow,
        states: states.by_name,
    };
    // States are looked up by name: a state that shares its name with an inner one would contain itself.
    if names_are_unique {
        scopes::check(&machine, &paths, report);
    }
    Some(machine)
}

/// Reads the machine of a distributed Map's children from its `ItemProcessor`.
pub(super) fn item_processor(fields: &mut Fields<'_>, around: &mut States, report: &mut Report) -> StateMachine {
    let comment = fields.text("Comment", report).map(str::to_owned);
    let mut states = States::default();
    let flow = states.flow(fields, report);
    around.taken_names.append(&mut states.taken_names);
    around.silent_names.append(&mut states.silent_names);
    StateMachine {
        comment,
        timeout_seconds: None,
        flow,
        states: states.by_name,
    }
}

fn whole(report: &mut Report, line: usize, message: String) {
    report.problems.push(problem(line, message));
}

/// Returns a problem of the definition as a whole.
fn problem(line: usize, message: String) -> Problem {
    Problem {
        line,
        state: None,
        field: None,
        message,
        code: ProblemCode::Schema,
        location: None,
    }
}

/// The states that were read so far.
#[derive(Default)]
pub(super) struct States {
    pub by_name: HashMap<String, State>,
    /// Every name so far, those of distributed children included, with its path in the text.
    pub taken_names: Vec<(String, String)>,
    /// The names of states without a query language.
    pub silent_names: Vec<String>,
}

impl States {
    /// Reads `StartAt` and `States`.
    pub fn flow(&mut self, fields: &mut Fields<'_>, report: &mut Report) -> Flow {
        let problems = report.problems.len();
        let start_at = match fields.required("StartAt", report) {
            Some(Value::String(name)) => name.clone(),
            Some(_) => {
                fields.problem(report, "StartAt", "must be a string");
                String::new()
            }
            None => String::new(),
        };
        let empty = Map::new();
        let states = match fields.required("States", report) {
            Some(Value::Object(states)) => states,
            Some(_) => {
                fields.problem(report, "States", "must be an object");
                &empty
            }
            None => &empty,
        };
        if states.is_empty() {
            fields.problem(report, "States", "must hold at least one state");
        }
        let mut flow = Flow {
            start_at,
            names: Vec::new(),
        };
        for (name, value) in states {
            if name.is_empty() || name.chars().count() > 80 {
                fields.problem(
                    report,
                    "States",
                    format!("the name `{name}` must have 1 to 80 characters"),
                );
            }
            flow.names.push(name.clone());
            self.taken_names.push((name.clone(), fields.state_path(name)));
            let Value::Object(object) = value else {
                fields.problem(report, "States", format!("the state `{name}` must be an object"));
                continue;
            };
            if !object.contains_key("QueryLanguage") {
                self.silent_names.push(name.clone());
            }
            let state_fields = fields.of_state(object, name);
            if let Some(state) = parse_state::state(name, state_fields, self, report) {
                self.by_name.insert(name.clone(), state);
            }
        }
        check::flow(&flow, &self.by_name, fields, report);
        if report.problems.len() == problems {
            check::ends(&flow, &self.by_name, fields, report);
        }
        flow
    }
}
