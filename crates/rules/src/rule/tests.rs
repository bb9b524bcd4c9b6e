//! Every rule is right about its own cases, and the documents list it.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{self, Definition};
use super::*;
use crate::deadline::TimeLimit;
use crate::language::Language;

fn rules_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

/// All rules as they are in the source, by their files.
fn all() -> BTreeMap<String, Vec<Definition>> {
    let mut all = BTreeMap::new();
    let mut faults = Vec::new();
    for folder in std::fs::read_dir(rules_folder()).unwrap() {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(rules_folder()).unwrap().to_str().unwrap().to_owned();
            let (rules, mut wrong) = file::read(&name, &std::fs::read_to_string(&path).unwrap());
            faults.append(&mut wrong);
            all.insert(name, rules);
        }
    }
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    all
}

#[test]
fn every_rule_is_right_about_its_cases() {
    let mut problems = Vec::new();
    let mut cases = 0;
    for rule in all().values().flatten() {
        for language in &rule.languages {
            if language.grammar().is_none() {
                continue;
            }
            let (number, mut wrong) = check_cases(rule, *language);
            cases += number;
            problems.append(&mut wrong);
        }
    }
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert!(
        problems.is_empty(),
        "{} of {cases} cases:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[test]
fn the_build_has_the_rules_of_the_source() {
    for rules in all().values() {
        for rule in rules {
            for language in &rule.languages {
                let set = built_in::rules(*language);
                let has = set
                    .rules
                    .iter()
                    .any(|built| built.id == rule.id && built.title == rule.title);
                assert!(has || language.grammar().is_none(), "{} {language:?}", rule.id);
            }
        }
    }
}

#[test]
fn a_file_has_the_name_and_the_languages_of_its_rules() {
    for (file, rules) in all() {
        for rule in rules {
            let (folder, name) = file.split_once('/').unwrap();
            assert_eq!(name, format!("{}.yml", rule.id));
            for language in &rule.languages {
                let fits = language.folder() == folder || (*language == Language::Cpp && folder == "c");
                assert!(fits, "{file}: {language:?}");
            }
            assert!(
                rule.valid.len() >= 2 && !rule.invalid.is_empty(),
                "{file}: too few cases"
            );
            assert!(
                rule.category != holdfast_core::model::finding::Category::Security || rule.cwe.is_some(),
                "{file}: no cwe"
            );
        }
    }
}

fn set_of(text: &str) -> (RuleSet, Vec<String>) {
    let (rules, mut faults) = file::read("a.yml", text);
    let language = rules.first().map_or(Language::Python, |rule| rule.languages[0]);
    let (set, more) = RuleSet::compile(language, &rules);
    faults.extend(more);
    (set, faults.iter().map(ToString::to_string).collect())
}

const HEAD: &str = "id: a-b\nlanguage: Python\nseverity: low\ncategory: correctness\ntitle: t\nbody: b\n";

#[test]
fn a_fault_names_the_file_the_rule_the_field_and_the_remedy() {
    for (text, fault) in [
        (
            "rule: {kind: call}\nvalod: []",
            "a.yml: rule a-b: valod: there is no such field; did you mean valid?",
        ),
        ("", "a.yml: rule a-b: rule: is missing: expected a rule of ast-grep"),
        (
            "rule: {kind: cal}",
            "a.yml: rule a-b: rule: Rule contains invalid kind matcher. Invalid Kind Kind `cal` is invalid. (Python)",
        ),
        ("rule: {kid: call}", "a.yml: rule a-b: rule: unknown field `kid`"),
        (
            "rule: {kind: call, regex: '('}",
            "a.yml: rule a-b: regex: unclosed group",
        ),
        (
            "rule: {kind: call, regex: '\\pL{5000}'}",
            "a.yml: rule a-b: regex: is too large: write a smaller repetition",
        ),
        ("rule: {matches: x}\nutils: {x: {matches: x}}", "cyclic"),
        (
            "rule: {matches: x}\nutils: {x: {any: [{matches: y}]}, y: {not: {matches: x}}}",
            "cyclic",
        ),
        ("rule: {matches: none}", "Rule `none` is not defined. (Python)"),
        ("rule: {kind: call}\ncwe: x", "a.yml: rule a-b: cwe: expected a number"),
        ("rule: [", "a.yml: "),
    ] {
        let (_, faults) = set_of(&format!("{HEAD}{text}"));
        assert!(faults.len() == 1 && faults[0].contains(fault), "{text}: {faults:?}");
    }
    let (_, faults) = set_of("id: A\nlanguage: Pyton\nseverity: bad\ncategory: x\nrule: {}");
    for part in [
        "id: expected lower-case",
        "did you mean Python?",
        "severity: \"bad\"",
        "category:",
        "title: is missing",
        "body: is missing",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:?}");
    }
}

#[test]
fn a_deep_or_long_rule_file_is_refused() {
    for text in [
        "[".repeat(30_000),
        "- ".repeat(30_000),
        "a: &a [x]\nb: ".to_owned() + &"[*a,".repeat(60),
    ] {
        assert_eq!(file::read("a.yml", &text).1.len(), 1);
    }
}

fn suggestion_of(fix: &str, text: &str) -> Option<String> {
    let (set, faults) = set_of(&format!("{HEAD}rule: {{pattern: old($A)}}\nfix: {fix}"));
    assert!(faults.is_empty(), "{faults:?}");
    let doc = document(text, Language::Python, TimeLimit::after(Duration::from_secs(60))).unwrap();
    let (findings, limit) = find(&doc, &set);
    assert_eq!((findings.len(), limit), (1, None));
    findings[0].suggestion.clone()
}

#[test]
fn a_fix_becomes_the_new_text_of_its_lines() {
    assert_eq!(
        suggestion_of("new($A)", "if x:\n    y = old(1) + 2\n").as_deref(),
        Some("    y = new(1) + 2")
    );
    assert_eq!(
        suggestion_of("new($A)", "y = old(\n  1)").as_deref(),
        Some("y = new(1)")
    );
    assert_eq!(suggestion_of("''", "a = 1\nold(2)\n").as_deref(), Some(""));
    assert_eq!(suggestion_of("old($A)", "old(1)"), None);
}

/// The row of a rule in the documents.
#[derive(Default)]
struct Row {
    languages: BTreeSet<&'static str>,
    severities: BTreeSet<std::cmp::Reverse<Severity>>,
    category: &'static str,
    cwe: Option<u32>,
    title: String,
}

#[test]
fn the_documents_list_every_rule() {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for rule in all().into_values().flatten() {
        let row = rows.entry(rule.id).or_default();
        row.languages
            .extend(rule.languages.iter().map(|language| language.name()));
        row.severities.insert(std::cmp::Reverse(rule.severity));
        (row.category, row.cwe, row.title) = (rule.category.as_str(), row.cwe.or(rule.cwe), rule.title);
    }
    let mut table = format!("{} rules:\n\n", rows.len());
    table.push_str(
        "| rule | languages | severity | category | CWE | finding |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for (id, row) in rows {
        let languages: Vec<&str> = row.languages.into_iter().collect();
        let severities: Vec<&str> = row.severities.iter().map(|severity| severity.0.as_str()).collect();
        let cwe = row.cwe.map_or_else(String::new, |cwe| cwe.to_string());
        let title = row.title.replace('|', "\\|");
        let (languages, severities) = (languages.join(", "), severities.join(", "));
        table.push_str(&format!(
            "| `{id}` | {languages} | {severities} | {} | {cwe} | {title} |\n",
            row.category
        ));
    }
    let guide = include_str!("../../../../docs/rules.md");
    let (text, _) = guide.split_once("UPDATE_EXPECT=1. -->\n").unwrap();
    let expected = format!("{text}UPDATE_EXPECT=1. -->\n\n{table}");
    expect_test::expect_file!["../../../../docs/rules.md"].assert_eq(&expected);
}
