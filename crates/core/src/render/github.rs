//! Renders a report for GitHub: one review with inline comments and suggestions, a summary comment, a check run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::diff::{Hunk, hunk_of, parse_patch};
use crate::gate::by_weight;
use crate::model::change::Change;
use crate::model::failure::Failure;
use crate::model::finding::{Finding, Severity, Side};
use crate::model::report::{Outcome, Report, RunStatus, UNLISTED};
use crate::model::sha::CommitSha;
use crate::port::{Annotation, CheckConclusion, CheckOutcome, ReviewComment, ReviewDraft};
use crate::validate::check_suggestion;

use super::folded::folded_section;
use super::markdown::{coverage_line, coverage_section, finding_markdown, usage_line, within};
use crate::count::counted;
use crate::safe_text::Links;
use crate::safe_text::body_within;
use crate::safe_text::{longest_run, path, title};
use crate::safe_text::{plain_line, plain_text};

/// Maximum number of characters of a comment; GitHub's own limit is 65,536.
const MAX_BODY_CHARS: usize = 64_000;
/// Maximum number of characters of one finding.
const MAX_FINDING_CHARS: usize = 48_000;
/// Maximum number of characters of a walkthrough.
const MAX_SUMMARY_CHARS: usize = 24_000;
/// Maximum number of characters of all notes.
const MAX_NOTES_CHARS: usize = 6_000;
/// Minimum number of characters reserved for the list of folded findings.
const MIN_FOLDED_CHARS: usize = 12_000;
/// Maximum number of annotations in one request.
const MAX_ANNOTATIONS: usize = 50;

/// The placement of findings in a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Next to their lines.
    Comments,
    /// All in the body, because GitHub refused an inline comment and doesn't name it.
    Body,
}

/// Returns the review to post. A finding whose lines aren't inside one hunk goes into the body. The summary of the
/// whole change is in a separate comment.
pub fn review_draft(report: &Report, change: &Change, inline: Inline) -> ReviewDraft {
    let links = repository_links(report);
    let hunks = hunks_by_path(report, change);
    let hunks_of = |finding: &Finding| hunks.get(finding.path.as_str()).map_or(&[][..], Vec::as_slice);
    let (folded, shown): (Vec<&Finding>, Vec<&Finding>) = report.findings.iter().partition(|finding| finding.folded);
    let (beside, inside): (Vec<&Finding>, Vec<&Finding>) = shown
        .into_iter()
        .partition(|finding| inline == Inline::Comments && is_anchored(finding, hunks_of(finding)));
    let withheld = match report.withheld {
        0 => String::new(),
        withheld => format!(", and {withheld} withheld for an approval"),
    };
    let body = format!(
        "**Holdfast**: {}{withheld}. {}\n",
        counted(report.findings.len(), "finding"),
        coverage_line(&report.coverage)
    );
    let pieces = inside.iter().map(|finding| {
        format!(
            "\n**{} line {}**\n\n{}\n",
            path(&finding.path),
            finding.line,
            finding_markdown(finding, &links, MAX_FINDING_CHARS)
        )
    });
    let comments = beside
        .into_iter()
        .map(|finding| ReviewComment {
            path: finding.path.clone(),
            side: finding.side,
            start_line: (finding.start_line < finding.line).then_some(finding.start_line),
            line: finding.line,
            body: comment_body(finding, hunks_of(finding), &links),
        })
        .collect();
    let reserved = if folded.is_empty() { 0 } else { MIN_FOLDED_CHARS };
    let mut body = within(body, pieces, "finding", MAX_BODY_CHARS - reserved);
    let room = MAX_BODY_CHARS.saturating_sub(body.chars().count());
    body.push_str(&folded_section(&folded, room));
    ReviewDraft {
        run: report.run.clone(),
        body,
        comments,
    }
}

/// Returns the announcement of a run in progress.
pub fn announcement_body(head: &CommitSha, files: u64) -> String {
    let files = counted(usize::try_from(files).unwrap_or(usize::MAX), "file");
    format!("**Holdfast is reviewing** {} ({files} changed)…\n", head.short())
}

/// Returns the comment that replaces the announcement: the walkthrough and the coverage.
pub fn summary_body(report: &Report) -> String {
    let head = report.target.head.get(..12).unwrap_or(&report.target.head);
    let summary = body_within(&report.summary, &repository_links(report), MAX_SUMMARY_CHARS);
    let mut body = format!("## Holdfast review of {}\n\n{summary}\n", title(head));
    let notes = report.public_notes().map(|note| format!("\n> {}\n", title(note)));
    body = within(body, notes, "note", MAX_SUMMARY_CHARS + MAX_NOTES_CHARS);
    body.push_str(&coverage_section(&report.coverage));
    let _infallible = write!(body, "\n<sub>{}</sub>\n", usage_line(report));
    body
}

/// Returns the comment on a pull request whose review needs a maintainer to start it.
pub fn waiting_body() -> String {
    "**Holdfast is waiting for a maintainer.** This is a first contribution to this repository, so it has not been reviewed \
     yet. To start the review, someone with write permission posts this comment:\n\n```text\n/holdfast review\n```\n"
        .to_owned()
}

/// Returns the comment about a review that failed, before or after it was published.
pub fn notice_body(head: &CommitSha, why: Failure, is_published: bool) -> String {
    let published = if is_published {
        "The review was published, but its summary is missing."
    } else {
        "Nothing was published."
    };
    format!(
        "**Holdfast could not complete the review** of {}: {}.\n\n{published} The next push starts a new review; the operator \
         of Holdfast can also redrive this one.\n",
        head.short(),
        why.sentence()
    )
}

/// Returns the check's conclusion. Success requires that every file was reviewed and that the gate holds no finding,
/// shown or folded.
pub fn check_outcome(report: &Report) -> CheckOutcome {
    let gated = report.findings.iter().filter(|finding| finding.gated).count();
    let count_of = |outcome| report.coverage.iter().filter(|entry| entry.outcome == outcome).count();
    let (conclusion, title) = match report.status {
        _ if report.withheld > 0 => (
            CheckConclusion::ActionRequired,
            format!(
                "{} withheld: an approval is needed",
                counted(report.withheld, "finding")
            ),
        ),
        _ if gated > 0 => (
            CheckConclusion::ActionRequired,
            format!("{} at or above the gate's severity", counted(gated, "finding")),
        ),
        RunStatus::Partial if report.lacks_only_unlisted() => {
            (CheckConclusion::Neutral, format!("Partial: {UNLISTED}"))
        }
        RunStatus::Partial => (
            CheckConclusion::Neutral,
            format!(
                "Partial: {} could not be reviewed",
                counted(report.unreviewed().count(), "file")
            ),
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
    let annotations = by_weight(&report.findings)
        .into_iter()
        .filter(|finding| finding.side == Side::Right)
        .take(MAX_ANNOTATIONS)
        .map(|finding| Annotation {
            path: finding.path.clone(),
            start_line: finding.start_line,
            end_line: finding.line,
            level: match finding.severity {
                Severity::Critical | Severity::High => "failure",
                Severity::Medium => "warning",
                Severity::Low | Severity::Info => "notice",
            },
            title: plain_line(&finding.title, 250),
            message: plain_text(&finding.body, 4_000),
        })
        .collect();
    let summary = body_within(&report.summary, &repository_links(report), MAX_SUMMARY_CHARS);
    CheckOutcome {
        conclusion,
        title,
        summary: format!("{summary}\n{}", coverage_section(&report.coverage)),
        annotations,
    }
}

/// Returns the rule for links in foreign text: only those to pages of the repository itself stay links.
fn repository_links(report: &Report) -> Links {
    let page = report.target.url.as_deref();
    let repository = page
        .and_then(|page| page.rsplit_once("/pull/"))
        .map(|(repository, _)| repository.to_owned());
    Links::to_repository(&repository.unwrap_or_else(|| format!("https://github.com/{}", report.target.repository)))
}

/// Returns the hunks of each file that has a finding.
fn hunks_by_path<'a>(report: &Report, change: &'a Change) -> BTreeMap<&'a str, Vec<Hunk>> {
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    let files = change.files.iter().filter(|file| found.contains(file.path.as_str()));
    files
        .filter_map(|file| Some((file.path.as_str(), parse_patch(file.patch.as_deref()?).ok()?)))
        .collect()
}

fn is_anchored(finding: &Finding, hunks: &[Hunk]) -> bool {
    hunk_of(hunks, finding.side, finding.start_line, finding.line).is_some()
}

/// Returns an inline comment. The suggestion is checked again here, against the lines that it will replace: one click
/// commits it.
fn comment_body(finding: &Finding, hunks: &[Hunk], links: &Links) -> String {
    let mut body = finding_markdown(finding, links, MAX_FINDING_CHARS);
    let suggestion = finding.suggestion.as_deref();
    if let Some(Ok(text)) = suggestion.map(|suggestion| check_suggestion(finding, suggestion, hunks)) {
        let fence = "`".repeat((longest_run(&text) + 1).max(3));
        let end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let _infallible = write!(body, "\n\n{fence}suggestion\n{text}{end}{fence}");
    }
    body
}
