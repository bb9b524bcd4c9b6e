//! Findings of secrets in a file's hunks. Which files are searched is the stages' affair.

use crate::diff::Hunk;
use crate::model::finding::{Category, Finding, Severity, Side};

use super::find_secrets;

/// Returns a finding for each secret in the added lines of a file's hunks, in order. Each lies on one added line, inside one
/// hunk. Works for every text file, whether or not it is reviewed: the path is only a hint about the file's form and place.
pub fn secret_findings(path: &str, hunks: &[Hunk]) -> Vec<Finding> {
    let added = hunks.iter().flat_map(Hunk::added);
    added
        .filter_map(|line| Some((line.new?, line)))
        .flat_map(|(number, line)| {
            find_secrets(&line.text).into_iter().map(move |secret| Finding {
                path: path.to_owned(),
                side: Side::Right,
                start_line: number,
                line: number,
                severity: Severity::Critical,
                category: Category::Security,
                title: format!("Secret in the change: {}", secret.title),
                body: "A credential stands in an added line. Whoever can read the repository can use it: revoke it, take it out of \
                       the history, and read it from the environment or a secret store instead."
                    .to_owned(),
                suggestion: None,
                confidence: 0.9,
                source: format!("rule:{}", secret.rule),
            })
        })
        .collect()
}
