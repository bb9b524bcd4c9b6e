//! A state machine's definition, parsed and checked. The data of a state is in `state`, its parser in `parse` and its
//! neighbours, the checks of the whole graph in `check`.

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
    /// The definition is invalid, or uses something that this engine does not implement.
    pub fn parse(text: &str) -> Result<Self, DefinitionErrors> {
        parse::machine(text)
    }

    /// Parses the definition of a stored execution. It may contain features that only AWS refuses: earlier versions of
    /// this engine accepted them.
    ///
    /// # Errors
    /// The definition uses something that this engine does not implement.
    pub fn parse_stored(text: &str) -> Result<Self, DefinitionErrors> {
        parse::stored(text)
    }

    /// Returns the machine that a DISTRIBUTED Map runs for each item; none for any other name.
    pub fn item_processor(&self, map_state: &str) -> Option<Arc<StateMachine>> {
        self.state(map_state)?.distributed().cloned()
    }

    /// Returns the definition's `Comment`.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// Returns the names of all states, nested ones included, in the definition's order.
    pub fn state_names(&self) -> Vec<String> {
        self.states().into_iter().map(|state| state.name).collect()
    }

    /// Returns all states, nested ones included, in the definition's order.
    pub fn states(&self) -> Vec<StateSummary> {
        summary::of(self)
    }

    /// Returns a state of this machine; none for a state of a distributed Map's children.
    pub(crate) fn state(&self, name: &str) -> Option<&State> {
        self.states.get(name)
    }
}
