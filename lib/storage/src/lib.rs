//! Private files that survive a crash, and SQLite databases opened in one way.
//!
#![doc = include_str!("../README.md")]

pub mod database;
pub mod file;
