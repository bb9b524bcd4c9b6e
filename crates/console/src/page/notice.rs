//! Pages that say one thing. Each says what happened, and what to do next.

use maud::{Markup, html};

use super::run::change_link;
use crate::href;
use crate::part::{frame, text, time};
use crate::view::{Decision, Notice, NoticeView, Refusal, ReplayVerdict, SignInMethod};

/// The page; send it with [`Notice::status`].
pub fn page(view: &NoticeView) -> String {
    let now = view.frame.now_ms;
    let Said {
        title,
        what,
        next,
        tone,
    } = say(&view.notice, now);
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
                p.notice-ways {
                    @if let Some(run) = &view.run { a.button href=(href::run(run)) { "Open the run" } " " }
                    a.button href=(href::runs()) { "All runs" }
                }
            }
        },
    )
}

/// What the page's foot is to a reader: the number that support asks for.
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

struct Said {
    title: &'static str,
    what: Markup,
    next: Markup,
    tone: &'static str,
}

fn say(notice: &Notice, now_ms: i64) -> Said {
    let said = |tone, title, what, next| Said {
        title,
        what,
        next,
        tone,
    };
    match notice {
        Notice::DecisionTaken(decision) => said(
            "good",
            if decision.approved { "Approved" } else { "Rejected" },
            self::decision(decision, "Your decision is recorded: "),
            if decision.approved {
                html! { p { "Nothing. The review is published within a minute or so; the run shows when it is there." } }
            } else {
                html! { p { "Nothing. The check on the pull request closes with your reason, and nothing is published." } }
            },
        ),
        Notice::AlreadyDecided(decision) => said(
            "calm",
            "Already decided",
            self::decision(decision, "This review was decided before you sent yours: "),
            html! { p { "Nothing. The first decision holds and cannot be changed. If it was wrong, start a new review by commenting " code { "/holdfast review" } " on the pull request." } },
        ),
        Notice::Expired { at_ms, asked_again } => said(
            "calm",
            "This link has expired",
            html! { p { "It could be decided until " (time::moment_and_distance(*at_ms, now_ms)) "." } },
            if *asked_again {
                html! { p { "Look for a newer mail: the question is asked once more, with a link and a code of its own. If nobody answers that one, nothing is published." } }
            } else {
                html! { p { "Nothing was published. If the review is still wanted, comment " code { "/holdfast review" } " on the pull request." } }
            },
        ),
        Notice::Superseded { head, newer_run } => said(
            "calm",
            if newer_run.is_some() {
                "The pull request has moved on"
            } else {
                "This review was withdrawn"
            },
            html! { p { "This question was about commit " code { (text::line(text::short(head))) } ". Its review is not the current one any more, so nothing of it is published." } },
            match newer_run {
                Some(run) => {
                    html! { p { "See the " a href=(href::run(run)) { "newer review" } ". If it needs a decision, a mail asks for it." } }
                }
                None => {
                    html! { p { "Nothing. If a review is still wanted, comment " code { "/holdfast review" } " on the pull request." } }
                }
            },
        ),
        Notice::PageChanged { again_at } => said(
            "calm",
            "The page has changed since you opened it",
            html! { p { "Your decision was about other content than what stands there now, so it was not taken." } },
            html! { p { "Read the page as it is now, then decide." } p { a.button.primary href=(again_at) { "Open the page again" } } },
        ),
        Notice::Unknown { what } => unknown(what),
        Notice::NotAllowed { name, why, sign_in_at } => refused(name.as_deref(), *why, sign_in_at.as_deref()),
        Notice::WrongCode { again_at, tries_left } => said(
            "bad",
            "The code is not right",
            html! { p { "Nothing was decided. " @if *tries_left == 0 { "There is no try left." } @else { "There " @if *tries_left == 1 { "is 1 try" } @else { "are " (tries_left) " tries" } " left." } } },
            if *tries_left == 0 {
                html! { p { "Sign in with GitHub instead, or wait for the question to be asked once more with a new code." } }
            } else {
                html! { p { "Type the code as it stands in the newest mail for this pull request; capitals and blanks do not matter." } p { a.button.primary href=(again_at) { "Try again" } } }
            },
        ),
        Notice::FormRefused { again_at } => said(
            "bad",
            "The form was not accepted",
            html! { p { "It did not come from a page that was opened in this browser, or the page was open for too long. Nothing was changed." } },
            html! { p { "Open the page anew and send the form from there. If that fails too, let the browser keep cookies for this site." } p { a.button.primary href=(again_at) { "Open the page again" } } },
        ),
        Notice::SignIn { sign_in_at, with } => said(
            "calm",
            "Sign in",
            html! { p { "This page shows code and findings of repositories, so it has to know who you are." } },
            match with {
                SignInMethod::Github => html! {
                    p { "Holdfast asks GitHub for your login and for what you may do with the repository, and keeps nothing else." }
                    p { a.button.primary href=(sign_in_at) { "Sign in with GitHub" } }
                },
                SignInMethod::ConsoleKey => html! {
                    p { "This console is for the operator of this machine, who has its key." }
                    p { a.button.primary href=(sign_in_at) { "Sign in with the console's key" } }
                },
            },
        ),
        Notice::ActionTaken { did } => said(
            "good",
            "Done",
            html! { p { "The run is " (text::line(did)) "." } },
            html! { p { "Nothing. The run's page shows how it goes on." } },
        ),
        Notice::Replayed { verdict, told } => replayed(*verdict, told),
        Notice::Failed { message, reference, .. } => said(
            "bad",
            "Something went wrong",
            html! {
                p { (text::block(message, text::MAX_PARAGRAPH_CHARS)) }
                @if let Some(reference) = reference { p { "Reference: " code { (text::line(reference)) } } }
            },
            html! { p { "Try once more in a minute. If it fails again, tell whoever runs this deployment" @if reference.is_some() { " and give them the reference" } "; no decision was taken by this request." } },
        ),
    }
}

fn replayed(verdict: ReplayVerdict, told: &str) -> Said {
    let (tone, title, what, next) = match verdict {
        ReplayVerdict::Same => (
            "good",
            "Replay: the same outcome",
            "This program comes to the same outcome from the recorded answers, by the same questions.",
            "Nothing. No model was asked and nothing was written.",
        ),
        ReplayVerdict::Differs => (
            "calm",
            "Replay: the outcome differs",
            "From the recorded answers this program comes to something else than the run did. What stands on the pull request is what the run did.",
            "See below what differs. It is expected after a change of the program, of its rules or its prompts.",
        ),
        ReplayVerdict::Incomplete => (
            "bad",
            "Replay: it could not be completed",
            "An answer that this program asks for is not in the record.",
            "See below which. A run that was stopped early, or that another version began, may lack answers.",
        ),
    };
    Said {
        title,
        what: html! {
            p { (what) }
            pre.raw-text tabindex="0" role="group" aria-label="What was compared" { "\n" (text::block(told, text::MAX_BLOCK_CHARS)) }
        },
        next: html! { p { (next) } },
        tone,
    }
}

fn unknown(what: &str) -> Said {
    let (title, text, next) = match what {
        "approval" => (
            "There is no such question",
            "No question belongs to this link.",
            "Check that the link was copied whole from the mail. A question that was decided, or that expired long ago, is no longer kept.",
        ),
        "run" => (
            "There is no such run",
            "No run has this name, or you may not see it.",
            "Look for it in the list of runs; its name may have been cut when it was copied.",
        ),
        "unit" => (
            "There is no such unit",
            "This run has no unit with that name.",
            "Open the run: its list of files has a link to each unit.",
        ),
        _ => (
            "There is no such page",
            "Nothing is kept under this address.",
            "Start from the list of runs.",
        ),
    };
    Said {
        title,
        what: html! { p { (text) } },
        next: html! { p { (next) } },
        tone: "calm",
    }
}

fn refused(name: Option<&str>, why: Refusal, sign_in_at: Option<&str>) -> Said {
    let (what, next) = match why {
        Refusal::NoWritePermission => (
            "Deciding needs write permission on the repository.",
            "Ask someone who has it to decide, or ask an owner of the repository for it.",
        ),
        Refusal::IsAuthor => (
            "Who wrote the pull request cannot decide on its review.",
            "Ask someone else with write permission on the repository: the link in the mail works for them too.",
        ),
        Refusal::NotAMember => (
            "This console shows only repositories that you can read on GitHub.",
            "Ask an owner of the repository for access, or sign in with the account that has it.",
        ),
        Refusal::InNoTeam => (
            "Only members of the teams that the repository's settings name may decide, and you are in none of them.",
            "Ask a member of one of these teams to decide.",
        ),
        Refusal::NeedsSignIn => (
            "The mail went to an address that was configured without a GitHub login, so its code doesn't show who you are.",
            "Sign in with GitHub. If nobody can sign in here, ask whoever runs Holdfast to decide, or to configure your address as LOGIN=ADDRESS.",
        ),
        Refusal::TeamsUnknown => (
            "Only members of the teams that the repository's settings name may decide, and a code is not enough to check that here.",
            "Sign in with GitHub instead. If nobody can sign in here, ask whoever runs Holdfast to decide.",
        ),
        Refusal::TooManyCodes => (
            "The code was wrong too often, so codes are no longer taken for this question.",
            "Sign in with GitHub instead, or wait for the question to be asked once more with a new code.",
        ),
    };
    Said {
        title: "You may not do this",
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
