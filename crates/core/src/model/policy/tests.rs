//! Valid contents of `.holdfast.yml`, and the report of all problems with invalid ones.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use expect_test::expect_file;
use serde_json::Value;

use super::*;

const GUIDE: &str = include_str!("../../../../../docs/configuration.md");

fn schema() -> Value {
    let mut schema = schemars::schema_for!(Policy);
    schema.insert("title".to_owned(), POLICY_PATH.into());
    schema.to_value()
}

/// To update the file: `UPDATE_EXPECT=1 cargo test -p holdfast-core schema`.
#[test]
fn the_schema_for_editors_is_that_of_the_types() {
    let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    expect_file!["../../../../../docs/holdfast.schema.json"].assert_eq(&text);
}

#[test]
fn the_schema_and_the_parser_accept_the_same_files() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let example = GUIDE.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    for (text, is_right) in [
        (example, true),
        ("{}", true),
        ("max_findings: 1000", true),
        ("max_findings: 1001", false),
        ("comments: { min_severity: info, max: 1000 }", true),
        ("comments: { max: 0 }", false),
        ("comments: { min_severity: none }", false),
        ("max_units: 0", false),
        ("gate: { approvals: 11 }", false),
        ("gate: { severity: bad }", false),
        ("gate: { mode: findings, on_timeout: publish_ungated }", true),
        ("gate: { mode: all }", false),
        ("gate: { on_timeout: publish }", false),
        ("gate: { teams: [octo] }", false),
        ("gate: { approvers: ['ada=ada@example.org', 'team@example.org'] }", true),
        ("gate: { approvers: [ada] }", false),
        ("gate: { approvers: ['a da=ada@example.org'] }", false),
        ("gate: { unknown: 1 }", false),
        ("batch: true", true),
        ("batch: soon", false),
        (
            "evidence: { tools: [ruff, zizmor, shellcheck, actionlint, gitleaks, hadolint] }",
            true,
        ),
        ("evidence: { code_scanning: true, tools: [] }", true),
        (
            "evidence: { artifacts: [lint, 'Scan (ubuntu, 3.12)', a.b_c-d+e] }",
            true,
        ),
        ("evidence: { artifacts: [a, b, c, d, e, f, g, h, i, j] }", true),
        ("evidence: { artifacts: [a, b, c, d, e, f, g, h, i, j, k] }", false),
        ("evidence: { artifacts: [''] }", false),
        ("evidence: { artifacts: [' a'] }", false),
        ("evidence: { artifacts: ['*'] }", false),
        ("evidence: { artifacts: [../a] }", false),
        ("evidence: { artifacts: [\"a\\nb\"] }", false),
        ("evidence: { artifacts: ['@here'] }", false),
        ("evidence: { artifacts: [\"a\\u202e\"] }", false),
        ("evidence: { artifacts: lint }", false),
        ("evidence: { tools: [eslint] }", false),
        ("evidence: { tools: ruff }", false),
        ("unknown: 1", false),
        ("tiers: [{ path: '**' }]", false),
        ("include: '**'", false),
    ] {
        let value: Value = serde_norway::from_str(text).unwrap();
        assert_eq!(validator.is_valid(&value), is_right, "{text}");
        assert_eq!(Policy::parse(text).is_ok(), is_right, "{text}");
        assert_eq!(
            Policy::problems(text).is_empty(),
            is_right,
            "{text}: {:?}",
            Policy::problems(text)
        );
    }
}

#[test]
fn every_problem_is_reported_with_its_place() {
    let text = "\
exclud: ['docs/**']
include:
  - src/**
  - '!src/generated/**'
  - ''
exclude: [ok/**, 'app/[id]/**', 12, {}]
gate:
  severity: hihg
  aprovals: 2
  approvals: many
  teams: octo
max_findings: 0
instructions:
  - path: ./docs/**
    txt: Mind the links.
  - path: ../x
    text: What?
tiers: [{ path: a, tier: hevy }]
";
    let found: Vec<String> = Policy::problems(text).iter().map(ToString::to_string).collect();
    let expected = [
        (
            "line 1 column 1: exclud: is not a key here; the keys are include, ",
            "did you mean exclude?",
        ),
        ("line 4 column 5: include[1]: ", "no negation"),
        ("line 5 column 5: include[2]: ", "an empty glob"),
        ("line 6 column 18: exclude[1]: ", "app/[[]id]/**"),
        ("line 6 column 33: exclude[2]: must be text, not 12", ""),
        ("line 6 column 37: exclude[3]: must be text, not keys with values", ""),
        (
            "line 8 column 3: gate.severity: \"hihg\" is not one of info, ",
            "did you mean high?",
        ),
        (
            "line 9 column 3: gate.aprovals: is not a key here; the keys are severity, ",
            "did you mean approvals?",
        ),
        (
            "line 10 column 3: gate.approvals: must be a whole number",
            "not the text \"many\"",
        ),
        (
            "line 11 column 3: gate.teams: must be a list, not the text \"octo\"",
            "",
        ),
        ("line 12 column 1: max_findings: 0 is out of range", ""),
        ("line 14 column 5: instructions[0]: the key text is missing", ""),
        (
            "line 15 column 5: instructions[0].txt: is not a key here; the keys are path, text",
            "did you mean text?",
        ),
        ("line 16 column 5: instructions[1].path: ", "from there"),
        ("line 18 column 9: tiers[0]: \"hevy\" is not one of ", ""),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((start, hint), found) in expected.iter().zip(&found) {
        assert!(
            found.starts_with(start) && found.contains(hint),
            "{start} … {hint}: {found}"
        );
        assert_eq!(found.lines().count(), 1, "{found}");
    }
    let message = Policy::parse(text).unwrap_err().to_string();
    assert!(
        message.contains("exclud") && message.contains("hihg") && message.lines().count() == 1,
        "{message}"
    );
}

#[test]
fn an_unknown_tool_is_reported_with_the_nearest_name() {
    let found = Policy::problems("evidence:\n  tools: [ruff, shelcheck]\n");
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("line 2 column 17: evidence.tools[1]: \"shelcheck\" is not one of actionlint, "));
    assert!(found[0].ends_with("did you mean shellcheck?"), "{found:?}");
}

#[test]
fn a_name_of_no_artifact_is_reported_with_its_place() {
    let long = "x".repeat(101);
    let text = format!("evidence:\n  artifacts: [lint, 'a/b', {long}, a, b, c, d, e, f, g, h]\n");
    let found = Policy::problems(&text);
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 3, "{found:?}");
    let all = "line 2 column 3: evidence.artifacts: 11 names, and at most 10 are read";
    assert_eq!(found[0], all);
    let second =
        "line 2 column 21: evidence.artifacts[1]: \"a/b\" is not the name of an artifact: write 1 to 100 letters";
    assert!(found[1].starts_with(second), "{found:?}");
    assert!(
        found[2].starts_with("line 2 column 28: evidence.artifacts[2]: \"xxx") && found[2].len() < 300,
        "{found:?}"
    );
    let of = |chars: usize| Policy::parse(&format!("evidence: {{artifacts: [{}]}}", "x".repeat(chars)));
    assert!(of(100).is_ok() && of(101).is_err());
    let stored = serde_json::to_string(&Policy::default()).unwrap();
    assert!(!stored.contains("artifacts"), "older programs refuse the key");
}

#[test]
fn a_value_of_another_type_is_described_in_plain_words() {
    for (text, problem) in [
        (
            "gate: strict",
            "gate: must be keys with values (the keys are severity, paths, approvals, approvers, teams, mode, on_timeout), not the text \"strict\"",
        ),
        (
            "gate: [high]",
            "gate: must be keys with values (the keys are severity, paths, approvals, approvers, teams, mode, on_timeout), not a list",
        ),
        ("include: src/**", "include: must be a list, not the text \"src/**\""),
        ("include: { a: b }", "include: must be a list, not keys with values"),
        (
            "tiers: [light]",
            "tiers[0]: must be keys with values (the keys are path, tier), not the text \"light\"",
        ),
        (
            "max_units: -1",
            "max_units: must be a whole number from 0 to 4294967295, not -1",
        ),
        (
            "max_units: 1.5",
            "max_units: must be a whole number from 0 to 4294967295, not 1.5",
        ),
        (
            "max_units:",
            "max_units: must be a whole number from 0 to 4294967295, not empty",
        ),
        (
            "comments: { max: }",
            "comments.max: must be a whole number from 0 to 4294967295, not empty",
        ),
        (
            "gate: { severity: [high] }",
            "gate.severity: must be one of info, low, medium, high, critical, not a list",
        ),
        ("bots: [true]", "bots[0]: must be text, not true"),
        ("bots: [!tag a]", "bots[0]: must be text, not a YAML tag"),
    ] {
        let found: Vec<String> = Policy::problems(text).iter().map(ToString::to_string).collect();
        assert!(
            found.len() == 1 && found[0].ends_with(&format!(": {problem}")),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn values_out_of_range_are_reported_together() {
    let text =
        "max_findings: 0\nmax_units: 20000\ngate:\n  approvals: 11\n  teams: [octo, o/r/x]\n  approvers: [nobody]\n";
    let found: Vec<String> = Policy::problems(text).iter().map(ToString::to_string).collect();
    let settings = [
        "line 1 column 1: max_findings: 0",
        "line 2 column 1: max_units: 20000",
        "line 4 column 3: gate.approvals: 11",
        "line 5 column 11: gate.teams[0]: ",
        "line 5 column 17: gate.teams[1]: ",
        "line 6 column 15: gate.approvers[0]: ",
    ];
    assert_eq!(found.len(), settings.len(), "{found:#?}");
    for (start, found) in settings.iter().zip(&found) {
        assert!(found.starts_with(start), "{start}: {found}");
    }
}

#[test]
fn deeply_nested_brackets_are_refused_before_they_are_parsed() {
    for bracket in ["[", "{", "[{", "[\n"] {
        let text = format!("exclude:\n{}", bracket.repeat(200_000));
        let found: Vec<String> = Policy::problems(&text).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("line ") && found[0].contains("nested deeper than 100 levels"),
            "{found:?}"
        );
        assert!(Policy::parse(&text).is_err());
    }
    let text = format!("instructions: [{{ path: '**', text: '{}' }}]", "[x] {y} ".repeat(500));
    assert!(Policy::problems(&text).is_empty(), "closed brackets in a text");
}

#[test]
fn a_file_without_settings_is_reported_once() {
    for (text, excerpt) in [
        ("a: [", "is not valid YAML"),
        ("\tx: 1", "is not valid YAML"),
        ("- a", "keys with values"),
        ("just text", "keys with values"),
        ("max_units: 1\nmax_units: 2\n", "duplicate"),
        ("a: 1\n---\nb: 2\n", "document"),
        ("1: 2", "not a key here"),
    ] {
        let found = Policy::problems(text);
        assert!(
            found.len() == 1 && found[0].to_string().contains(excerpt),
            "{text:?}: {found:?}"
        );
    }
    for text in ["", "  \n", "# only a comment\n", "---\n", "~"] {
        assert_eq!(Policy::problems(text), [], "{text:?}");
        assert!(Policy::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn a_file_of_mistakes_has_a_bounded_report() {
    let text: String = (0..20_000).map(|index| format!("unknown_{index}: 1\n")).collect();
    let found = Policy::problems(&text);
    assert!(!found.is_empty() && found.len() <= 50, "{}", found.len());
    assert!(Policy::parse(&text).unwrap_err().to_string().len() < 10_000);
}

#[test]
fn the_older_name_of_the_number_of_comments_still_counts_alone() {
    let max = |text| Policy::parse(text).unwrap().max_comments();
    assert_eq!(max(""), 20);
    assert_eq!(max("comments: { min_severity: low }"), 20);
    assert_eq!(max("comments: { max: 7 }"), 7);
    assert_eq!(max("max_findings: 50"), 50);
    let text = "bots: [a]\nmax_findings: 50\n";
    let warnings: Vec<String> = Policy::warnings(text).iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["line 2 column 1: max_findings: is deprecated: write comments: with max: below it"]
    );
    assert!(Policy::warnings("comments: { max: 7 }").is_empty());
    let found: Vec<String> = Policy::problems("comments: { max: 7 }\nmax_findings: 50\n")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        found,
        ["line 2 column 1: max_findings: is the older name of comments.max, which is set too: remove max_findings"]
    );
}

#[test]
fn a_review_waits_as_a_whole_where_others_than_the_operators_decide() {
    for (text, others, expected) in [
        ("", false, GateScope::Findings),
        ("", true, GateScope::Whole),
        ("gate: { teams: [o/t] }", false, GateScope::Whole),
        ("gate: { approvers: ['ada=ada@example.org'] }", false, GateScope::Whole),
        ("gate: { mode: whole }", false, GateScope::Whole),
        ("gate: { mode: findings, teams: [o/t] }", true, GateScope::Findings),
    ] {
        let policy = Policy::parse(text).unwrap();
        assert_eq!(policy.gate.scope(others), expected, "{text} {others}");
        let stored = serde_json::to_string(&policy).unwrap();
        assert_eq!(
            stored.contains("mode"),
            text.contains("mode"),
            "older programs refuse the key"
        );
        assert!(
            !stored.contains("on_timeout") && !stored.contains("comments"),
            "{stored}"
        );
    }
}

#[test]
fn ten_problems_are_named_and_the_others_counted() {
    let keys: String = (0..12).map(|number| format!("wrong_{number}: 1\n")).collect();
    let line = Policy::parse(&keys).unwrap_err().to_string();
    assert!(line.contains("wrong_9") && !line.contains("wrong_10"), "{line}");
    assert!(
        line.ends_with("and 2 more: holdfast check .holdfast.yml lists them"),
        "{line}"
    );
}
