//! Renders a report for GitHub: one review with inline comments and suggestions, a summary comment, a check run.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::{Hunk, hunk_of, parse_patch};
use crate::gate::by_weight;
use crate::ledger::{Entry, FindingId, FindingMark, Ledger};
use crate::model::change::Change;
use crate::model::finding::{Finding, Severity, Side, TrackedState};
use crate::model::report::{Outcome, Report, RunStatus, UNLISTED};
use crate::model::sha::CommitSha;
use crate::port::{Annotation, CheckConclusion, CheckOutcome, ReviewComment, ReviewDraft};
use crate::validate::check_suggestion;

use super::markdown::{coverage_files, finding_markdown, finding_title, severity_mark};
use super::summary::{verdict, walkthrough};
use crate::count::counted;
use crate::safe_text::Links;
use crate::safe_text::body_within;
use crate::safe_text::longest_run;
use crate::safe_text::{plain_line, plain_text};

/// Maximum number of characters of a comment; GitHub's own limit is 65,536.
pub(super) const MAX_BODY_CHARS: usize = 64_000;
/// Maximum number of characters of one finding.
const MAX_FINDING_CHARS: usize = 48_000;
/// Maximum number of characters of a walkthrough.
const MAX_SUMMARY_CHARS: usize = 24_000;
/// Maximum number of annotations in one request.
const MAX_ANNOTATIONS: usize = 50;

/// The placement of findings in a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Next to their lines.
    Comments,
    /// None: GitHub refused an inline comment and doesn't name it. The summary has all findings.
    Nowhere,
}

/// The review to post, and the open findings without a comment: those beyond the limits, and those whose lines aren't
/// inside one hunk. The summary has them.
#[derive(Debug)]
pub struct Review<'a> {
    /// The review, with one comment for each new finding that it shows. Without a comment it isn't posted.
    pub draft: ReviewDraft,
    /// The open findings without a comment.
    pub without_comment: Vec<&'a Finding>,
}

/// Returns the review to post. `ledger` has the entries of its findings; none in a run without a ledger.
pub fn review_of<'a>(report: &'a Report, change: &Change, inline: Inline, ledger: Option<&Ledger>) -> Review<'a> {
    let links = repository_links(report);
    let hunks = hunks_by_path(report, change);
    let hunks_of = |finding: &Finding| hunks.get(finding.path.as_str()).map_or(&[][..], Vec::as_slice);
    let entries: BTreeMap<&FindingId, &Entry> = ledger
        .into_iter()
        .flat_map(|ledger| &ledger.entries)
        .map(|entry| (&entry.id, entry))
        .collect();
    let has_text = |finding: &&Finding| match finding.state() {
        TrackedState::New => true,
        TrackedState::Open | TrackedState::Reopened => finding.comment_url().is_none(),
        TrackedState::Closed | TrackedState::Dismissed => false,
    };
    let (beside, without_comment): (Vec<&Finding>, Vec<&Finding>) =
        report.findings.iter().filter(has_text).partition(|finding| {
            finding.state() == TrackedState::New
                && inline == Inline::Comments
                && !finding.folded
                && is_anchored(finding, hunks_of(finding))
        });
    let comments = beside
        .into_iter()
        .map(|finding| ReviewComment {
            path: finding.path.clone(),
            side: finding.side,
            start_line: (finding.start_line < finding.line).then_some(finding.start_line),
            line: finding.line,
            body: comment_body(finding, hunks_of(finding), &links),
            finding: finding
                .ledger_id()
                .and_then(|id| entries.get(id))
                .map(|entry| FindingMark::new(entry, &change.head)),
        })
        .collect();
    Review {
        draft: ReviewDraft {
            run: report.run.clone(),
            is_approved_part: false,
            body: format!("**Holdfast**: {}.\n", verdict(report)),
            comments,
        },
        without_comment,
    }
}

/// Returns the comment of a finding that the reviewed head fixes.
pub fn fixed_body(entry: &Entry, head: &CommitSha) -> String {
    ended_body("**Fixed** in", entry, head)
}

/// Returns the comment of a finding that a comment in the code silences at the reviewed head.
pub fn silenced_body(entry: &Entry, head: &CommitSha) -> String {
    ended_body("**Silenced** by a comment in the code, in", entry, head)
}

fn ended_body(how: &str, entry: &Entry, head: &CommitSha) -> String {
    let (name, text) = published(entry);
    // No Markdown is read between the tags, so the title is outside.
    format!(
        "{how} {}.\n\n{name}\n\n<details><summary>The finding</summary>\n\n{text}\n\n</details>\n",
        head.short()
    )
}

/// Returns the comment of an earlier finding that is open, in its published words.
pub fn open_body(entry: &Entry) -> String {
    let (name, text) = published(entry);
    format!("{name}\n\n{text}\n")
}

/// Returns a published finding: its line with sign, title, severity and category, and its text.
fn published(entry: &Entry) -> (String, String) {
    let name = format!(
        "{} {} · {} · {}",
        severity_mark(entry.severity),
        finding_title(&entry.title),
        entry.severity,
        entry.category.as_str()
    );
    (
        name,
        body_within(&entry.shown_body(), &Links::none(), MAX_FINDING_CHARS),
    )
}

/// Returns the comment of a finding that was fixed and is there again, in the words of this run.
pub fn reopened_body(finding: &Finding, report: &Report) -> String {
    marked(finding, &repository_links(report))
}

/// Returns one finding with the sign of its severity.
fn marked(finding: &Finding, links: &Links) -> String {
    format!(
        "{} {}",
        severity_mark(finding.severity),
        finding_markdown(finding, links, MAX_FINDING_CHARS)
    )
}

/// Returns the check's conclusion. Success requires that every file was reviewed and that the gate holds no finding,
/// shown or folded.
pub fn check_outcome(report: &Report) -> CheckOutcome {
    let gated = report.findings.iter().filter(|finding| finding.gated).count()
        + report.earlier.iter().filter(|finding| finding.gated).count();
    let count_of = |outcome| report.coverage.iter().filter(|entry| entry.outcome == outcome).count();
    let verdict = capitalised(&verdict(report));
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
            format!("No model read this change. {verdict}"),
        ),
        RunStatus::Reviewed | RunStatus::Published => (CheckConclusion::Success, verdict.clone()),
        RunStatus::Skipped => (CheckConclusion::Neutral, verdict.clone()),
        _ => (CheckConclusion::Neutral, "The review could not be completed".to_owned()),
    };
    let annotations = by_weight(&report.findings)
        .into_iter()
        .filter(|finding| finding.side == Side::Right && is_annotated(finding))
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
    let walkthrough = body_within(walkthrough(report), &repository_links(report), MAX_SUMMARY_CHARS);
    let lead = match title.contains(&verdict) {
        true => String::new(),
        false => format!("{verdict}.\n\n"),
    };
    let text = format!("{lead}{walkthrough}");
    CheckOutcome {
        conclusion,
        title,
        summary: format!(
            "{}\n\n## Coverage\n{}",
            text.trim(),
            coverage_files(&report.coverage, usize::MAX)
        ),
        annotations,
        awaits_decision: false,
    }
}

/// Returns a text as the beginning of a sentence.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.as_str().chars()).collect()
}

/// Returns whether a finding is an annotation of the check: one that has no comment, so that the diff shows it once.
fn is_annotated(finding: &Finding) -> bool {
    match finding.state() {
        TrackedState::New => finding.tracked.is_none() || finding.folded,
        TrackedState::Reopened | TrackedState::Open | TrackedState::Closed | TrackedState::Dismissed => false,
    }
}

/// Returns the rule for links in foreign text: only those to pages of the repository itself stay links.
pub(super) fn repository_links(report: &Report) -> Links {
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
    let mut body = marked(finding, links);
    let suggestion = finding.suggestion.as_deref();
    if let Some(Ok(text)) = suggestion.map(|suggestion| check_suggestion(finding, suggestion, hunks)) {
        let fence = "`".repeat((longest_run(&text) + 1).max(3));
        let end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let offer = format!("\n\n{fence}suggestion\n{text}{end}{fence}");
        if body.chars().count() + offer.chars().count() <= MAX_BODY_CHARS {
            body.push_str(&offer);
        }
    }
    body
}
