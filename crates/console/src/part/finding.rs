//! Shows one finding as a note, with the controls to leave it out or edit it if a decision is pending.

use holdfast_core::approval::{MAX_EDITED_BODY_CHARS, MAX_EDITED_TITLE_CHARS};
use holdfast_core::model::finding::{Finding, Side};
use holdfast_core::model::finding_source::FindingSource;
use maud::{Markup, html};

use super::{mark, prose, text};
use crate::field;
use crate::view::Numbered;

/// Maximum number of folded findings on the approval page, which keeps the page within the response limit of Lambda.
const MAX_FOLDED_FINDINGS: usize = 5_000;

/// Returns the note. `form` is the id of the form for the fields to leave it out or edit it. `None`: read-only.
pub fn note(numbered: &Numbered, form: Option<&str>) -> Markup {
    let Numbered { index, finding } = numbered;
    html! {
        article class={ "note note-" (finding.severity.as_str()) } id={ "finding-" (index + 1) } {
            header.note-head {
                (mark::severity(finding.severity))
                span.quiet { (finding.category.as_str()) " · " (place(finding)) }
                span.quiet.source { (source(&finding.source)) " · confidence " (percent(finding.confidence)) }
            }
            h4 { (text::line(&finding.title)) }
            (prose::prose(&finding.body))
            @if let Some(suggestion) = &finding.suggestion {
                div.suggestion {
                    p.suggestion-head { "Suggested replacement for " (place(finding)) }
                    pre.code-block tabindex="0" { code {
                        @if suggestion.is_empty() { span.quiet { "(delete these lines)" } }
                        (text::block(suggestion, text::MAX_PARAGRAPH_CHARS))
                    } }
                }
            }
            @if let Some(form) = form { (decide(*index, finding, form)) }
        }
    }
}

/// Lists the findings that the pull request will list folded, each with the box to leave it out.
pub fn folded(findings: &[Numbered], form: Option<&str>) -> Markup {
    let gated = findings.iter().filter(|numbered| numbered.finding.gated);
    let in_order = gated.chain(findings.iter().filter(|numbered| !numbered.finding.gated));
    html! {
        @if !findings.is_empty() {
            details.more.folded {
                summary { (text::counted(findings.len() as u64, "more finding")) ", folded in the published review" }
                p.hint { "They get no comment (" code { "comments" } " in the settings): the review lists only these lines, without the findings' text. " code { "holdfast show RUN --format json" } " prints them in full." }
                ol {
                    @for Numbered { index, finding } in in_order.take(MAX_FOLDED_FINDINGS) {
                        li id={ "finding-" (index + 1) } {
                            (mark::severity(finding.severity)) " "
                            (text::line(&finding.title)) " "
                            span.quiet.place { (text::line(&finding.path)) ":" (finding.line) }
                            @if let Some(form) = form { " " (leave_out(*index, form)) }
                        }
                    }
                }
                @if findings.len() > MAX_FOLDED_FINDINGS {
                    p.cut { (text::counted((findings.len() - MAX_FOLDED_FINDINGS) as u64, "more finding")) " not shown" }
                }
            }
        }
    }
}

fn leave_out(index: usize, form: &str) -> Markup {
    let drop_id = format!("drop-{index}");
    html! {
        span.check {
            input type="checkbox" id=(drop_id) name=(field::DROP) value=(index) form=(form);
            label for=(drop_id) { "Leave this finding out" span.visually-hidden { " (finding " (index + 1) ")" } }
        }
    }
}

fn decide(index: usize, finding: &Finding, form: &str) -> Markup {
    let [title_id, body_id] = ["title", "body"].map(|part| format!("{part}-{index}"));
    // A longer body can only be published as it is, or left out.
    let is_editable = finding.body.chars().nth(MAX_EDITED_BODY_CHARS).is_none();
    html! {
        div.note-controls {
            (leave_out(index, form))
            @if is_editable {
                details.edit {
                    summary { "Edit before publication" span.visually-hidden { " (finding " (index + 1) ")" } }
                    div.field {
                        label for=(title_id) { "Title" }
                        input type="text" id=(title_id) name=(field::title(index)) form=(form) maxlength=(MAX_EDITED_TITLE_CHARS) value=(one_line(&finding.title));
                    }
                    div.field {
                        label for=(body_id) { "Text (Markdown)" }
                        // An HTML parser drops the first line feed of a text area: this one.
                        textarea id=(body_id) name=(field::body(index)) form=(form) rows=(rows_of(&finding.body)) maxlength=(MAX_EDITED_BODY_CHARS) { "\n" (text::editable(&finding.body)) }
                    }
                }
            } @else {
                p.hint { "Too long to edit here: publish it as it is, or leave it out." }
            }
        }
    }
}

/// Returns the number of rows that show a text whole, within reason.
fn rows_of(body: &str) -> usize {
    let rows: usize = body.lines().map(|line| 1 + line.len() / 90).sum();
    rows.clamp(3, 16) + 1
}

fn one_line(title: &str) -> String {
    text::editable(title).replace(['\n', '\t'], " ")
}

/// Returns `line 12` or `lines 10–12`, and the side if it isn't the head's.
fn place(finding: &Finding) -> String {
    let side = if finding.side == Side::Left { " of the base" } else { "" };
    if finding.start_line == finding.line {
        format!("line {}{side}", finding.line)
    } else {
        format!("lines {}–{}{side}", finding.start_line, finding.line)
    }
}

fn source(source: &FindingSource) -> Markup {
    match source {
        FindingSource::Rule(rule) => html! { "rule " code { (text::line(rule)) } },
        FindingSource::Tool { name, rule } => html! { (text::line(name)) " " code { (text::line(rule)) } },
        FindingSource::Model => html! { "model" },
        FindingSource::Unknown(text) => html! { (text::line(text)) },
    }
}

fn percent(confidence: f64) -> String {
    if confidence.is_finite() {
        format!("{:.0} %", confidence.clamp(0.0, 1.0) * 100.0)
    } else {
        "unknown".to_owned()
    }
}
