//! The checks that go beyond one field: targets, reachability, names, error lists, arguments.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::fields::{Fields, Report};
use super::lines::location;
use super::parse::States;
use super::report::{Problem, ProblemCode};
use super::{Flow, State, StateBody};
use crate::error_name::ErrorName;
use crate::expression::Template;

/// Reserved names of errors that JSONata machines cannot raise. AWS accepts them in `ErrorEquals`.
const NEVER_RAISED: [&str; 4] = [
    "States.Http.Socket",
    "States.IntrinsicFailure",
    "States.ParameterPathFailure",
    "States.ResultPathMatchFailure",
];

/// Checks a flow's targets and reachability.
pub(super) fn flow(flow: &Flow, states: &HashMap<String, State>, fields: &Fields<'_>, report: &mut Report) {
    let names: HashSet<&str> = flow.names.iter().map(String::as_str).collect();
    if !flow.start_at.is_empty() && !names.is_empty() && !names.contains(flow.start_at.as_str()) {
        fields.problem(report, "StartAt", format!("there is no state `{}` here", flow.start_at));
    }
    for name in &flow.names {
        let Some(state) = states.get(name) else { continue };
        for (field, target) in targets(state) {
            if !names.contains(target) {
                let message = format!("there is no state `{target}` beside this one");
                fields.no_target(report, name, Some(field), message);
            }
        }
    }
    // The targets of an unreadable state are unknown, and so is what can be reached.
    if !names.contains(flow.start_at.as_str()) || flow.names.iter().any(|name| !states.contains_key(name)) {
        return;
    }
    let mut reached = HashSet::new();
    let mut open = vec![flow.start_at.as_str()];
    while let Some(name) = open.pop() {
        if reached.insert(name)
            && let Some(state) = states.get(name)
        {
            open.extend(targets(state).into_iter().map(|(_, target)| target));
        }
    }
    for name in flow.names.iter().filter(|name| !reached.contains(name.as_str())) {
        fields.no_target(
            report,
            name,
            None,
            format!("cannot be reached from `{}`", flow.start_at),
        );
    }
}

/// Checks that a valid flow can end.
pub(super) fn ends(flow: &Flow, states: &HashMap<String, State>, fields: &Fields<'_>, report: &mut Report) {
    let ends = |state: &State| state.exit.next.is_none() && !matches!(state.body, StateBody::Choice { .. });
    if !flow.names.iter().filter_map(|name| states.get(name)).any(ends) {
        fields.problem(report, "States", "none of the states ends the flow");
    }
}

/// Returns every state that may follow, with the field that names it.
pub(super) fn targets(state: &State) -> Vec<(String, &str)> {
    let mut targets = Vec::new();
    if let StateBody::Choice { rules } = &state.body {
        for (index, rule) in rules.iter().enumerate() {
            targets.extend(
                rule.exit
                    .next
                    .as_deref()
                    .map(|next| (format!("Choices[{index}].Next"), next)),
            );
        }
    }
    let field = if matches!(state.body, StateBody::Choice { .. }) {
        "Default"
    } else {
        "Next"
    };
    targets.extend(state.exit.next.as_deref().map(|next| (field.to_owned(), next)));
    for (index, catcher) in state.catch.iter().enumerate() {
        targets.extend(
            catcher
                .exit
                .next
                .as_deref()
                .map(|next| (format!("Catch[{index}].Next"), next)),
        );
    }
    targets
}

/// Checks a machine whose own query language is not JSONata: each of its states must name JSONata.
pub(super) fn query_language(states: &States, named: bool, fields: &Fields<'_>, report: &mut Report) {
    let silent = states.silent_names.len();
    let Some(first) = states.silent_names.first() else {
        return;
    };
    let what = if named { "must be JSONata" } else { "is missing" };
    let whole = silent == states.taken_names.len();
    let message = if whole {
        format!("{what}: this engine knows JSONata only")
    } else {
        format!("{what}, or every state must have a QueryLanguage of JSONata: {silent} do not, the first is `{first}`")
    };
    fields.problem(report, "QueryLanguage", message);
    // Known only after all states, but reported first: it explains their problems.
    report.problems.rotate_right(1);
}

/// Checks that no two states of the whole machine share a name. Returns false if two do.
pub(super) fn names(states: &States, report: &mut Report) -> bool {
    let mut seen = HashSet::new();
    for (name, path) in &states.taken_names {
        if !seen.insert(name) {
            report.problems.push(Problem {
                code: ProblemCode::Name,
                location: Some(location(path, "")),
                line: report.lines.line(path, ""),
                state: Some(name.clone()),
                field: None,
                message: "two states have this name; names are unique in the whole machine".to_owned(),
            });
        }
    }
    seen.len() == states.taken_names.len()
}

/// Takes and checks `ErrorEquals`; `last` is true for the last entry of its list.
pub(super) fn error_equals(item: &mut Fields<'_>, last: bool, report: &mut Report) -> Vec<String> {
    item.required("ErrorEquals", report);
    let mut errors = Vec::new();
    let Some(listed) = item.list("ErrorEquals", report) else {
        return errors;
    };
    if listed.is_empty() {
        item.problem(report, "ErrorEquals", "must hold at least one error name");
    }
    for name in listed {
        let Some(name) = name.as_str() else {
            item.problem(report, "ErrorEquals", "must hold strings only");
            continue;
        };
        let reserved = ErrorName::ALL.iter().any(|known| known.as_str() == name) || NEVER_RAISED.contains(&name);
        if name.starts_with("States.") && !reserved {
            item.problem(
                report,
                "ErrorEquals",
                format!("`{name}` is not a name that the language reserves"),
            );
        }
        errors.push(name.to_owned());
    }
    if errors.iter().any(|name| name == ErrorName::All.as_str()) {
        if errors.len() > 1 {
            item.problem(report, "ErrorEquals", "States.ALL must be the only name in its list");
        }
        if !last {
            item.problem(report, "ErrorEquals", "States.ALL must be in the last entry");
        }
    }
    errors
}

/// Returns the problem of a variable's name, if it has one.
pub(super) fn variable_name(name: &str) -> Option<String> {
    if name == "states" {
        return Some("`states` is reserved".to_owned());
    }
    let mut characters = name.chars();
    let fine = characters.next().is_some_and(|first| first.is_alphabetic())
        && characters.all(|next| next.is_alphanumeric() || next == '_')
        && name.chars().count() <= 80;
    (!fine).then(|| {
        "a variable's name begins with a letter, contains only letters, digits and `_`, and has at most 80 \
         characters"
            .to_owned()
    })
}

/// Checks the arguments of `lambda:invoke` as far as the definition shows them.
pub(super) fn invoke_arguments(arguments: Option<&Template>, fields: &Fields<'_>, report: &mut Report) {
    let names: Vec<&str> = match arguments {
        None => {
            fields.problem(report, "Arguments", "is missing: lambda:invoke needs FunctionName");
            return;
        }
        Some(Template::Object(object)) => {
            let name = object.iter().find(|(name, _)| name == "FunctionName");
            if let Some((_, Template::Literal(value))) = name
                && !value.is_string()
            {
                fields.problem(report, "Arguments.FunctionName", "must be a string");
            }
            object.iter().map(|(name, _)| name.as_str()).collect()
        }
        Some(Template::Literal(Value::Object(object))) => {
            if object.get("FunctionName").is_some_and(|name| !name.is_string()) {
                fields.problem(report, "Arguments.FunctionName", "must be a string");
            }
            object.keys().map(String::as_str).collect()
        }
        Some(Template::Expression(_)) => return,
        Some(_) => {
            fields.problem(report, "Arguments", "must be an object or one `{% … %}` expression");
            return;
        }
    };
    if !names.contains(&"FunctionName") {
        fields.problem(report, "Arguments.FunctionName", "is missing");
    }
    for name in names.iter().filter(|name| !["FunctionName", "Payload"].contains(name)) {
        fields.problem(
            report,
            &format!("Arguments.{name}"),
            "not supported; FunctionName and Payload are",
        );
    }
}
