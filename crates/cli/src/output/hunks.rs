//! The lines of the diff at which findings are, without secrets.

use std::collections::BTreeMap;

use holdfast_core::diff::{DiffLine, Hunk, parse_patch};
use holdfast_core::model::change::Change;
use holdfast_core::model::finding::Finding;
use holdfast_core::rule::redact_hunks;

/// The hunks of each file that has a finding, without secrets.
#[derive(Debug, Default)]
pub struct Hunks(BTreeMap<String, Vec<Hunk>>);

impl Hunks {
    /// Parses and redacts each file once. A file whose patch is missing or invalid has no hunks.
    pub fn of(change: Option<&Change>, findings: &[Finding]) -> Self {
        let mut files: BTreeMap<String, Vec<Hunk>> = findings
            .iter()
            .map(|finding| (finding.path.clone(), Vec::new()))
            .collect();
        for file in change.into_iter().flat_map(|change| &change.files) {
            if let Some(hunks) = files.get_mut(&file.path) {
                let parsed = file.patch.as_deref().and_then(|patch| parse_patch(patch).ok());
                *hunks = redact_hunks(&file.path, &parsed.unwrap_or_default());
            }
        }
        Self(files)
    }

    /// Returns the hunk that has the finding's last line.
    pub fn hunk(&self, finding: &Finding) -> Option<&Hunk> {
        let hunks = self.0.get(&finding.path)?;
        hunks
            .iter()
            .find(|hunk| hunk.line(finding.side, finding.line).is_some())
    }

    /// Returns the finding's lines on its side, if all of them are in one hunk.
    pub fn lines(&self, finding: &Finding) -> Option<Vec<&DiffLine>> {
        let hunk = self.hunk(finding)?;
        (finding.start_line..=finding.line)
            .map(|number| hunk.line(finding.side, number))
            .collect()
    }
}
