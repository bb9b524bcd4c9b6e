//! A template whose evaluation can cost anything, taken out of its execution: plain data, so that another process can
//! evaluate it and be killed for it.

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
    /// For `$uuid` and `$random`; none where no function beyond JSONata's own may be used.
    pub(super) seed: Option<[u8; 32]>,
    /// The template as the definition has it.
    pub(super) template: Value,
    /// The field that it stands in, for messages.
    pub(super) location: String,
}

/// The value of a template, or why there is none.
pub type Evaluated = Result<Value, EvaluationFault>;

/// Why a template gave no usable value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluationFault {
    pub(super) location: String,
    pub(super) detail: String,
}

impl EvaluationFault {
    /// What happened, in a sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl Evaluation {
    /// Evaluates the template in this process, with no bound on memory and the evaluator's own bound on time.
    pub fn evaluate(&self) -> Evaluated {
        let mut problem = None;
        let readable = Readable {
            error_output: true,
            result: true,
        };
        // The definition that it is from was taken: what AWS would refuse now is evaluated all the same.
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

    /// The answer where the evaluation took too long.
    pub fn timed_out(&self) -> Evaluated {
        Err(self.fault("threw an error during evaluation: Expression evaluation timeout: Check for infinite loop"))
    }

    /// The answer where the evaluation used more memory, or more of the stack, than it may.
    pub fn out_of_memory(&self) -> Evaluated {
        Err(self.fault(
            "threw an error during evaluation: Expression evaluation memory limit exceeded: Check for excessive memory \
             usage",
        ))
    }

    /// The answer where nothing could evaluate it.
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
