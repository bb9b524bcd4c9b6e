//! Shows the outcome of each changed file.

use maud::{Markup, html};

use super::cell::cell;
use super::chart::{Part, parts};
use super::{mark, text};
use crate::href;
use crate::view::{FileOutcome, FileRow};

/// Maximum number of listed files; those that need attention come first.
pub const MAX_FILES: usize = 1_000;

/// Maximum number of files in one table. Beyond it, files that need no attention are folded.
const MAX_UNFOLDED_FILES: usize = 25;

/// Returns the bar and the table.
pub fn coverage(run: &str, rows: &[FileRow], has_ended: bool) -> Markup {
    if rows.is_empty() {
        let why = if has_ended {
            "The run ended before the change was read."
        } else {
            "The change has not been read yet; its files will be listed here."
        };
        return html! { p.quiet { (why) } };
    }
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count() as u64;
    let part = |class, word, outcome| Part {
        class,
        word,
        count: count(outcome),
    };
    html! {
        (parts("Files by outcome", &[
            part("is-good", "Reviewed", FileOutcome::Reviewed),
            part("is-calm", "Scanned", FileOutcome::Scanned),
            part("is-now", "Running", FileOutcome::Running),
            part("is-wait", "Queued", FileOutcome::Queued),
            part("is-calm", "Skipped", FileOutcome::Skipped),
            part("is-bad", "Unreviewed", FileOutcome::Unreviewed),
        ]))
        (tables(run, rows.get(..MAX_FILES).unwrap_or(rows)))
        @if rows.len() > MAX_FILES {
            p.cut { (text::counted((rows.len() - MAX_FILES) as u64, "more file")) " not shown; " code { "holdfast show RUN --format json" } " lists all" }
        }
    }
}

/// Returns one table or, of many files, a table of those that need attention and a folded one.
fn tables(run: &str, rows: &[FileRow]) -> Markup {
    if rows.len() <= MAX_UNFOLDED_FILES {
        return table(run, "Changed files", rows);
    }
    let urgent = rows.partition_point(|row| row.outcome <= FileOutcome::Running);
    let (urgent, others) = rows.split_at(urgent);
    html! {
        @if !urgent.is_empty() { (table(run, "Unreviewed and running files", urgent)) }
        @if !others.is_empty() {
            details.more {
                summary { (text::counted(others.len() as u64, if urgent.is_empty() { "file" } else { "more file" })) ", sorted by outcome" }
                (table(run, "Other files", others))
            }
        }
    }
}

fn table(run: &str, caption: &str, rows: &[FileRow]) -> Markup {
    html! {
        table.cards role="table" {
            caption.visually-hidden { (caption) ", sorted by outcome" }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "File" }
                    th scope="col" role="columnheader" { "Outcome" }
                    th scope="col" role="columnheader" { "Why" }
                    th.num scope="col" role="columnheader" { "Attempts" }
                    th scope="col" role="columnheader" { "Units" }
                }
            }
            tbody role="rowgroup" {
                @for row in rows { (file(run, row)) }
            }
        }
    }
}

fn file(run: &str, row: &FileRow) -> Markup {
    html! {
        tr role="row" {
            th.path scope="row" role="rowheader" { (text::line(&row.path)) }
            (cell("Outcome", "outcome", Some(mark::outcome(row.outcome))))
            (cell("Why", "why", row.reason.as_ref().map(|reason| html! { (text::line(reason)) })))
            (cell("Attempts", "num", (row.attempts > 0).then(|| html! { (row.attempts) })))
            (cell("Units", "", (!row.units.is_empty()).then(|| units(run, row))))
        }
    }
}

fn units(run: &str, row: &FileRow) -> Markup {
    html! {
        @for unit in &row.units {
            a.unit-link href=(href::unit(run, &unit.id)) aria-label={ "Unit " (text::plain(&unit.id)) " of " (text::plain(&row.path)) } {
                (text::line(&unit.id))
            }
            " "
        }
    }
}
