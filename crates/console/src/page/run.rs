//! The page of a run: its head, status, actions, states, files, findings, usage and decisions.

use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::report::{Report, RunStatus};
use maud::{Markup, html};

use super::advice;
use crate::part::form::{self, Confirmed};
use crate::part::{coverage, diff, frame, mark, prose, span_chart, text, time, usage};
use crate::view::{AuditEntry, Failure, PullRequest, Refresh, RunActions, RunHead, RunView};
use crate::{field, href};

/// Maximum number of listed notes.
const MAX_NOTES: usize = 50;

/// Returns the page.
pub fn page(view: &RunView) -> String {
    let head = &view.head;
    let name = subject(head);
    frame::frame(
        &view.frame,
        &format!("{name}: {}", mark::status_word(head.status)),
        &html! {
            (heading(view))
            @if let Some(failure) = &view.failure { (failed(failure)) }
            @if let Some(until_ms) = view.retried_until_ms {
                p { "The review is retried by itself once the outage or the limit is over, until " (time::moment(until_ms)) "." }
            }
            @if head.needs_cleaning { (cleaning(&view.actions)) }
            (actions(view))
            (section_links(view))
            div.run-body {
                @if let Some(report) = &view.report { (summary(report)) }
                (findings(view))
                section #files { h2 { "Files" } (coverage::coverage(&head.run, &view.files, head.ended_ms.is_some())) }
                section #states {
                    h2 { "States" }
                    (span_chart::timeline(&view.timeline, view.frame.now_ms))
                    (picture(view))
                }
                section #usage { h2 { "Usage" } (usage::usage(view.report.as_ref().map(|report| &report.usage), &view.tiers)) }
                section #decisions { h2 { "Decisions and actions" } (audit(&view.audit)) }
            }
        },
    )
}

/// Links to the page's sections.
fn section_links(view: &RunView) -> Markup {
    let findings = view.report.as_ref().map_or(0, |report| report.findings.len());
    html! {
        nav.local aria-label="On this page" {
            @if view.report.is_some() { a href="#summary" { "Summary" } }
            a href="#findings" { "Findings" @if findings > 0 { " " (text::grouped(findings)) } }
            a href="#files" { "Files" @if !view.files.is_empty() { " " (text::grouped(view.files.len())) } }
            a href="#states" { "States" }
            a href="#usage" { "Usage" }
            a href="#decisions" { "Decisions" }
        }
    }
}

/// Returns `owner/name#12`, or the work tree's folder, for the page's title.
fn subject(head: &RunHead) -> String {
    let repository = text::plain(&head.repository);
    match &head.pull_request {
        Some(request) => format!("{repository}#{}", request.number),
        None => repository,
    }
}

fn heading(view: &RunView) -> Markup {
    let head = &view.head;
    let now = view.frame.now_ms;
    let usage = view.report.as_ref().map(|report| report.usage);
    html! {
        (crumbs(head))
        header.page-head {
            div.page-marks {
                (mark::status(head.status))
                @if head.needs_cleaning { (mark::needs_cleaning()) }
                @if let Some(worst) = view.report.as_ref().and_then(|report| report.gate.worst) { (mark::severity(worst)) }
            }
            h1 {
                @match head.pull_request.as_ref().and_then(|request| request.title.as_ref()) {
                    Some(title) => (text::line(title)),
                    None => (change_name(&head.repository, head.pull_request.as_ref())),
                }
            }
            dl.facts {
                div { dt { "Change" } dd { (change_link(&head.repository, head.pull_request.as_ref())) } }
                @if let Some(page) = pull_page(head) { div { dt { "Pull request" } dd { a href=(page) { "All its runs and findings" } } } }
                @if let Some(author) = &head.author { div { dt { "Author" } dd { (text::line(author)) } } }
                div { dt { "Head" } dd { code title=(text::plain(&head.head)) { (text::line(text::short(&head.head))) } } }
                @if let Some(base) = &head.base { div { dt { "Base" } dd { code title=(text::plain(base)) { (text::line(text::short(base))) } } } }
                div { dt { "Model" } dd { @match &head.model {
                    Some(ModelId::Rules) => { "Static analysis only" }
                    Some(model) => { (text::line(&model.to_string())) }
                    None => {}
                } } }
                @if let Some(usage) = usage {
                    div { dt { "Cost" } dd { (usage::cost(&usage)) } }
                    div { dt { "Tokens" } dd { (text::grouped(usage.input_tokens)) " in, " (text::grouped(usage.output_tokens)) " out" } }
                }
                div { dt { "Started" } dd { (time::moment_and_distance(head.started_ms, now)) } }
                div {
                    dt { "Took" }
                    dd {
                        (time::duration(time::between(head.started_ms, head.ended_ms.unwrap_or(now))))
                        @if head.ended_ms.is_none() { " so far" }
                    }
                }
                div.wide { dt { "Run" } dd { code.run-name { (text::line(&head.run)) } } }
            }
            (refreshing(view))
        }
    }
}

fn pull_page(head: &RunHead) -> Option<&String> {
    head.pull_request.as_ref()?.page.as_ref()
}

fn crumbs(head: &RunHead) -> Markup {
    let change = change_name(&head.repository, head.pull_request.as_ref());
    html! {
        nav.crumbs aria-label="Breadcrumb" {
            ol {
                li { a href=(href::runs()) { "Runs" } }
                @match pull_page(head) {
                    Some(page) => {
                        li { a href=(page) { (change) } }
                        li aria-current="page" { "Run at " (text::line(text::short(&head.head))) }
                    }
                    None => li aria-current="page" { (change) },
                }
            }
        }
    }
}

/// Shows whether the page refreshes itself, with the link that changes it.
fn refreshing(view: &RunView) -> Markup {
    let run = &view.head.run;
    html! {
        @match view.refresh {
            Refresh::Never => {}
            Refresh::EverySeconds(seconds) => p.hint { "This page refreshes itself every " (seconds) " seconds while the review runs. " a href=(href::still_run(run)) { "Stop refreshing" } }
            Refresh::Stopped => p.hint { "This page doesn't refresh itself. " a href=(href::run(run)) { "Refresh while the review runs" } }
        }
    }
}

/// Returns the repository with the pull request, as a link if its address is known.
pub(super) fn change_link(repository: &str, request: Option<&PullRequest>) -> Markup {
    let name = change_name(repository, request);
    match request.and_then(|request| request.address.as_ref()) {
        Some(address) => html! { a href=(address.as_str()) rel="noreferrer noopener" { (name) } },
        None => name,
    }
}

/// Returns `owner/name#12`, or the work tree.
pub(super) fn change_name(repository: &str, request: Option<&PullRequest>) -> Markup {
    html! {
        (text::line(repository))
        @if let Some(request) = request { wbr; "#" (request.number) } @else { " (work tree)" }
    }
}

fn failed(failure: &Failure) -> Markup {
    let advice = advice::advice(&failure.error);
    html! {
        section.callout.callout-bad aria-labelledby="failure" {
            h2 #failure { "Why it failed" }
            p.callout-what { (advice.cause()) }
            @if !failure.cause.is_empty() { p.cause { code { (text::line(&failure.error)) } ": " (text::block(&failure.cause, text::MAX_PARAGRAPH_CHARS)) } }
            @else { p.cause { code { (text::line(&failure.error)) } } }
            p { strong { "What to do: " } (advice.remedy()) }
        }
    }
}

fn cleaning(actions: &RunActions) -> Markup {
    html! {
        section.callout.callout-bad aria-labelledby="cleaning" {
            h2 #cleaning { "Something is left on the pull request" }
            p {
                "The run could not remove its comment or draft, or close its check. "
                @if actions.clean.is_some() { "Clean up below; you can repeat it until it succeeds." }
                @else { "Someone with permission to act on this run can clean up here, or with " code { "holdfast cancel RUN" } "." }
            }
        }
    }
}

fn actions(view: &RunView) -> Markup {
    let RunActions {
        cancel,
        clean,
        redrive,
        replay,
        approve,
        reject,
        decide_at,
    } = &view.actions;
    let is_any = [cancel, clean, redrive, replay, approve, reject]
        .iter()
        .any(|form| form.is_some())
        || decide_at.is_some();
    let none = || html! {};
    let confirmed = |name, id, what, fields, confirm, button, is_grave| Confirmed {
        name,
        id,
        what,
        fields,
        confirm,
        button,
        is_grave,
    };
    html! {
        @if is_any {
            section.actions aria-label="Actions" {
                @if view.head.status == RunStatus::AwaitingApproval {
                    p.actions-lead { "The review is waiting for a decision. Nothing is published before that." }
                }
                @if let Some(address) = decide_at { a.button.primary href=(address) { "Read the findings and decide" } }
                @if let Some(form) = approve {
                    (confirmed("Approve…", "approve", html! { "Publishes the review on the pull request with all its findings." },
                        html! { input type="hidden" name=(field::DECISION) value="approve"; },
                        "I have read the findings", "Approve and publish", false).render(form))
                }
                @if let Some(form) = reject {
                    (confirmed("Reject…", "reject", html! { "Publishes nothing. The check on the pull request closes with your reason." },
                        html! { input type="hidden" name=(field::DECISION) value="reject"; (form::reason("reject-reason", "Reason", "Shown in the pull request's check.")) },
                        "Discard this review", "Reject", true).render(form))
                }
                @if let Some(form) = redrive {
                    (confirmed("Redrive…", "redrive", html! { "Resumes the run from the failed state. Finished units are kept, and their model calls are not paid for again." },
                        none(), "Resume from the failed state", "Redrive", false).render(form))
                }
                @if let Some(form) = replay {
                    form.action method="post" action=(form.action) {
                        (form::nonce(form))
                        button.button type="submit" title="Uses the recorded answers: calls no model and writes nothing" { "Replay" }
                    }
                }
                @if let Some(form) = clean {
                    (confirmed("Clean up…", "clean", html! { "Removes the comment and the draft that the run left on the pull request, and closes its check." },
                        none(), "Undo what the run left", "Clean up", false).render(form))
                }
                @if let Some(form) = cancel {
                    (confirmed("Cancel…", "cancel", html! { "Stops the run and undoes its changes on the pull request. It can't be resumed." },
                        none(), "Stop this run for good", "Cancel the run", true).render(form))
                }
            }
        }
    }
}

fn summary(report: &Report) -> Markup {
    html! {
        section #summary {
            h2 { "Summary" }
            (prose::prose(&report.summary))
            @if !report.notes.is_empty() { (notes(&report.notes)) }
        }
    }
}

/// Lists notes for the reader.
pub(super) fn notes(notes: &[String]) -> Markup {
    html! {
        ul.notes aria-label="Notes" {
            @for note in notes.iter().take(MAX_NOTES) { li { (text::block(note, text::MAX_PARAGRAPH_CHARS)) } }
            @if notes.len() > MAX_NOTES { li.cut { (text::counted((notes.len() - MAX_NOTES) as u64, "more note")) " not shown" } }
        }
    }
}

fn findings(view: &RunView) -> Markup {
    let count: usize = view.report.as_ref().map_or(0, |report| report.findings.len());
    html! {
        section #findings {
            h2 { "Findings" @if count > 0 { " " span.count { (text::grouped(count)) } } }
            @match (&view.report, count) {
                (None, _) if view.head.ended_ms.is_none() => { p.quiet { "Findings appear here after all units are reviewed." } }
                (None, _) => { p.quiet { "The run ended before it had findings." } }
                (Some(_), 0) => { p.quiet { "None. The list of files shows what was reviewed and what was not." } }
                _ => { (diff::index(&view.diffs)) (diff::files(&view.diffs, None)) }
            }
        }
    }
}

fn picture(view: &RunView) -> Markup {
    html! {
        @if let Some(picture) = &view.picture {
            details.more {
                summary { "The workflow as a picture" }
                div.picture tabindex="0" role="group" aria-label="The workflow as a picture" {
                    img src=(picture.src) width=(picture.width) height=(picture.height) loading="lazy"
                        alt="The workflow's states and this run's path through them; the table of times lists the same states.";
                }
                p { a href=(picture.src) { "Open the picture by itself" } }
            }
        }
    }
}

fn audit(entries: &[AuditEntry]) -> Markup {
    html! {
        @if entries.is_empty() {
            p.quiet { "Nobody has decided on this run or acted on it." }
        } @else {
            ol.audit {
                @for entry in entries {
                    li {
                        p { strong { (text::line(&entry.who)) } " " (text::line(&entry.did)) " · " (time::moment(entry.at_ms)) }
                        @if let Some(reason) = &entry.reason { blockquote { (text::block(reason, text::MAX_PARAGRAPH_CHARS)) } }
                        p.quiet {
                            "Identified by " (text::line(&entry.known_by))
                            @if let Some(version) = &entry.page_version { "; page version " code { (text::line(text::short(version))) } }
                        }
                    }
                }
            }
        }
    }
}
