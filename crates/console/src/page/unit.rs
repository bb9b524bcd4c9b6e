//! The page of a unit: each attempt with its prompt, raw answer, verdict, and the problems fed back to the model.

use holdfast_core::model::run::{Prompt, RecordedAnswer, Role, Stop, Verdict};
use maud::{Markup, html};

use crate::href;
use crate::part::usage::tier_word;
use crate::part::{frame, mark, text, time};
use crate::view::{Attempt, UnitEnd, UnitView};

/// Returns the page.
pub fn page(view: &UnitView) -> String {
    let unit = &view.unit;
    let now = view.frame.now_ms;
    frame::frame(
        &view.frame,
        &format!("{}, unit {}", unit.path, unit.id),
        &html! {
            nav.crumbs aria-label="Breadcrumb" {
                ol {
                    li { a href=(href::runs()) { "Runs" } }
                    li { a href=(href::run(&view.run)) { (text::line(&view.run)) } }
                    li aria-current="page" { "Unit " (text::line(&unit.id)) }
                }
            }
            header.page-head {
                div.page-marks { (mark::unit_end(&unit.end)) }
                h1.path { (text::line(&unit.path)) }
                dl.facts {
                    div { dt { "Unit" } dd { code { (text::line(&unit.id)) } } }
                    div { dt { "Risk" } dd { (view.risk) " of 100" } }
                    div { dt { "Planned tier" } dd { (tier_word(view.tier)) } }
                    div { dt { "Attempts" } dd { (unit.attempts) } }
                    @if let Some(started) = unit.started_ms {
                        div { dt { "Started" } dd { (time::moment_and_distance(started, now)) } }
                        div { dt { "Took" } dd { (time::duration(time::between(started, unit.ended_ms.unwrap_or(now)))) @if unit.ended_ms.is_none() { " so far" } } }
                    }
                }
            }
            @if let UnitEnd::Unreviewed(reason) = &unit.end {
                section.callout.callout-bad aria-labelledby="unreviewed" {
                    h2 #unreviewed { "Why it is unreviewed" }
                    p { (text::block(reason, text::MAX_PARAGRAPH_CHARS)) }
                    p { "Other units of the run are not affected. The review lists this file as unreviewed." }
                }
            }
            @if view.attempts.is_empty() {
                section.empty {
                    h2 { "No attempt yet" }
                    p { "The unit is queued, or waiting for the model's budget. Each attempt appears here with its prompt, answer and verdict." }
                }
            }
            @for attempt in &view.attempts { (self::attempt(attempt, view.accepted_attempt == Some(attempt.number))) }
        },
    )
}

fn attempt(attempt: &Attempt, is_accepted: bool) -> Markup {
    let answer = attempt.answer.as_ref();
    html! {
        section.attempt id={ "attempt-" (attempt.number) } {
            header.attempt-head {
                h2 { "Attempt " (attempt.number) }
                @match &attempt.verdict {
                    Some(verdict) => (mark::verdict(verdict.valid)),
                    None if answer.is_some() => (mark::waiting("Not checked yet")),
                    None => (mark::waiting("No answer yet")),
                }
                @if is_accepted { (mark::good("Used in the review")) }
                @if answer.is_some_and(|answer| answer.cached) { span.badge.badge-calm { "From the cache" } }
                @if answer.is_some_and(|answer| answer.fallback.is_some()) { span.badge.badge-calm { "By the fallback model" } }
            }
            dl.facts {
                div { dt { "Tier" } dd { (tier_word(attempt.tier)) } }
                @if let Some(answer) = answer {
                    div { dt { "Model" } dd { (text::line(&answer.model)) } }
                    div { dt { "Tokens" } dd { (text::grouped(answer.input_tokens)) " in, " (text::grouped(answer.output_tokens)) " out" } }
                    div { dt { "Answer" } dd { (stop_word(answer.stop)) } }
                }
                @if let Some(took) = attempt.took_ms { div { dt { "Took" } dd { (time::duration(took)) } } }
            }
            @if let Some(verdict) = &attempt.verdict { (self::verdict(verdict)) }
            @if let Some(prompt) = &attempt.prompt { (self::prompt(attempt.number, prompt)) }
            @if let Some(answer) = answer { (raw_answer(attempt.number, answer)) }
        }
    }
}

const fn stop_word(stop: Stop) -> &'static str {
    match stop {
        Stop::Complete => "Complete",
        Stop::OutputLimit => "Cut off at the output limit",
        Stop::Refusal => "Refused by the model",
    }
}

fn verdict(verdict: &Verdict) -> Markup {
    html! {
        div.verdict {
            h3 { "Verdict" }
            p {
                (text::counted(verdict.accepted.len() as u64, "finding")) " passed every check"
                @if verdict.problems.is_empty() { "." } @else { "; " (text::counted(verdict.problems.len() as u64, "problem")) " sent back to the model, verbatim:" }
            }
            @if !verdict.problems.is_empty() {
                ol.problems { @for problem in &verdict.problems { li { (text::block(problem, text::MAX_PARAGRAPH_CHARS)) } } }
            }
            @if !verdict.accepted.is_empty() {
                ul.accepted {
                    @for finding in &verdict.accepted {
                        li { (mark::severity(finding.severity)) " " span.quiet { "line " (finding.line) } " " (text::line(&finding.title)) }
                    }
                }
            }
        }
    }
}

fn prompt(number: u32, prompt: &Prompt) -> Markup {
    html! {
        h3 { "Prompt" }
        (folded(number, "system", "Instructions (system)", &prompt.system, false))
        @for (index, turn) in prompt.turns.iter().enumerate() {
            @let part = match turn.role {
                Role::User => "Request",
                Role::Assistant => "Earlier answer",
            };
            (folded(number, &format!("turn-{index}"), &format!("Turn {}: {part}", index + 1), &turn.text, false))
        }
    }
}

fn raw_answer(number: u32, answer: &RecordedAnswer) -> Markup {
    html! {
        h3 { "Raw answer" }
        p.quiet {
            (text::line(&answer.model)) ": " (text::grouped(answer.input_tokens)) " tokens sent, " (text::grouped(answer.output_tokens)) " received"
            @if answer.cached { ", from the cache" } @else if let Some(cost) = answer.cost_usd() { ", " (text::dollars(cost)) }
        }
        @if answer.text.is_empty() { p.quiet { "The answer is empty." } }
        @else { (folded(number, "answer", "Text from the model", &answer.text, true)) }
    }
}

fn folded(number: u32, part: &str, name: &str, content: &str, is_open: bool) -> Markup {
    let id = format!("attempt-{number}-{part}");
    html! {
        details.raw open[is_open] {
            summary id=(id) { (name) " " span.quiet { (text::grouped(content.chars().count())) " characters" } }
            pre.raw-text tabindex="0" role="group" aria-label={ "Attempt " (number) ": " (name) } { "\n" (text::block(content, text::MAX_BLOCK_CHARS)) }
        }
    }
}
