//! A template of unbounded cost, taken out of its execution as plain data: another process can evaluate it, and be
//! killed if it takes too long.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::session::{Fault, Session};
use super::{Expression, Readable, Template};
use crate::event::Timestamp;

/// A template to be evaluated elsewhere, with everything that its expressions can see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The variables, `states` among them.
    pub(super) bindings: Map<String, Value>,
    pub(super) now: Timestamp,
    /// For `$uuid` and `$random`; none if the template may use only JSONata's own functions.
    pub(super) seed: Option<[u8; 32]>,
    /// The template in the definition's form.
    pub(super) template: Value,
    /// The field that holds it, for messages.
    pub(super) location: String,
}

/// The value of a template, or the reason why it has none.
pub type Evaluated = Result<Value, EvaluationFault>;

/// The reason why a template has no usable value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationFault {
    pub(super) location: String,
    pub(super) detail: String,
}

impl EvaluationFault {
    /// Returns the reason as a sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl Evaluation {
    /// Evaluates the template in this process. The evaluator limits its time, but nothing limits its memory.
    ///
    /// # Errors
    /// The template can't be parsed, or its expression fails.
    pub fn evaluate(&self) -> Evaluated {
        let mut problem = None;
        let readable = Readable {
            error_output: true,
            result: true,
        };
        // The definition was accepted earlier: an expression that AWS would refuse now is evaluated all the same.
        let template = Template::parse(&self.template, "", readable, &mut |_, refusal| {
            if !refusal.tolerated {
                problem = Some(refusal.message);
            }
        });
        if let Some(problem) = problem {
            return Err(self.fault(&problem));
        }
        let mut session = Session::of(&self.bindings, self.now, self.seed);
        session
            .evaluate(&template, &self.location)
            .map_err(|fault| EvaluationFault {
                location: fault.location,
                detail: fault.detail,
            })
    }

    /// Returns the answer for an evaluation that took too long.
    ///
    /// # Errors
    /// Always.
    pub fn timed_out(&self) -> Evaluated {
        Err(self.fault("threw an error during evaluation: Expression evaluation timeout: Check for infinite loop"))
    }

    /// Returns the answer for an evaluation that exceeded its limit of memory or stack.
    ///
    /// # Errors
    /// Always.
    pub fn out_of_memory(&self) -> Evaluated {
        Err(self.fault(
            "threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive memory \
             usage",
        ))
    }

    /// Returns the answer if nothing could evaluate the template.
    ///
    /// # Errors
    /// Always.
    pub fn failed(&self, why: &str) -> Evaluated {
        Err(self.fault(&format!("could not be evaluated: {why}")))
    }

    fn fault(&self, what: &str) -> EvaluationFault {
        let location = &self.location;
        let source = self.template.as_str().and_then(Expression::delimited);
        EvaluationFault {
            detail: match source {
                Some(source) => {
                    format!("The JSONata expression '{source}' specified for the field '{location}' {what}")
                }
                None => format!("A JSONata expression specified for the field '{location}' {what}"),
            },
            location: location.clone(),
        }
    }
}

impl From<EvaluationFault> for Fault {
    fn from(fault: EvaluationFault) -> Self {
        Self {
            location: fault.location,
            detail: fault.detail,
            unanswered: None,
        }
    }
}
