//! The page to decide on before a grave review is published. Looking at it changes nothing: all that decides is a form
//! that a person sends, with who they are, for the version of the page that they saw.

use maud::{Markup, html};

use super::run::{change_link, notes};
use crate::field;
use crate::part::{diff, finding, form, frame, mark, prose, text, time};
use crate::view::{ApprovalView, Identity, Question};

/// The form that the findings' fields belong to.
const APPROVE_FORM: &str = "approve-form";

/// The page.
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
                div.page-marks { (mark::severity(question.worst)) @if question.round > 1 { (mark::waiting("Asked again")) } }
                p.over { "A review waits for your decision" }
                h1 {
                    @match &request.title { Some(title) => (text::line(title)), None => { "Pull request " (request.number) } }
                }
                (facts(question, findings, view.frame.now_ms))
                nav.local aria-label="On this page" { a href="#findings" { "Findings" } a href="#decide" { "Decision" } }
            }
            @if view.unreviewed > 0 {
                section.callout.callout-warn aria-label="Not everything was read" {
                    p { strong { (text::counted(view.unreviewed, "changed file")) " could not be reviewed." } " The published review says so; these findings are not all there could be." }
                }
            }
            section #summary {
                h2 { "Summary" }
                (prose::prose(&view.summary))
                @if !view.notes.is_empty() { (notes(&view.notes)) }
            }
            section #findings {
                h2 { "Findings " span.count { (text::grouped(findings)) } }
                @if form.is_some() { p.hint { "Before you approve, you can leave findings out and edit their words. Nothing is sent until you decide at the end of the page." } }
                @if findings == 0 { p.quiet { "There is no finding to show." } }
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
            div { dt { "Asked by" } dd { (text::line(&question.asked_by)) ", " (time::ago(question.asked_ms, now_ms)) } }
            div { dt { "Findings" } dd { (text::grouped(findings)) } }
            div.expiry { dt { "Can be decided until" } dd { (time::moment_and_distance(question.expires_ms, now_ms)) } }
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
                        "You decide as " strong { (text::line(login)) } " with the code from the mail."
                        @if let Some(address) = sign_in_at { " Or " a href=(address) { "sign in with GitHub" } "; what you have edited here is then lost." }
                    }
                },
                Identity::SignInFirst { sign_in_at } => {
                    p { "Sign in with an account that has write permission on this repository and did not write the pull request." }
                    p { a.button.primary href=(sign_in_at) { "Sign in with GitHub" } }
                },
                Identity::OperatorOnly => {
                    p { "This mail's address was configured without a GitHub login, so a code would not show who you are, and nobody can sign in here." }
                    p { "Whoever runs Holdfast decides with " code { "holdfast approve " (text::line(&view.question.run)) } ", or configures the address as " code { "LOGIN=ADDRESS" } "." }
                },
            }
            @if may_decide(&view.identity) {
                div.decisions { (approve(view)) (reject(view)) }
            }
            p.quiet.page-version { "Page version " code { (text::line(text::short(&view.question.page_version))) } ". The decision holds for this version and this commit alone: if either changes, it is refused and you are asked again." }
        }
    }
}

fn approve(view: &ApprovalView) -> Markup {
    html! {
        form.panel id=(APPROVE_FORM) method="post" action=(view.form.action) aria-labelledby="approve-title" {
            h3 #approve-title { "Approve" }
            p { "The review is published on the pull request, without what you left out. Holdfast only comments: merging stays with you." }
            (hidden(view, "approve"))
            @if matches!(view.identity, Identity::Code { .. }) { (form::code("approve-code")) }
            button.button.primary type="submit" { "Approve and publish" }
        }
    }
}

fn reject(view: &ApprovalView) -> Markup {
    html! {
        form.panel id="reject-form" method="post" action=(view.form.action) aria-labelledby="reject-title" {
            h3 #reject-title { "Reject" }
            p { "Nothing is published. The check on the pull request closes with your reason." }
            (hidden(view, "reject"))
            (form::reason("reject-reason", "Reason", "Shown on the pull request's check and kept with the decision."))
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
