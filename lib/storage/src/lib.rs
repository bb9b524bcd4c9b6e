//! Private files that survive a power cut, and SQLite databases that are all opened with the same settings.
//!
#![doc = include_str!("../README.md")]

pub mod database;
pub mod file;
