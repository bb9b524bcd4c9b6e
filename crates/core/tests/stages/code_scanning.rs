//! Reviews that read the alerts of code scanning, or run tools.

use super::ledger::{THREE_LINES, push};
use super::*;
use holdfast_core::evidence::{Evidence, Tool, ToolReport, ToolRuns};
use holdfast_core::model::finding::{Category, Severity};
use holdfast_core::model::report::EarlierState;

const READS: &str = "evidence: {code_scanning: true}";

pub fn scanned(lines: &[u32]) -> Evidence {
    let report = |line: &u32| ToolReport {
        tool: "CodeQL".to_owned(),
        rule: "js/sql-injection".to_owned(),
        start_line: *line,
        end_line: *line,
        severity: Severity::Medium,
        category: Category::Security,
        cwe: vec![89],
        title: "A query from a text".to_owned(),
        message: "This query depends on a text.".to_owned(),
    };
    let tool = Tool {
        name: "CodeQL".to_owned(),
        version: None,
    };
    Evidence {
        tools: vec![tool],
        reports: BTreeMap::from([("src/a.rs".to_owned(), lines.iter().map(report).collect())]),
        ..Evidence::default()
    }
}

pub fn review(world: &World) -> Report {
    world.prepare();
    let result = world.walk_unit("u0001", Tier::Light);
    world.finish(json!([result]));
    world.publish().unwrap();
    block_on(read_artifact(&world.store, &key::report(&world.run.run))).unwrap()
}

pub fn reading(policy: &str, evidence: Evidence) -> World {
    let mut world = world(vec![file("src/a.rs", Some(THREE_LINES))], "rules", "rules", vec![]);
    world.set_policy(policy);
    world.read.scanned = evidence;
    world
}

#[test]
fn alerts_on_added_lines_are_findings_if_the_settings_ask_for_them() {
    // The first line is unchanged.
    let report = review(&reading(READS, scanned(&[1, 2])));
    let found: Vec<(u32, String)> = (report.findings.iter())
        .map(|finding| (finding.line, finding.source.to_string()))
        .collect();
    assert_eq!(found, [(2, "tool:CodeQL/js/sql-injection".to_owned())]);
    let note = "Evidence: 2 reports in code scanning by CodeQL; those on added lines count.";
    assert!(report.notes.iter().any(|line| line == note), "{:?}", report.notes);
    let report = review(&reading("", scanned(&[2])));
    assert_eq!(report.findings, []);
}

#[test]
fn a_missing_permission_or_analysis_is_a_note() {
    for (missing, expected) in [
        (
            Some("the App lacks Code scanning alerts: read"),
            "Alerts of code scanning are missing: the App lacks Code scanning alerts: read",
        ),
        (
            None,
            "Code scanning has no analysis of this head yet: a later review reads it.",
        ),
    ] {
        let evidence = Evidence {
            missing: missing.map(str::to_owned),
            ..Evidence::default()
        };
        let report = review(&reading(READS, evidence));
        assert!(report.notes.iter().any(|line| line == expected), "{:?}", report.notes);
    }
}

#[test]
fn an_alert_is_fixed_only_when_its_tool_has_run_again() {
    let world = reading(READS, scanned(&[2]));
    review(&world);
    let fixed = "@@ -1,1 +1,2 @@\n one\n+checked text";
    let next = |world: World, run: &str, head: char, evidence: Evidence| {
        let mut next = push(world, run, head, fixed, vec![]);
        next.run.model = "rules".parse().unwrap();
        next.run.model_light = "rules".parse().unwrap();
        next.set_policy(READS);
        next.read.scanned = evidence;
        let report = review(&next);
        (next, report)
    };
    let (world, report) = next(world, "r2", 'c', Evidence::default());
    assert_eq!(report.earlier[0].state, EarlierState::Open, "not scanned yet");
    let (_, report) = next(world, "r3", 'd', scanned(&[]));
    assert_eq!(report.earlier[0].state, EarlierState::Fixed, "scanned without it");
}

/// The same reports, by a tool that Holdfast ran.
fn ran(tool: &str, lines: &[u32], notes: &[&str]) -> Evidence {
    let mut scanned = scanned(lines);
    for report in scanned.reports.values_mut().flatten() {
        tool.clone_into(&mut report.tool);
        "Own title".clone_into(&mut report.title);
    }
    let tool = Tool {
        name: tool.to_owned(),
        version: Some("1.0".to_owned()),
    };
    Evidence {
        ran: Some(ToolRuns {
            tools: vec![tool],
            reports: scanned.reports,
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        }),
        ..Evidence::default()
    }
}

#[test]
fn the_tools_of_the_settings_run_on_changed_files() {
    let evidence = ran("gitleaks", &[1, 2], &["ruff did not run: it isn't installed"]);
    let report = review(&reading("evidence: {tools: [gitleaks, ruff]}", evidence.clone()));
    let found: Vec<(u32, String)> = (report.findings.iter())
        .map(|finding| (finding.line, finding.source.to_string()))
        .collect();
    assert_eq!(found, [(2, "tool:gitleaks/js/sql-injection".to_owned())]);
    for note in [
        "Evidence: 2 reports in the changed files by gitleaks 1.0; those on added lines count.",
        "ruff did not run: it isn't installed",
    ] {
        assert!(report.notes.iter().any(|line| line == note), "{:?}", report.notes);
    }
    // There is no file for ruff, and no tool without settings.
    for policy in ["evidence: {tools: [ruff]}", ""] {
        let report = review(&reading(policy, evidence.clone()));
        assert_eq!(
            (report.findings.len(), report.notes.len()),
            (0, 0),
            "{policy}: {:?}",
            report.notes
        );
    }
}

#[test]
fn a_tools_own_run_replaces_its_alerts() {
    let policy = "evidence: {code_scanning: true, tools: [gitleaks]}";
    for (tool, titles) in [("codeql", 1), ("gitleaks", 2)] {
        let evidence = Evidence {
            ran: ran(tool, &[2], &[]).ran,
            ..scanned(&[2])
        };
        let report = review(&reading(policy, evidence));
        let sources: usize = report
            .findings
            .iter()
            .map(|finding| 1 + finding.sources.len().saturating_sub(1))
            .sum();
        assert_eq!(sources, titles, "{:?}", report.findings);
    }
}

#[test]
fn a_report_is_fixed_only_when_its_tool_has_run() {
    let policy = "evidence: {tools: [gitleaks]}";
    let world = reading(policy, ran("gitleaks", &[2], &[]));
    review(&world);
    let fixed = "@@ -1,1 +1,2 @@\n one\n+checked text";
    let next = |world: World, run: &str, head: char, evidence: Evidence| {
        let mut next = push(world, run, head, fixed, vec![]);
        next.run.model = "rules".parse().unwrap();
        next.run.model_light = "rules".parse().unwrap();
        next.set_policy(policy);
        next.read.scanned = evidence;
        let report = review(&next);
        (next, report)
    };
    let (world, report) = next(world, "r2", 'c', Evidence::default());
    assert_eq!(report.earlier[0].state, EarlierState::Open, "it failed");
    let (_, report) = next(world, "r3", 'd', ran("gitleaks", &[], &[]));
    assert_eq!(report.earlier[0].state, EarlierState::Fixed, "it ran without a report");
}
