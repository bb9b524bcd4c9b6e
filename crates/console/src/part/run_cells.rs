//! The cells that each table of runs has: state, results and times.

use maud::{Markup, html};

use super::cell::cell;
use super::{mark, text, time};
use crate::view::RunRow;

/// Returns the headings of [`results`].
pub fn result_headings() -> Markup {
    html! {
        th scope="col" role="columnheader" { "Worst" }
        th.num scope="col" role="columnheader" { "Findings" }
        th.num scope="col" role="columnheader" { "Cost" }
        th.num scope="col" role="columnheader" { "Took" }
        th scope="col" role="columnheader" { "Started" }
    }
}

/// Returns the cell with a run's status.
pub fn state(run: &RunRow) -> Markup {
    html! {
        td.state role="cell" {
            (mark::status(run.status))
            @if run.needs_cleaning { " " (mark::needs_cleaning()) }
        }
    }
}

/// Returns the cells with a run's findings, cost and times.
pub fn results(run: &RunRow, now_ms: i64) -> Markup {
    html! {
        (cell("Worst", "", run.worst.map(mark::severity)))
        (cell("Findings", "num", run.findings.map(|count| html! { (text::grouped(count)) })))
        (cell("Cost", "num", run.cost_usd.map(|cost| html! { (text::dollars(cost)) })))
        (cell("Took", "num", Some(html! { (time::duration(time::between(run.started_ms, run.ended_ms.unwrap_or(now_ms)))) @if run.ended_ms.is_none() { " so far" } })))
        (cell("Started", "", Some(time::ago(run.started_ms, now_ms))))
    }
}
