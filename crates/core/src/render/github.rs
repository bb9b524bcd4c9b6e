//! A report as GitHub shows it: one review with inline comments and suggestions, a comment with the summary, a check run.

use std::fmt::Write;

use crate::diff::{hunk_of, parse_patch};
use crate::model::change::Change;
use crate::model::finding::{Finding, Severity, Side};
use crate::model::report::{Outcome, Report, RunStatus};
use crate::model::sha::CommitSha;
use crate::port::{Annotation, CheckConclusion, CheckOutcome, ReviewComment, ReviewDraft};

use super::markdown::{counted, coverage_line, coverage_section, finding_markdown, usage_line};
use super::sanitize::{one_line, sanitize};

/// A review's body at most, in characters; GitHub's own limit is 65,536.
const BODY_MOST: usize = 64_000;
/// Annotations that one request takes.
const ANNOTATIONS_MOST: usize = 50;

/// Where findings go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Beside their lines.
    Comments,
    /// All into the body: GitHub refused an anchor and does not say which.
    Body,
}

/// The review to post. A finding whose lines are not inside one hunk goes into the body. What the review is of as a whole
/// stands in the summary's comment.
pub fn review_draft(report: &Report, change: &Change, inline: Inline) -> ReviewDraft {
    let allowed = [repository_url(report)];
    let (beside, inside): (Vec<&Finding>, Vec<&Finding>) = report
        .findings
        .iter()
        .partition(|finding| inline == Inline::Comments && is_anchored(finding, change));
    let mut body = format!(
        "**Holdfast**: {}. {}\n",
        counted(report.findings.len(), "finding"),
        coverage_line(&report.coverage)
    );
    for finding in inside {
        let _infallible = write!(
            body,
            "\n**`{}` line {}**\n\n{}\n",
            finding.path.replace('`', "'"),
            finding.line,
            finding_markdown(finding, &allowed)
        );
    }
    let comments = beside
        .into_iter()
        .map(|finding| ReviewComment {
            path: finding.path.clone(),
            side: finding.side,
            start_line: (finding.start_line < finding.line).then_some(finding.start_line),
            line: finding.line,
            body: comment_body(finding, &allowed),
        })
        .collect();
    ReviewDraft {
        run: report.run.clone(),
        body: cut(&body, BODY_MOST),
        comments,
    }
}

/// What the announcement says while the run is at work.
pub fn announcement_body(head: &CommitSha, files: u64) -> String {
    let files = counted(usize::try_from(files).unwrap_or(usize::MAX), "file");
    format!("**Holdfast is reviewing** {} ({files} changed)…\n", head.short())
}

/// What the announcement becomes: the walkthrough, and what was read and what was not.
pub fn summary_body(report: &Report) -> String {
    let head = report.target.head.get(..12).unwrap_or(&report.target.head);
    let mut body = format!(
        "## Holdfast review of {head}\n\n{}\n",
        sanitize(&report.summary, &[repository_url(report)])
    );
    for note in &report.notes {
        let _infallible = write!(body, "\n> {}\n", one_line(note));
    }
    body.push_str(&coverage_section(&report.coverage));
    let _infallible = write!(body, "\n<sub>{}</sub>\n", usage_line(report));
    cut(&body, BODY_MOST)
}

/// What a pull request shows whose review waits for a maintainer.
pub fn waiting_body() -> String {
    "**Holdfast waits for a maintainer.** This is a first contribution to this repository, so nothing of it was reviewed \
     yet. Someone with write permission starts the review with this comment:\n\n```text\n/holdfast review\n```\n"
        .to_owned()
}

/// What people are told of a review that could not be completed, before or after it was published.
pub fn notice_body(head: &CommitSha, why: &str, is_published: bool) -> String {
    let published = if is_published {
        "The review itself was published; its summary is missing."
    } else {
        "Nothing of it was published."
    };
    cut(
        &format!(
            "**Holdfast could not complete the review** of {}: {}\n\n{published} The next push is reviewed anew; who runs \
             Holdfast can also start it again.\n",
            head.short(),
            one_line(why)
        ),
        BODY_MOST,
    )
}

/// The check's end. Green only for a whole review without a grave finding.
pub fn check_outcome(report: &Report, gate: Severity) -> CheckOutcome {
    let grave = report
        .findings
        .iter()
        .filter(|finding| finding.severity >= gate)
        .count();
    let count_of = |outcome| report.coverage.iter().filter(|entry| entry.outcome == outcome).count();
    let unreviewed = count_of(Outcome::Unreviewed);
    let (conclusion, title) = match report.status {
        _ if grave > 0 => (
            CheckConclusion::ActionRequired,
            format!("{} at or above {gate}", counted(grave, "finding")),
        ),
        RunStatus::Partial => (
            CheckConclusion::Neutral,
            format!("Partial: {} could not be reviewed", counted(unreviewed, "file")),
        ),
        RunStatus::Reviewed | RunStatus::Published if count_of(Outcome::Scanned) > 0 => (
            CheckConclusion::Neutral,
            format!(
                "No model read this change: {} scanned by rules, {}",
                counted(count_of(Outcome::Scanned), "file"),
                counted(report.findings.len(), "finding")
            ),
        ),
        RunStatus::Reviewed | RunStatus::Published => (
            CheckConclusion::Success,
            format!(
                "{} reviewed, {}",
                counted(count_of(Outcome::Reviewed), "file"),
                counted(report.findings.len(), "finding")
            ),
        ),
        RunStatus::Skipped => (CheckConclusion::Neutral, "Nothing to review".to_owned()),
        _ => (CheckConclusion::Neutral, "The review could not be completed".to_owned()),
    };
    let annotations = report
        .findings
        .iter()
        .filter(|finding| finding.side == Side::Right)
        .take(ANNOTATIONS_MOST)
        .map(|finding| Annotation {
            path: finding.path.clone(),
            start_line: finding.start_line,
            end_line: finding.line,
            level: match finding.severity {
                Severity::Critical | Severity::High => "failure",
                Severity::Medium => "warning",
                Severity::Low | Severity::Info => "notice",
            },
            title: cut(&one_line(&finding.title), 250),
            message: cut(&sanitize(&finding.body, &[]), 4_000),
        })
        .collect();
    let summary = format!(
        "{}\n{}",
        sanitize(&report.summary, &[repository_url(report)]),
        coverage_section(&report.coverage)
    );
    CheckOutcome {
        conclusion,
        title,
        summary: cut(&summary, BODY_MOST),
        annotations,
    }
}

/// Pages of the repository itself may stay links.
fn repository_url(report: &Report) -> String {
    let page = report.target.url.as_deref();
    let repository = page
        .and_then(|page| page.rsplit_once("/pull/"))
        .map(|(repository, _)| repository);
    match repository {
        Some(repository) => format!("{repository}/"),
        None => format!("https://github.com/{}/", report.target.repository),
    }
}

fn is_anchored(finding: &Finding, change: &Change) -> bool {
    let file = change.files.iter().find(|file| file.path == finding.path);
    let hunks = file
        .and_then(|file| parse_patch(file.patch.as_deref()?).ok())
        .unwrap_or_default();
    hunk_of(&hunks, finding.side, finding.start_line, finding.line).is_some()
}

fn comment_body(finding: &Finding, allowed: &[String]) -> String {
    let mut body = finding_markdown(finding, allowed);
    if let Some(suggestion) = finding.suggestion.as_deref().filter(|_| takes_suggestion(finding)) {
        let fence = "`".repeat(longest_run(suggestion).max(2) + 1);
        let _infallible = write!(
            body,
            "\n\n{fence}suggestion\n{}\n{fence}",
            suggestion.trim_end_matches('\n')
        );
    }
    cut(&body, BODY_MOST)
}

/// A suggestion is one click from being committed: never for files that run in CI, nor with a secret in it.
fn takes_suggestion(finding: &Finding) -> bool {
    let path = finding.path.to_ascii_lowercase();
    let runs_in_ci = path.starts_with(".github/")
        || path.contains(".gitlab-ci")
        || path.contains("jenkinsfile")
        || path.starts_with(".circleci/");
    let clean = finding
        .suggestion
        .as_deref()
        .is_some_and(|text| crate::rule::redact(text).text == text);
    finding.side == Side::Right && !runs_in_ci && clean
}

fn longest_run(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or(0)
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(40)).collect();
    format!("{kept}\n\n… cut off for length")
}
