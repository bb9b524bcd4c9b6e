//! The budget's reservations, and the return of calls after a refusal.

use serde::{Deserialize, Serialize};

use super::clock::move_back;
use super::share::Waiting;

/// A call that waits or is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
pub(super) struct Reservation {
    pub call: u64,
    pub tenant: u32,
    /// The tenant's shares.
    pub shares: u8,
    pub run: u32,
    /// Estimated tokens.
    pub tokens: u64,
    /// Tokens that the grant charged.
    pub charged: u64,
    /// Its slot in the rates.
    pub slot_ms: u64,
    /// The end of its wait; of a granted call the time of the grant.
    pub since_ms: u64,
    pub hold_ms: u64,
    pub passed: u8,
    pub urgent: bool,
    pub granted: bool,
    /// True if it waits for a concurrent call, and has a place before newcomers.
    pub ticket: bool,
}

/// A reservation as it is stored: 2,000 of them have to fit into a row. The last number holds the tenant's shares
/// beyond the first from bit 8 on, `passed` and the flags.
type Packed = (u64, u32, u32, u64, u64, u64, u64, u64, u16);

impl From<Packed> for Reservation {
    fn from((call, tenant, run, tokens, charged, slot_ms, since_ms, hold_ms, last): Packed) -> Self {
        let [more_shares, flags] = last.to_be_bytes();
        Self {
            call,
            tenant,
            shares: more_shares.saturating_add(1),
            run,
            tokens,
            charged,
            slot_ms,
            since_ms,
            hold_ms,
            passed: flags >> 3,
            ticket: flags & 4 != 0,
            urgent: flags & 2 != 0,
            granted: flags & 1 != 0,
        }
    }
}

impl From<Reservation> for Packed {
    fn from(of: Reservation) -> Self {
        let flags = (of.passed << 3) | (u8::from(of.ticket) << 2) | (u8::from(of.urgent) << 1) | u8::from(of.granted);
        let last = u16::from_be_bytes([of.shares.saturating_sub(1), flags]);
        (
            of.call,
            of.tenant,
            of.run,
            of.tokens,
            of.charged,
            of.slot_ms,
            of.since_ms,
            of.hold_ms,
            last,
        )
    }
}

impl Reservation {
    /// Returns the time at which its caller comes back.
    pub fn due_ms(&self) -> u64 {
        self.since_ms.max(self.slot_ms)
    }

    pub fn move_back(&mut self, by_ms: u64) {
        move_back(&mut self.slot_ms, by_ms);
        move_back(&mut self.since_ms, by_ms);
    }

    pub fn is_expired(&self, now_ms: u64) -> bool {
        let from_ms = if self.granted { self.since_ms } else { self.due_ms() };
        now_ms >= from_ms.saturating_add(self.hold_ms)
    }

    pub fn waiting(&self, at: usize) -> Waiting {
        Waiting {
            at,
            tenant: self.tenant,
            shares: self.shares,
            run: self.run,
            urgent: self.urgent,
            passed: self.passed,
        }
    }
}

/// The return of calls after a refusal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Resumption {
    /// Nobody is granted before.
    pub from_ms: u64,
    /// The next slot. In the past if nobody has to be spread any more.
    pub next_ms: u64,
    pub gap_ms: u64,
}

impl Resumption {
    pub fn move_back(&mut self, by_ms: u64) {
        move_back(&mut self.from_ms, by_ms);
        move_back(&mut self.next_ms, by_ms);
    }

    /// Returns the slot of a call that could start at `slot_ms`.
    pub fn slot(&mut self, slot_ms: u64, now_ms: u64) -> u64 {
        if self.next_ms <= now_ms {
            return slot_ms;
        }
        let slot_ms = slot_ms.max(self.next_ms);
        self.next_ms = slot_ms.saturating_add(self.gap_ms);
        slot_ms
    }
}
