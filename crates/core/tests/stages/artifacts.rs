//! Reviews that read SARIF files in artifacts of workflows.

use super::code_scanning::{reading, review, scanned};
use super::ledger::push;
use super::*;
use holdfast_core::evidence::{Evidence, ToolRuns};
use holdfast_core::model::plan::Plan;
use holdfast_core::model::report::EarlierState;

const READS: &str = "evidence: {artifacts: [lint]}";

/// Returns reports on these lines by CodeQL, in artifacts.
fn found(lines: &[u32], notes: &[&str]) -> Evidence {
    let notes = notes.iter().map(|note| (*note).to_owned()).collect();
    Evidence {
        artifacts: Some(ToolRuns::of_artifacts(scanned(lines), notes)),
        ..Evidence::default()
    }
}

fn sources(report: &Report) -> Vec<(u32, String)> {
    let findings = report.findings.iter();
    findings
        .map(|finding| (finding.line, finding.source.to_string()))
        .collect()
}

/// Reviews the next push, which changes the second line. Its run and its head have these names.
fn next_push(
    world: World,
    (run, head): (&str, char),
    policy: &str,
    (is_branch_here, evidence): (bool, Evidence),
) -> (World, Report) {
    let mut next = push(world, run, head, "@@ -1,1 +1,2 @@\n one\n+checked text", vec![]);
    next.run.model = "rules".parse().unwrap();
    next.run.model_light = "rules".parse().unwrap();
    next.change().is_branch_here = is_branch_here;
    next.set_policy(policy);
    next.read.scanned = evidence;
    let report = review(&next);
    (next, report)
}

#[test]
fn reports_on_added_lines_are_findings_if_the_settings_name_artifacts() {
    // The first line is unchanged.
    let note = "Artifact lint: 1 file is not SARIF 2.1.0";
    let report = review(&reading(READS, found(&[1, 2], &[note])));
    assert_eq!(sources(&report), [(2, "tool:CodeQL/js/sql-injection".to_owned())]);
    let expected = [
        "Evidence: 2 reports in artifacts of workflows by CodeQL; those on added lines count.",
        note,
    ];
    assert_eq!(report.notes, expected);
    for policy in ["", "evidence: {artifacts: []}"] {
        let report = review(&reading(policy, found(&[2], &[note])));
        assert_eq!((report.findings, report.notes), (vec![], vec![]), "{policy}");
    }
}

#[test]
fn the_artifact_of_a_run_holds_the_reports_of_each_source() {
    let policy = "evidence: {code_scanning: true, artifacts: [lint]}";
    let evidence = Evidence {
        artifacts: found(&[2, 3], &[]).artifacts,
        ..scanned(&[2])
    };
    let world = reading(policy, evidence.clone());
    let report = review(&world);
    let lines: Vec<u32> = report.findings.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [2, 3], "the same report twice is one finding");
    assert_eq!(report.notes.len(), 2, "{:?}", report.notes);
    let stored: Evidence = block_on(read_artifact(&world.store, &key::evidence(&world.run.run))).unwrap();
    assert_eq!(stored, evidence);
}

#[test]
fn a_missing_permission_is_a_note_and_an_outage_waits() {
    let mut world = reading(READS, Evidence::default());
    world.read.artifacts_error = Some(|| ReadError::Forbidden("the App lacks Actions: read".to_owned()));
    let report = review(&world);
    assert_eq!(
        report.notes,
        ["Artifacts of workflows are missing: the App lacks Actions: read"]
    );
    type Case = (fn() -> ReadError, ErrorName);
    let cases: [Case; 2] = [
        (
            || ReadError::Unavailable("503".to_owned()),
            ErrorName::GithubUnavailable,
        ),
        (
            || ReadError::RateLimited {
                detail: "429".to_owned(),
                retry_after_s: Some(7),
            },
            ErrorName::GithubRateLimited,
        ),
    ];
    for (error, name) in cases {
        world.read.artifacts_error = Some(error);
        let input = plan_review::Input {
            run: world.run.run.clone(),
        };
        let planned = plan_review::plan_review(&input, &world.read, &world.people, &world.store);
        assert_eq!(block_on(planned).unwrap_err().name, name);
    }
}

#[test]
fn a_work_tree_has_no_artifacts() {
    let mut world = reading(READS, found(&[2], &["read"]));
    world.run.target = Target::WorkTree {
        path: "/work".to_owned(),
        base: CommitSha::parse(&"a".repeat(40)).unwrap(),
        head: CommitSha::parse(&"b".repeat(40)).unwrap(),
        only: Vec::new(),
    };
    world.run.publish = false;
    world.prepare();
    let plan: Plan = block_on(read_artifact(&world.store, &key::plan(&world.run.run))).unwrap();
    assert_eq!((plan.notes, plan.tools), (vec![], vec![]));
}

#[test]
fn a_finding_is_fixed_only_if_a_tool_that_counts_has_run() {
    for (policy, is_branch_here, expected) in [
        (READS, false, EarlierState::Fixed),
        // A fork's workflow may claim to be any tool.
        (
            "evidence: {artifacts: [lint], code_scanning: true}",
            false,
            EarlierState::Open,
        ),
        (
            "evidence: {artifacts: [lint], code_scanning: true}",
            true,
            EarlierState::Fixed,
        ),
        (
            "evidence: {artifacts: [lint], tools: [ruff]}",
            false,
            EarlierState::Fixed,
        ),
    ] {
        let world = reading(policy, found(&[2], &[]));
        review(&world);
        let (world, report) = next_push(world, ("r2", 'c'), policy, (is_branch_here, Evidence::default()));
        assert_eq!(report.earlier[0].state, EarlierState::Open, "{policy}: no artifact yet");
        let (_, report) = next_push(world, ("r3", 'd'), policy, (is_branch_here, found(&[], &[])));
        assert_eq!(report.earlier[0].state, expected, "{policy} {is_branch_here}");
    }
}

#[test]
fn a_claim_of_a_tool_that_runs_here_fixes_nothing() {
    let policy = "evidence: {artifacts: [lint], tools: [gitleaks]}";
    let as_gitleaks = |lines: &[u32]| {
        let mut evidence = found(lines, &[]);
        if let Some(runs) = &mut evidence.artifacts {
            for tool in &mut runs.tools {
                "GitLeaks".clone_into(&mut tool.name);
            }
            for report in runs.reports.values_mut().flatten() {
                "GitLeaks".clone_into(&mut report.tool);
            }
        }
        evidence
    };
    let world = reading(policy, as_gitleaks(&[2]));
    review(&world);
    let (_, report) = next_push(world, ("r2", 'c'), policy, (false, as_gitleaks(&[])));
    assert_eq!(report.earlier[0].state, EarlierState::Open);
}
