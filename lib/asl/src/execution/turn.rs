//! One call of `advance`: its moment and the events that it has made; and how an event is made.

use super::{Execution, Status};
use crate::HISTORY_LIMIT_EVENTS;
use crate::error_name::ErrorName;
use crate::event::{BranchId, EventId, EventKind, HistoryEvent, Record, Timestamp};
use crate::stimulus::{Entropy, Moment};

/// The moment, and the events made in it.
pub(super) struct Turn<'m> {
    pub now: Timestamp,
    pub entropy: &'m mut dyn Entropy,
    pub events: Vec<HistoryEvent>,
}

impl<'m> Turn<'m> {
    pub fn new<'a: 'm>(moment: &'m mut Moment<'a>) -> Self {
        Self {
            now: moment.now,
            entropy: &mut *moment.entropy,
            events: Vec::new(),
        }
    }

    /// Random bytes.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

impl Execution {
    /// Makes an event that follows the branch's last one.
    pub(super) fn push(&mut self, turn: &mut Turn<'_>, branch: BranchId, kind: EventKind, record: Record) {
        let previous = self.branches.get(&branch).map_or(0, |branch| branch.last);
        self.push_after(turn, branch, previous, kind, record);
    }

    /// Makes an event that follows another.
    pub(super) fn push_after(
        &mut self,
        turn: &mut Turn<'_>,
        branch: BranchId,
        previous: EventId,
        kind: EventKind,
        record: Record,
    ) {
        if self.status != Status::Running {
            return;
        }
        let numbered = self.last.saturating_sub(self.unnumbered.len() as u64);
        let full = numbered + 1 >= HISTORY_LIMIT_EVENTS && kind.is_numbered();
        let (kind, record) = if full && !kind.is_end() {
            let kind = EventKind::ExecutionFailed {
                error: Some(ErrorName::Runtime.as_str().to_owned()),
                cause: Some(format!(
                    "The execution reached the maximum number of history events ({HISTORY_LIMIT_EVENTS})."
                )),
            };
            (kind, Record::default())
        } else {
            (kind, record)
        };
        let id = self.last + 1;
        let event = HistoryEvent {
            id,
            previous,
            at: turn.now,
            kind,
            record: Record {
                branch,
                unnumbered: self.unnumbered_before(id),
                unnumbered_previous: self.unnumbered_before(previous),
                ..record
            },
        };
        self.fold(&event);
        self.deferral.forget(branch);
        turn.events.push(event);
    }

    /// An event's number as AWS counts.
    pub(super) fn aws_id(&self, id: EventId) -> EventId {
        id.saturating_sub(self.unnumbered_before(id))
    }

    fn unnumbered_before(&self, id: EventId) -> u64 {
        self.unnumbered.partition_point(|unnumbered| *unnumbered < id) as u64
    }
}

impl EventKind {
    /// Whether it ends the execution.
    pub(crate) fn is_end(&self) -> bool {
        matches!(
            self,
            Self::ExecutionSucceeded { .. }
                | Self::ExecutionFailed { .. }
                | Self::ExecutionTimedOut { .. }
                | Self::ExecutionAborted { .. }
        )
    }
}
