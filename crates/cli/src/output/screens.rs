//! Screens of a review as text: golden files for 80 and 120 columns in `tests/screens`.

use std::cell::OnceCell;

use expect_test::{ExpectFile, expect_file};
use holdfast_core::model::change::Change;
use holdfast_core::model::report::Report;
use serde_json::{Value, json};

use super::review::Review;
use super::style::Style;
use super::text::report_text;
use crate::cli::FailOn;
use crate::verdict::Verdict;

/// Returns a token in GitHub's form, built from parts, so that no scanner reports this file.
fn token() -> String {
    ["ghp", "_", "k3Zx9QmW2pLs7vB4nT1wR8yHc5dFjG6aXuKe"].concat()
}

fn file(path: &str, patch: &str) -> Value {
    json!({ "path": path, "previous_path": null, "status": "modified", "kind": "text", "additions": 1, "deletions": 1,
        "patch": patch, "omitted": null })
}

fn change() -> Change {
    let pay = "@@ -10,5 +10,6 @@ fn total(items: &[Item], count: u64) -> Result<u64, Error> {\n \
               fn mean(items: &[Item]) -> u64 {\n     let count = items.len() as u64;\n-    items.iter().sum() / count\n\
               +    let total: u64 = items.iter().map(|item| item.price * item.quantity).sum();\n+    total / count\n }\n";
    let config = format!("@@ -1,1 +1,2 @@\n [service]\n+token = \"{}\"\n", token());
    serde_json::from_value(json!({
        "base": "a".repeat(40), "head": "b".repeat(40), "title": "t", "description": "", "author": null, "files_total": 5,
        "files": [file("src/pay.rs", pay), file("deploy/config.toml", &config)],
    }))
    .unwrap_or_else(|error| panic!("{error}"))
}

fn report(coverage: Vec<Value>) -> Report {
    let body = "`count` is **zero** for an empty list, and a division by zero *panics* in every build profile.\n\n\
                - The caller in `src/checkout.rs` passes an empty list when a cart was emptied in another tab, so the whole \
                request fails.\n- A test with an empty list is missing.\n\n```rust\nassert_eq!(mean(&[]), 0);\n```";
    let title = "Division by zero for an empty list of items";
    serde_json::from_value(json!({
        "version": 1, "run": "shop-tree-4f2a91c07be3-1a2b3c4d-1", "status": "partial",
        "target": { "repository": "shop", "pull_request": null, "url": null, "base": "a".repeat(40), "head": "b".repeat(40) },
        "model": { "provider": "anthropic", "name": "claude-example" },
        "summary": "The mean of prices is computed in *two* steps, and the service gets a token. Findings: 1 critical, 1 high, 1 low.",
        "gate": { "decision": "require_approval", "worst": "critical" },
        "findings": [
            { "path": "deploy/config.toml", "side": "RIGHT", "start_line": 2, "line": 2, "severity": "critical", "category": "security",
              "title": "Secret in the change: a GitHub token", "body": format!("Revoke {} first, then remove it.", token()),
              "suggestion": null, "confidence": 0.9, "source": "rule:github-token", "sources": ["rule:github-token", "model"] },
            { "path": "src/pay.rs", "side": "RIGHT", "start_line": 12, "line": 13, "severity": "high", "category": "correctness",
              "title": title, "body": body,
              "suggestion": "    let total: u64 = items.iter().map(|item| item.price * item.quantity).sum();\n    total.checked_div(count).unwrap_or(0)\n",
              "confidence": 0.9, "source": "model" },
            { "path": "src/pay.rs", "side": "LEFT", "start_line": 12, "line": 12, "severity": "low", "category": "maintainability",
              "title": "A name", "body": "The removed line had no name.", "suggestion": null, "confidence": 0.5, "source": "model" },
        ],
        "coverage": coverage,
        "usage": { "model_calls": 3, "input_tokens": 12_345, "output_tokens": 678, "cost_usd": 0.0412, "unpriced_calls": 0, "cache_hits": 0, "wall_ms": 12_340 },
        "notes": ["base: origin/main, because it is the branch's upstream; the change starts at the merge base aaaaaaaaaaaa"],
    }))
    .unwrap_or_else(|error| panic!("{error}"))
}

fn entry(path: &str, outcome: &str, reason: Option<&str>, attempts: u32) -> Value {
    json!({ "path": path, "outcome": outcome, "reason": reason, "attempts": attempts })
}

fn coverage() -> Vec<Value> {
    vec![
        entry("Cargo.lock", "skipped", Some("lockfile"), 0),
        entry("vendor/a.js", "skipped", Some("vendored"), 0),
        entry("vendor/b.js", "skipped", Some("vendored"), 0),
        entry("libs/crypto", "skipped", Some("submodule"), 0),
        entry("deploy/config.toml", "reviewed", None, 1),
        entry("src/pay.rs", "reviewed", None, 2),
        entry(
            "src/checkout.rs",
            "unreviewed",
            Some("no valid answer after 3 attempts: the answer is not one JSON object, and neither was its correction"),
            3,
        ),
    ]
}

fn screen(coverage: Vec<Value>, list_files: bool, style: Style) -> String {
    let (report, change) = (report(coverage), change());
    let fail_on = FailOn::High;
    let review = Review {
        report: &report,
        change: Some(&change),
        page: None,
        fail_on,
        list_files,
        verdict: &Verdict::of(&report, fail_on),
        public: OnceCell::new(),
    };
    report_text(&review, style)
}

fn assert_screen(columns: usize, golden: &ExpectFile) {
    let style = Style { colour: false, columns };
    let screen = screen(coverage(), false, style);
    for line in screen.lines() {
        assert!(textwrap::core::display_width(line) <= columns, "{line}");
    }
    golden.assert_eq(&screen);
}

#[test]
fn a_screen_of_80_columns() {
    assert_screen(80, &expect_file!["../../tests/screens/80.txt"]);
}

#[test]
fn a_screen_of_120_columns() {
    assert_screen(120, &expect_file!["../../tests/screens/120.txt"]);
}

#[test]
fn colours_are_readable_on_dark_and_light_terminals() {
    let painted = screen(
        coverage(),
        true,
        Style {
            colour: true,
            columns: 80,
        },
    );
    let plain = screen(
        coverage(),
        true,
        Style {
            colour: false,
            columns: 80,
        },
    );
    let mut codes: Vec<&str> = painted
        .split("\u{1b}[")
        .skip(1)
        .filter_map(|rest| rest.split_once('m').map(|(code, _)| code))
        .collect();
    codes.sort_unstable();
    codes.dedup();
    // Neither dim (2), nor blue (34), nor yellow, cyan and white, which a light terminal hides, nor black.
    assert_eq!(codes, ["0", "1", "1;31", "3", "31", "32", "35"]);
    let mut bare = String::new();
    for part in painted.split("\u{1b}[") {
        let text = part
            .split_once('m')
            .filter(|_| !bare.is_empty())
            .map_or(part, |(_, text)| text);
        bare.push_str(text);
    }
    let without_backticks = plain.replace('`', "");
    assert_eq!(
        bare.split_whitespace().count(),
        without_backticks.split_whitespace().count()
    );
}

#[test]
fn many_files_are_counted_and_few_are_listed() {
    let mut coverage: Vec<Value> = (0..30)
        .map(|number| {
            entry(
                &format!("src/{number}.rs"),
                "unreviewed",
                Some("over the limit of 1 unit"),
                0,
            )
        })
        .collect();
    coverage.extend((0..9_000).map(|number| entry(&format!("a/{number}.rs"), "reviewed", None, 1)));
    let style = Style::PLAIN;
    let few = screen(coverage.clone(), false, style);
    assert!(few.contains("Files: 9000 reviewed, 30 unreviewed"), "{few}");
    assert_eq!(few.matches("  unreviewed ").count(), 20, "{few}");
    assert!(few.contains("  and 10 more: --list-files lists all"), "{few}");
    let all = screen(coverage, true, style);
    assert_eq!(all.matches("\n  reviewed   a/").count(), 9_000);
    assert!(
        few.ends_with("1 critical, 1 high, 1 low; exit status 3: 30 files couldn't be reviewed\n"),
        "{few}"
    );
}
