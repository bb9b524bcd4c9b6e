//! Findings of secrets in a file's hunks. Which files are searched is the stages' affair.

use crate::diff::{DiffLine, Hunk, LineKind};
use crate::model::finding::{Category, Finding, Severity, Side};

use super::place::{Form, is_for_show};
use super::private_key::PRIVATE_KEY;
use super::scan::find_in_lines;
use super::{Certainty, SecretMatch};

/// Returns a finding for each secret in the added lines of a file's hunks, in order; a private key's lines are one.
/// Each lies on one added line, inside one hunk. Works for every text file, whether or not it is reviewed: the path is
/// only a hint about the file's form and place.
pub fn secret_findings(path: &str, hunks: &[Hunk]) -> Vec<Finding> {
    let form = Form::of(path);
    hunks.iter().flat_map(|hunk| findings_in(path, hunk, form)).collect()
}

/// The head's lines are searched together: a key that begins in an unchanged line goes on in an added one.
fn findings_in(path: &str, hunk: &Hunk, form: Form) -> Vec<Finding> {
    let head: Vec<&DiffLine> = hunk
        .lines
        .iter()
        .filter(|line| line.kind != LineKind::Removed)
        .collect();
    let found = find_in_lines(&head.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), form);
    let mut findings = Vec::new();
    let mut is_in_key = false;
    for (line, secrets) in head.iter().zip(found) {
        let is_key = secrets.iter().any(|secret| secret.rule == PRIVATE_KEY.rule);
        let is_added = line.kind == LineKind::Added;
        for secret in secrets {
            let is_body = secret.rule == PRIVATE_KEY.rule && (secret.certainty != Certainty::Known || is_in_key);
            if let (true, false, Some(number)) = (is_added, is_body, line.new) {
                findings.push(finding(path, number, &secret));
            }
        }
        // One finding a key: its lines come one after another, and only an added one can bear it.
        is_in_key = is_key && (is_in_key || is_added);
    }
    findings
}

fn finding(path: &str, number: u32, secret: &SecretMatch) -> Finding {
    let is_for_show = is_for_show(path);
    let severity = match (secret.certainty, is_for_show) {
        (Certainty::Known, true) if secret.rule == PRIVATE_KEY.rule => Severity::Medium,
        (Certainty::Known, false) => Severity::Critical,
        (Certainty::Known, true) | (Certainty::Likely, false) => Severity::High,
        (Certainty::Likely, true) | (Certainty::Guess, false) => Severity::Medium,
        (Certainty::Guess, true) => Severity::Low,
    };
    let body = if secret.certainty == Certainty::Guess {
        "An added line gives a secret's name to a value that looks random. If it is a real credential, whoever can read the \
         repository can use it: revoke it, take it out of the history, and read it from the environment or a secret store instead."
    } else {
        "A credential stands in an added line. Whoever can read the repository can use it: revoke it, take it out of \
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
        confidence: match secret.certainty {
            Certainty::Known => 0.95,
            Certainty::Likely => 0.8,
            Certainty::Guess => 0.5,
        },
        source: format!("rule:{}", secret.rule),
        sources: Vec::new(),
        gated: false,
        folded: false,
    }
}
