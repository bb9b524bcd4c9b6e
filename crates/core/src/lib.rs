//! The domain of Holdfast, as pure code. It has no clock, environment, network or files; `clippy.toml` beside this
//! crate's manifest forbids them.
//!
//! - `model`: the data types; `error`, `artifact`, `rows`, `logs`: failures, stored documents, rows and logs
//! - `stage`: one file for each task state of the workflow; `port`: the interfaces that stages need from outside
//! - `provider`: a model provider's budget and circuit breaker, shared by all reviews
//! - `webhook`, `intake`, `identity`: from a delivery to a named run
//! - `policy_file`, `starter`: a repository's settings, and the proposal of `holdfast init`
//! - `content`, `diff`, `filter`: changed files, hunks, noise
//! - `dependency`: the dependencies that lock files update
//! - `rule`, `prompt`, `validate`: secrets, prompts, checks of a model's answer
//! - `evidence`: reports of the team's own tools; `silence`: comments in the code that silence findings
//! - `fix`: suggestions in the files of a work tree
//! - `ledger`: findings that keep their identity from run to run
//! - `gate`, `approval`, `withhold`: findings that require a person's approval, the decisions, and what is published
//!   without one
//! - `claim`, `announcement`, `sweep`: the run that may write, its effects and their undo
//! - `retry`, `redrive`: reviews that an outage ended, and their next attempt
//! - `render`, `safe_text`, `visible`, `count`: texts for people, without a stranger's markup

pub mod announcement;
pub mod approval;
pub mod artifact;
pub mod claim;
pub mod content;
pub mod count;
pub mod dependency;
pub mod diff;
pub mod error;
pub mod evidence;
pub mod filter;
pub mod fix;
pub mod gate;
pub mod identity;
pub mod intake;
pub mod ledger;
pub mod logs;
pub mod model;
pub mod policy_file;
pub mod port;
pub mod prompt;
pub mod provider;
pub mod pull_ledger;
pub mod quality;
pub mod redrive;
pub mod render;
pub mod retry;
pub mod rows;
pub mod rule;
pub mod safe_text;
pub mod silence;
pub mod stage;
pub mod starter;
pub mod sweep;
pub mod team_rules;
pub mod validate;
pub mod visible;
pub mod webhook;
pub mod withhold;
