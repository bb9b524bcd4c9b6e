//! Checks of variables: a state in a Map or a Parallel may not assign a variable that an outer scope assigns, and a
//! machine may assign only so many.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::fields::Report;
use super::lines::location;
use super::report::{Problem, ProblemCode};
use super::{Exit, Flow, State, StateBody, StateMachine};
use crate::expression::Template;

/// The maximum number of variables of one machine.
const MAX_VARIABLES: usize = 1_000;

/// Checks the variables of a machine; `paths` holds the place of each state in the text.
pub(super) fn check(machine: &StateMachine, paths: &HashMap<String, String>, report: &mut Report) {
    let mut scopes = Scopes {
        paths,
        report,
        all: BTreeSet::new(),
    };
    scopes.flow(machine, &machine.flow, &BTreeSet::new());
    let count = scopes.all.len();
    if count > MAX_VARIABLES {
        let line = report.lines.line("", "States");
        report.tolerated.push(Problem {
            line,
            state: None,
            field: Some("States".to_owned()),
            code: ProblemCode::Schema,
            location: Some(location("", "States")),
            message: format!("{count} variables are assigned; at most {MAX_VARIABLES} are allowed"),
        });
    }
}

struct Scopes<'r> {
    paths: &'r HashMap<String, String>,
    report: &'r mut Report,
    /// All assigned variables, each with its scope.
    all: BTreeSet<(String, String)>,
}

impl Scopes<'_> {
    fn flow(&mut self, machine: &StateMachine, flow: &Flow, outer: &BTreeSet<String>) {
        let states: Vec<&State> = flow.names.iter().filter_map(|name| machine.state(name)).collect();
        let mut known = outer.clone();
        for state in &states {
            for (place, name) in assigned(state) {
                self.all.insert((flow.start_at.clone(), name.clone()));
                if outer.contains(name) {
                    self.refuse(state, format!("{place}.{name}"), name);
                }
                known.insert(name.clone());
            }
        }
        for state in states {
            if let Some(inner) = state.inline() {
                self.flow(machine, inner, &known);
            }
            if let StateBody::Parallel { branches, .. } = &state.body {
                for branch in branches {
                    self.flow(machine, branch, &known);
                }
            }
            // The children of a distributed Map do not see the variables around it.
            if let Some(child) = state.distributed() {
                self.flow(child, &child.flow, &BTreeSet::new());
            }
        }
    }

    fn refuse(&mut self, state: &State, field: String, name: &str) {
        let path = self.paths.get(&state.name).map_or("", String::as_str);
        self.report.tolerated.push(Problem {
            code: ProblemCode::Schema,
            location: Some(location(path, &field)),
            line: self.report.lines.line(path, &field),
            state: Some(state.name.clone()),
            field: Some(field),
            message: format!(
                "`{name}` is a variable of an outer scope: a state in a Map or a Parallel can read it only"
            ),
        });
    }
}

/// Returns the variables that a state assigns, each with the assigning field.
fn assigned(state: &State) -> Vec<(String, &String)> {
    let rules = match &state.body {
        StateBody::Choice { rules } => rules.as_slice(),
        _ => &[],
    };
    let rules = rules.iter().enumerate();
    let catchers = state.catch.iter().enumerate();
    let exits = std::iter::once(("Assign".to_owned(), &state.exit))
        .chain(rules.map(|(index, rule)| (format!("Choices[{index}].Assign"), &rule.exit)))
        .chain(catchers.map(|(index, catcher)| (format!("Catch[{index}].Assign"), &catcher.exit)));
    exits
        .flat_map(|(place, exit)| names(exit).into_iter().map(move |name| (place.clone(), name)))
        .collect()
}

fn names(exit: &Exit) -> Vec<&String> {
    match &exit.assign {
        Some(Template::Literal(Value::Object(fields))) => fields.keys().collect(),
        Some(Template::Object(fields)) => fields.iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}
