//! The clock of a shared state: the latest time that a caller brought.

/// Maximum difference between the clocks of two callers, in milliseconds. Within it a state never goes back in time, so
/// it grants at most one more burst than the fastest clock alone would. A hold must exceed the time limit of its call
/// by this much. A caller further behind proves that an earlier one was ahead: the state then moves back to its time.
pub const MAX_SKEW_MS: u64 = 60_000;

/// Advances `now_ms` to the time that a caller brought. Returns the milliseconds by which all times of the state have
/// to move back, if the caller is further behind than [`MAX_SKEW_MS`].
pub(super) fn advance(now_ms: &mut u64, seen_ms: u64) -> Option<u64> {
    let behind_ms = now_ms.saturating_sub(seen_ms);
    if behind_ms > MAX_SKEW_MS {
        *now_ms = seen_ms;
        return Some(behind_ms);
    }
    *now_ms = seen_ms.max(*now_ms);
    None
}

/// Moves a time back.
pub(super) fn move_back(time_ms: &mut u64, by_ms: u64) {
    *time_ms = time_ms.saturating_sub(by_ms);
}
