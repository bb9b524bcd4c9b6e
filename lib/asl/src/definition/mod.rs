//! A state machine's definition, parsed and checked. What a state holds is in `state`; how it is read in `parse`
//! and its neighbours; the checks over the whole graph in `check`.

mod check;
mod fields;
mod lines;
mod parse;
mod parse_map;
mod parse_state;
mod report;
mod scopes;
mod state;
mod summary;

use std::collections::HashMap;
use std::sync::Arc;

pub use report::{DefinitionErrors, Problem, ProblemCode};
pub(crate) use state::{
    Catcher, ChoiceRule, Condition, Exit, Flow, ItemBatcher, ItemReader, MapState, Mode, Resource, Retrier, State,
    StateBody, TaskState, WaitUntil, Writer,
};
pub use summary::StateSummary;

/// A checked definition. Immutable; shared as `Arc<StateMachine>`.
#[derive(Debug)]
pub struct StateMachine {
    comment: Option<String>,
    /// The execution's time limit, in seconds.
    pub(crate) timeout_seconds: Option<u64>,
    /// The states of the top level.
    pub(crate) flow: Flow,
    /// All states but those of distributed children, by name.
    states: HashMap<String, State>,
}

impl StateMachine {
    /// Parses and checks a definition; reports every problem at once.
    ///
    /// ```
    /// use holdfast_asl::StateMachine;
    ///
    /// let machine = StateMachine::parse(
    ///     r#"{ "QueryLanguage": "JSONata", "StartAt": "Done", "States": { "Done": { "Type": "Succeed" } } }"#,
    /// )?;
    /// assert_eq!(machine.state_names(), ["Done"]);
    ///
    /// let problems = StateMachine::parse(
    ///     r#"{ "QueryLanguage": "JSONata", "StartAt": "Gone", "States": { "Done": { "Type": "Succeed" } } }"#,
    /// );
    /// assert!(problems.unwrap_err().to_string().contains("Gone"));
    /// # Ok::<(), holdfast_asl::DefinitionErrors>(())
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong, and everything that this engine does not implement.
    pub fn parse(text: &str) -> Result<Self, DefinitionErrors> {
        parse::machine(text)
    }

    /// Parses the definition of an execution that is stored already. It may hold what only AWS refuses, and what earlier
    /// versions of this engine took.
    ///
    /// # Errors
    /// Everything in it that this engine does not implement.
    pub fn parse_stored(text: &str) -> Result<Self, DefinitionErrors> {
        parse::stored(text)
    }

    /// The machine that a DISTRIBUTED Map runs for each item; none for any other name.
    pub fn item_processor(&self, map_state: &str) -> Option<Arc<StateMachine>> {
        self.state(map_state)?.distributed().cloned()
    }

    /// The definition's `Comment`.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The names of all states, nested ones included, in the definition's order.
    pub fn state_names(&self) -> Vec<String> {
        self.states().into_iter().map(|state| state.name).collect()
    }

    /// All states, nested ones included, in the definition's order.
    pub fn states(&self) -> Vec<StateSummary> {
        summary::of(self)
    }

    /// A state of this machine, distributed children's states left out.
    pub(crate) fn state(&self, name: &str) -> Option<&State> {
        self.states.get(name)
    }
}
