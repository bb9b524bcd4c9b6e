//! The durable runner from outside, on real files: what it runs, and what its data directory withstands.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod crash;
mod directory;
mod expressions;
mod journal;
mod redrive;
mod runs;
mod scope;
mod storage;
mod support;
mod waiting;
