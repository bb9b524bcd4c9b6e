//! The fake GitHub over HTTP: its rules, its faults, and octocrab's view of it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod checks;
mod client;
mod comments;
mod contents;
mod faults;
mod identity;
mod octocrab_models;
mod people;
mod pulls;
mod reviews;
mod threads;
