//! A report without secrets.

use crate::model::report::Report;

use super::{redact_value, redacted};

impl Report {
    /// Returns the report as it may be shown: no text of it holds a secret, paths included. The stored report keeps the
    /// paths, because GitHub finds a comment's file by it.
    pub fn redacted(&self) -> Self {
        let clean = serde_json::to_value(self).and_then(|mut value| {
            redact_value(&mut value);
            serde_json::from_value(value)
        });
        // A report that cannot be written and read again shows none of its texts.
        clean.unwrap_or_else(|error| Self {
            summary: redacted(&format!("the report cannot be shown: {error}")),
            findings: Vec::new(),
            coverage: Vec::new(),
            notes: Vec::new(),
            private_notes: Vec::new(),
            ..self.clone()
        })
    }
}
