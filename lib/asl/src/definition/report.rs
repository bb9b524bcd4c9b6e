//! The list of problems of a definition.

use std::fmt;

/// One problem of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line in the definition's text, from 1: the field's, or that of the object that lacks it.
    pub line: usize,
    /// The state it is in, with the states around it (`Outer/Inner`); none for the machine itself.
    pub state: Option<String>,
    /// The field, with its path inside the state (`Retry[0].ErrorEquals`); none for the state as a whole.
    pub field: Option<String>,
    /// The problem, and the allowed values.
    pub message: String,
    /// Its kind.
    pub code: ProblemCode,
    /// Where it is, as AWS writes it (`/States/Outer/Retry[0]/ErrorEquals`); none where that is unknown.
    pub location: Option<String>,
}

/// The kinds of problems that AWS distinguishes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum ProblemCode {
    /// The text isn't JSON.
    Json,
    /// A transition leads nowhere, or none leads to the state.
    Target,
    /// Two states have one name.
    Name,
    /// Any other.
    #[default]
    Schema,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match (&self.state, &self.field) {
            (Some(state), Some(field)) => write!(f, "state `{state}`, field `{field}`: ")?,
            (Some(state), None) => write!(f, "state `{state}`: ")?,
            (None, Some(field)) => write!(f, "field `{field}`: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)
    }
}

/// All problems of a definition, in the definition's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionErrors {
    /// The problems; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for DefinitionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the state machine's definition has {} problem(s):",
            self.problems.len()
        )?;
        for problem in &self.problems {
            write!(f, "\n  - {problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DefinitionErrors {}
