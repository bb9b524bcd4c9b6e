//! The model adapters against a raw server on loopback: every status, every odd answer, every limit.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod batches;
mod bytes;
mod odd_answers;
mod requests;
mod router;
mod server;
mod servers;
mod statuses;
