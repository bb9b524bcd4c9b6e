//! Renders the one comment that a pull request's conversation has for all its reviews: the verdict, the findings, the
//! walkthrough and the coverage of the last review.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::count::counted;
use crate::model::finding::{Finding, Severity, Side, TrackedState};
use crate::model::report::{EarlierFinding, EarlierState, Outcome, Report, UNLISTED};
use crate::safe_text::{Links, body_within, path, title};

use super::dependencies::dependency_section;
use super::github::{MAX_BODY_CHARS, repository_links};
use super::markdown::{
    coverage_files, coverage_line, finding_markdown, finding_title, severity_mark, usage_line, within,
};

/// Maximum number of characters of a walkthrough.
const MAX_WALKTHROUGH_CHARS: usize = 16_000;
/// Maximum number of characters of all notes.
const MAX_NOTES_CHARS: usize = 5_000;
/// Maximum number of characters of the table of findings, and of the folded one below it.
const MAX_TABLE_CHARS: usize = 10_000;
/// Maximum number of findings in the table; the others are in the folded one.
const MAX_TABLE_ROWS: usize = 20;
/// Maximum number of characters of the findings that have no comment at their lines.
const MAX_DETAILS_CHARS: usize = 16_000;

/// Returns the summary of a review. `without_comment` are the new findings that the review doesn't show at their lines.
pub fn summary_body(report: &Report, without_comment: &[&Finding]) -> String {
    let links = repository_links(report);
    let head = report.target.head.get(..12).unwrap_or(&report.target.head);
    let mut body = format!("## Holdfast: {}\n\nReview of {}.\n", verdict(report), path(head));
    body.push_str(&table(report));
    body.push_str(&details(without_comment, &report.earlier, &links));
    let walkthrough = walkthrough(report);
    if !walkthrough.is_empty() {
        let _infallible = write!(body, "\n{}\n", body_within(walkthrough, &links, MAX_WALKTHROUGH_CHARS));
    }
    let notes: Vec<&str> = report.public_notes().collect();
    let notes = notes.into_iter().map(|note| format!("\n> {}\n", title(note)));
    body.push_str(&within(String::new(), notes, "note", MAX_NOTES_CHARS));
    body.push_str(&dependency_section(&report.dependencies));
    let end = format!("\n<sub>{}</sub>\n", usage_line(report));
    let room = MAX_BODY_CHARS.saturating_sub(body.chars().count() + end.chars().count());
    body.push_str(&coverage_files(&report.coverage, room));
    body.push_str(&end);
    body
}

/// Returns the verdict in words: the findings by state, then the files by outcome.
pub fn verdict(report: &Report) -> String {
    let found = |state| {
        report
            .findings
            .iter()
            .filter(|finding| finding.state() == state)
            .count()
    };
    let earlier = |state| report.earlier.iter().filter(|finding| finding.state == state).count();
    let new = found(TrackedState::New);
    let open = found(TrackedState::Open) + earlier(EarlierState::Open);
    let others = [
        (found(TrackedState::Reopened), "reopened"),
        (open, "still open"),
        (earlier(EarlierState::Fixed), "fixed"),
        (earlier(EarlierState::Silenced), "silenced"),
        (found(TrackedState::Closed), "resolved"),
        (found(TrackedState::Dismissed), "dismissed"),
    ];
    let others: Vec<String> = others
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    let is_skipped = report.coverage.iter().all(|entry| entry.outcome == Outcome::Skipped);
    let mut parts = match (new, others.is_empty()) {
        (0, true) if report.withheld > 0 => Vec::new(),
        (0, true) if is_skipped && !report.lacks_only_unlisted() => vec!["nothing to review".to_owned()],
        (0, true) => vec!["no findings".to_owned()],
        (new, true) => vec![counted(new, "finding")],
        (0, false) => vec!["no new findings".to_owned()],
        (new, false) => vec![counted(new, "new finding")],
    };
    parts.extend(others);
    if report.withheld > 0 {
        let withheld = match parts.is_empty() {
            true => counted(report.withheld, "finding"),
            false => format!("{} more", report.withheld),
        };
        let why = match report.is_undecided {
            true => "not published: nobody decided in time",
            false => "withheld for an approval",
        };
        parts.push(format!("{withheld} {why}"));
    }
    format!("{}; {}", parts.join(", "), files(report))
}

/// Returns the number of files by outcome.
fn files(report: &Report) -> String {
    let total = report.coverage.len();
    let outcomes = [
        (Outcome::Reviewed, "reviewed"),
        (Outcome::Scanned, "scanned by rules"),
        (Outcome::Skipped, "skipped"),
        (Outcome::Unreviewed, "unreviewed"),
    ];
    let counts: Vec<(usize, &str)> = outcomes
        .iter()
        .map(|(outcome, word)| {
            (
                report.coverage.iter().filter(|entry| entry.outcome == *outcome).count(),
                *word,
            )
        })
        .filter(|(number, _)| *number > 0)
        .collect();
    let is_cut = report.lacks_only_unlisted();
    let files = match counts.as_slice() {
        [] if is_cut => return UNLISTED.to_owned(),
        [] => "no files changed".to_owned(),
        [(_, word)] if total == 1 || is_cut => format!("{} {word}", counted(total, "file")),
        [(_, word)] if total == 2 => format!("both files {word}"),
        [(_, word)] => format!("all {total} files {word}"),
        several => {
            let parts: Vec<String> = several
                .iter()
                .map(|(number, word)| format!("{number} {word}"))
                .collect();
            format!("{}: {}", counted(total, "file"), parts.join(", "))
        }
    };
    if is_cut { format!("{files}; {UNLISTED}") } else { files }
}

/// Returns the walkthrough without the counts, which the verdict has. They are at its end, or at the beginning of the one
/// that withholds findings.
pub(super) fn walkthrough(report: &Report) -> &str {
    let counts = coverage_line(&report.coverage);
    if report.withheld > 0
        && let Some(text) = report.summary.strip_prefix(&counts)
    {
        return text.trim();
    }
    let end = report.summary.rfind(&counts).unwrap_or(report.summary.len());
    report.summary.get(..end).unwrap_or_default().trim_end()
}

/// A row of the table.
struct Row<'a> {
    order: u8,
    severity: Severity,
    path: &'a str,
    side: Side,
    line: u32,
    title: &'a str,
    state: &'static str,
    url: Option<&'a str>,
}

/// Returns the table of all findings: new ones first, then the worst.
fn table(report: &Report) -> String {
    let found = report
        .findings
        .iter()
        .filter(|finding| finding.is_public())
        .map(|finding| Row {
            order: match finding.state() {
                TrackedState::New => 0,
                TrackedState::Reopened => 1,
                TrackedState::Open => 2,
                TrackedState::Closed => 4,
                TrackedState::Dismissed => 5,
            },
            severity: finding.severity,
            path: &finding.path,
            side: finding.side,
            line: finding.line,
            title: &finding.title,
            state: match finding.state() {
                TrackedState::Closed => "resolved",
                state => state.as_str(),
            },
            url: finding.comment_url(),
        });
    let earlier = report.earlier.iter().map(|finding: &EarlierFinding| Row {
        order: if finding.state == EarlierState::Open { 2 } else { 3 },
        severity: finding.severity,
        path: &finding.path,
        side: finding.side,
        line: finding.line,
        title: &finding.title,
        state: finding.state.as_str(),
        url: finding.url.as_deref(),
    });
    let mut rows: Vec<Row<'_>> = found.chain(earlier).collect();
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by(|one, other| {
        (one.order, std::cmp::Reverse(one.severity), one.path, one.line).cmp(&(
            other.order,
            std::cmp::Reverse(other.severity),
            other.path,
            other.line,
        ))
    });
    let has_states = rows.iter().any(|row| row.order > 0);
    let (head, rule) = if has_states {
        ("| Severity | Place | Finding | State |", "| --- | --- | --- | --- |")
    } else {
        ("| Severity | Place | Finding |", "| --- | --- | --- |")
    };
    let lines = rows.iter().map(|row| {
        let place = format!("{} line {}", path(row.path).replace('|', "\\|"), row.line);
        let place = match link(report, row) {
            Some(link) => format!("[{place}]({link})"),
            None => place,
        };
        let state = if has_states {
            format!(" {} |", row.state)
        } else {
            String::new()
        };
        format!(
            "| {} {} | {place} | {} |{state}\n",
            severity_mark(row.severity),
            row.severity,
            finding_title(row.title)
        )
    });
    let mut lines = lines.peekable();
    let start = format!("\n{head}\n{rule}\n");
    let mut out = start.clone();
    for _ in 0..MAX_TABLE_ROWS {
        let chars = out.chars().count();
        let Some(line) = lines.next_if(|line| chars + line.chars().count() <= MAX_TABLE_CHARS) else {
            break;
        };
        out.push_str(&line);
    }
    let folded = lines.len();
    if folded > 0 {
        let rest = within(start, lines, "finding", MAX_TABLE_CHARS);
        let _infallible = write!(
            out,
            "\n<details><summary>{}</summary>\n{rest}\n</details>\n",
            counted(folded, "more finding")
        );
    }
    out
}

/// Returns the address of a finding's comment, or else of its line in the diff.
fn link(report: &Report, row: &Row<'_>) -> Option<String> {
    let page = report.target.url.as_deref()?;
    let is_plain = |url: &&str| {
        url.starts_with("https://")
            && url
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"()<>|".contains(&byte))
    };
    if let Some(url) = row.url.filter(is_plain) {
        return Some(url.to_owned());
    }
    let side = match row.side {
        Side::Left => 'L',
        Side::Right => 'R',
    };
    let file = hex::encode(Sha256::digest(row.path.as_bytes()));
    Some(format!("{page}/files#diff-{file}{side}{}", row.line)).filter(|link| is_plain(&link.as_str()))
}

/// A finding without an inline comment.
#[derive(Clone, Copy)]
enum Uncommented<'a> {
    Found(&'a Finding),
    Earlier(&'a EarlierFinding),
}

/// Returns the texts of findings without an inline comment, folded.
fn details(findings: &[&Finding], earlier: &[EarlierFinding], links: &Links) -> String {
    let is_hidden = |finding: &&EarlierFinding| finding.state == EarlierState::Open && !finding.body.is_empty();
    let found = findings.iter().copied().map(Uncommented::Found);
    let earlier = earlier.iter().filter(is_hidden).map(Uncommented::Earlier);
    let all: Vec<Uncommented<'_>> = found.chain(earlier).collect();
    if all.is_empty() {
        return String::new();
    }
    let most = MAX_DETAILS_CHARS / 2;
    let pieces = all.iter().map(|finding| {
        let (file, line, severity, text) = match finding {
            Uncommented::Found(finding) => {
                let text = finding_markdown(finding, links, most);
                (&finding.path, finding.line, finding.severity, text)
            }
            Uncommented::Earlier(finding) => {
                let body = body_within(&finding.body, links, most);
                let text = format!("{} · {}\n\n{body}", finding_title(&finding.title), finding.severity);
                (&finding.path, finding.line, finding.severity, text)
            }
        };
        let mark = severity_mark(severity);
        format!("\n**{} line {line}**\n\n{mark} {text}\n", path(file))
    });
    let list = within(String::new(), pieces, "finding", MAX_DETAILS_CHARS);
    format!(
        "\n<details><summary>{} without an inline comment</summary>\n{list}\n</details>\n",
        counted(all.len(), "finding")
    )
}
