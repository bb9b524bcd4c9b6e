//! An execution as a fold over its history, with its public functions. The fold is in `fold`, the handling of a
//! stimulus in `accept`, the decisions in `decide` and its neighbours, the outstanding commands in `outstanding`,
//! evaluations elsewhere in `deferral`.

mod accept;
mod advance;
mod branch;
mod children;
mod decide;
mod deferral;
mod failure;
mod fold;
mod fold_branch;
mod leave;
mod map;
mod map_children;
mod outstanding;
mod redrive;
mod scope;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use self::branch::Branch;
use self::deferral::Deferral;
pub use self::deferral::EvaluationKey;
pub use self::map_children::MapChild;
pub use self::redrive::NotRedrivable;
use self::redrive::SetAside;
use crate::definition::StateMachine;
use crate::event::{BranchId, EventId, HistoryEvent, Timestamp};
use crate::stimulus::{Moment, Stimulus, StimulusRejected};

/// An execution's identity, which `$states.context` shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The execution's ARN.
    pub execution_arn: String,
    /// The execution's name.
    pub execution_name: String,
    /// The state machine's ARN.
    pub state_machine_arn: String,
    /// The state machine's name.
    pub state_machine_name: String,
    /// The role's ARN.
    pub role_arn: String,
    /// The time of the start.
    pub start: Timestamp,
    /// The execution's input.
    pub input: Value,
    /// The item, for a distributed map's child.
    pub map_item: Option<MapItem>,
}

/// A map's item, as `$states.context.Map.Item` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct MapItem {
    /// Its position, from 0.
    pub index: u64,
    /// The item before `ItemSelector`.
    pub value: Value,
}

/// The status of an execution.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of DescribeExecution")]
pub enum Status {
    Running,
    Succeeded {
        output: Value,
    },
    Failed {
        error: Option<String>,
        cause: Option<String>,
    },
    TimedOut {
        error: Option<String>,
        cause: Option<String>,
    },
    Aborted {
        error: Option<String>,
        cause: Option<String>,
    },
}

/// An execution: a fold over its history, which decides the next events.
#[derive(Clone, Debug)]
pub struct Execution {
    machine: Arc<StateMachine>,
    identity: Identity,
    status: Status,
    started: bool,
    last: EventId,
    /// The time at which the whole execution times out.
    deadline: Option<Timestamp>,
    /// The threads of control: 0 is the execution's own.
    branches: BTreeMap<BranchId, Branch>,
    next_branch: BranchId,
    /// The work of failed Map and Parallel states, for a redrive.
    set_aside: BTreeMap<BranchId, SetAside>,
    redrives: u64,
    redriven_at: Option<Timestamp>,
    /// Tokens that are no longer valid.
    closed_tokens: BTreeSet<String>,
    /// Events that AWS's numbering leaves out.
    unnumbered: Vec<EventId>,
    /// The evaluations that happen elsewhere.
    deferral: Deferral,
}

impl Execution {
    /// Creates an execution without a history.
    pub fn new(machine: Arc<StateMachine>, identity: Identity) -> Self {
        Self {
            machine,
            identity,
            status: Status::Running,
            started: false,
            last: 0,
            deadline: None,
            branches: BTreeMap::new(),
            next_branch: 0,
            set_aside: BTreeMap::new(),
            redrives: 0,
            redriven_at: None,
            closed_tokens: BTreeSet::new(),
            unnumbered: Vec::new(),
            deferral: Deferral::default(),
        }
    }

    /// Folds one stored event. Evaluates nothing and never panics.
    pub fn apply(&mut self, event: &HistoryEvent) {
        self.fold(event);
        self.deferral.forget(event.branch);
    }

    /// Decides which events follow a stimulus, applies them and returns them. The caller stores them in one
    /// transaction. Advances until everything waits for another stimulus.
    ///
    /// # Errors
    /// The stimulus fits nothing outstanding; nothing has changed.
    pub fn advance(
        &mut self,
        stimulus: Stimulus,
        moment: &mut Moment<'_>,
    ) -> Result<Vec<HistoryEvent>, StimulusRejected> {
        let mut advance = advance::Advance::new(moment);
        self.accept(stimulus, &mut advance)?;
        self.run(&mut advance);
        Ok(advance.events)
    }

    /// Returns the status.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Returns the id of the last event; 0 before the first.
    pub fn last_event_id(&self) -> EventId {
        self.last
    }
}

/// Returns true if a value may be a payload.
pub(crate) fn is_payload(value: &Value) -> bool {
    !scope::exceeds_limit(value)
}
