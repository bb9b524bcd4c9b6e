//! The approval page as an approver, an author and an outsider see it: who decides by a mailed code, and who has to
//! sign in.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use async_trait::async_trait;
use futures::executor::block_on;
use holdfast_console::view::Frame;
use holdfast_core::approval::{Invitation, ask, newest_question, stored_content};
use holdfast_core::claim;
use holdfast_core::model::approval::{Approval, Verdict};
use holdfast_core::model::approver::Approver;
use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::finding::Severity;
use holdfast_core::model::policy::Policy;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::{AnswerTask, ExecutionError, Permission, ReadError, ReadPermission, TaskAnswer};
use holdfast_testkit::port::{FixedChange, MemoryArtifacts, MemoryRows, run_name};
use holdfast_web::approval::{Ports, QuestionRef, Request, show, submit};
use holdfast_web::form::{Seal, Session};
use http::HeaderMap;
use http::header::COOKIE;
use serde_json::{Value, json};

const RUN: &str = "r-1";
const VISIT: &str = "0123456789abcdef0123456789abcdef";

#[derive(Default)]
struct World {
    rows: MemoryRows,
    documents: MemoryArtifacts,
}

#[async_trait]
impl AnswerTask for World {
    async fn succeed_task(&self, _: &str, _: Value) -> Result<TaskAnswer, ExecutionError> {
        Ok(TaskAnswer::Accepted)
    }

    async fn fail_task(&self, _: &str, _: ErrorName, _: &str) -> Result<TaskAnswer, ExecutionError> {
        Ok(TaskAnswer::Accepted)
    }
}

/// Members of the policy's team, if it can be read.
struct Teams(Result<&'static str, ()>, Permission);

#[async_trait]
impl ReadPermission for Teams {
    async fn permission(&self, _: &RepositoryName, _: &str) -> Result<Permission, ReadError> {
        Ok(self.1)
    }

    async fn is_member(&self, _: &TeamName, login: &str) -> Result<bool, ReadError> {
        self.0
            .map(|member| member == login)
            .map_err(|()| ReadError::Forbidden("members can't be read".to_owned()))
    }
}

fn report() -> Value {
    json!({ "version": 1, "run": RUN, "status": "reviewed", "summary": "s", "coverage": [], "findings": [],
        "target": { "repository": "octo/demo", "pull_request": 12, "base": "a".repeat(40), "head": "b".repeat(40),
            "url": "https://github.com/octo/demo/pull/12" },
        "model": { "provider": "rules", "name": "rules" }, "gate": { "decision": "require_approval", "worst": "high" },
        "usage": { "model_calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "cache_hits": 0, "wall_ms": 0 } })
}

/// Creates a pending request for one approval; returns it with the mails to the approvers.
fn asked(teams: &[&str], asked: &[&str]) -> (World, Vec<Invitation>) {
    asked_for(1, teams, asked)
}

/// Creates the same for a review that needs `needed` approvals.
fn asked_for(needed: u32, teams: &[&str], asked: &[&str]) -> (World, Vec<Invitation>) {
    asked_in(1, needed, teams, asked)
}

/// Creates the same in a round.
fn asked_in(round: u32, needed: u32, teams: &[&str], asked: &[&str]) -> (World, Vec<Invitation>) {
    asked_about(&report(), false, (round, needed), teams, asked)
}

/// Creates the same about a report, whose part below the gate may be published.
fn asked_about(
    report: &Value,
    rest_is_published: bool,
    (round, needed): (u32, u32),
    teams: &[&str],
    asked: &[&str],
) -> (World, Vec<Invitation>) {
    let world = World::default();
    let target = Target::PullRequest {
        repository: RepositoryName::new("octo", "demo").unwrap(),
        number: 12,
        head: CommitSha::parse(&"b".repeat(40)).unwrap(),
        repository_id: None,
        pinned: None,
    };
    let policy = json!(Policy::parse(&json!({ "gate": { "teams": teams } }).to_string()).unwrap());
    let documents = [("report", report.clone()), ("policy", policy)];
    for (name, document) in documents {
        let key = format!("runs/{RUN}/{name}.json");
        world.documents.all().insert(key, document.to_string().into_bytes());
    }
    block_on(claim::take(
        &world.rows,
        &FixedChange::default(),
        &target,
        &run_name(RUN),
    ))
    .unwrap();
    let approval = Approval {
        run: run_name(RUN),
        round,
        target,
        subject: "octo/demo#12".to_owned(),
        worst: Severity::High,
        findings: 0,
        author: Some("octo-author".to_owned()),
        content: stored_content(report),
        needed,
        asked: asked.iter().map(|text| Approver::parse(text).unwrap()).collect(),
        asked_ms: 1_000,
        expires_ms: 100_000,
        base: None,
        rest_is_published,
    };
    let invitations = block_on(ask(&world.rows, &approval, "token")).unwrap();
    (world, invitations)
}

fn request(headers: &HeaderMap, may_sign_in: bool, has_console: bool) -> Request<'_> {
    Request {
        headers,
        now_ms: 2_000,
        fresh: VISIT,
        frame: Frame {
            now_ms: 2_000,
            deployment: None,
            version: "0".to_owned(),
            person: None,
            has_console,
            has_limits: false,
        },
        may_sign_in,
    }
}

/// Approves by a mail's link and code; returns the status and the page.
fn approve(world: &World, invitation: &Invitation, teams: Option<&Teams>, may_sign_in: bool) -> (u16, String) {
    let seal = Seal::new("k".repeat(32).into(), "http://127.0.0.1:1");
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, format!("holdfast_visit={VISIT}").parse().unwrap());
    let reference = QuestionRef::Link(&invitation.id);
    let body = format!(
        "csrf={}&decision=approve&page_version={}&code={}",
        seal.nonce(VISIT, &reference.action()),
        stored_content(&report()),
        invitation.code
    );
    let ports = Ports {
        rows: &world.rows,
        tasks: world,
        store: &world.documents,
        permission: teams.map(|teams| teams as &dyn ReadPermission),
    };
    let reply = block_on(submit(
        reference,
        request(&headers, may_sign_in, true),
        body.as_bytes(),
        &seal,
        ports,
    ));
    (reply.status.as_u16(), String::from_utf8(reply.body).unwrap())
}

fn decided(world: &World) -> Option<Verdict> {
    block_on(newest_question(&world.rows, &run_name(RUN)))
        .unwrap()
        .unwrap()
        .decided
}

#[test]
fn a_code_decides_for_its_login_if_that_is_in_the_teams() {
    let (ada, nobody) = (Teams(Ok("ada"), Permission::Write), Teams(Err(()), Permission::Write));
    let team: &[&str] = &["octo/reviewers"];
    // The policy's teams, the approvers, the team's members, and a text of the resulting page.
    for (teams, approver, members, status, page) in [
        (&[][..], "ada=a@example.org", None, 200, ""),
        (team, "ada=a@example.org", Some(&ada), 200, ""),
        (team, "grace=a@example.org", Some(&ada), 403, "you are in none of them"),
        (team, "ada=a@example.org", Some(&nobody), 403, "a code is not enough"),
        (team, "ada=a@example.org", None, 403, "a code is not enough"),
        (
            &[],
            "octo-author=a@example.org",
            None,
            403,
            "cannot decide on its review",
        ),
        (
            &[],
            "Octo-AUTHOR=a@example.org",
            None,
            403,
            "cannot decide on its review",
        ),
        (&[], "a@example.org", None, 403, "configured without a GitHub login"),
        (
            team,
            "a@example.org",
            Some(&ada),
            403,
            "configured without a GitHub login",
        ),
    ] {
        for may_sign_in in [true, false] {
            let (world, invitations) = asked(teams, &[approver]);
            let (got, html) = approve(&world, &invitations[0], members, may_sign_in);
            assert!(
                got == status && html.contains(page),
                "{teams:?} {approver}: {got} {html}"
            );
            assert_eq!(
                html.contains("/sign-in?"),
                may_sign_in && status == 403,
                "{approver}: the remedy"
            );
            assert_eq!(decided(&world).is_some(), status == 200, "{teams:?} {approver}");
        }
    }
}

#[test]
fn an_approval_that_is_not_the_last_one_is_shown_as_recorded() {
    let (world, invitations) = asked_for(2, &[], &["ada=a@example.org", "grace=g@example.org"]);
    let [ada, grace] = &invitations[..] else {
        panic!("two invitations")
    };
    for (invitation, status, title, decision) in [
        (ada, 200, "Your approval is recorded", None),
        (ada, 409, "You have already approved", None),
        (grace, 200, "Approved", Some(Verdict::Approved)),
    ] {
        let (got, page) = approve(&world, invitation, None, false);
        assert!(got == status && page.contains(title), "{title}: {got} {page}");
        assert_eq!(page.contains("1 more approval by"), decision.is_none(), "{page}");
        assert_eq!(decided(&world), decision, "{title}");
    }
}

#[test]
fn the_page_of_a_mail_offers_only_available_ways_to_decide() {
    for (approver, may_sign_in, field, text) in [
        ("ada=a@example.org", false, true, "You are deciding as"),
        ("ada=a@example.org", true, true, "sign in with GitHub"),
        ("a@example.org", true, false, "Sign in with GitHub"),
        ("a@example.org", false, false, "holdfast approve"),
    ] {
        let (world, invitations) = asked(&[], &[approver]);
        let seal = Seal::new("k".repeat(32).into(), "http://127.0.0.1:1");
        let headers = HeaderMap::new();
        let ports = Ports {
            rows: &world.rows,
            tasks: &world,
            store: &world.documents,
            permission: None,
        };
        let reference = QuestionRef::Link(&invitations[0].id);
        let reply = block_on(show(reference, request(&headers, may_sign_in, true), &seal, ports));
        let html = String::from_utf8(reply.body).unwrap();
        assert_eq!(reply.status.as_u16(), 200, "{html}");
        assert_eq!(html.contains("name=\"code\""), field, "{approver} {may_sign_in}");
        assert!(html.contains(text), "{approver} {may_sign_in}: {html}");
    }
}

#[test]
fn the_page_shows_only_the_findings_that_wait() {
    let finding = |title: &str, gated: bool| {
        json!({ "path": "a.rs", "side": "RIGHT", "start_line": 1, "line": 1, "severity": "high", "gated": gated,
            "category": "correctness", "title": title, "body": "b", "suggestion": null, "confidence": 0.9, "source": "model" })
    };
    let mut report = report();
    report["findings"] = json!([finding("Published one", false), finding("Waiting one", true)]);
    for (rest_is_published, words) in [
        (true, "the rest of the review is published"),
        (false, "Publishes the review"),
    ] {
        let (world, invitations) = asked_about(&report, rest_is_published, (1, 1), &[], &["ada=a@example.org"]);
        let ports = Ports {
            rows: &world.rows,
            tasks: &world,
            store: &world.documents,
            permission: None,
        };
        let headers = HeaderMap::new();
        let seal = Seal::new("k".repeat(32).into(), "http://127.0.0.1:1");
        let reference = QuestionRef::Link(&invitations[0].id);
        let reply = block_on(show(reference, request(&headers, false, true), &seal, ports));
        let page = String::from_utf8(reply.body).unwrap();
        assert!(page.contains("Waiting one") && page.contains(words), "{page}");
        assert_eq!(page.contains("Published one"), !rest_is_published, "{page}");
    }
}

#[test]
fn an_altered_review_can_neither_be_shown_nor_decided() {
    let (world, invitations) = asked(&[], &["ada=a@example.org"]);
    let mut altered = report();
    altered["summary"] = json!("All is well.");
    let key = format!("runs/{RUN}/report.json");
    world.documents.all().insert(key, altered.to_string().into_bytes());
    let (status, html) = approve(&world, &invitations[0], None, false);
    assert!(status == 409 && html.contains("altered"), "{status} {html}");
    assert_eq!(decided(&world), None);
}

#[test]
fn a_missing_policy_admits_nobody() {
    let (world, invitations) = asked(&["octo/reviewers"], &["ada=a@example.org"]);
    world.documents.all().remove(&format!("runs/{RUN}/policy.json"));
    assert_eq!(
        approve(
            &world,
            &invitations[0],
            Some(&Teams(Ok("ada"), Permission::Write)),
            false
        )
        .0,
        503
    );
    assert_eq!(decided(&world), None);
}

/// Returns the page as a person sees it who is signed in with GitHub.
fn page_for(
    login: &str,
    world: &World,
    reference: QuestionRef<'_>,
    permission: &Teams,
    has_console: bool,
) -> (u16, String) {
    let seal = Seal::new("k".repeat(32).into(), "http://127.0.0.1:1");
    let session = Session::Github {
        login: login.to_owned(),
    };
    let cookie = seal.sign_in(&session, "0123", 1_000);
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, cookie.split(';').next().unwrap().parse().unwrap());
    let ports = Ports {
        rows: &world.rows,
        tasks: world,
        store: &world.documents,
        permission: Some(permission),
    };
    let reply = block_on(show(reference, request(&headers, true, has_console), &seal, ports));
    (reply.status.as_u16(), String::from_utf8(reply.body).unwrap())
}

#[test]
fn a_person_outside_the_teams_is_referred_to_the_teams() {
    use Permission::{None, Read, Write};
    let (of_teams, of_write) = ("you are in none of them", "needs write permission");
    for (teams, login, members, permission, status, page) in [
        (&["octo/reviewers"][..], "grace", Ok("ada"), Write, 403, of_teams),
        (&["octo/reviewers"], "grace", Ok("ada"), Read, 403, of_teams),
        (&["octo/reviewers"], "grace", Ok("ada"), None, 403, of_teams),
        (&["octo/reviewers"], "ada", Ok("ada"), Write, 200, "You are signed in"),
        (&["octo/reviewers"], "ada", Ok("ada"), Read, 403, of_write),
        (&["octo/reviewers"], "grace", Err(()), Read, 403, of_write),
        (&["octo/reviewers"], "grace", Err(()), Write, 503, ""),
        (&[], "grace", Ok("ada"), Read, 403, of_write),
    ] {
        let (world, _) = asked(teams, &["ada=a@example.org"]);
        let (got, html) = page_for(
            login,
            &world,
            QuestionRef::Run(&run_name(RUN)),
            &Teams(members, permission),
            true,
        );
        let is_page = html.contains(page) || status == 200;
        assert!(
            got == status && is_page,
            "{teams:?} {login} {permission:?}: {got} {html}"
        );
        let advises_access = html.contains("ask an owner of the repository");
        assert_eq!(
            advises_access,
            page == of_write,
            "{teams:?} {login} {permission:?}: {html}"
        );
    }
}

#[test]
fn the_page_of_a_superseded_run_names_its_commit_and_the_newer_run() {
    for newer in [Some("r-2"), None] {
        let (world, invitations) = asked(&[], &["ada=a@example.org"]);
        let target = block_on(newest_question(&world.rows, &run_name(RUN)))
            .unwrap()
            .unwrap()
            .approval
            .target;
        match newer {
            Some(newer) => drop(
                block_on(claim::take(
                    &world.rows,
                    &FixedChange::default(),
                    &target,
                    &run_name(newer),
                ))
                .unwrap(),
            ),
            None => block_on(claim::close(&world.rows, &run_name(RUN))).unwrap(),
        }
        let run = run_name(RUN);
        let opened = [
            (QuestionRef::Run(&run), true),
            (QuestionRef::Link(&invitations[0].id), true),
            (QuestionRef::Link(&invitations[0].id), false),
        ];
        for (reference, has_console) in opened {
            let (status, html) = page_for(
                "ada",
                &world,
                reference,
                &Teams(Ok("ada"), Permission::Write),
                has_console,
            );
            assert_eq!(status, 410, "{html}");
            let short = target.head().short();
            assert!(html.contains(&format!("commit <code><bdi>{short}")), "{html}");
            assert!(html.contains("href=\"https://github.com/octo/demo/pull/12\""), "{html}");
            assert_eq!(html.contains("/reviews/r-2"), newer.is_some() && has_console, "{html}");
            assert_eq!(html.contains("href=\"/\""), has_console, "{html}");
        }
    }
}

#[test]
fn the_page_after_too_many_wrong_codes_knows_the_last_round() {
    for (round, next) in [(1, "the request is sent a second time"), (2, "nothing is published")] {
        let (world, mut invitations) = asked_in(round, 1, &[], &["ada=a@example.org"]);
        invitations[0].code = "WRONG".to_owned();
        let pages: Vec<(u16, String)> = (0..8).map(|_| approve(&world, &invitations[0], None, false)).collect();
        let (status, html) = pages.last().unwrap();
        assert!(*status == 403 && html.contains(next), "{round}: {html}");
        assert!(html.contains("Too many wrong codes"), "{html}");
    }
}
