//! Doubles for what stands outside Holdfast: a model provider, GitHub, and real git repositories to review.
//!
//! - [`ModelServer`]: answers as a model provider does, by a [`Script`], and keeps a journal of what it was asked.
//! - [`FakeGithub`]: a GitHub REST API with state, its rules, and a plan of faults.
//! - [`FakeCloud`]: what a Lambda function sees of AWS, and one event at a time for its program.
//! - [`Repository`]: git repositories in a temporary directory, made with the git command line.
//! - [`port`]: the domain's ports in memory; [`planted`]: a report with a secret in every text.
//!
//! The servers listen on loopback, each on threads of its own, so they work under any runtime, under paused
//! time, and for child processes. Only [`port`] knows Holdfast's own types: what the others check is what is
//! seen from outside.

// The API's larger objects are single `json!` literals.
#![recursion_limit = "256"]

mod error;
mod executions;
mod git;
pub mod github;
mod json_lines;
pub mod lambda;
mod loopback;
pub mod model_server;
pub mod page;
pub mod planted;
pub mod port;
pub mod repository;

pub use error::TestkitError;
pub use github::{FakeGithub, Fault, Matcher, PullRequest};
pub use lambda::{FakeCloud, ReportedFailure, RunningFunction};
pub use model_server::{Answer, Finding, ModelServer, Script};
pub use page::hidden_field;
pub use repository::Repository;
