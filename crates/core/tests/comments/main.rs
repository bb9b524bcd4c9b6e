//! Golden files of everything that a pull request shows: the summary comment, the state of a review, inline comments,
//! notices and checks. To update them: `UPDATE_EXPECT=1 cargo test -p holdfast-core --test comments`.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "../fuzz/harmless.rs"]
mod harmless;
mod page;
mod states;
mod world;

use holdfast_core::model::finding::Finding;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::render::{Inline, check_outcome, fixed_body, reopened_body, review_of, summary_body};
use holdfast_core::withhold::withhold;
use serde_json::json;

use page::{assert_check, assert_golden, check, findings_in_tables, rows};
use world::{FILE, change, coverage, earlier, explained, finding, from, report, tracked};

const WALKTHROUGH: &str = "Payments are split by the number of payers.\n\n- **Payments**: `pay` divides the total.";

fn summary(report: &Report, inline: Inline) -> String {
    summary_body(report, &review_of(report, &change(), inline, None).without_comment)
}

/// Compares a report's summary comment and its check with their golden files.
fn assert_report(name: &str, report: &Report, inline: Inline) {
    let body = summary(report, inline);
    assert_eq!(
        findings_in_tables(report, &body),
        report.findings.len() + report.earlier.len()
    );
    assert_golden(name, &body);
    let outcome = check_outcome(report);
    harmless::has_sections(&outcome.summary, &["Coverage"]);
    assert_check(name, &outcome);
}

#[test]
fn a_first_review_has_its_verdict_first() {
    let one = finding(FILE, 2, "high", "Division by zero");
    let sixty = (1..=60).map(|line| {
        finding(
            "src/big.rs",
            line,
            ["low", "medium", "critical"][line as usize % 3],
            "Leak",
        )
    });
    let reports = [
        ("no_findings", vec![]),
        ("one_finding", vec![one]),
        ("sixty_findings", sixty.collect()),
    ];
    for (name, findings) in reports {
        assert_report(name, &explained(report(findings), WALKTHROUGH), Inline::Comments);
    }
}

#[test]
fn a_review_without_all_files_names_what_is_missing() {
    let mut partial = report(vec![finding(FILE, 2, "high", "Division by zero")]);
    partial.status = RunStatus::Partial;
    partial.coverage.truncate(2);
    let mut unlisted = partial.clone();
    unlisted.notes = vec!["5 of 7 changed files could not be listed and are unreviewed".to_owned()];
    partial.coverage.extend([
        coverage("src/odd.rs", "unreviewed", Some("no valid answer in 3 attempts")),
        coverage("Cargo.lock", "skipped", Some("generated: *.lock")),
    ]);
    assert_report("partial", &explained(partial, WALKTHROUGH), Inline::Comments);
    assert_report("unlisted", &explained(unlisted, WALKTHROUGH), Inline::Comments);

    let mut scanned = report(vec![Finding {
        source: from(json!("rule:tls-off")),
        ..finding(FILE, 2, "medium", "TLS is not verified")
    }]);
    scanned.coverage = vec![
        coverage(FILE, "scanned", Some("rules for rust")),
        coverage("src/b.cob", "scanned", Some("secrets only")),
    ];
    scanned.model = from(json!({ "provider": "rules", "name": "rules" }));
    let no_model = holdfast_core::stage::summarize_review::NO_MODEL;
    assert_report("scanned", &explained(scanned, no_model), Inline::Comments);

    let mut skipped = report(vec![]);
    skipped.status = RunStatus::Skipped;
    skipped.coverage = vec![coverage("Cargo.lock", "skipped", Some("generated: *.lock"))];
    assert_report("skipped", &explained(skipped, ""), Inline::Comments);
}

/// Returns the report of a second push.
fn second_push() -> Report {
    let mut second = report(vec![
        tracked(finding(FILE, 2, "high", "Division by zero"), "new", None),
        tracked(
            finding(FILE, 3, "critical", "Payment is sent twice"),
            "reopened",
            Some(3),
        ),
        tracked(
            finding("src/file1.rs", 9, "medium", "Lock held across await"),
            "open",
            Some(9),
        ),
        tracked(finding("src/file2.rs", 5, "low", "Magic number"), "closed", Some(5)),
        tracked(
            finding("src/file2.rs", 6, "info", "Long function"),
            "dismissed",
            Some(6),
        ),
    ]);
    second.earlier = vec![
        earlier(40, "open", "Unused result"),
        earlier(41, "fixed", "Wrong currency"),
    ];
    second
}

#[test]
fn a_second_push_shows_what_became_of_each_finding() {
    assert_report("second_push", &explained(second_push(), WALKTHROUGH), Inline::Comments);
    let mut quiet = report(vec![]);
    quiet.earlier = vec![earlier(41, "fixed", "Wrong currency")];
    assert_report("only_fixed", &explained(quiet, WALKTHROUGH), Inline::Comments);
}

#[test]
fn findings_without_an_inline_comment_are_in_the_summary() {
    let found = vec![
        finding(FILE, 2, "high", "Division by zero"),
        finding("src/file1.rs", 90, "low", "Magic number"),
    ];
    assert_report("refused", &explained(report(found), WALKTHROUGH), Inline::Nowhere);

    let mut gated = tracked(finding(FILE, 2, "high", "SECRET"), "new", None);
    gated.gated = true;
    for (name, others) in [
        ("withheld", vec![finding(FILE, 3, "low", "Magic number")]),
        ("only_withheld", vec![]),
    ] {
        let findings = std::iter::once(gated.clone()).chain(others).collect();
        let public = withhold(&mut explained(report(findings), "The SECRET walkthrough."));
        assert!(!summary(&public, Inline::Comments).contains("SECRET"));
        assert_report(name, &public, Inline::Comments);
    }
    let approved = report(vec![gated]);
    assert_report("approved", &explained(approved, WALKTHROUGH), Inline::Comments);
}

#[test]
fn a_cell_holds_any_path_and_title() {
    // The path and the title, and how the reader sees them.
    let cases = [
        ("a|b.rs", "One | two", "a|b.rs line 2", "One | two"),
        (r"a\|b\.rs", r"One \| two \\", r"a\|b\.rs line 2", r"One \| two \\"),
        ("a`b``|.rs", "`x` and ``y|z``", "a`b``|.rs line 2", "`x` and ``y|z``"),
        (
            "a\n|b|\n---.rs",
            "One\n| two\n|---|",
            r"a\n|b|\n---.rs line 2",
            "One | two |---|",
        ),
        (
            "[a](b)<!--.rs",
            "<b>[x](https://e.example)</b>",
            "[a](b)<!--.rs line 2",
            "<b>[x](https://e.example)</b>",
        ),
        ("", " \n", "? line 2", "Finding"),
    ];
    let hostile = |state| {
        let findings = cases.map(|(path, title, ..)| tracked(finding(path, 2, "high", title), state, None));
        report(findings.into())
    };
    for (state, columns) in [("new", 3), ("open", 4)] {
        let body = summary(&hostile(state), Inline::Comments);
        check(&body);
        let rows = rows(&body);
        assert_eq!(rows.len(), cases.len(), "{body}");
        for (_, _, place, title) in cases {
            // comrak leaves a backslash more than GitHub before a pipe in code.
            let row = rows
                .iter()
                .find(|row| row[1].replace(r"\\", r"\") == place)
                .unwrap_or_else(|| panic!("{place}: {rows:?}\n{body}"));
            assert_eq!(row.len(), columns, "{row:?}");
            assert_eq!(row[2].replace('\u{200b}', ""), title, "{body}");
            assert!(columns == 3 || row[3] == "open", "{row:?}");
        }
    }
    assert_report("hostile", &hostile("open"), Inline::Comments);
}

#[test]
fn a_comment_fits_whatever_it_holds() {
    let long = |text: &str, most: usize| text.repeat(most / text.len());
    let texts = [
        "word ",
        "<&|`",
        "- a\n  - b\n",
        "```rust\nx\n```\n\n",
        "<details>\n\n",
        "|",
        "🔴",
    ];
    for text in texts {
        let found = (1..=60).map(|line| Finding {
            body: long(text, 12_000),
            suggestion: Some(format!("    {}", long("x", 70_000))),
            ..finding(
                &if line == 1 { FILE.to_owned() } else { long(text, 900) },
                2,
                "high",
                &long(text, 900),
            )
        });
        let mut full = report(found.collect());
        full.status = RunStatus::Partial;
        full.notes = (0..30).map(|number| format!("{number} {}", long(text, 900))).collect();
        full.coverage = ["reviewed", "scanned", "skipped", "unreviewed"]
            .iter()
            .cycle()
            .take(400)
            .enumerate()
            .map(|(index, outcome)| coverage(&format!("{index}{}", long(text, 400)), outcome, Some(&long(text, 900))))
            .collect();
        let full = explained(full, &long(text, 100_000));
        for inline in [Inline::Comments, Inline::Nowhere] {
            let review = review_of(&full, &change(), inline, None);
            let body = summary_body(&full, &review.without_comment);
            check(&body);
            assert!(body.starts_with("## Holdfast: 60 findings; 400 files: 100 reviewed, 100 scanned by rules"));
            assert_eq!(findings_in_tables(&full, &body), 60, "{text}");
            let folded = format!("{} findings without an inline comment", review.without_comment.len());
            assert!(body.contains(&folded), "{text}");
            for comment in &review.draft.comments {
                check(&comment.body);
                assert!(!comment.body.contains("```suggestion"), "it doesn't fit");
            }
        }
        let outcome = check_outcome(&full);
        check(&outcome.summary);
        assert_eq!(outcome.annotations.len(), 50);
    }
}

#[test]
fn an_inline_comment_shows_the_severity_and_what_became_of_the_finding() {
    let mut found = finding(FILE, 2, "high", "Division by zero in `pay`");
    found.suggestion = Some("    let half = count / 2;".to_owned());
    let report = report(vec![found.clone()]);
    let review = review_of(&report, &change(), Inline::Comments, None);
    assert_golden("review", &review.draft.body);
    assert_golden("inline", &review.draft.comments[0].body);
    assert_golden("reopened", &reopened_body(&found, &report));
    let entry = from(
        json!({ "id": "a".repeat(32), "anchor": { "path": FILE, "side": "RIGHT", "start_line": 2, "line": 2,
            "text": "", "before": [], "after": [], "head": world::head() },
        "category": "correctness", "severity": "high", "title": found.title, "body": found.body, "source": "model",
        "confidence": 0.9, "state": { "is": "open" }, "first_run": "r-1", "last_run": "r-1" }),
    );
    assert_golden("fixed", &fixed_body(&entry, &from(json!(world::head()))));
}
