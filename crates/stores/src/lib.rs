//! This machine's storage: artifacts as files ([`files`]) and rows in SQLite ([`sqlite`]).
//!
//! Bounds: a key has at most 1,024 bytes (artifacts) or 900 (rows), a row's value at most 100 KiB. Errors: the port's
//! `StoreError` and `RowError`, and [`sqlite::TablesError`] if the tables' file can't be opened; each names the file
//! and the remedy.

pub mod files;
pub mod sqlite;
