//! The engine through its public API, on real files: executions, waits, crashes, and damage to the data directory.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod crash;
mod directory;
mod expressions;
mod journal;
mod map_limits;
mod redrive;
mod runs;
mod scope;
mod storage;
mod support;
mod test_state;
mod waiting;
