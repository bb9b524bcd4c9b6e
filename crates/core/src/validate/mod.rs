//! The checks on a model's answer: JSON, schema, relevance to the diff. Unambiguous deviations are corrected and
//! accepted. Every other problem is named exactly, because the same words go back to the model. No problem quotes the
//! answer, because people read problems as reasons.

mod coerce;
mod json;
mod lenient;
mod parse;
mod place;
mod problem;
mod protected;
mod relevance;
mod shape;
mod suggestion;

pub use problem::AnswerProblem;
pub use protected::is_protected;
pub use suggestion::{SuggestionProblem, check_suggestion};

use serde_json::Value;

use crate::count::counted;
use crate::diff::Hunk;
use crate::model::finding::Finding;
use crate::model::run::{RecordedAnswer, Stop, Verdict};
use json::Shape;

/// The maximum number of problems named in one correction; the rest is counted.
const MAX_PROBLEMS: usize = 20;
/// A longer walkthrough is cut at this length, in characters.
const MAX_WALKTHROUGH_CHARS: usize = 8_000;

/// A unit's answer.
const ANSWER: Shape = Shape {
    key: "findings",
    item_keys: &coerce::FINDING_KEYS,
};
/// The walkthrough's answer.
const WALKTHROUGH: Shape = Shape {
    key: "summary",
    item_keys: &[],
};

/// The part of the diff that the model was shown, for the checks.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The unit's file.
    pub path: &'a str,
    /// Its path in the base, when renamed.
    pub previous_path: Option<&'a str>,
    /// The unit's hunks as the prompt shows them, without secrets.
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
        rejected: 0,
    };
    if answer.stop == Stop::Refusal {
        verdict.problems.push("the model refused to answer".to_owned());
    }
    match json::read_answer(&answer.text, ANSWER) {
        // An answer at the limit may still be a whole object: some models fill the rest with blanks.
        Err(_) if answer.stop == Stop::OutputLimit => verdict.problems.push(format!(
            "the answer was cut off at the output limit after {}: report fewer findings, in fewer words",
            counted(answer.output_tokens, "token")
        )),
        Err(problem) => verdict.problems.push(problem.0),
        Ok(value) => check_value(value, shown, &mut verdict),
    }
    if verdict.problems.len() > MAX_PROBLEMS {
        let more = verdict.problems.len() - MAX_PROBLEMS;
        verdict.problems.truncate(MAX_PROBLEMS);
        verdict
            .problems
            .push(format!("and {} of these kinds", counted(more, "more problem")));
    }
    verdict.valid = verdict.problems.is_empty();
    verdict
}

fn check_value(value: Value, shown: &Shown<'_>, verdict: &mut Verdict) {
    let mut value = coerce::coerce(value);
    if let Some(findings) = value.get_mut("findings").and_then(Value::as_array_mut) {
        findings
            .iter_mut()
            .for_each(|finding| relevance::complete(finding, shown));
    }
    let report = shape::check_shape(&value);
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
            verdict.rejected += 1;
            continue;
        }
        match relevance::read_finding(raw, shown) {
            // A duplicate of a remark on the same line is dropped.
            Ok(finding)
                if verdict
                    .accepted
                    .iter()
                    .any(|other| relevance::is_double(other, &finding)) => {}
            Ok(mut finding) => {
                let problem = keep_valid_suggestion(&mut finding, shown.hunks).err();
                let dropped = problem.map(|problem| format!("findings[{index}].suggestion: {problem}"));
                verdict.dropped_suggestions.extend(dropped);
                verdict.accepted.push(finding);
            }
            Err(problem) => {
                verdict.rejected += 1;
                verdict.problems.push(format!("findings[{index}]{problem}"));
            }
        }
    }
}

/// Removes a suggestion that can't be offered; the finding stays.
///
/// # Errors
/// The suggestion's problem.
fn keep_valid_suggestion(finding: &mut Finding, hunks: &[Hunk]) -> Result<(), SuggestionProblem> {
    if let Some(suggestion) = finding.suggestion.take() {
        finding.suggestion = Some(check_suggestion(finding, &suggestion, hunks)?);
    }
    Ok(())
}

/// Reads the walkthrough's answer.
///
/// # Errors
///
/// The answer's problem.
pub fn read_summary(answer: &RecordedAnswer) -> Result<String, AnswerProblem> {
    let value = json::read_answer(&answer.text, WALKTHROUGH)?;
    let summary = value.get("summary").and_then(Value::as_str).unwrap_or_default().trim();
    if summary.is_empty() {
        Err(AnswerProblem::from("summary: expected a text that is not empty"))
    } else {
        Ok(summary.chars().take(MAX_WALKTHROUGH_CHARS).collect())
    }
}

#[cfg(test)]
mod tests;
