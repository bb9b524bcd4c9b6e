//! Merges the findings of one line and its neighbours: those of the same defect become one, and a rule's words are never
//! replaced.

use crate::ledger::{Wording, is_same_defect};
use crate::model::finding::Finding;
use crate::model::finding_source::FindingSource;

/// Adds a finding to those of its line. The caller adds rules' findings before the model's.
///
/// - The same rule twice, with the same title: one finding.
/// - Two different rules: two findings, whatever their category. But what another tool reports with the same title or the
///   same weakness is one finding with both sources: the first one's words, and the worse severity.
/// - The model's finding beside a rule's with the same title, or with the same category and no worse: the rule's title,
///   severity, source and place stay; the model's words are appended, and `sources` names both.
/// - The model's finding of the same category and worse: two findings. It may be another defect, and the gate checks
///   both.
/// - The model's finding twice with the same title: one finding, with the worse severity.
pub(super) fn merge_finding(kept: &mut Vec<Finding>, mut finding: Finding) {
    if finding.sources.is_empty() {
        finding.sources.push(finding.source.clone());
    }
    let has_title = |other: &Finding| other.title.eq_ignore_ascii_case(&finding.title);
    let beside = kept
        .iter_mut()
        .filter(|other| other.path == finding.path && other.side == finding.side && other.line == finding.line);
    if !finding.is_by_model() {
        let mut same = beside.filter(|other| {
            let is_repeated = other.source == finding.source && has_title(other);
            is_repeated || (is_by_tool(other, &finding) && (has_title(other) || shares_weakness(other, &finding)))
        });
        match same.next() {
            Some(other) => add_source(other, finding),
            None => kept.push(finding),
        }
        return;
    }
    let mut beside: Vec<&mut Finding> = beside.collect();
    let is_same = |other: &Finding| {
        has_title(other)
            || (!other.is_by_model() && other.category == finding.category && other.severity >= finding.severity)
    };
    let at = beside
        .iter()
        .position(|other| has_title(other))
        .or_else(|| beside.iter().position(|other| is_same(other)));
    match at.map(|at| beside.swap_remove(at)) {
        Some(other) if other.is_by_model() => other.severity = other.severity.max(finding.severity),
        Some(rule) => add_words(rule, finding),
        None => kept.push(finding),
    }
}

/// Returns whether another tool found one of them. Two of our own rules mean two things.
fn is_by_tool(one: &Finding, other: &Finding) -> bool {
    let is_tool = |finding: &Finding| matches!(finding.source, FindingSource::Tool { .. });
    is_tool(one) || is_tool(other)
}

fn shares_weakness(one: &Finding, other: &Finding) -> bool {
    one.cwe.iter().any(|number| other.cwe.contains(number))
}

/// Notes on a rule's finding that another rule found the same.
fn add_source(kept: &mut Finding, mut other: Finding) {
    kept.severity = kept.severity.max(other.severity);
    take_suggestion(kept, &mut other);
    for source in other.sources {
        if !kept.sources.contains(&source) {
            kept.sources.push(source);
        }
    }
    for number in other.cwe {
        if !kept.cwe.contains(&number) {
            kept.cwe.push(number);
        }
    }
}

/// The maximum number of findings before it, by line, that a finding is compared with.
const MAX_COMPARED: usize = 32;

/// Merges findings that state the same defect in other words, on the same line or on a neighbouring one. The findings
/// are of one file and one side, in the order of their lines.
///
/// - The model twice: the worse finding stays, or else the more confident one, or else the first.
/// - A rule and a model that is no worse: the model's words are appended to the rule's.
pub(super) fn merge_reworded(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<(Finding, Wording)> = Vec::with_capacity(findings.len());
    for finding in findings {
        let words = Wording::of_finding(&finding);
        let near = kept.iter_mut().rev().take(MAX_COMPARED);
        let mut same = near.filter(|(other, other_words)| {
            (finding.is_by_model() || other.is_by_model()) && is_same_defect((other, other_words), (&finding, &words))
        });
        let Some((other, other_words)) = same.find(|(other, _)| is_no_worse(other, &finding)) else {
            kept.push((finding, words));
            continue;
        };
        match (other.is_by_model(), finding.is_by_model()) {
            (true, true) => {
                let is_better = (finding.severity, finding.confidence) > (other.severity, other.confidence);
                if is_better {
                    *other_words = words;
                    let mut dropped = std::mem::replace(other, finding);
                    take_suggestion(other, &mut dropped);
                } else {
                    take_suggestion(other, &mut { finding });
                }
            }
            (false, _) => add_words(other, finding),
            (true, false) => {
                *other_words = words;
                let model = std::mem::replace(other, finding);
                add_words(other, model);
            }
        }
    }
    kept.into_iter().map(|(finding, _)| finding).collect()
}

/// Returns whether the model's finding isn't worse than the rule's, if one of them is a rule's: a worse one may be
/// another defect, and the gate checks both.
fn is_no_worse(one: &Finding, other: &Finding) -> bool {
    match (one.is_by_model(), other.is_by_model()) {
        (true, true) => true,
        (true, false) => one.severity <= other.severity,
        (false, true) => other.severity <= one.severity,
        (false, false) => false,
    }
}

/// Moves a suggestion for the same lines to a finding without one.
fn take_suggestion(to: &mut Finding, from: &mut Finding) {
    if to.suggestion.is_none() && (to.start_line, to.line) == (from.start_line, from.line) {
        to.suggestion = from.suggestion.take();
    }
}

/// Appends the model's words to a rule's finding, and takes its suggestion where the rule has none for the same lines.
fn add_words(rule: &mut Finding, mut model: Finding) {
    take_suggestion(rule, &mut model);
    let words = if model.title.eq_ignore_ascii_case(&rule.title) {
        model.body
    } else {
        format!("{}: {}", model.title.trim_end_matches(['.', ':']), model.body)
    };
    rule.body = format!("{}\n\nThe model adds: {words}", rule.body);
    if rule.sources.is_empty() {
        rule.sources.push(rule.source.clone());
    }
    if !rule.sources.contains(&model.source) {
        rule.sources.push(model.source);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use super::*;
    use crate::model::finding::{Category, Severity};
    use crate::model::finding_source::FindingSource;

    fn finding(source: &str, title: &str, severity: Severity, category: Category, line: u32) -> Finding {
        let finding = serde_json::json!({ "path": "a.py", "side": "RIGHT", "start_line": line, "line": line,
            "severity": severity, "category": category, "title": title, "body": format!("{title}, by {source}."),
            "suggestion": null, "confidence": 0.9, "source": source });
        serde_json::from_value(finding).unwrap()
    }

    fn merged(findings: Vec<Finding>) -> Vec<Finding> {
        let mut kept = Vec::new();
        for finding in findings {
            merge_finding(&mut kept, finding);
        }
        kept
    }

    #[test]
    fn a_tool_that_reports_the_same_weakness_or_title_is_another_source() {
        use Category::Security;
        let with = |source: &str, title: &str, cwe: u32, severity| Finding {
            cwe: vec![cwe],
            ..finding(source, title, severity, Security, 3)
        };
        let rule = || with("rule:sql", "SQL built from a value", 89, Severity::Medium);
        for (other, expected) in [
            (with("tool:bandit/B608", "Possible injection", 89, Severity::High), 1),
            (with("tool:bandit/B608", "sql built from a value", 1, Severity::High), 1),
            (with("tool:bandit/B101", "Assert", 703, Severity::High), 2),
            (with("rule:other", "Another rule", 89, Severity::High), 2),
        ] {
            let name = other.source.to_string();
            let kept = merged(vec![rule(), other]);
            assert_eq!(kept.len(), expected, "{name}");
            if expected == 1 {
                let sources: Vec<String> = kept[0].sources.iter().map(ToString::to_string).collect();
                assert_eq!(sources, ["rule:sql", "tool:bandit/B608"]);
                assert_eq!(
                    (kept[0].title.as_str(), kept[0].severity),
                    ("SQL built from a value", Severity::High)
                );
            }
        }
    }

    #[test]
    fn a_model_adds_to_a_rules_finding_and_replaces_nothing() {
        use Category::{Correctness, Security};
        for (title, severity) in [("Harmless", Severity::Info), ("Also high", Severity::High)] {
            let rule = finding("rule:shell-true", "Shell", Severity::High, Security, 3);
            let mut model = finding("model", title, severity, Security, 3);
            model.suggestion = Some("call(c)".to_owned());
            let kept = merged(vec![rule.clone(), model]);
            assert_eq!(kept.len(), 1);
            let one = &kept[0];
            assert_eq!(
                (&one.title, &one.source, one.severity, one.confidence),
                (&rule.title, &rule.source, rule.severity, rule.confidence)
            );
            assert!(
                one.body.starts_with(&rule.body) && one.body.contains(&format!("{title}: ")),
                "{}",
                one.body
            );
            assert_eq!(
                one.sources,
                [FindingSource::of_rule("shell-true"), FindingSource::Model]
            );
            assert_eq!(one.suggestion.as_deref(), Some("call(c)"));
        }
        let rule = finding("rule:shell-true", "Shell", Severity::High, Security, 3);
        let worse = finding("model", "Far worse", Severity::Critical, Security, 3);
        let severities: Vec<Severity> = merged(vec![rule.clone(), worse])
            .iter()
            .map(|kept| kept.severity)
            .collect();
        assert_eq!(
            severities,
            [Severity::High, Severity::Critical],
            "the gate looks at both"
        );
        let elsewhere = finding("model", "Other", Severity::Low, Correctness, 3);
        let next_line = finding("model", "Shell", Severity::Low, Security, 4);
        let kept = merged(vec![rule, elsewhere, next_line]);
        assert_eq!(kept.len(), 3, "another defect, and another line");
        assert!(kept.iter().all(|finding| finding.sources == [finding.source.clone()]));
    }

    #[test]
    fn different_rules_are_different_findings() {
        use Category::Security;
        let one = finding("rule:a", "Title", Severity::High, Security, 3);
        let other = finding("rule:b", "Title", Severity::Low, Security, 3);
        let again = finding("rule:a", "Title", Severity::Critical, Security, 3);
        let kept = merged(vec![one, other, again]);
        assert_eq!(
            kept.iter()
                .map(|kept| (kept.source.rule().unwrap(), kept.severity))
                .collect::<Vec<_>>(),
            [("a", Severity::Critical), ("b", Severity::Low)]
        );
        let kept = merged(vec![
            finding("rule:a", "One", Severity::High, Security, 3),
            finding("rule:b", "Two", Severity::Low, Security, 3),
            finding("model", "two", Severity::Low, Security, 3),
            finding("model", "Three", Severity::Low, Security, 3),
        ]);
        assert_eq!(
            kept.iter().map(|kept| kept.sources.len()).collect::<Vec<_>>(),
            [2, 2],
            "the same title first, then the category"
        );
    }

    #[test]
    fn a_model_that_repeats_itself_is_one_finding() {
        use Category::Correctness;
        let kept = merged(vec![
            finding("model", "Wrong sum", Severity::Low, Correctness, 3),
            finding("model", "wrong sum", Severity::High, Correctness, 3),
            finding("model", "Another", Severity::Low, Correctness, 3),
        ]);
        assert_eq!(
            kept.iter().map(|kept| kept.severity).collect::<Vec<_>>(),
            [Severity::High, Severity::Low]
        );
    }

    #[test]
    fn two_wordings_of_one_defect_are_one_finding() {
        use Category::{Correctness, Security};
        let worded = |source: &str, title: &str, severity, line| Finding {
            body: String::new(),
            ..finding(source, title, severity, Correctness, line)
        };
        let model = |title: &str, line| worded("model", title, Severity::Low, line);
        let panics = "`items[0]` panics on an empty list";
        let crashes = "Indexing `items[0]` crashes if the list is empty";
        for (name, findings, number) in [
            ("one line", vec![model(panics, 3), model(crashes, 3)], 1),
            ("the next line", vec![model(panics, 3), model(crashes, 4)], 1),
            ("two lines on", vec![model(panics, 3), model(crashes, 5)], 2),
            (
                "the same title on two lines",
                vec![model(panics, 3), model(panics, 4)],
                2,
            ),
            (
                "other code on the next line",
                vec![model(panics, 3), model("`names[0]` panics on an empty list", 4)],
                2,
            ),
            (
                "another defect of the line",
                vec![model(panics, 3), model("The name `items` shadows the parameter", 3)],
                2,
            ),
            (
                "another category",
                vec![
                    model(panics, 3),
                    Finding {
                        category: Security,
                        ..model(crashes, 3)
                    },
                ],
                2,
            ),
            (
                "two rules",
                vec![
                    worded("rule:a", panics, Severity::Low, 3),
                    worded("rule:b", crashes, Severity::Low, 3),
                ],
                2,
            ),
            (
                "a rule, and a model on the next line",
                vec![worded("rule:a", panics, Severity::Low, 3), model(crashes, 4)],
                1,
            ),
            (
                "a model, and a rule on the next line",
                vec![model(crashes, 3), worded("rule:a", panics, Severity::Low, 4)],
                1,
            ),
            (
                "a worse model on the next line",
                vec![
                    worded("rule:a", panics, Severity::Low, 3),
                    worded("model", crashes, Severity::High, 4),
                ],
                2,
            ),
        ] {
            let kept = merge_reworded(findings);
            assert_eq!(kept.len(), number, "{name}: {kept:#?}");
            if number == 1 && name.contains("rule") {
                assert_eq!(
                    kept[0].found_by(),
                    [FindingSource::of_rule("a"), FindingSource::Model],
                    "{name}"
                );
                assert!(kept[0].body.contains("The model adds: Indexing"), "{name}");
            }
        }
        let worse = worded("model", crashes, Severity::High, 3);
        let kept = merge_reworded(vec![model(panics, 3), worse.clone()]);
        assert_eq!(kept, [worse], "the worse one stays");
    }
}
