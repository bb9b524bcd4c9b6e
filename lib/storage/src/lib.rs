//! Private files that survive a crash, and SQLite databases opened in one way.
//!
#![doc = include_str!("../README.md")]
#![warn(clippy::missing_errors_doc)]

pub mod database;
pub mod file;
