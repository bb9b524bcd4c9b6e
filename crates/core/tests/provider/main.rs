//! A provider's budget and circuit breaker: entry by entry, in a simulation, in random orders, and over a log.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed step fails the test")]
#![expect(clippy::print_stdout, reason = "the simulation prints its figures")]

mod breaker;
mod budget;
mod github_writes;
mod logs;
mod orders;
mod simulation;
