//! What became of each changed file.

use maud::{Markup, html};

use super::chart::{Part, parts};
use super::{mark, text};
use crate::href;
use crate::view::{FileOutcome, FileRow};

/// Files that are listed at most; those that need a look come first.
pub const FILES_MOST: usize = 1_000;

/// The bar and the table.
pub fn coverage(run: &str, rows: &[FileRow]) -> Markup {
    if rows.is_empty() {
        return html! { p.quiet { "The change has not been read yet; its files will be listed here." } };
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
            part("is-now", "Running", FileOutcome::Running),
            part("is-wait", "Queued", FileOutcome::Queued),
            part("is-calm", "Skipped", FileOutcome::Skipped),
            part("is-bad", "Unreviewed", FileOutcome::Unreviewed),
        ]))
        table.cards role="table" {
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
                @for row in rows.iter().take(FILES_MOST) { (file(run, row)) }
            }
        }
        @if rows.len() > FILES_MOST {
            p.cut { (text::counted((rows.len() - FILES_MOST) as u64, "more file")) " not shown; " code { "holdfast show RUN --format json" } " lists all" }
        }
    }
}

fn file(run: &str, row: &FileRow) -> Markup {
    html! {
        tr role="row" {
            th.path scope="row" role="rowheader" { (text::line(&row.path)) }
            td role="cell" data-label="Outcome" { (mark::outcome(row.outcome)) }
            td.why role="cell" data-label="Why" {
                @match &row.reason {
                    Some(reason) => (text::line(reason)),
                    None => span.quiet aria-hidden="true" { "–" },
                }
            }
            td.num role="cell" data-label="Attempts" { (row.attempts) }
            td role="cell" data-label="Units" {
                @if row.units.is_empty() { span.quiet aria-hidden="true" { "–" } }
                @for unit in &row.units {
                    a.unit-link href=(href::unit(run, &unit.id)) aria-label={ "Unit " (text::plain(&unit.id)) " of " (text::plain(&row.path)) } { (text::line(&unit.id)) }
                    " "
                }
            }
        }
    }
}
