//! Renders the state of a review that is not published, at the top of the summary comment: it is in progress, waits for
//! people, failed, or was not published. No text here has the content of a finding.

use url::Url;

use crate::count::{counted, is_or_are};
use crate::model::approval::{Approval, Identity, Person};
use crate::model::console_page;
use crate::model::policy::OnTimeout;
use crate::model::sha::CommitSha;
use crate::model::team_name::TeamName;
use crate::port::{CheckConclusion, CheckOutcome};
use crate::safe_text::title;

/// Maximum number of people whose names are shown.
const MAX_NAMES: usize = 10;
/// How to get a review after one that was not published.
pub(super) const NEXT: &str = "The next push starts a new review, and so does the comment `/holdfast review`.";

/// The reason why a review that waited for people was not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPublished<'a> {
    /// A person rejected it. The person is none where the decision is not stored.
    Rejected {
        /// The person.
        by: Option<&'a Person>,
        /// Their reason, which is public.
        reason: &'a str,
    },
    /// Nobody decided in time.
    Expired,
}

/// Returns the announcement of a run in progress.
pub fn announcement_body(head: &CommitSha, files: u64) -> String {
    format!(
        "**Holdfast is reviewing** {} ({} changed)…\n",
        head.short(),
        counted_files(files)
    )
}

/// Returns the state of a review, or of the findings of a published one, that waits for an approval. It links to the page
/// in the console where people decide; without a console that they reach, it names the command.
pub fn waiting_for_approval_body(
    approval: &Approval,
    gated: usize,
    teams: &[TeamName],
    console: Option<&Url>,
    on_timeout: OnTimeout,
) -> String {
    let head = approval.target.head().short();
    let what = match approval.rest_is_published {
        true => format!(
            "of {} in {head}. The rest of the review is published",
            counted(gated, "finding")
        ),
        false => format!("before it publishes the review of {head}"),
    };
    format!(
        "**Holdfast waits for an approval** {what}.\n\n{}\n",
        waiting_text(approval, gated, teams, console, on_timeout)
    )
}

/// Returns the check while a review waits for an approval.
pub fn waiting_check(
    approval: &Approval,
    gated: usize,
    teams: &[TeamName],
    console: Option<&Url>,
    on_timeout: OnTimeout,
) -> CheckOutcome {
    let title = match approval.rest_is_published {
        true => format!("Waiting for an approval of {}", counted(gated, "finding")),
        false => "Waiting for an approval".to_owned(),
    };
    CheckOutcome {
        conclusion: CheckConclusion::ActionRequired,
        title,
        summary: waiting_text(approval, gated, teams, console, on_timeout),
        annotations: Vec::new(),
        awaits_decision: true,
    }
}

fn waiting_text(
    approval: &Approval,
    gated: usize,
    teams: &[TeamName],
    console: Option<&Url>,
    on_timeout: OnTimeout,
) -> String {
    let approvals = match approval.needed {
        0..=1 => "One approval is needed.".to_owned(),
        needed => format!("Approvals by {needed} different people are needed."),
    };
    let place = places(approval, teams, console).join(", or ");
    let (request, next) = match approval.round {
        0..=1 => ("", "the request is sent a second time"),
        _ => (
            " This is the second request.",
            match on_timeout {
                _ if approval.rest_is_published => "nothing more is published",
                OnTimeout::Discard => "the review is discarded",
                OnTimeout::PublishUngated => "only what is below the gate's severity is published",
            },
        ),
    };
    format!(
        "{} {} at or above the gate's severity. {approvals}{request}\n\n- **Who can decide:** {}\n- **Where:** {place}\n\
         - **Until:** {}; without a decision, {next}",
        counted(gated, "finding"),
        is_or_are(gated),
        deciders(approval, teams),
        time(approval.expires_ms),
    )
}

/// Returns where people decide.
fn places(approval: &Approval, teams: &[TeamName], console: Option<&Url>) -> Vec<String> {
    let run = &approval.run;
    let signed_in = if teams.is_empty() {
        ""
    } else {
        ", signed in with GitHub"
    };
    let page = console.and_then(|console| console_page::of_decision(console, run));
    let mut places = Vec::new();
    match &page {
        Some(page) => places.push(format!("[on the review's page]({page}){signed_in}")),
        None if !teams.is_empty() => places.push(format!("in Holdfast's console{signed_in}")),
        None => {}
    }
    if !approval.asked.is_empty() {
        places.push("on the page that the mail links to".to_owned());
    }
    if page.is_none() {
        places.push(format!("with `holdfast approve {run}` or `holdfast reject {run}`"));
    }
    places
}

/// Returns who may decide. Mail addresses are never shown.
fn deciders(approval: &Approval, teams: &[TeamName]) -> String {
    let asked = &approval.asked;
    let logins = asked.iter().filter_map(|approver| approver.login.as_deref());
    let mut notified: Vec<String> = logins.take(MAX_NAMES).map(title).collect();
    let more = if notified.is_empty() { "" } else { " more" };
    match asked.len() - notified.len() {
        0 => {}
        1 => notified.push(format!("one{more} person")),
        others => notified.push(format!("{others}{more} people")),
    }
    let teams: Vec<String> = teams.iter().map(|team| title(&team.to_string())).collect();
    let (notified, teams) = (notified.join(", "), teams.join(" or "));
    match (notified.is_empty(), teams.is_empty()) {
        (true, true) => "the people who run Holdfast".to_owned(),
        (false, true) => notified,
        (true, false) => format!("members of {teams}"),
        (false, false) => format!("members of {teams}; notified by mail: {notified}"),
    }
}

/// Returns the state of a pull request whose review needs a maintainer to start it.
pub fn waiting_for_maintainer_body(head: &CommitSha) -> String {
    format!(
        "**Holdfast is waiting for a maintainer** before it reviews {}, because this is a first contribution to this \
         repository. To start the review, someone with write permission comments `/holdfast review`.\n",
        head.short()
    )
}

/// Returns the state of a review that was not published; of `findings` findings of it, if the rest was.
pub fn not_published_body(head: &CommitSha, why: NotPublished<'_>, findings: Option<usize>) -> String {
    let (decision, reason) = match why {
        NotPublished::Expired => ("not approved in time".to_owned(), String::new()),
        NotPublished::Rejected { by, reason } => (format!("rejected by {}", rejecter(by)), reason_text(reason)),
    };
    let (what, rest) = match findings {
        None => ("the review".to_owned(), ""),
        Some(findings) => (counted(findings, "finding"), " The rest of the review is published."),
    };
    format!(
        "**Holdfast did not publish {what}** of {}: {decision}.{rest}{reason}\n\n{NEXT}\n",
        head.short()
    )
}

/// Returns the check of a review that was not published; of `findings` findings of it, if the rest was.
pub fn not_published_check(why: NotPublished<'_>, findings: Option<usize>) -> CheckOutcome {
    let (what, was, rest) = match findings {
        None => ("The review".to_owned(), "was", ""),
        Some(1) => (
            "1 finding".to_owned(),
            "was",
            "The rest of the review is published.\n\n",
        ),
        Some(findings) => (
            counted(findings, "finding"),
            "were",
            "The rest of the review is published.\n\n",
        ),
    };
    let (title, decision) = match why {
        NotPublished::Expired => (format!("{what} {was} not approved in time"), String::new()),
        NotPublished::Rejected { by, reason } => (
            format!("{what} {was} rejected"),
            format!("Rejected by {}.{}\n\n", rejecter(by), reason_text(reason)),
        ),
    };
    CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title,
        summary: format!("{decision}{rest}{NEXT}"),
        annotations: Vec::new(),
        awaits_decision: false,
    }
}

fn rejecter(by: Option<&Person>) -> String {
    match by.map(Person::identity) {
        Some(Identity::Login(login)) => title(&login),
        Some(Identity::Address(_)) => "an approver".to_owned(),
        Some(Identity::Operator) | None => "a person who runs Holdfast".to_owned(),
    }
}

fn reason_text(reason: &str) -> String {
    match reason.trim() {
        "" => String::new(),
        reason => format!("\n\nReason: {}", title(reason)),
    }
}

/// Returns a time in UTC, to the minute.
pub(super) fn time(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn counted_files(files: u64) -> String {
    counted(usize::try_from(files).unwrap_or(usize::MAX), "file")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;
    use crate::model::approval::KnownBy;

    fn approval(asked: &[&str]) -> Approval {
        serde_json::from_value(serde_json::json!({
            "run": "r-1", "round": 1, "subject": "octo/demo#3", "worst": "high", "findings": 3, "author": "alice",
            "target": { "kind": "pull_request", "owner": "octo", "repository": "demo", "number": 3, "head": "a".repeat(40) },
            "content": "", "needed": 1, "asked": asked, "asked_ms": 0, "expires_ms": 1_764_158_400_000_i64,
        }))
        .unwrap()
    }

    #[test]
    fn a_waiting_review_names_who_decides_until_when_and_no_address() {
        let asked = approval(&["bob=bob@example.org", "carol@example.org"]);
        let teams = ["octo/security".parse().unwrap()];
        let body = waiting_for_approval_body(&asked, 2, &teams, None, OnTimeout::Discard);
        assert_eq!(
            body,
            "**Holdfast waits for an approval** before it publishes the review of aaaaaaaaaaaa.\n\n2 findings are at or above \
             the gate's severity. One approval is needed.\n\n- **Who can decide:** members of octo/security; notified by \
             mail: bob, one more person\n- **Where:** in Holdfast's console, signed in with GitHub, or on the page that the \
             mail links to, or with `holdfast approve r-1` or `holdfast reject r-1`\n- **Until:** 2025-11-26 12:00 UTC; without a decision, the request is sent a second time\n"
        );
        let nobody = waiting_for_approval_body(&approval(&[]), 1, &[], None, OnTimeout::Discard);
        assert!(
            nobody.contains("the people who run Holdfast\n- **Where:** with `holdfast approve r-1`"),
            "{nobody}"
        );
        let many: Vec<String> = (0..12)
            .map(|number| format!("p{number}=p{number}@example.org"))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let body = waiting_for_approval_body(&approval(&many), 1, &[], None, OnTimeout::Discard);
        assert!(body.contains(", 2 more people\n"));
    }

    #[test]
    fn a_review_that_expired_is_not_one_that_was_rejected() {
        let head = CommitSha::parse(&"a".repeat(40)).unwrap();
        let bob = Person {
            name: "bob".to_owned(),
            known_by: KnownBy::Github,
            address: None,
        };
        let mail = Person {
            name: "carol@example.org".to_owned(),
            known_by: KnownBy::MailCode,
            address: Some("carol@example.org".to_owned()),
        };
        for (why, text) in [
            (NotPublished::Expired, ": not approved in time.\n\nThe next push"),
            (
                NotPublished::Rejected {
                    by: Some(&bob),
                    reason: "too noisy.",
                },
                ": rejected by bob.\n\nReason: too noisy.\n\nThe next push",
            ),
            (
                NotPublished::Rejected {
                    by: Some(&mail),
                    reason: " ",
                },
                ": rejected by an approver.\n\nThe next push",
            ),
            (
                NotPublished::Rejected { by: None, reason: "no" },
                ": rejected by a person who runs Holdfast.\n\nReason: no\n\nThe next push",
            ),
        ] {
            let body = not_published_body(&head, why, None);
            assert!(body.contains(text), "{body}");
            assert!(!body.contains('@'), "{body}");
        }
    }
}
