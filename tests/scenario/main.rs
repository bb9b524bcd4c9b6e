//! The real program from the outside: its output, its exit status, and what the servers it talks to were asked.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod afterwards;
mod bad_input;
mod browser;
mod kills;
mod models;
mod pull_request;
mod replay;
mod replay_differs;
mod review;
mod serve;
mod setup;
mod support;
mod waiting;
