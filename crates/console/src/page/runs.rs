//! The list of runs, newest first, with filters that work without script.

use maud::{Markup, html};

use super::run::change_name;
use crate::part::cell::cell;
use crate::part::chart::{self, Part};
use crate::part::{frame, mark, run_cells, text};
use crate::view::{RunRow, RunsFilter, RunsView};
use crate::{field, href};

/// Returns the page.
pub fn page(view: &RunsView) -> String {
    frame::frame(
        &view.frame,
        "Runs",
        &html! {
            header.page-head {
                h1 { "Runs" }
                @if view.total > 0 { p.lead { (lead(view)) } }
            }
            @if view.total == 0 {
                (no_runs())
            } @else {
                (pictures(view))
                (filter_form(view))
                @if view.rows.is_empty() {
                    (nothing_matches(view))
                } @else {
                    (table(view))
                    (paging(view))
                }
            }
        },
    )
}

fn lead(view: &RunsView) -> String {
    let waiting = view
        .statuses
        .iter()
        .find(|(status, _)| *status == holdfast_core::model::report::RunStatus::AwaitingApproval);
    let total = text::counted(view.total, "review");
    match waiting {
        Some((_, 1)) => format!("{total}; 1 is waiting for a decision."),
        Some((_, count)) if *count > 1 => format!("{total}; {} are waiting for a decision.", text::grouped(*count)),
        _ => format!("{total}."),
    }
}

fn no_runs() -> Markup {
    html! {
        section.empty {
            h2 { "No runs yet" }
            p { "A review starts when GitHub delivers a pull request to " code { "/webhooks/github" } ", when someone with write permission comments " code { "/holdfast review" } " on one, or from a terminal:" }
            pre.code-block tabindex="0" { code { "holdfast review https://github.com/OWNER/REPO/pull/12 --publish" } }
            p { "It appears here as soon as it has started. If GitHub sent a webhook and nothing appears, the delivery's page on GitHub shows Holdfast's answer with the reason." }
        }
    }
}

fn nothing_matches(view: &RunsView) -> Markup {
    html! {
        section.empty {
            h2 { "No run matches" }
            p { "None of the " (text::counted(view.total, "run")) " matches the filter. The text is searched in a run's name, repository, title and head." }
            p { a.button href=(href::runs()) { "Show all runs" } }
        }
    }
}

fn pictures(view: &RunsView) -> Markup {
    let parts: Vec<Part<'_>> = mark::STATUSES
        .into_iter()
        .map(|status| Part {
            class: mark::status_class(status),
            word: mark::status_word(status),
            count: view
                .statuses
                .iter()
                .filter(|(other, _)| *other == status)
                .map(|(_, count)| count)
                .sum(),
        })
        .collect();
    html! {
        @if !view.days.is_empty() {
            section.pictures aria-label="At a glance" {
                (chart::days(&format!("Reviews in the last {}", text::counted(view.days.len() as u64, "day")), &view.days))
                (chart::parts("By status", &parts))
            }
        }
    }
}

fn filter_form(view: &RunsView) -> Markup {
    let RunsFilter {
        status,
        repository,
        text,
    } = &view.filter;
    html! {
        form.filter method="get" action=(href::runs()) role="search" aria-label="Filter the runs" {
            div.field {
                label for="filter-status" { "Status" }
                select id="filter-status" name=(field::FILTER_STATUS) {
                    option value="" selected[status.is_none()] { "All" }
                    @for offered in mark::STATUSES {
                        option value=(offered.as_str()) selected[*status == Some(offered)] { (mark::status_word(offered)) }
                    }
                }
            }
            div.field {
                label for="filter-repository" { "Repository" }
                select id="filter-repository" name=(field::FILTER_REPOSITORY) {
                    option value="" selected[repository.is_none()] { "All" }
                    @for offered in &view.repositories {
                        option value=(text::editable(offered)) selected[repository.as_ref() == Some(offered)] { (text::plain(offered)) }
                    }
                }
            }
            div.field.grow {
                label for="filter-text" { "Text" }
                input type="search" id="filter-text" name=(field::FILTER_TEXT) value=(text::editable(text)) placeholder="Title, commit or run" maxlength="200";
            }
            div.filter-buttons {
                button.button.primary type="submit" { "Filter" }
                @if !view.filter.is_empty() { a.button href=(href::runs()) { "Clear" } }
            }
        }
    }
}

fn table(view: &RunsView) -> Markup {
    html! {
        table.cards.runs role="table" {
            caption.visually-hidden { "Runs, newest first" }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Status" }
                    th scope="col" role="columnheader" { "Change" }
                    th scope="col" role="columnheader" { "Head" }
                    (run_cells::result_headings())
                }
            }
            tbody role="rowgroup" {
                @for run in &view.rows { (row(run, view.frame.now_ms)) }
            }
        }
    }
}

fn row(run: &RunRow, now_ms: i64) -> Markup {
    html! {
        tr role="row" {
            (run_cells::state(run))
            th.change scope="row" role="rowheader" {
                a.change-link href=(href::run(&run.run)) { (change_name(&run.repository, run.pull_request.as_ref())) }
                @if let Some(title) = run.pull_request.as_ref().and_then(|request| request.title.as_ref()) {
                    span.change-title { (text::line(title)) }
                }
                @if let Some((page, number)) = run.pull_request.as_ref().and_then(|request| Some((request.page.as_ref()?, request.number))) {
                    a.pull-link href=(page) { "All runs of #" (number) }
                }
            }
            (cell("Head", "", Some(html! { code { (text::line(text::short(&run.head))) } })))
            (run_cells::results(run, now_ms))
        }
    }
}

fn paging(view: &RunsView) -> Markup {
    html! {
        nav.paging aria-label="Pages" {
            @if view.page > 1 { a.button href=(href::filtered_runs(&view.filter, view.page - 1)) rel="prev" { "← Newer" } }
            p {
                "Page " (view.page) " of " (view.pages.max(1)) ", " (text::counted(view.matching, "run"))
                @if !view.filter.is_empty() { " of " (text::grouped(view.total)) }
            }
            @if view.page < view.pages { a.button href=(href::filtered_runs(&view.filter, view.page + 1)) rel="next" { "Older →" } }
        }
    }
}
