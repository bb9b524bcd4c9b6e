//! The domain of Holdfast, pure: what a review is and how it is decided.
//!
//! `model` holds the data, `policy_file` finds a repository's settings, `claim` decides which run may write, `content` decides what a changed file is, `identity` pins what decides a run's outcome, `intake` turns a delivery into a run, `diff` reads hunks, `port` names what the stages need from outside, `prompt` writes what a
//! model is asked, `validate` checks what it answers, `filter` knows noise, `gate` decides what needs a person, `render` writes for people, `rule` finds secrets, `stage` has one file for each task state of the workflow, `webhook` reads what GitHub delivers. No clock, no
//! environment, no network, no files: `clippy.toml` beside this crate's manifest holds that.

pub mod announcement;
pub mod approval;
pub mod artifact;
pub mod claim;
pub mod content;
pub mod count;
pub mod diff;
pub mod error;
pub mod filter;
pub mod gate;
pub mod identity;
pub mod intake;
pub mod model;
pub mod policy_file;
pub mod port;
pub mod prompt;
pub mod render;
pub mod rows;
pub mod rule;
pub mod safe_text;
pub mod stage;
pub mod sweep;
pub mod validate;
pub mod visible;
pub mod webhook;
