//! The state of a review that is not published, and why a review ended without a result.

use futures::executor::block_on;
use holdfast_core::announcement::withdraw;
use holdfast_core::model::approval::Person;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::failure::Failure;
use holdfast_core::model::run::Run;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::render::{
    NotPublished, announcement_body, failed_body, not_published_body, not_published_check, waiting_check,
    waiting_for_approval_body, waiting_for_maintainer_body,
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
    for (name, is_published) in [("failed", false), ("failed_after", true)] {
        let why = Failure::Error(ErrorName::ModelUnauthorized);
        assert_golden(name, &failed_body(&commit(), why, is_published));
    }
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
        assert_golden(name, &waiting_for_approval_body(&request, gated, teams, console));
        let check = waiting_check(&request, gated, teams, console);
        assert!(check.awaits_decision);
        assert_check(name, &check);
    }
}

#[test]
fn a_review_that_was_not_approved_says_why() {
    let bob: Person = from(json!({ "name": "bob", "known_by": "github" }));
    let rejected = |by, reason| NotPublished::Rejected { by, reason };
    for (name, why) in [
        ("rejected", rejected(Some(&bob), "Too noisy: see the *style* guide.")),
        ("rejected_without_reason", rejected(None, "")),
        ("expired", NotPublished::Expired),
    ] {
        assert_golden(name, &not_published_body(&commit(), why));
        assert_check(name, &not_published_check(why));
    }
}

#[test]
fn the_check_of_a_superseded_review() {
    let run: Run = from(
        json!({ "version": 2, "run": "r-1", "bucket": "artifacts", "publish": true, "max_concurrency": 1,
        "target": approval(1, 1, &[]).target, "model": "openai/m", "model_light": "openai/m" }),
    );
    let page = PullRequestPage::default();
    let store = MemoryArtifacts::default();
    block_on(withdraw(&run, ErrorName::RunSuperseded.as_str(), false, &page, &store)).unwrap();
    assert_check("superseded", &page.closed.lock().unwrap()[0]);
}
