//! The exit from a state: its Assign and Output, a Choice's rules, and a Catch.

use serde_json::{Map, Value};

use super::Execution;
use super::advance::Advance;
use super::failure::error_output;
use super::scope::{AddedFields, exceed_variables_limit, exceeds_limit};
use crate::definition::{ChoiceRule, Condition, Exit, State};
use crate::error_name::ErrorName;
use crate::event::{BranchId, EventKind, Failure};
use crate::expression::{Fault, Session, Template};

/// An evaluated exit.
struct Departure {
    assigned: Map<String, Value>,
    output: Value,
}

impl Execution {
    /// Leaves a state that succeeded with `result`; `default` is its output if the definition has none.
    pub(super) fn leave(
        &mut self,
        advance: &mut Advance<'_>,
        id: BranchId,
        state: &State,
        result: Option<&Value>,
        default: &Value,
    ) {
        let Some(branch) = self.branches.get(&id) else { return };
        let added = AddedFields {
            result,
            ..AddedFields::default()
        };
        let mut session = self.session(branch, added, advance.now, || advance.random());
        match depart(&mut session, &state.exit, default, "") {
            Ok(departure) => self.depart(advance, id, state, &state.exit, departure, false),
            Err(fault) => self.evaluation_failed(advance, id, fault),
        }
    }

    /// Leaves a Choice by the first rule that holds, or by its default.
    pub(super) fn choose(&mut self, advance: &mut Advance<'_>, id: BranchId, state: &State, rules: &[ChoiceRule]) {
        let Some(branch) = self.branches.get(&id) else { return };
        let input = branch.input.clone();
        let mut session = self.session(branch, AddedFields::default(), advance.now, || advance.random());
        let (exit, prefix) = match first(&mut session, rules) {
            Ok(Some(position)) => match rules.get(position) {
                Some(rule) => (&rule.exit, format!("Choices[{position}]/")),
                None => return,
            },
            Ok(None) if state.exit.next.is_some() => (&state.exit, String::new()),
            Ok(None) => {
                // AWS documents States.NoChoiceMatched for this, but raises States.Runtime.
                let detail = "Failed to transition out of the state. The state does not point to a next state.";
                let cause = self.explain(branch, detail);
                let failure = Failure::of(ErrorName::Runtime.as_str(), Some(cause));
                return self.branch_failed(advance, id, failure);
            }
            Err(fault) => return self.evaluation_failed(advance, id, fault),
        };
        match depart(&mut session, exit, &input, &prefix) {
            Ok(departure) => self.depart(advance, id, state, exit, departure, false),
            Err(fault) => self.evaluation_failed(advance, id, fault),
        }
    }

    /// Leaves a failed state by one of its catchers.
    pub(super) fn caught(&mut self, advance: &mut Advance<'_>, id: BranchId, failure: &Failure, position: usize) {
        // The machine outlives the borrow of `self`.
        let machine = std::sync::Arc::clone(&self.machine);
        let Some(branch) = self.branches.get(&id) else { return };
        let Some(state) = machine.state(&branch.state) else {
            return;
        };
        let Some(catcher) = state.catch.get(position) else {
            return;
        };
        let error = error_output(failure);
        let added = AddedFields {
            error_output: Some(&error),
            ..AddedFields::default()
        };
        let mut session = self.session(branch, added, advance.now, || advance.random());
        match depart(&mut session, &catcher.exit, &error, &format!("Catch[{position}]/")) {
            Ok(departure) => self.depart(advance, id, state, &catcher.exit, departure, true),
            Err(Fault {
                unanswered: Some(evaluation),
                ..
            }) => self.deferral.request(id, *evaluation),
            Err(fault) => {
                let failure = self.fault(id, fault);
                self.catch_failed(advance, id, failure);
            }
        }
    }

    fn depart(
        &mut self,
        advance: &mut Advance<'_>,
        id: BranchId,
        state: &State,
        exit: &Exit,
        departure: Departure,
        caught: bool,
    ) {
        let Departure { assigned, output } = departure;
        let variables = Value::Object(assigned);
        let kept = self.branches.get(&id).map(|branch| &branch.variables);
        let too_many = kept.zip(variables.as_object());
        let too_many = too_many.is_some_and(|(kept, assigned)| exceed_variables_limit(kept, assigned));
        if too_many || exceeds_limit(&output) || exceeds_limit(&variables) {
            let failure = self.too_large(id);
            return if caught {
                self.catch_failed(advance, id, failure)
            } else {
                self.state_failed(advance, id, failure)
            };
        }
        let Value::Object(assigned) = variables else { return };
        let kind = EventKind::StateExited {
            state: state.kind,
            name: state.name.clone(),
            output,
            assigned,
            next: exit.next.clone(),
        };
        self.push(advance, id, kind);
    }
}

/// Evaluates an exit: all expressions see the variables from before any assignment.
fn depart(session: &mut Session, exit: &Exit, default: &Value, prefix: &str) -> Result<Departure, Fault> {
    let mut evaluate = |template: &Template, field| session.evaluate(template, &format!("{prefix}{field}"));
    let assigned = match exit
        .assign
        .as_ref()
        .map(|assign| evaluate(assign, "Assign"))
        .transpose()?
    {
        Some(Value::Object(assigned)) => assigned,
        _ => Map::new(),
    };
    let output = match &exit.output {
        Some(output) => evaluate(output, "Output")?,
        None => default.clone(),
    };
    Ok(Departure { assigned, output })
}

/// Returns the position of the first rule that holds.
fn first(session: &mut Session, rules: &[ChoiceRule]) -> Result<Option<usize>, Fault> {
    for (position, rule) in rules.iter().enumerate() {
        let holds = match &rule.condition {
            Condition::Constant(constant) => *constant,
            Condition::Expression(expression) => {
                let location = format!("Choices[{position}]/Condition");
                session.typed(expression, &location, "boolean", Value::as_bool)?
            }
        };
        if holds {
            return Ok(Some(position));
        }
    }
    Ok(None)
}
