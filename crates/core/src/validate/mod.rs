//! The checks on a model's answer: JSON, schema, relevance to the diff. Every problem is said exactly, because the same
//! words go back to the model.

mod json;
mod protected;
mod relevance;
mod shape;
mod suggestion;

pub use protected::is_protected;
pub use suggestion::{SuggestionProblem, check_suggestion};

use serde_json::Value;

use crate::diff::Hunk;
use crate::model::finding::Finding;
use crate::model::run::{RecordedAnswer, Stop, Verdict};

/// Problems told at most in one correction; the rest is counted.
const PROBLEMS_MOST: usize = 20;

/// What an answer is checked against: what its unit was shown.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The unit's file.
    pub path: &'a str,
    /// The unit's hunks as they were shown, secrets taken out.
    pub hunks: &'a [Hunk],
}

/// Checks a whole answer.
pub fn check_answer(answer: &RecordedAnswer, shown: &Shown<'_>) -> Verdict {
    let mut verdict = Verdict {
        valid: false,
        problems: Vec::new(),
        accepted: Vec::new(),
        summary: String::new(),
        readable: false,
        dropped_suggestions: Vec::new(),
    };
    match answer.stop {
        Stop::OutputLimit => verdict.problems.push(format!(
            "the answer was cut off at the output limit after {} tokens: report fewer findings, in fewer words",
            answer.output_tokens
        )),
        Stop::Refusal => verdict.problems.push("the model refused to answer".to_owned()),
        Stop::Complete => {}
    }
    match json::read_object(&answer.text) {
        Err(problem) => verdict.problems.push(problem),
        Ok(value) => check_value(&value, shown, &mut verdict),
    }
    if verdict.problems.len() > PROBLEMS_MOST {
        let more = verdict.problems.len() - PROBLEMS_MOST;
        verdict.problems.truncate(PROBLEMS_MOST);
        verdict
            .problems
            .push(format!("and {more} more problems of these kinds"));
    }
    verdict.valid = verdict.problems.is_empty();
    verdict
}

fn check_value(value: &Value, shown: &Shown<'_>, verdict: &mut Verdict) {
    let report = shape::check_shape(value);
    verdict.problems.extend(report.problems);
    let Some(findings) = value.get("findings").and_then(Value::as_array) else {
        return;
    };
    verdict.readable = true;
    verdict.summary = value
        .get("summary")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    for (index, raw) in findings.iter().enumerate() {
        if report.bad_findings.contains(&index) {
            continue;
        }
        match relevance::read_finding(raw, shown, &verdict.accepted) {
            Ok(mut finding) => {
                let problem = keep_valid_suggestion(&mut finding, shown.hunks).err();
                let dropped = problem.map(|problem| format!("/findings/{index}/suggestion: {problem}"));
                verdict.dropped_suggestions.extend(dropped);
                verdict.accepted.push(finding);
            }
            Err(problem) => verdict.problems.push(format!("/findings/{index}: {problem}")),
        }
    }
}

/// Takes a suggestion away that cannot be offered; the finding stays. Errors: what is wrong with it.
fn keep_valid_suggestion(finding: &mut Finding, hunks: &[Hunk]) -> Result<(), SuggestionProblem> {
    if let Some(suggestion) = finding.suggestion.take() {
        finding.suggestion = Some(check_suggestion(finding, &suggestion, hunks)?);
    }
    Ok(())
}

/// Reads the summary's answer. Errors: the problem, in words.
pub fn read_summary(answer: &RecordedAnswer) -> Result<String, String> {
    let value = json::read_object(&answer.text)?;
    let summary = value.get("summary").and_then(Value::as_str).unwrap_or_default().trim();
    if summary.is_empty() {
        Err("/summary: expected a text that is not empty".to_owned())
    } else {
        Ok(summary.chars().take(8_000).collect())
    }
}
