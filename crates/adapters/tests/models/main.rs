//! The model adapters against a raw server on loopback: every status, every odd answer, every limit.
#![cfg(feature = "models")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod bedrock;
mod odd_answers;
mod requests;
mod router;
mod server;
mod statuses;
