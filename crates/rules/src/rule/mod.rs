//! Rules on the syntax tree: data, one file for each under `rules/`. A person reads each finding, so the rules are
//! precise.

mod built_in;
mod excerpt;
mod file;
mod matcher;
mod suggest;

use std::collections::HashSet;

use ast_grep_core::matcher::MatcherExt as _;
use ast_grep_core::{AstGrep, Node};
use holdfast_core::count::counted;
use holdfast_core::model::finding::Severity;
use holdfast_core::port::{SyntaxFinding, SyntaxLimit};

use super::deadline::TimeLimit;
use super::flat::FlatDoc;
use super::language::Language;
use super::{MAX_FILE_TIME, parse};
pub use built_in::rule_ids;
pub(super) use built_in::{is_compiled, rules};
pub(super) use file::{Definition, RuleFault, fault, read};
use matcher::Rule;
pub(super) use matcher::RuleSet;

/// Maximum number of findings of one rule in one file. Further ones are left out, and a note reports it.
const MAX_FINDINGS: usize = 1_000;

/// Returns the findings of rules in a file, in the order of their places, and the limit that made them incomplete. Each
/// rule has at most one finding that begins in a line.
pub(super) fn find(doc: &FlatDoc, set: &RuleSet) -> (Vec<SyntaxFinding>, Option<SyntaxLimit>) {
    // It has its own handle of the same tree.
    let root = AstGrep::doc(doc.clone());
    let (root, tree) = (root.root(), doc.tree());
    let mut seen: HashSet<(usize, u32)> = HashSet::new();
    let mut counts = vec![0_usize; set.rules.len()];
    let mut findings = Vec::new();
    let mut limit = tree.is_cut().then_some(SyntaxLimit::RulesTooDeep);
    tree.start();
    for node in root.dfs() {
        for (index, rule) in set.of_kind(node.kind_id()) {
            let found = finding(rule, node.clone());
            if tree.is_over() {
                return (findings, Some(SyntaxLimit::TooManySteps));
            }
            let Some(found) = found.filter(|found| seen.insert((index, found.start_line))) else {
                continue;
            };
            match counts.get_mut(index) {
                Some(count) if *count < MAX_FINDINGS => {
                    *count += 1;
                    findings.push(found);
                }
                _ => limit = Some(SyntaxLimit::TooManyMatches),
            }
        }
    }
    if tree.is_over() {
        limit = Some(SyntaxLimit::TooManySteps);
    }
    (findings, limit)
}

/// Returns the rule's finding at a node, if it matches. Wrong if the tree's budget is used up.
fn finding(rule: &Rule, node: Node<'_, FlatDoc>) -> Option<SyntaxFinding> {
    let found = rule.matcher.match_node(node)?;
    let (mut start_line, mut end_line) = found.get_inner_node().rows();
    if start_line < end_line
        && let Some((first, last)) = rule.excerpts.lines(&found.text())
    {
        (start_line, end_line) = (start_line + first, start_line + last);
    }
    Some(SyntaxFinding {
        rule: rule.id.clone(),
        start_line,
        end_line,
        severity: rule.severity,
        category: rule.category,
        title: rule.title.clone(),
        body: rule.body.clone(),
        confidence: confidence(rule.severity),
        cwe: rule.cwe,
        suggestion: rule.fix.as_ref().and_then(|fix| suggest::suggestion(fix, rule, &found)),
    })
}

/// Returns how sure a rule is. A rule that is often wrong is `info`.
const fn confidence(severity: Severity) -> f64 {
    match severity {
        Severity::Critical | Severity::High => 0.9,
        Severity::Medium => 0.8,
        Severity::Low => 0.7,
        Severity::Info => 0.5,
    }
}

/// Returns a text's tree for the rules; `None` when the time is up.
pub(super) fn document(text: &str, language: Language, deadline: TimeLimit) -> Option<FlatDoc> {
    let tree = parse(text, language, deadline)?;
    FlatDoc::copy(&tree, text, language, deadline)
}

/// Checks that a rule finds each of its `invalid` texts once, and nothing in the `valid` ones. Returns the number of
/// cases and the wrong ones.
pub(super) fn check_cases(rule: &Definition, language: Language) -> (usize, Vec<RuleFault>) {
    let (set, mut faults) = RuleSet::compile(language, [rule]);
    if !faults.is_empty() {
        return (0, faults);
    }
    let valid = rule.valid.iter().map(|text| (text, "valid", 0));
    let cases = valid.chain(rule.invalid.iter().map(|text| (text, "invalid", 1)));
    let mut number = 0;
    for (text, field, expected) in cases {
        number += 1;
        let mut text = text.clone();
        if language == Language::Php && !text.contains("<?php") {
            text.insert_str(0, "<?php\n");
        }
        let deadline = TimeLimit::after(MAX_FILE_TIME);
        let found = document(&text, language, deadline).map(|doc| find(&doc, &set).0.len());
        if found != Some(expected) {
            let found = found.map_or_else(|| "no result in time".to_owned(), |found| counted(found, "finding"));
            let problem = format!("{found} instead of {expected} in {}: {text:?}", language.rule_name());
            faults.push(file::fault(&rule.file, Some(&rule.id), Some(field), problem));
        }
    }
    (number, faults)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
