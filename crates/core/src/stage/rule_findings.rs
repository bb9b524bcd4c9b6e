//! The findings of rules on syntax trees, as the team set them; and the team's own rules.

use std::collections::BTreeMap;

use crate::diff::Hunk;
use crate::model::error_name::ErrorName;
use crate::model::finding::{Finding, Side};
use crate::model::finding_source::FindingSource;
use crate::model::key;
use crate::model::policy::{InvalidPolicy, Policy, RuleLevel, unknown_rules};
use crate::model::run_name::RunName;
use crate::port::{SourceSyntax, StoreArtifact, SyntaxFinding};
use crate::rule::is_beside_program;
use crate::team_rules::TeamRules;
use crate::validate::check_suggestion;

use super::{StageError, find_artifact};

/// Maximum number of problems in one message.
const MAX_REPORTED: usize = 10;

/// Returns the syntax with the team's rules, if it has any.
///
/// # Errors
/// A rule is invalid, the settings name an unknown rule, or the store fails.
pub(super) async fn team_syntax(
    run: &RunName,
    policy: &Policy,
    syntax: &dyn SourceSyntax,
    store: &dyn StoreArtifact,
) -> Result<Option<Box<dyn SourceSyntax>>, StageError> {
    let rules: Option<TeamRules> = find_artifact(store, &key::team_rules(run)).await?;
    let of_team = match rules {
        Some(rules) => {
            let with_rules = syntax.with_team_rules(&rules).await;
            Some(with_rules.map_err(|problems| invalid(&problems))?)
        }
        None => None,
    };
    if !policy.rules.is_empty() {
        let known = of_team.as_deref().unwrap_or(syntax).rule_ids();
        let unknown = unknown_rules(policy.rules.keys(), &known);
        if !unknown.is_empty() {
            return Err(InvalidPolicy(unknown.join("; ")).into());
        }
    }
    Ok(of_team)
}

fn invalid(problems: &[String]) -> StageError {
    let more = problems.len().saturating_sub(MAX_REPORTED);
    let mut lines: Vec<String> = problems.iter().take(MAX_REPORTED).cloned().collect();
    if more > 0 {
        lines.push(format!("and {more} more: holdfast check lists them"));
    }
    StageError::new(ErrorName::RepositoryConfigurationInvalid, lines.join("; "))
}

/// Returns the rules' findings that touch an added line, cut to the hunk, with the severity of the team's settings.
/// Without one, a finding in a test, an example or a benchmark is one step less severe.
pub(super) fn rule_findings(
    path: &str,
    hunks: &[Hunk],
    syntax: &[SyntaxFinding],
    levels: &BTreeMap<String, RuleLevel>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hunk in hunks {
        let Some((first, last)) = hunk.range(Side::Right) else {
            continue;
        };
        for found in syntax.iter().filter(|found| {
            hunk.added().any(|line| {
                line.new
                    .is_some_and(|n| (found.start_line..=found.end_line).contains(&n))
            })
        }) {
            let severity = match levels.get(&found.rule).map(|level| level.severity()) {
                Some(Some(severity)) => severity,
                Some(None) => continue,
                None if is_beside_program(path) => found.severity.lowered(),
                None => found.severity,
            };
            let (start_line, line) = (found.start_line.clamp(first, last), found.end_line.clamp(first, last));
            let mut finding = Finding {
                path: path.to_owned(),
                side: Side::Right,
                start_line,
                line,
                severity,
                category: found.category,
                title: found.title.clone(),
                body: found.body.clone(),
                suggestion: None,
                confidence: found.confidence,
                source: FindingSource::of_rule(&found.rule),
                gated: false,
                folded: false,
                tracked: None,
                cwe: found.cwe.into_iter().collect(),
                sources: Vec::new(),
            };
            // The suggestion is for all lines of the place.
            let is_whole = (start_line, line) == (found.start_line, found.end_line);
            let suggestion = found.suggestion.as_deref().filter(|_| is_whole);
            finding.suggestion = suggestion.and_then(|text| check_suggestion(&finding, text, hunks).ok());
            findings.push(finding);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;
    use crate::diff::parse_patch;
    use crate::model::finding::{Category, Severity};

    fn found(rule: &str, end_line: u32, suggestion: &str) -> SyntaxFinding {
        SyntaxFinding {
            rule: rule.to_owned(),
            start_line: 2,
            end_line,
            severity: Severity::High,
            category: Category::Security,
            title: "t".to_owned(),
            body: "b".to_owned(),
            confidence: 0.9,
            cwe: Some(78),
            suggestion: Some(suggestion.to_owned()),
        }
    }

    fn findings(path: &str, found: SyntaxFinding, levels: &[(&str, RuleLevel)]) -> Vec<Finding> {
        let hunks = parse_patch("@@ -1,2 +1,3 @@\n a\n+old(1)\n c\n").unwrap();
        let levels = levels.iter().map(|(id, level)| ((*id).to_owned(), *level)).collect();
        rule_findings(path, &hunks, &[found], &levels)
    }

    #[test]
    fn the_team_s_setting_decides_otherwise_the_path_lowers() {
        for (path, levels, severity) in [
            ("src/a.py", &[][..], Some(Severity::High)),
            ("tests/a.py", &[], Some(Severity::Medium)),
            ("benches/a.py", &[], Some(Severity::Medium)),
            ("src/a.py", &[("x", RuleLevel::Info)], Some(Severity::Info)),
            ("tests/a.py", &[("x", RuleLevel::Critical)], Some(Severity::Critical)),
            ("src/a.py", &[("x", RuleLevel::Off)], None),
            ("src/a.py", &[("y", RuleLevel::Off)], Some(Severity::High)),
        ] {
            let found = findings(path, found("x", 2, "new(1)"), levels);
            assert_eq!(
                found.first().map(|finding| finding.severity),
                severity,
                "{path} {levels:?}"
            );
        }
    }

    #[test]
    fn a_suggestion_replaces_all_lines_of_the_place_or_is_left_out() {
        let of = |end_line, text| findings("src/a.py", found("x", end_line, text), &[]).remove(0);
        assert_eq!(of(2, "new(1)").suggestion.as_deref(), Some("new(1)"));
        assert_eq!(of(2, "new(1)").cwe, [78]);
        assert_eq!(of(9, "new(1)").suggestion, None, "the place is cut to the hunk");
        assert_eq!(of(2, "old(1)").suggestion, None, "nothing changes");
    }
}
