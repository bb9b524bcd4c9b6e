//! Turns the secrets in a file's hunks into findings. The stages choose the files.

use crate::diff::{DiffLine, Hunk, LineKind};
use crate::model::finding::{Category, Finding, Severity, Side};
use crate::model::finding_source::FindingSource;

use super::place::{Form, is_for_show};
use super::private_key::PRIVATE_KEY;
use super::scan::find_in_lines;
use super::{Certainty, SecretMatch};

/// Returns a finding for each secret in the added lines of a file's hunks, in order; all lines of a private key are
/// one finding. Each finding is on one added line, inside one hunk. Works for every text file, reviewed or not: the
/// path is only a hint about the file's format and role.
pub fn secret_findings(path: &str, hunks: &[Hunk]) -> Vec<Finding> {
    let form = Form::of(path);
    hunks.iter().flat_map(|hunk| findings_in(path, hunk, form)).collect()
}

/// Returns the findings of one hunk. The head's lines are searched together, because a key that starts in an unchanged
/// line may continue in an added one.
fn findings_in(path: &str, hunk: &Hunk, form: Form) -> Vec<Finding> {
    let head: Vec<&DiffLine> = hunk
        .lines
        .iter()
        .filter(|line| line.kind != LineKind::Removed)
        .collect();
    let found = find_in_lines(&head.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), form);
    let mut findings = Vec::new();
    let mut is_reported = false;
    for (line, secrets) in head.iter().zip(found) {
        if !secrets.iter().any(is_key) {
            is_reported = false;
        }
        for secret in secrets {
            if is_key(&secret) {
                // One finding for each key, on its first added line.
                is_reported &= secret.certainty != Certainty::Known;
                if is_reported || secret.certainty == Certainty::Guess {
                    continue;
                }
            }
            if let (LineKind::Added, Some(number)) = (line.kind, line.new) {
                is_reported |= is_key(&secret);
                findings.push(finding(path, number, &secret));
            }
        }
    }
    findings
}

fn is_key(secret: &SecretMatch) -> bool {
    secret.rule == PRIVATE_KEY.rule
}

fn finding(path: &str, number: u32, secret: &SecretMatch) -> Finding {
    let is_for_show = is_for_show(path);
    // A later line of a key has the confidence of its first.
    let certainty = if is_key(secret) {
        Certainty::Known
    } else {
        secret.certainty
    };
    let severity = match (certainty, is_for_show) {
        (Certainty::Known, true) if is_key(secret) => Severity::Medium,
        (Certainty::Known, false) => Severity::Critical,
        (Certainty::Known, true) | (Certainty::Likely, false) => Severity::High,
        (Certainty::Likely, true) | (Certainty::Guess, false) => Severity::Medium,
        (Certainty::Guess, true) => Severity::Low,
    };
    let body = if certainty == Certainty::Guess {
        "An added line gives a secret's name to a value that looks random. If it is a real credential, whoever can read the \
         repository can use it: revoke it, take it out of the history, and read it from the environment or a secret store instead."
    } else {
        "An added line has a credential. Whoever can read the repository can use it: revoke it, take it out of \
         the history, and read it from the environment or a secret store instead."
    };
    Finding {
        path: path.to_owned(),
        side: Side::Right,
        start_line: number,
        line: number,
        severity,
        category: Category::Security,
        title: format!("Secret in the change: {}", secret.title),
        body: body.to_owned(),
        suggestion: None,
        confidence: match certainty {
            Certainty::Known => 0.95,
            Certainty::Likely => 0.8,
            Certainty::Guess => 0.5,
        },
        source: FindingSource::of_rule(secret.rule),
        sources: Vec::new(),
        gated: false,
        folded: false,
        tracked: None,
        cwe: Vec::new(),
    }
}
