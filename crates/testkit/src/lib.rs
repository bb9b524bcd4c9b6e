//! Doubles for what stands outside Holdfast: a model provider, GitHub, and real git repositories to review.
//!
//! - [`ModelServer`]: answers as a model provider does, by a [`Script`], and keeps a journal of what it was asked.
//! - [`FakeGithub`]: a GitHub REST API with state, its rules, and a plan of faults.
//! - [`Repository`]: git repositories in a temporary directory, made with the git command line.
//!
//! Both servers listen on loopback, each on a thread of its own, so they work under any runtime, under paused
//! time, and for child processes. Nothing here knows Holdfast's own types: what it checks is what is seen from outside.

// The API's larger objects are single `json!` literals.
#![recursion_limit = "256"]

mod error;
mod git;
pub mod github;
mod json_lines;
mod loopback;
pub mod model_server;
pub mod repository;

pub use error::TestkitError;
pub use github::{FakeGithub, Fault, Matcher, PullRequest};
pub use model_server::{Answer, Finding, ModelServer, Script};
pub use repository::Repository;
