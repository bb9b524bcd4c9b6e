//! The page of a pull request: its runs, its remembered findings by state, and what its runs cost.

use std::cmp::Reverse;
use std::collections::HashMap;

use holdfast_core::ledger::{Dismissal, DismissalReason, Entry, EntryState, MAX_ENTRIES};
use maud::{Markup, html};

use super::run::{change_link, change_name};
use crate::href;
use crate::part::cell::cell;
use crate::part::{frame, mark, run_cells, text, usage};
use crate::view::{PullView, RunRow, RunsFilter};

/// Maximum number of listed runs: the newest.
const MAX_RUNS: usize = 50;
/// Maximum number of listed findings in each state: the worst.
const MAX_FINDINGS: usize = 200;

/// The states in the page's order: id, heading, explanation, and whether an entry is in it.
type Group = (&'static str, &'static str, &'static str, fn(&EntryState) -> bool);

const GROUPS: [Group; 6] = [
    (
        "open",
        "Open",
        "Published, and still there at the last review.",
        |state| matches!(state, EntryState::Open),
    ),
    (
        "closed",
        "Closed",
        "Someone resolved the thread. It isn't posted again while its lines are unchanged.",
        |state| matches!(state, EntryState::Closed),
    ),
    (
        "dismissed",
        "Dismissed",
        "Someone with permission decided against it. It isn't posted again unless its code changes materially.",
        |state| matches!(state, EntryState::Dismissed(_)),
    ),
    (
        "fixed",
        "Fixed",
        "Its lines changed, and a later review of them no longer reports it.",
        |state| matches!(state, EntryState::Fixed { .. }),
    ),
    (
        "silenced",
        "Silenced",
        "A comment in the code silences it. It is open again once that comment is gone.",
        |state| matches!(state, EntryState::Silenced { .. }),
    ),
    (
        "outdated",
        "Outdated",
        "Its file, or its part of the file, is no longer in the diff.",
        |state| matches!(state, EntryState::Outdated),
    ),
];

/// Returns the page.
pub fn page(view: &PullView) -> String {
    let name = format!("{}#{}", text::plain(&view.repository), view.pull_request.number);
    frame::frame(
        &view.frame,
        &format!("{name}: runs and findings"),
        &html! {
            (heading(view))
            nav.local aria-label="On this page" {
                a href="#runs" { "Runs " (text::grouped(view.runs.len())) }
                a href="#findings" { "Findings " (text::grouped(view.ledger.entries.len())) }
            }
            div.run-body {
                section #runs { h2 { "Runs " span.count { (text::grouped(view.runs.len())) } } (runs(view)) }
                section #findings { h2 { "Findings " span.count { (text::grouped(view.ledger.entries.len())) } } (findings(view)) }
            }
        },
    )
}

fn heading(view: &PullView) -> Markup {
    let request = Some(&view.pull_request);
    html! {
        nav.crumbs aria-label="Breadcrumb" { ol { li { a href=(href::runs()) { "Runs" } } li aria-current="page" { (change_name(&view.repository, request)) } } }
        header.page-head {
            h1 {
                @match &view.pull_request.title { Some(title) => (text::line(title)), None => (change_name(&view.repository, request)) }
            }
            dl.facts {
                div { dt { "Change" } dd { (change_link(&view.repository, request)) } }
                @if let Some(author) = &view.author { div { dt { "Author" } dd { (text::line(author)) } } }
                div { dt { "Cost of all runs" } dd { (usage::cost(&view.usage)) } }
                div { dt { "Model calls" } dd { (text::grouped(view.usage.model_calls)) } }
                div { dt { "Tokens" } dd { (text::grouped(view.usage.input_tokens)) " in, " (text::grouped(view.usage.output_tokens)) " out" } }
            }
            @if view.uncounted_runs > 0 {
                p.hint { "Cost, calls and tokens don't include " (text::counted(view.uncounted_runs, "run")) " without a report." }
            }
        }
    }
}

fn runs(view: &PullView) -> Markup {
    let all = RunsFilter {
        repository: Some(view.repository.clone()),
        ..RunsFilter::default()
    };
    html! {
        table.cards.runs role="table" {
            caption.visually-hidden { "Runs of this pull request, newest first" }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Status" }
                    th scope="col" role="columnheader" { "Head" }
                    (run_cells::result_headings())
                }
            }
            tbody role="rowgroup" {
                @for row in view.runs.iter().take(MAX_RUNS) { (run(row, view.frame.now_ms)) }
            }
        }
        @if view.runs.len() > MAX_RUNS {
            p.cut { (text::counted((view.runs.len() - MAX_RUNS) as u64, "older run")) " not shown; " a href=(href::filtered_runs(&all, 1)) { "the list of runs" } " has all" }
        }
    }
}

fn run(run: &RunRow, now_ms: i64) -> Markup {
    html! {
        tr role="row" {
            (run_cells::state(run))
            th.change scope="row" role="rowheader" {
                a.change-link href=(href::run(&run.run)) { span.visually-hidden { "Run at " } code { (text::line(text::short(&run.head))) } }
            }
            (run_cells::results(run, now_ms))
        }
    }
}

fn findings(view: &PullView) -> Markup {
    let ledger = &view.ledger;
    let is_open = view.runs.iter().any(|run| run.ended_ms.is_none());
    let heads: HashMap<&str, &str> = view
        .runs
        .iter()
        .map(|run| (run.run.as_str(), run.head.as_str()))
        .collect();
    html! {
        @match &ledger.head {
            None => p.quiet {
                "No findings are remembered for this pull request. They are stored with the first review that this version publishes on it"
                @if is_open { ", after the run in progress at the earliest" }
                "; the page of each run lists what that run found."
            },
            Some(head) if ledger.entries.is_empty() => p.quiet { "No published review of this pull request has found anything, up to " code { (head.short()) } "." },
            Some(head) => {
                p.hint { "After the last published review, of " code { (head.short()) } "." }
                @for group in &GROUPS { (self::group(view, group, &heads)) }
            }
        }
        @if ledger.left_out > 0 {
            p.cut { (text::counted(ledger.left_out, "more finding")) " not remembered: a pull request keeps " (text::grouped(MAX_ENTRIES)) }
        }
    }
}

fn group(view: &PullView, (id, name, why, is_in): &Group, heads: &HashMap<&str, &str>) -> Markup {
    let mut entries: Vec<&Entry> = view.ledger.entries.iter().filter(|entry| is_in(&entry.state)).collect();
    entries.sort_by_key(|entry| Reverse(entry.severity));
    let heading = format!("findings-{id}");
    html! {
        @if !entries.is_empty() {
            section.ledger aria-labelledby=(heading) {
                h3 id=(heading) { (name) " " span.count { (text::grouped(entries.len())) } }
                p.hint { (why) }
                table.cards role="table" {
                    caption.visually-hidden { (name) " findings, worst first" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" role="columnheader" { "Severity" }
                            th scope="col" role="columnheader" { "Finding" }
                            th scope="col" role="columnheader" { "First run" }
                            th scope="col" role="columnheader" { "Last run" }
                            th scope="col" role="columnheader" { "Comment" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for entry in entries.iter().take(MAX_FINDINGS) { (finding(view, entry, heads)) }
                    }
                }
                @if entries.len() > MAX_FINDINGS { p.cut { (text::counted((entries.len() - MAX_FINDINGS) as u64, "more finding")) " not shown" } }
            }
        }
    }
}

fn finding(view: &PullView, entry: &Entry, heads: &HashMap<&str, &str>) -> Markup {
    html! {
        tr role="row" {
            td.state role="cell" { (mark::severity(entry.severity)) }
            th.change scope="row" role="rowheader" {
                (text::line(&entry.title))
                span.change-title { code { (text::line(&entry.anchor.path)) ":" (entry.anchor.line) } }
                @if let Some(end) = end(entry) { span.change-title { (end) } }
            }
            (cell("First run", "", Some(run_link("First run", entry.first_run.as_str(), heads))))
            (cell("Last run", "", Some(run_link("Last run", entry.last_run.as_str(), heads))))
            (cell("Comment", "", comment_link(view, entry)))
        }
    }
}

/// Returns how the finding's state came about; none if the state says all.
fn end(entry: &Entry) -> Option<Markup> {
    match &entry.state {
        EntryState::Open if entry.touched => Some(html! { "Its lines changed after the last review that read them." }),
        EntryState::Fixed { head } => Some(html! { "Fixed in " code title=(head.as_str()) { (head.short()) } }),
        EntryState::Silenced { head } => Some(html! { "Silenced in " code title=(head.as_str()) { (head.short()) } }),
        EntryState::Dismissed(Dismissal { by, reason }) => Some(html! {
            "Dismissed by " strong { (text::line(by)) }
            @match reason {
                DismissalReason::Reaction => " with a thumbs-down on the comment",
                DismissalReason::DroppedAtApproval => ", who left it out at the approval",
                DismissalReason::Command { words } if words.is_empty() => { " with " code { "/holdfast dismiss" } },
                DismissalReason::Command { words } => { ": " (text::line(words)) },
            }
        }),
        EntryState::Open | EntryState::Closed | EntryState::Outdated => None,
    }
}

/// Returns a link to a run of the pull request; only its name if the run is deleted.
fn run_link(label: &str, run: &str, heads: &HashMap<&str, &str>) -> Markup {
    match heads.get(run) {
        Some(head) => html! {
            a.unit-link href=(href::run(run)) { span.visually-hidden { (label) ", at " } (text::line(text::short(head))) }
        },
        None => html! { span.quiet { (text::line(run)) " (deleted)" } },
    }
}

fn comment_link(view: &PullView, entry: &Entry) -> Option<Markup> {
    let (address, comment) = view.pull_request.address.as_ref().zip(entry.comment)?;
    Some(html! {
        a href={ (address.as_str()) "#discussion_r" (comment) } rel="noreferrer noopener" {
            "Comment" span.visually-hidden { " on " (text::line(&entry.title)) }
        }
    })
}
