//! Merges the findings of one line: those of the same defect become one, and a rule's words are never replaced.

use crate::model::finding::Finding;

/// Adds a finding to those of its line. The caller adds rules' findings before the model's.
///
/// - The same rule twice, with the same title: one finding.
/// - Two different rules: two findings, whatever their category.
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
        let mut same = beside.filter(|other| other.source == finding.source && has_title(other));
        match same.next() {
            Some(other) => other.severity = other.severity.max(finding.severity),
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

/// Appends the model's words to a rule's finding, and takes its suggestion where the rule has none for the same lines.
fn add_words(rule: &mut Finding, model: Finding) {
    let words = if model.title.eq_ignore_ascii_case(&rule.title) {
        model.body
    } else {
        format!("{}: {}", model.title.trim_end_matches(['.', ':']), model.body)
    };
    rule.body = format!("{}\n\nThe model adds: {words}", rule.body);
    if rule.suggestion.is_none() && rule.start_line == model.start_line {
        rule.suggestion = model.suggestion;
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
}
