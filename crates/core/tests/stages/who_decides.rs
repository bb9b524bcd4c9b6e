//! Who decides, and on what: the gate looks at all findings, and what is published is what was decided.

use holdfast_core::gate;
use holdfast_core::model::finding::{Category, Finding, Severity, Side};
use holdfast_core::model::policy::Policy;
use holdfast_core::model::run::Verdict;
use holdfast_core::render::{Inline, check_outcome, review_draft};
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
        source: "model".to_owned(),
        gated: false,
        folded: false,
    }
}

/// A file of added lines, one for each finding.
fn added(path: &str, lines: usize) -> ChangedFile {
    let text: String = (1..=lines).map(|line| format!("\n+line {line}")).collect();
    file(path, Some(&format!("@@ -0,0 +1,{lines} @@{text}")))
}

/// Path, how many findings, and how severe they are.
type Found<'a> = &'a [(&'a str, usize, Severity)];

/// The report of a review whose only answers hold these findings, unit by unit.
fn report_of(policy: &'static str, found: Found<'_>) -> (World, summarize_review::Output, Report) {
    let files = found.iter().map(|(path, count, _)| added(path, *count)).collect();
    let mut world = world(files, "openai/m", "openai/m", vec![Ok(VALID)]);
    world.read.policy = policy;
    assert_eq!(world.prepare(), found.len() as u64);
    let plan: holdfast_core::model::plan::Plan = block_on(read_artifact(&world.store, &key::plan("r"))).unwrap();
    let mut results = Vec::new();
    for unit in &plan.units {
        let (path, count, severity) = found.iter().find(|(path, ..)| *path == unit.path).unwrap();
        let verdict = Verdict {
            valid: true,
            problems: Vec::new(),
            accepted: (1..=*count).map(|line| finding(path, line as u32, *severity)).collect(),
            summary: "s".to_owned(),
            readable: true,
        };
        block_on(write_artifact(&world.store, &key::verdict("r", &unit.id, 1), &verdict)).unwrap();
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
    assert_eq!(
        check_outcome(&report).annotations[0].path,
        "pay/p.rs",
        "a short list begins with it"
    );
    let draft = review_draft(&report, &world.read.change, Inline::Comments);
    assert_eq!(draft.comments.len(), 50);
    assert!(draft.comments.iter().any(|comment| comment.path == "pay/p.rs"));
    assert!(draft.body.contains("61 findings"), "counts are of all: {}", draft.body);
    assert!(draft.body.contains("11 more findings beyond"), "{}", draft.body);
    for finding in report.findings.iter().filter(|finding| finding.folded) {
        assert!(draft.body.contains(&finding.title), "{}", finding.title);
    }
}

#[test]
fn the_gate_and_the_check_follow_the_severity_of_each_path() {
    // The policy, the findings, how many of them are gated, and how many folded.
    let cases: &[(&str, Found, usize, usize)] = &[
        (PAYMENT, &[("src/a.rs", 3, Severity::High)], 0, 0),
        (PAYMENT, &[("pay/p.rs", 1, Severity::Low)], 0, 0),
        (PAYMENT, &[("pay/p.rs", 1, Severity::Medium)], 1, 0),
        (PAYMENT, &[("src/a.rs", 1, Severity::Critical)], 1, 0),
        // All that are gated, and more of them than are shown.
        (
            "gate: { severity: low }\nmax_findings: 1",
            &[("a.rs", 4, Severity::Low)],
            4,
            3,
        ),
        // The laxer path counts before the stricter default, and the first match before the second.
        (
            "gate: { severity: low, paths: [{ path: 'a.rs', severity: critical }, { path: '**', severity: info }] }",
            &[("a.rs", 1, Severity::High), ("b.rs", 1, Severity::Info)],
            1,
            0,
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
    assert!(written.contains("\"gated\":true") && !written.contains("folded"), "{written}");
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
    let body = review_draft(&report, &world.read.change, Inline::Comments).body;
    assert!(body.chars().count() <= 64_000, "{}", body.chars().count());
    assert!(body.contains("20001 findings") && body.contains("20000 more findings"), "counts are of all");
    assert!(body.trim_end().ends_with("</details>"), "the list is closed");
    assert!(body.contains("more: too many to list here"));
}
