//! Amazon States Language with JSONata: parse and check a definition, then advance a history.
//!
//! Everything here is pure: no I/O, clock, environment or threads, except that the evaluator of expressions watches its
//! time limit. Time and randomness come in through [`Moment`], everything that happens as a [`Stimulus`]. The results
//! are [`HistoryEvent`]s and [`Command`]s: the embedding engine stores the events, runs the commands and fires the
//! timers.

mod command;
mod definition;
mod error_name;
mod event;
mod execution;
mod expression;
mod payload;
mod picture;
mod stimulus;

pub use command::{Command, InputType, ItemSource, OutputType, ResultWriter, TimerKey, TimerPurpose, Transformation};
pub use definition::{DefinitionErrors, Problem, ProblemCode, StateMachine, StateSummary};
pub use error_name::ErrorName;
pub use event::{
    Batcher, Deadlines, EventId, EventKind, Failure, HistoryEvent, InRecord, MapPlan, Retrial, StateFailure, StateKind,
    Timestamp, WaitEnd,
};
pub use execution::{EvaluationKey, Execution, Identity, MapChild, MapItem, NotRedrivable, Status};
pub use expression::{Evaluated, Evaluation, EvaluationFault};
pub use payload::{parse_payload, payload_text};
pub use picture::{RunPath, picture};
pub use stimulus::{Entropy, Moment, Stimulus, StimulusRejected, TaskFailure};

/// The largest payload between states, in bytes of its JSON: 256 KiB.
pub const PAYLOAD_LIMIT_BYTES: usize = 262_144;
/// The maximum number of events in one execution's history.
pub const HISTORY_LIMIT_EVENTS: u64 = 25_000;

/// Returns true if a value may be a payload between states: at most 256 KiB of JSON, nested at most 100 levels deep.
pub fn is_payload(value: &serde_json::Value) -> bool {
    execution::is_payload(value)
}
