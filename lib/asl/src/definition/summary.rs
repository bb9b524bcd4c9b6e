//! Summaries of states, for pictures, checks and contract tests.

use serde_json::Value;

use super::{Flow, Resource, State, StateBody, StateMachine};
use crate::event::StateKind;
use crate::expression::Template;

/// A state's type, action and transitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateSummary {
    /// The state's name.
    pub name: String,
    /// Its `Type`.
    pub kind: StateKind,
    /// Its `Resource`, for a Task.
    pub resource: Option<String>,
    /// The function it runs, as the definition writes it; none where an expression names it.
    pub function: Option<String>,
    /// The states that may follow when it succeeds, in order.
    pub next: Vec<String>,
    /// The error names in its Catch, in order.
    pub caught_errors: Vec<String>,
    /// The states that its Catch leads to, in order.
    pub caught_next: Vec<String>,
    /// The error names in its Retry, in order.
    pub retried_errors: Vec<String>,
    /// The Map or Parallel state that holds it.
    pub parent: Option<String>,
}

/// Returns all states of a machine, nested ones included.
pub(super) fn of(machine: &StateMachine) -> Vec<StateSummary> {
    let mut summaries = Vec::new();
    add(machine, &machine.flow, None, &mut summaries);
    summaries
}

fn add(machine: &StateMachine, flow: &Flow, parent: Option<&str>, into: &mut Vec<StateSummary>) {
    for state in flow.names.iter().filter_map(|name| machine.state(name)) {
        into.push(summary(state, parent));
        if let Some(flow) = state.inline() {
            add(machine, flow, Some(&state.name), into);
        }
        if let Some(child) = state.distributed() {
            add(child, &child.flow, Some(&state.name), into);
        }
        if let StateBody::Parallel { branches, .. } = &state.body {
            for branch in branches {
                add(machine, branch, Some(&state.name), into);
            }
        }
    }
}

fn summary(state: &State, parent: Option<&str>) -> StateSummary {
    let mut next = Vec::new();
    if let StateBody::Choice { rules } = &state.body {
        next.extend(rules.iter().filter_map(|rule| rule.exit.next.clone()));
    }
    next.extend(state.exit.next.clone());
    let (resource, function) = match &state.body {
        StateBody::Task(task) => match &task.resource {
            Resource::Function(arn) => (Some(arn.clone()), Some(arn.clone())),
            invoke => (
                Some(format!("arn:aws:states:::lambda:{}", invoke.event_name())),
                task.arguments.as_ref().and_then(function_name),
            ),
        },
        _ => (None, None),
    };
    StateSummary {
        name: state.name.clone(),
        kind: state.kind,
        resource,
        function,
        next,
        caught_errors: state.catch.iter().flat_map(|catcher| catcher.errors.clone()).collect(),
        caught_next: state
            .catch
            .iter()
            .filter_map(|catcher| catcher.exit.next.clone())
            .collect(),
        retried_errors: state.retry.iter().flat_map(|retrier| retrier.errors.clone()).collect(),
        parent: parent.map(str::to_owned),
    }
}

fn function_name(arguments: &Template) -> Option<String> {
    let name = match arguments {
        Template::Literal(Value::Object(object)) => object.get("FunctionName")?,
        Template::Object(object) => object.iter().find(|(name, _)| name == "FunctionName")?.1.literal()?,
        _ => return None,
    };
    name.as_str().map(str::to_owned)
}
