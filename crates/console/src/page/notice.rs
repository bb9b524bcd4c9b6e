//! Notice pages: each explains what happened and what to do next.

use maud::{Markup, html};

use super::run::change_link;
use crate::href;
use crate::part::{frame, text, time};
use crate::view::{Decision, Notice, NoticeView, Refusal, ReplayVerdict, SignInMethod};

/// Returns the page; send it with [`Notice::status`].
pub fn page(view: &NoticeView) -> String {
    let now = view.frame.now_ms;
    let Content {
        title,
        what,
        next,
        tone,
    } = content(view, now);
    frame::frame(
        &view.frame,
        title,
        &html! {
            article class={ "notice notice-" (tone) } {
                p.notice-status { (status_line(view.notice.status())) }
                h1 { (title) }
                div.notice-what { (what) }
                @if let Some((repository, request)) = &view.pull_request {
                    p { "Pull request: " (change_link(repository, Some(request))) }
                }
                section.notice-next aria-labelledby="next" {
                    h2 #next { "What to do next" }
                    (next)
                }
                @if view.frame.has_console {
                    p.notice-ways {
                        @if let Some(run) = &view.run { a.button href=(href::run(run)) { "Open the run" } " " }
                        a.button href=(href::runs()) { "All runs" }
                    }
                }
            }
        },
    )
}

/// Returns the status line, which helps with support requests.
fn status_line(status: u16) -> Markup {
    let word = match status {
        200 => "Done",
        401 => "401 Sign-in needed",
        403 => "403 Not allowed",
        404 => "404 Not found",
        409 => "409 Conflict",
        410 => "410 Gone",
        413 => "413 Too large",
        429 => "429 Too many requests",
        500 => "500 Server error",
        503 => "503 Not available",
        _ => "",
    };
    html! { @if word.is_empty() { "Status " (status) } @else { (word) } }
}

/// The parts of a notice page.
struct Content {
    title: &'static str,
    what: Markup,
    next: Markup,
    tone: &'static str,
}

fn content(view: &NoticeView, now_ms: i64) -> Content {
    let content = |tone, title, what, next| Content {
        title,
        what,
        next,
        tone,
    };
    match &view.notice {
        Notice::DecisionTaken(decision) => content(
            "good",
            if decision.approved { "Approved" } else { "Rejected" },
            self::decision(decision, "Your decision is recorded: "),
            if decision.approved {
                html! { p { "Nothing. The review appears on the pull request within a minute or so." } }
            } else {
                html! { p { "Nothing. The check on the pull request closes with your reason, and nothing is published." } }
            },
        ),
        Notice::VoteRecorded { missing, is_repeated } => content(
            if *is_repeated { "calm" } else { "good" },
            if *is_repeated {
                "You have already approved"
            } else {
                "Your approval is recorded"
            },
            html! { p { "The review needs " (text::counted(*missing, "more approval")) " by other people before it is published." } },
            html! { p { "Nothing. If nobody else approves in time, nothing is published." } },
        ),
        Notice::AlreadyDecided(decision) => content(
            "calm",
            "Already decided",
            self::decision(decision, "This review was already decided: "),
            html! { p { "Nothing. The first decision is final. If it was wrong, comment " code { "/holdfast review" } " on the pull request to start a new review." } },
        ),
        Notice::Expired { at_ms, asked_again } => content(
            "calm",
            "The time to decide is over",
            html! { p { "It ended on " (time::moment_and_distance(*at_ms, now_ms)) "." } },
            if *asked_again {
                html! { p { "Look for a newer mail: the request is sent a second time, with a new link and a new code. If nobody answers that one either, nothing is published." } }
            } else {
                html! { p { "Nothing was published. If you still want the review, comment " code { "/holdfast review" } " on the pull request." } }
            },
        ),
        Notice::Superseded { head, newer_run } => content(
            "calm",
            if newer_run.is_some() {
                "A newer review has replaced this one"
            } else {
                "This review was withdrawn"
            },
            html! { p { "This request was about commit " code { (text::line(text::short(head))) } ". Its review is no longer current and will not be published." } },
            match newer_run {
                Some(run) if view.frame.has_console => {
                    html! { p { "Open the " a href=(href::run(run)) { "newer review" } ". If it needs a decision, the approvers get a new mail." } }
                }
                Some(_) => {
                    html! { p { "Nothing. The newer review appears on the pull request. If it needs a decision, the approvers get a new mail." } }
                }
                None => {
                    html! { p { "Nothing. If you still want a review, comment " code { "/holdfast review" } " on the pull request." } }
                }
            },
        ),
        Notice::PageChanged { again_at } => content(
            "calm",
            "The page has changed since you opened it",
            html! { p { "You decided about content that is no longer current, so your decision was not recorded." } },
            html! { p { "Read the current page, then decide." } p { a.button.primary href=(again_at) { "Open the current page" } } },
        ),
        Notice::Unknown { what } => unknown(what),
        Notice::NotAllowed { name, why, sign_in_at } => refused(name.as_deref(), *why, sign_in_at.as_deref()),
        Notice::WrongCode { again_at, tries_left } => content(
            "bad",
            "Wrong code",
            html! { p { "Nothing was decided. You have " (text::counted(u64::from(*tries_left), "attempt")) " left." } },
            html! { p { "Enter the code from the newest mail for this pull request. Upper and lower case and blanks make no difference." } p { a.button.primary href=(again_at) { "Try again" } } },
        ),
        Notice::FormRefused { again_at } => content(
            "bad",
            "The form was not accepted",
            html! { p { "It did not come from a page opened in this browser, or the page was open for too long. Nothing was changed." } },
            html! { p { "Open the page again and send the form from there. If that fails too, allow cookies for this site in your browser." } p { a.button.primary href=(again_at) { "Open the page again" } } },
        ),
        Notice::SignIn { sign_in_at, with } => content(
            "calm",
            "Sign in",
            html! { p { "This page shows code and findings, so you have to sign in." } },
            match with {
                SignInMethod::Github => html! {
                    p { "Holdfast reads your login and your permissions on the repository from GitHub, and stores nothing else." }
                    p { a.button.primary href=(sign_in_at) { "Sign in with GitHub" } }
                },
                SignInMethod::ConsoleKey => html! {
                    p { "Only the operator of this machine, who has the console's key, can sign in." }
                    p { a.button.primary href=(sign_in_at) { "Sign in with the console's key" } }
                },
            },
        ),
        Notice::ActionTaken { did } => content(
            "good",
            "Done",
            html! { p { "The run is " (text::line(did)) "." } },
            html! { p { "Nothing. The run's page shows its progress." } },
        ),
        Notice::Replayed { verdict, comparison } => replayed(*verdict, comparison),
        Notice::Failed { message, reference, .. } => content(
            "bad",
            "Something went wrong",
            html! {
                p { (text::block(message, text::MAX_PARAGRAPH_CHARS)) }
                @if let Some(reference) = reference { p { "Reference: " code { (text::line(reference)) } } }
            },
            html! { p { "Try again in a minute. If it fails again, contact the operator of this deployment" @if reference.is_some() { " and give them the reference" } ". This request made no decision." } },
        ),
    }
}

fn replayed(verdict: ReplayVerdict, comparison: &str) -> Content {
    let (tone, title, what, next) = match verdict {
        ReplayVerdict::Same => (
            "good",
            "Replay: the same outcome",
            "With the recorded answers, this program reaches the same outcome from the same prompts.",
            "Nothing. No model was called and nothing was written.",
        ),
        ReplayVerdict::Differs => (
            "calm",
            "Replay: the outcome differs",
            "With the recorded answers, this program reaches another outcome than the run did. The pull request still shows the run's own outcome.",
            "Check the differences above. They are expected after a change of the program, its rules or its prompts.",
        ),
        ReplayVerdict::Incomplete => (
            "bad",
            "Replay: it could not be completed",
            "This program needs an answer that was not recorded.",
            "The missing answers are listed above. A run that was stopped early, or started by another version, may lack answers.",
        ),
    };
    Content {
        title,
        what: html! {
            p { (what) }
            pre.raw-text tabindex="0" role="group" aria-label="Comparison" { "\n" (text::block(comparison, text::MAX_BLOCK_CHARS)) }
        },
        next: html! { p { (next) } },
        tone,
    }
}

fn unknown(what: &str) -> Content {
    let (title, text, next) = match what {
        "approval" => (
            "Approval not found",
            "No request for approval belongs to this link.",
            "Check that you copied the whole link from the mail. Requests that were decided or expired long ago are deleted.",
        ),
        "run" => (
            "Run not found",
            "No run has this name, or you don't have access to it.",
            "Look for it in the list of runs. Its name may have been cut off when it was copied.",
        ),
        "pull request" => (
            "Pull request not found",
            "Holdfast has reviewed no pull request at this address, or you don't have access to it.",
            "Look for its runs in the list of runs: each links to its pull request's page.",
        ),
        "unit" => (
            "Unit not found",
            "This run has no unit with that name.",
            "Open the run: its list of files links to each unit.",
        ),
        _ => (
            "Page not found",
            "There is no page at this address.",
            "Start from the list of runs.",
        ),
    };
    Content {
        title,
        what: html! { p { (text) } },
        next: html! { p { (next) } },
        tone: "calm",
    }
}

fn refused(name: Option<&str>, why: Refusal, sign_in_at: Option<&str>) -> Content {
    let (what, next) = match why {
        Refusal::NoWritePermission => (
            "A decision needs write permission on the repository.",
            "Ask someone who has it to decide, or ask an owner of the repository for it.",
        ),
        Refusal::IsAuthor => (
            "You wrote the pull request, so you cannot decide on its review.",
            "Ask someone else with write permission on the repository. The link in the mail works for them too.",
        ),
        Refusal::NotAMember => (
            "This console shows only repositories that you can read on GitHub.",
            "Ask an owner of the repository for access, or sign in with the account that has it.",
        ),
        Refusal::InNoTeam => (
            "Only members of the teams in the repository's settings may decide, and you are in none of them.",
            "Ask a member of one of these teams to decide.",
        ),
        Refusal::NeedsSignIn => (
            "The mail went to an address that was configured without a GitHub login, so its code can't prove who you are.",
            "Sign in with GitHub. If sign-in is not set up here, ask the operator of Holdfast to decide, or to configure your address as LOGIN=ADDRESS.",
        ),
        Refusal::TeamsUnknown => (
            "Only members of the teams in the repository's settings may decide, and a code is not enough to check your membership here.",
            "Sign in with GitHub instead. If sign-in is not set up here, ask the operator of Holdfast to decide.",
        ),
        Refusal::TooManyCodes { asked_again } => (
            "Too many wrong codes were entered, so this request no longer accepts codes.",
            if asked_again {
                "Sign in with GitHub instead. Otherwise wait: if nobody decides in time, the request is sent a second time, with a new code."
            } else {
                "Sign in with GitHub instead, or ask someone else to decide. If nobody decides in time, nothing is published."
            },
        ),
    };
    Content {
        title: "You are not allowed to do this",
        what: html! {
            p { (what) }
            @if let Some(name) = name { p { "You are signed in as " strong { (text::line(name)) } "." } }
        },
        next: html! {
            p { (next) }
            @if let Some(address) = sign_in_at { p { a.button.primary href=(address) { @if name.is_some() { "Sign in as someone else" } @else { "Sign in with GitHub" } } } }
        },
        tone: "bad",
    }
}

fn decision(decision: &Decision, lead: &str) -> Markup {
    html! {
        p {
            (lead) strong { @if decision.approved { "approved" } @else { "rejected" } } " by " strong { (text::line(&decision.who)) }
            ", " (time::moment(decision.at_ms)) "."
        }
        @if decision.dropped + decision.edited > 0 {
            p { (text::counted(decision.dropped, "finding")) " left out, " (text::counted(decision.edited, "finding")) " edited." }
        }
        @if let Some(reason) = &decision.reason { blockquote { (text::block(reason, text::MAX_PARAGRAPH_CHARS)) } }
    }
}
