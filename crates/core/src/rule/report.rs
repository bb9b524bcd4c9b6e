//! Redacts reports.

use crate::model::report::Report;

use super::{redact_value, redacted};

impl Report {
    /// Returns the report without secrets in any text, including paths. The stored report keeps the paths, because
    /// GitHub finds a comment's file by its path.
    pub fn redacted(&self) -> Self {
        let clean = serde_json::to_value(self).and_then(|mut value| {
            redact_value(&mut value);
            serde_json::from_value(value)
        });
        // A report that can't be serialised and parsed again shows none of its texts.
        clean.unwrap_or_else(|error| Self {
            summary: redacted(&format!("the report cannot be shown: {error}")),
            findings: Vec::new(),
            silenced: Vec::new(),
            coverage: Vec::new(),
            notes: Vec::new(),
            private_notes: Vec::new(),
            ..self.clone()
        })
    }
}
