//! A journal's file: one JSON document a line, written before the answer leaves, so that a test can read it after the
//! process was killed. Each journal defines the content of its lines.

use crate::error::TestkitError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// An append-only file of JSON lines.
#[derive(Debug)]
pub(crate) struct JsonLines(File);

impl JsonLines {
    pub(crate) fn append_to(path: &Path) -> Result<Self, TestkitError> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map(Self)
            .map_err(|source| TestkitError::File {
                path: path.into(),
                source,
            })
    }

    /// Appends a line by one write, so that lines of two writers never mix.
    pub(crate) fn append(&mut self, line: &impl Serialize) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.0.write_all(&bytes)?;
        self.0.flush()
    }

    /// Reads every whole line. A last line without its newline was cut off by a kill and is left out.
    pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, TestkitError> {
        let text = std::fs::read_to_string(path).map_err(|source| TestkitError::File {
            path: path.into(),
            source,
        })?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole.lines().enumerate().filter(|(_, line)| !line.is_empty());
        lines
            .map(|(index, line)| {
                serde_json::from_str(line).map_err(|source| TestkitError::JournalLine {
                    path: path.into(),
                    line: index + 1,
                    source,
                })
            })
            .collect()
    }
}
