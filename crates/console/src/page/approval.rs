//! The approval page of a review with severe findings. Opening it changes nothing. To decide, an identified person
//! sends a form, and the decision counts for the content that the page showed.

use maud::{Markup, html};

use super::run::{change_link, notes};
use crate::field;
use crate::part::{diff, finding, form, frame, mark, prose, text, time};
use crate::view::{ApprovalView, Identity, Question};

/// The id of the form that the findings' fields belong to.
const APPROVE_FORM: &str = "approve-form";

/// Returns the page.
pub fn page(view: &ApprovalView) -> String {
    let question = &view.question;
    let request = &question.pull_request;
    let may_decide = may_decide(&view.identity);
    let form = may_decide.then_some(APPROVE_FORM);
    let findings = diff::total(&view.diffs) + view.folded.len() as u64;
    frame::frame(
        &view.frame,
        &format!("Decide: {}#{}", text::plain(&question.repository), request.number),
        &html! {
            header.page-head {
                div.page-marks { (mark::severity(question.worst)) @if question.round > 1 { (mark::waiting("Second request")) } }
                p.over { (if question.rest_is_published { "Findings are waiting for your decision; the rest of the review is published" } else { "A review is waiting for your decision" }) }
                h1 {
                    @match &request.title { Some(title) => (text::line(title)), None => { "Pull request " (request.number) } }
                }
                (facts(question, findings, view.frame.now_ms))
                nav.local aria-label="On this page" { a href="#findings" { "Findings" } a href="#decide" { "Decision" } }
            }
            @if view.unreviewed > 0 {
                section.callout.callout-warn aria-label="Incomplete review" {
                    p { strong { (text::counted(view.unreviewed, "changed file")) " could not be reviewed." } " The published review lists these files. They may contain problems that no finding mentions." }
                }
            }
            section #summary {
                h2 { "Summary" }
                (prose::prose(&view.summary))
                @if !view.notes.is_empty() { (notes(&view.notes)) }
            }
            section #findings {
                h2 { "Findings " span.count { (text::grouped(findings)) } }
                @if form.is_some() { p.hint { "Before you approve, you can leave out findings and edit their text. Nothing is sent until you decide at the end of the page." } }
                @if findings == 0 { p.quiet { "There are no findings." } }
                (diff::index(&view.diffs))
                (diff::files(&view.diffs, form))
                (finding::folded(&view.folded, form))
            }
            (decide(view))
        },
    )
}

const fn may_decide(identity: &Identity) -> bool {
    matches!(identity, Identity::SignedIn { .. } | Identity::Code { .. })
}

fn facts(question: &Question, findings: u64, now_ms: i64) -> Markup {
    html! {
        dl.facts {
            div { dt { "Pull request" } dd { (change_link(&question.repository, Some(&question.pull_request))) } }
            @if let Some(author) = &question.author { div { dt { "Author" } dd { (text::line(author)) } } }
            div { dt { "Requested by" } dd { (text::line(&question.asked_by)) ", " (time::ago(question.asked_ms, now_ms)) } }
            div { dt { "Findings" } dd { (text::grouped(findings)) } }
            div.expiry { dt { "Decide before" } dd { (time::moment_and_distance(question.expires_ms, now_ms)) } }
            div.wide { dt { "Commit" } dd { code.sha { (text::line(&question.head)) } } }
        }
    }
}

fn decide(view: &ApprovalView) -> Markup {
    html! {
        section.decide #decide aria-labelledby="decide-title" {
            h2 #decide-title { "Decide" }
            @match &view.identity {
                Identity::SignedIn { name } => { p.identity { (mark::good("Signed in")) span { " as " strong { (text::line(name)) } " (write permission)" } } },
                Identity::Code { login, sign_in_at } => {
                    p.identity {
                        "You are deciding as " strong { (text::line(login)) } " with the code from the mail."
                        @if let Some(address) = sign_in_at { " You can " a href=(address) { "sign in with GitHub" } " instead, but then you lose your edits on this page." }
                    }
                },
                Identity::SignInFirst { sign_in_at } => {
                    p { "Sign in with an account that has write permission on this repository and is not the author of the pull request." }
                    p { a.button.primary href=(sign_in_at) { "Sign in with GitHub" } }
                },
                Identity::OperatorOnly => {
                    p { "Your mail address was configured without a GitHub login, so a code could not prove who you are, and sign-in is not set up here." }
                    p { "The operator of Holdfast can decide with " code { "holdfast approve " (text::line(&view.question.run)) } ", or configure your address as " code { "LOGIN=ADDRESS" } "." }
                },
            }
            @if may_decide(&view.identity) {
                div.decisions { (approve(view)) (reject(view)) }
            }
            p.quiet.page-version { "Page version " code { (text::line(text::short(&view.question.page_version))) } ". Your decision applies only to this version and this commit. If either changes, your decision is refused, and the new version needs a new one." }
        }
    }
}

fn approve(view: &ApprovalView) -> Markup {
    html! {
        form.panel id=(APPROVE_FORM) method="post" action=(view.form.action) aria-labelledby="approve-title" {
            h3 #approve-title { "Approve" }
            p { "Publishes " (subject(view)) " on the pull request, without the findings that you left out. Holdfast only comments; it never merges." }
            (hidden(view, "approve"))
            @if matches!(view.identity, Identity::Code { .. }) { (form::code("approve-code")) }
            button.button.primary type="submit" { "Approve and publish" }
        }
    }
}

/// Returns the name of what is decided about.
const fn subject(view: &ApprovalView) -> &'static str {
    match view.question.rest_is_published {
        true => "these findings",
        false => "the review",
    }
}

fn reject(view: &ApprovalView) -> Markup {
    html! {
        form.panel id="reject-form" method="post" action=(view.form.action) aria-labelledby="reject-title" {
            h3 #reject-title { "Reject" }
            p { @if view.question.rest_is_published { "Publishes nothing more." } @else { "Publishes nothing." } " The check on the pull request closes with your reason." }
            (hidden(view, "reject"))
            (form::reason("reject-reason", "Reason", "Shown in the pull request's check and stored with the decision."))
            @if matches!(view.identity, Identity::Code { .. }) { (form::code("reject-code")) }
            button.button.grave type="submit" { "Reject and discard" }
        }
    }
}

fn hidden(view: &ApprovalView, decision: &str) -> Markup {
    html! {
        (form::nonce(&view.form))
        input type="hidden" name=(field::DECISION) value=(decision);
        input type="hidden" name=(field::PAGE_VERSION) value=(view.question.page_version);
        input type="hidden" name=(field::HEAD) value=(view.question.head);
    }
}
