//! The real program `holdfast engine` through AWS's own client, with functions behind a small Lambda endpoint.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod at_once;
mod executions;
mod hostile;
mod kills;
mod machines;
mod maps;
mod protocol;
mod serve;
mod support;
mod tags;
mod tasks;
mod test_state;
