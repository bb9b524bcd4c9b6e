//! Decisions: the gate examines all findings, and only the approved content is published.

use std::sync::PoisonError;

use holdfast_core::approval::{ask, content_now, decide, newest_question};
use holdfast_core::gate;
use holdfast_core::model::approval::{Approval, Ballot, Edit, KnownBy, Person};
use holdfast_core::model::finding::{Category, Finding, Severity, Side};
use holdfast_core::model::policy::Policy;
use holdfast_core::model::run::Verdict;
use holdfast_core::render::{Inline, check_outcome, review_of, summary_body};
use holdfast_core::stage::write_artifact;

use super::*;

fn finding(path: &str, line: u32, severity: Severity) -> Finding {
    Finding {
        path: path.to_owned(),
        side: Side::Right,
        start_line: line,
        line,
        severity,
        category: Category::Correctness,
        title: format!("Wrong in {path} at {line}"),
        body: "Because.".to_owned(),
        suggestion: None,
        confidence: 0.9,
        source: holdfast_core::model::finding_source::FindingSource::Model,
        gated: false,
        folded: false,
        tracked: None,
        cwe: Vec::new(),
        sources: Vec::new(),
    }
}

/// Returns a new file of `lines` lines, one for each finding.
fn added(path: &str, lines: usize) -> ChangedFile {
    let text: String = (1..=lines).map(|line| format!("\n+line {line}")).collect();
    file(path, Some(&format!("@@ -0,0 +1,{lines} @@{text}")))
}

/// A path, the number of its findings, and their severity.
type Found<'a> = &'a [(&'a str, usize, Severity)];

/// Returns the report of a review whose units have these findings and no others.
fn report_of(policy: &'static str, found: Found<'_>) -> (World, summarize_review::Output, Report) {
    let files = found.iter().map(|(path, count, _)| added(path, *count)).collect();
    // One answer for each unit, and one for the walkthrough.
    let answers = (0..=found.len()).map(|_| Ok(VALID)).collect();
    let mut world = world(files, "openai/m", "openai/m", answers);
    world.set_policy(policy);
    assert_eq!(world.prepare(), found.len() as u64);
    let plan: holdfast_core::model::plan::Plan =
        block_on(read_artifact(&world.store, &key::plan(&run_name("r")))).unwrap();
    let mut results = Vec::new();
    for unit in &plan.units {
        let (path, count, severity) = found.iter().find(|(path, ..)| *path == unit.path).unwrap();
        let verdict = Verdict {
            valid: true,
            problems: Vec::new(),
            accepted: (1..=*count).map(|line| finding(path, line as u32, *severity)).collect(),
            summary: "s".to_owned(),
            readable: true,
            dropped_suggestions: Vec::new(),
            rejected: 0,
        };
        block_on(write_artifact(
            &world.store,
            &key::verdict(&run_name("r"), &unit.id, 1),
            &verdict,
        ))
        .unwrap();
        let answer = block_on(world.model.ask(&ModelRequest {
            model: "openai/m".parse().unwrap(),
            prompt: Prompt {
                system: String::new(),
                turns: Vec::new(),
            },
            schema: Value::Null,
            max_output_tokens: 1,
            time_limit: None,
        }))
        .unwrap();
        block_on(write_artifact(
            &world.store,
            &key::answer(&run_name("r"), &unit.id, 1),
            &answer,
        ))
        .unwrap();
        results.push(json!({ "status": "reviewed", "unit": unit.id, "attempts": 1, "accepted_attempt": 1 }));
    }
    let (output, report) = world.finish(json!(results));
    (world, output, report)
}

const PAYMENT: &str = "gate: { severity: critical, paths: [{ path: 'pay/**', severity: medium }] }\nmax_findings: 50\n";

#[test]
fn a_gated_finding_is_not_pushed_out_by_worse_ones_elsewhere() {
    let (world, output, report) = report_of(
        PAYMENT,
        &[("src/a.rs", 60, Severity::High), ("pay/p.rs", 1, Severity::Medium)],
    );
    assert!(output.needs_approval);
    assert_eq!(report.gate.decision, GateDecision::RequireApproval);
    assert_eq!(report.gate.worst, Some(Severity::High));
    assert_eq!(report.findings.len(), 61, "none is dropped");
    assert!(report.summary.contains("60 high, 1 medium"), "{}", report.summary);
    let gated: Vec<&Finding> = report.findings.iter().filter(|finding| finding.gated).collect();
    assert_eq!(gated.len(), 1);
    assert!(gated[0].path == "pay/p.rs" && !gated[0].folded, "{gated:?}");
    assert_eq!(check_outcome(&report).conclusion, CheckConclusion::ActionRequired);
    assert_eq!(check_outcome(&report).annotations.len(), 11, "those without a comment");
    let review = review_of(&report, world.read.change.as_ref().unwrap(), Inline::Comments, None);
    let comments = &review.draft.comments;
    assert_eq!(comments.len(), 50);
    assert!(comments.iter().any(|comment| comment.path == "pay/p.rs"));
    let summary = summary_body(&report, &review.without_comment);
    assert!(summary.contains("61 findings"), "counts are of all: {summary}");
    assert!(summary.contains("11 findings without an inline comment"), "{summary}");
    for finding in report.findings.iter().filter(|finding| finding.folded) {
        assert!(summary.contains(&finding.title), "{}", finding.title);
    }
}

#[test]
fn the_gate_and_the_check_follow_the_severity_of_each_path() {
    // The policy, the findings, the number of gated ones, and the number of folded ones.
    let cases: &[(&str, Found, usize, usize)] = &[
        (PAYMENT, &[("src/a.rs", 3, Severity::High)], 0, 0),
        (PAYMENT, &[("pay/p.rs", 1, Severity::Low)], 0, 1),
        (PAYMENT, &[("pay/p.rs", 1, Severity::Medium)], 1, 0),
        (PAYMENT, &[("src/a.rs", 1, Severity::Critical)], 1, 0),
        // All are gated, and there are more of them than are shown.
        (
            "gate: { severity: low }\ncomments: { min_severity: low, max: 1 }",
            &[("a.rs", 4, Severity::Low)],
            4,
            3,
        ),
        // A finding that a person approves has a comment only at or above the lowest severity, like any other.
        ("gate: { severity: low }", &[("a.rs", 4, Severity::Low)], 4, 4),
        ("comments: { min_severity: low }", &[("a.rs", 30, Severity::Low)], 0, 10),
        (
            "comments: { min_severity: high, max: 3 }",
            &[("a.rs", 2, Severity::Medium), ("b.rs", 4, Severity::High)],
            4,
            3,
        ),
        // The laxer path counts before the stricter default, and the first match before the second.
        (
            "gate: { severity: low, paths: [{ path: 'a.rs', severity: critical }, { path: '**', severity: info }] }",
            &[("a.rs", 1, Severity::High), ("b.rs", 1, Severity::Info)],
            1,
            1,
        ),
        ("max_findings: 1", &[("a.rs", 30, Severity::Medium)], 0, 29),
    ];
    for (policy, found, gated, folded) in cases {
        let (_, output, report) = report_of(policy, found);
        let count = |is: fn(&Finding) -> bool| report.findings.iter().filter(|finding| is(finding)).count();
        assert_eq!(count(|finding| finding.gated), *gated, "{policy} {found:?}");
        assert_eq!(count(|finding| finding.folded), *folded, "{policy} {found:?}");
        assert_eq!(output.needs_approval, *gated > 0, "{policy} {found:?}");
        let conclusion = check_outcome(&report).conclusion;
        let expected = match gated {
            0 => CheckConclusion::Success,
            _ => CheckConclusion::ActionRequired,
        };
        assert_eq!(conclusion, expected, "{policy} {found:?}");
    }
}

#[test]
fn a_report_of_an_earlier_version_is_marked_when_it_is_published() {
    let (_, _, mut report) = report_of(PAYMENT, &[("pay/p.rs", 1, Severity::Medium)]);
    let written = serde_json::to_string(&report.findings[0]).unwrap();
    assert!(
        written.contains("\"gated\":true") && !written.contains("folded"),
        "{written}"
    );
    report.findings[0].gated = false;
    let old = serde_json::to_string(&report.findings).unwrap();
    assert!(!old.contains("gated"), "the form of earlier versions: {old}");
    report.findings = serde_json::from_str(&old).unwrap();
    gate::mark(&mut report.findings, &Policy::parse(PAYMENT).unwrap()).unwrap();
    assert_eq!(check_outcome(&report).conclusion, CheckConclusion::ActionRequired);
}

#[test]
fn a_folded_list_keeps_within_a_comment() {
    let (world, _, mut report) = report_of("max_findings: 1", &[("a.rs", 1, Severity::Medium)]);
    let long = finding(&"d/".repeat(200), 7, Severity::Low);
    report.findings.extend((0..20_000).map(|_| Finding {
        folded: true,
        title: "long ".repeat(60),
        ..long.clone()
    }));
    let review = review_of(&report, world.read.change.as_ref().unwrap(), Inline::Comments, None);
    let body = summary_body(&report, &review.without_comment);
    assert!(body.chars().count() <= 64_000, "{}", body.chars().count());
    assert!(
        body.contains("20001 findings") && body.contains("20000 findings without an inline comment"),
        "counts are of all"
    );
    let folds = |tag: &str| body.matches(tag).count();
    assert_eq!(folds("<details>"), folds("</details>"), "each list is closed");
    assert!(body.contains(" more findings\n"), "the others are counted");
}

/// Returns the run's approval question, as the workflow stores it.
fn question(world: &World) -> Approval {
    Approval {
        run: run_name("r"),
        round: 1,
        target: world.run.target.clone(),
        subject: "o/r#1".to_owned(),
        worst: Severity::High,
        findings: 1,
        author: Some("octo-author".to_owned()),
        content: block_on(content_now(&world.store, &run_name("r"))).unwrap(),
        needed: 1,
        asked: Vec::new(),
        asked_ms: 1_000,
        expires_ms: 10_000,
        base: Some(world.read.change.as_ref().unwrap().base.clone()),
        rest_is_published: false,
    }
}

/// Stores a question like the run's, and one person's approval of it. `alter` changes both before.
pub fn approve(world: &World, alter: impl FnOnce(&mut (Approval, Ballot))) {
    let approval = question(world);
    let ballot = Ballot {
        verdict: holdfast_core::model::approval::Verdict::Approved,
        reason: None,
        content: approval.content.clone(),
        dropped: Vec::new(),
        edited: BTreeMap::new(),
    };
    let mut given = (approval, ballot);
    alter(&mut given);
    let (approval, ballot) = given;
    block_on(ask(&world.rows, &approval, "token")).unwrap();
    let by = Person {
        name: "ada".to_owned(),
        known_by: KnownBy::Github,
        address: None,
    };
    block_on(decide(&world.rows, &run_name("r"), 1, &by, &ballot, 2_000)).unwrap();
}

fn publish(world: &World) -> Result<publish_review::Output, holdfast_core::stage::StageError> {
    let input = publish_review::Input {
        run: run_name("r"),
        part: Part::Whole,
    };
    block_on(publish_review::publish_review(
        &input,
        &RetrySettings::OFF,
        &world.read,
        &world.page,
        &world.rows,
        &world.store,
    ))
}

/// Changes a stored document behind the program's back.
fn edit(world: &World, key: &str, alter: impl FnOnce(&mut Value)) {
    let mut document: Value = block_on(read_artifact(&world.store, key)).unwrap();
    alter(&mut document);
    block_on(write_artifact(&world.store, key, &document)).unwrap();
}

fn gated() -> World {
    report_of(PAYMENT, &[("pay/p.rs", 1, Severity::Medium)]).0
}

fn is_clean(world: &World) -> bool {
    let drafts = world.page.drafts.lock().unwrap_or_else(PoisonError::into_inner);
    drafts.is_empty() && *world.page.submitted.lock().unwrap() == 0
}

#[test]
fn a_gated_review_is_published_only_as_it_was_approved() {
    let report = key::report(&run_name("r"));
    type Tamper<'a> = &'a dyn Fn(&World);
    let with = |alter: &dyn Fn(&mut (Approval, Ballot)), then: Tamper<'_>| {
        let world = gated();
        approve(&world, |given| alter(given));
        then(&world);
        world
    };
    let same = |_: &mut (Approval, Ballot)| {};
    let cases: Vec<(&str, World)> = vec![
        ("nobody was asked: the workflow was told so", gated()),
        ("asked, and not decided: the token was answered by somebody else", {
            let world = gated();
            block_on(ask(&world.rows, &question(&world), "token")).unwrap();
            world
        }),
        ("asked, and the gate's answer altered since", {
            let world = gated();
            block_on(ask(&world.rows, &question(&world), "token")).unwrap();
            edit(&world, &report, |report| {
                report["gate"]["decision"] = json!("publish");
                report["findings"] = json!([]);
            });
            world
        }),
        (
            "rejected",
            with(
                &|(_, ballot)| {
                    ballot.verdict = holdfast_core::model::approval::Verdict::Rejected;
                    ballot.reason = Some("no".to_owned());
                },
                &|_| {},
            ),
        ),
        (
            "another title",
            with(&same, &|world| {
                edit(world, &report, |report| report["findings"][0]["title"] = json!("Fine"));
            }),
        ),
        (
            "another summary",
            with(&same, &|world| {
                edit(world, &report, |report| report["summary"] = json!("Fine"))
            }),
        ),
        (
            "a finding more",
            with(&same, &|world| {
                edit(world, &report, |report| {
                    let first = report["findings"][0].clone();
                    report["findings"].as_array_mut().unwrap().push(first);
                });
            }),
        ),
        (
            "all findings gone",
            with(&same, &|world| {
                edit(world, &report, |report| report["findings"] = json!([]))
            }),
        ),
        (
            "another commit",
            with(
                &|(approval, _)| {
                    let Target::PullRequest { head, .. } = &mut approval.target else {
                        return;
                    };
                    *head = CommitSha::parse(&"d".repeat(40)).unwrap();
                },
                &|_| {},
            ),
        ),
        (
            "another merge base",
            with(
                &|(approval, _)| approval.base = Some(CommitSha::parse(&"d".repeat(40)).unwrap()),
                &|_| {},
            ),
        ),
        (
            "the change was retargeted since",
            with(&same, &|world| {
                edit(world, &key::change(&run_name("r")), |change| {
                    change["base"] = json!("d".repeat(40))
                });
            }),
        ),
    ];
    for (name, world) in cases {
        let error = publish(&world).map(|output| output.status).expect_err(name);
        let expected = match name {
            // The check of head and base comes first: the public diff is another one now.
            "the change was retargeted since" => ErrorName::PullRequestBaseMoved,
            _ => ErrorName::ApprovalMismatch,
        };
        assert_eq!(error.name, expected, "{name}: {error}");
        assert!(is_clean(&world), "{name}");
    }
    // The approved content is published, and a repeated call (its first answer was lost) publishes nothing more.
    let old_question = |(approval, _): &mut (Approval, Ballot)| approval.base = None;
    let worlds = [with(&same, &|_| {}), with(&old_question, &|_| {})];
    for world in worlds {
        for _ in 0..2 {
            publish(&world).unwrap();
            assert_eq!(*world.page.submitted.lock().unwrap(), 1);
            assert_eq!(
                world.page.closed.lock().unwrap()[0].conclusion,
                CheckConclusion::ActionRequired
            );
        }
    }
}

#[test]
fn an_edited_review_is_published_once_even_if_its_state_runs_again() {
    let world = gated();
    approve(&world, |(approval, ballot)| {
        let report: Report = block_on(read_artifact(&world.store, &key::report(&approval.run))).unwrap();
        let edit = Edit {
            title: "In other words".to_owned(),
            body: "Because.".to_owned(),
        };
        ballot.edited.insert(report.findings[0].id(), edit);
    });
    for _ in 0..3 {
        assert_eq!(publish(&world).unwrap().status, RunStatus::Published);
        let drafts = world.page.drafts.lock().unwrap();
        assert!(
            drafts.len() == 1 && drafts[0].comments[0].body.contains("In other words"),
            "{drafts:?}"
        );
    }
    let report: Report = block_on(read_artifact(&world.store, &key::report(&run_name("r")))).unwrap();
    assert_eq!(
        report.notes.iter().filter(|note| note.contains("edited 1")).count(),
        1,
        "{:?}",
        report.notes
    );
    let question = block_on(newest_question(&world.rows, &run_name("r"))).unwrap();
    assert!(question.is_some_and(|question| question.decided.is_some()));
}

#[test]
fn a_review_below_the_gate_needs_no_approval() {
    let (world, output, _) = report_of(PAYMENT, &[("src/a.rs", 1, Severity::High)]);
    assert!(!output.needs_approval);
    publish(&world).unwrap();
    assert_eq!(
        world.page.closed.lock().unwrap()[0].conclusion,
        CheckConclusion::Success
    );
}
