//! The state of a review that is not published, and why a review ended without a result.

use futures::executor::block_on;
use holdfast_core::announcement::{StateAfter, note_parts, withdraw};
use holdfast_core::model::approval::{Approval, Person};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::policy::OnTimeout;
use holdfast_core::model::run::{PublishedPart, Run};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::PublishReview;
use holdfast_core::render::{
    Inline, NotPublished, RunEnd, announcement_body, ended_check, failed_body, not_published_body, not_published_check,
    waiting_check, waiting_for_approval_body, waiting_for_maintainer_body,
};
use holdfast_testkit::port::{MemoryArtifacts, PullRequestPage};
use serde_json::json;

use super::page::{assert_check, assert_golden};
use super::world::{approval, from, head};

fn commit() -> CommitSha {
    CommitSha::parse(&head()).unwrap()
}

#[test]
fn a_review_in_progress_or_that_failed() {
    assert_golden("reviewing", &announcement_body(&commit(), 14));
    assert_golden("waiting_for_maintainer", &waiting_for_maintainer_body(&commit()));
    for (name, published) in [
        ("failed", PublishedPart::Nothing),
        ("failed_in_parts", PublishedPart::BelowGate),
        ("failed_after", PublishedPart::Review),
    ] {
        let end = RunEnd::by("ModelUnauthorized");
        assert_golden(name, &failed_body(&commit(), &end, published));
    }
    let end = RunEnd {
        retried_until_ms: Some(1_764_158_400_000),
        ..RunEnd::by("ModelUnavailable")
    };
    assert_golden("failed_for_now", &failed_body(&commit(), &end, PublishedPart::Nothing));
    assert_check("failed_for_now", &ended_check(&end, PublishedPart::Nothing));
}

#[test]
fn a_review_that_waits_names_who_decides_where_and_until_when() {
    let team: Vec<TeamName> = vec!["o/security".parse().unwrap()];
    let people = ["bob=bob@example.org", "carol=carol@example.org", "dave@example.org"];
    let console = "https://holdfast.example.org/".parse().unwrap();
    let (reached, alone) = (Some(&console), None);
    for (name, request, gated, teams, console) in [
        ("waiting", approval(1, 1, &people[..1]), 1, &[][..], reached),
        ("waiting_again", approval(2, 2, &people), 3, &[][..], alone),
        ("waiting_for_team", approval(1, 1, &[]), 2, &team, reached),
        ("waiting_for_members", approval(1, 2, &people), 2, &team, alone),
        ("waiting_for_console", approval(1, 1, &[]), 2, &[][..], reached),
        ("waiting_for_operator", approval(1, 1, &[]), 2, &[][..], alone),
    ] {
        let on_timeout = OnTimeout::Discard;
        assert_golden(
            name,
            &waiting_for_approval_body(&request, gated, teams, console, on_timeout),
        );
        let check = waiting_check(&request, gated, teams, console, on_timeout);
        assert!(check.awaits_decision);
        assert_check(name, &check);
    }
}

#[test]
fn the_state_shows_what_is_published_already_and_what_happens_without_a_decision() {
    for (name, round, gated, rest_is_published) in [
        ("waiting_for_findings", 1, 2, true),
        ("waiting_for_a_finding_again", 2, 1, true),
        ("waiting_before_a_part", 2, 2, false),
    ] {
        let request = Approval {
            rest_is_published,
            ..approval(round, 1, &[])
        };
        let on_timeout = OnTimeout::PublishUngated;
        assert_golden(name, &waiting_for_approval_body(&request, gated, &[], None, on_timeout));
        assert_check(name, &waiting_check(&request, gated, &[], None, on_timeout));
    }
}

#[test]
fn a_review_that_was_not_approved_says_why() {
    let bob: Person = from(json!({ "name": "bob", "known_by": "github" }));
    let rejected = |by, reason| NotPublished::Rejected { by, reason };
    let noisy = rejected(Some(&bob), "Too noisy: see the *style* guide.");
    for (name, why, findings) in [
        ("rejected", noisy, None),
        ("rejected_findings", noisy, Some(2)),
        ("rejected_without_reason", rejected(None, ""), None),
        ("expired", NotPublished::Expired, None),
        ("expired_finding", NotPublished::Expired, Some(1)),
    ] {
        assert_golden(name, &not_published_body(&commit(), why, findings));
        assert_check(name, &not_published_check(why, findings));
    }
}

#[test]
fn the_check_of_a_review_that_ended_without_its_result() {
    let run: Run = from(
        json!({ "version": 2, "run": "r-1", "bucket": "artifacts", "publish": true, "max_concurrency": 1,
        "target": approval(1, 1, &[]).target, "model": "openai/m", "model_light": "openai/m" }),
    );
    let page = PullRequestPage::default();
    let store = MemoryArtifacts::default();
    let withdrawn = |error: ErrorName| {
        let end = RunEnd {
            cancelled_by: Some("@bob cancelled it in a comment"),
            ..RunEnd::by(error.as_str())
        };
        block_on(withdraw(&run, &end, StateAfter::Deleted, &page, &store)).unwrap();
        page.closed.lock().unwrap().pop().unwrap()
    };
    assert_check("superseded", &withdrawn(ErrorName::RunSuperseded));
    assert_check("cancelled", &withdrawn(ErrorName::RunCancelled));
    // It has published what is below the gate.
    block_on(note_parts(&run.run, Inline::Comments, &store)).unwrap();
    block_on(page.summarize(&run.target, &run.run, "a summary")).unwrap();
    assert_check("superseded_in_parts", &withdrawn(ErrorName::RunSuperseded));
    assert_check("failed_in_parts", &withdrawn(ErrorName::GithubForbidden));
}
