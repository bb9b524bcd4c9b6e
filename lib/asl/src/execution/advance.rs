//! One call of `advance`: its moment, and the events that it makes.

use super::{Execution, Status};
use crate::HISTORY_LIMIT_EVENTS;
use crate::error_name::ErrorName;
use crate::event::{BranchId, EventId, EventKind, HistoryEvent, Timestamp};
use crate::stimulus::{Entropy, Moment};

/// The moment, and the events made so far.
pub(super) struct Advance<'m> {
    pub now: Timestamp,
    pub entropy: &'m mut dyn Entropy,
    pub events: Vec<HistoryEvent>,
}

impl<'m> Advance<'m> {
    pub fn new<'a: 'm>(moment: &'m mut Moment<'a>) -> Self {
        Self {
            now: moment.now,
            entropy: &mut *moment.entropy,
            events: Vec::new(),
        }
    }

    /// Returns random bytes.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }
}

impl Execution {
    /// Adds an event that follows the branch's last one.
    pub(super) fn push(&mut self, advance: &mut Advance<'_>, branch: BranchId, kind: EventKind) {
        let previous = self.branches.get(&branch).map_or(0, |branch| branch.last);
        self.push_after(advance, branch, previous, kind);
    }

    /// Adds an event that follows the event `previous`.
    pub(super) fn push_after(
        &mut self,
        advance: &mut Advance<'_>,
        branch: BranchId,
        previous: EventId,
        kind: EventKind,
    ) {
        if self.status != Status::Running {
            return;
        }
        let numbered = self.last.saturating_sub(self.unnumbered.len() as u64);
        let full = numbered + 1 >= HISTORY_LIMIT_EVENTS && kind.is_numbered();
        let kind = if full && !kind.is_end() {
            EventKind::ExecutionFailed {
                error: Some(ErrorName::Runtime.as_str().to_owned()),
                cause: Some(format!(
                    "The execution reached the maximum number of history events ({HISTORY_LIMIT_EVENTS})."
                )),
            }
        } else {
            kind
        };
        let id = self.last + 1;
        let event = HistoryEvent {
            id,
            previous,
            at: advance.now,
            kind,
            branch,
            unnumbered: self.unnumbered_before(id),
            unnumbered_previous: self.unnumbered_before(previous),
        };
        self.fold(&event);
        self.deferral.forget(branch);
        advance.events.push(event);
    }

    /// Returns an event's number in AWS's numbering.
    pub(super) fn aws_id(&self, id: EventId) -> EventId {
        id.saturating_sub(self.unnumbered_before(id))
    }

    fn unnumbered_before(&self, id: EventId) -> u64 {
        self.unnumbered.partition_point(|unnumbered| *unnumbered < id) as u64
    }
}
