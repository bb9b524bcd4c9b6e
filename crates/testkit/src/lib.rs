//! Test doubles of everything outside Holdfast: a model provider, GitHub, AWS, and real git repositories to review.
//!
//! - [`ModelServer`]: a model provider that answers by a [`Script`] and keeps a journal of its requests.
//! - [`FakeGithub`]: GitHub's REST API, and the used part of GraphQL, with state, its rules, and a plan of faults.
//! - [`FakeCloud`]: the part of AWS that a Lambda function uses; hands its program one event at a time.
//! - [`Repository`]: git repositories in a temporary directory, made with the git command line.
//! - [`limited_provider`]: a provider in memory with limits and outages, in [`virtual_time`].
//! - [`port`]: the domain's ports in memory, [`logs`] with faults; [`planted`]: a report with a secret in every text.
//!
//! Each server listens on loopback with its own threads, so it works under any runtime, under paused time, and for
//! child processes. Only [`port`], [`logs`] and [`limited_provider`] use Holdfast's own types: the other doubles check
//! Holdfast from outside.

// The API's larger objects are single `json!` literals.
#![recursion_limit = "256"]

mod error;
mod executions;
mod git;
pub mod github;
mod json_lines;
pub mod lambda;
pub mod limited_provider;
pub mod logs;
mod loopback;
pub mod model_server;
pub mod page;
pub mod planted;
pub mod port;
pub mod repository;
pub mod virtual_reviews;
pub mod virtual_time;

pub use error::TestkitError;
pub use github::{FakeGithub, Fault, Matcher, PullRequest};
pub use lambda::{FakeCloud, ReportedFailure, RunningFunction};
pub use model_server::{Answer, Finding, ModelServer, Script};
pub use page::hidden_field;
pub use repository::Repository;
