//! Names of findings that stay the same in the next run, for programs that compare reports.

use std::collections::BTreeMap;

use holdfast_core::model::finding::Finding;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::hunks::Hunks;

/// The fingerprints of a report's findings.
pub struct Fingerprints<'a> {
    hunks: &'a Hunks,
    seen: BTreeMap<[String; 3], usize>,
}

impl<'a> Fingerprints<'a> {
    /// `hunks` are those of the reviewed change.
    pub const fn new(hunks: &'a Hunks) -> Self {
        Self {
            hunks,
            seen: BTreeMap::new(),
        }
    }

    /// Returns the next finding's fingerprint, 64 hex digits. Equal findings are told apart by their order.
    pub fn next(&mut self, finding: &Finding) -> String {
        let kind = kind_of(finding, self.hunks);
        let number = self.seen.entry(kind.clone()).or_default();
        *number += 1;
        hex::encode(Sha256::digest(json!([kind, *number]).to_string()))
    }
}

/// Returns what stays the same in the next run: the file, the rule or the category, and the text of the finding's lines
/// without blanks at their ends. Line numbers change with every edit above, and a model words its titles differently in
/// each run. A finding outside of the diff has its title instead of the lines.
fn kind_of(finding: &Finding, hunks: &Hunks) -> [String; 3] {
    let lines = hunks.lines(finding).map(|lines| {
        let texts: Vec<&str> = lines.iter().map(|line| line.text.trim()).collect();
        texts.join("\n")
    });
    let rule = finding.source.rule_name();
    [
        finding.path.clone(),
        rule.unwrap_or_else(|| finding.category.as_str().to_owned()),
        lines.unwrap_or_else(|| finding.title.clone()),
    ]
}
