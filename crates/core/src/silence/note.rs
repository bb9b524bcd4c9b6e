//! The notes on silenced findings, and on comments that silence nothing.

use std::collections::BTreeMap;

use crate::count::{counted, is_or_are};
use crate::model::silencing::{RefusalCause, Silencing};

/// Maximum number of rules that a note names.
const MAX_RULES: usize = 10;

/// Returns the notes, one line each. They name rules, and neither files nor code: everybody may read them.
pub fn notes(silencing: &Silencing) -> Vec<String> {
    let mut notes = Vec::new();
    let silenced = silencing.silenced.len();
    if silenced > 0 {
        let findings = counted(silenced, "finding");
        let rules = rules(silencing);
        notes.push(format!(
            "{findings} {} silenced by comments in the code: {rules}",
            is_or_are(silenced)
        ));
    }
    let mut by_cause: BTreeMap<RefusalCause, usize> = BTreeMap::new();
    for refused in &silencing.refused {
        *by_cause.entry(refused.cause).or_default() += 1;
    }
    notes.extend(by_cause.into_iter().map(|(cause, number)| refusal_note(cause, number)));
    match silencing.without_rule {
        0 => {}
        1 => notes.push(
            "1 comment `holdfast: ignore` silences nothing, because it names no rule: write holdfast: ignore[RULE] REASON"
                .to_owned(),
        ),
        number => notes.push(format!(
            "{number} comments `holdfast: ignore` silence nothing, because they name no rule: write holdfast: ignore[RULE] REASON"
        )),
    }
    notes
}

/// Returns the number of silenced findings of each rule.
fn rules(silencing: &Silencing) -> String {
    let mut by_rule: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for silenced in &silencing.silenced {
        let rule = silenced.finding.source.rule_name().unwrap_or_default();
        let (all, without_reason) = by_rule.entry(rule).or_default();
        *all += 1;
        *without_reason += usize::from(silenced.lacks_reason);
    }
    let more = by_rule.len().saturating_sub(MAX_RULES);
    let named = by_rule.into_iter().take(MAX_RULES);
    let mut named: Vec<String> = named
        .map(|(rule, (all, without_reason))| match without_reason {
            0 => format!("{rule} ({all})"),
            number if number == all => format!("{rule} ({all}, without a reason)"),
            number => format!("{rule} ({all}, {number} without a reason)"),
        })
        .collect();
    if more > 0 {
        named.push(counted(more, "more rule"));
    }
    named.join(", ")
}

fn refusal_note(cause: RefusalCause, number: usize) -> String {
    let comments = match number {
        1 => "1 comment that silences a rule doesn't count".to_owned(),
        number => format!("{number} comments that silence a rule don't count"),
    };
    let (its, it) = if number == 1 { ("its", "it") } else { ("their", "they") };
    let why = match cause {
        RefusalCause::Author => format!("{its} author can't write to this repository"),
        RefusalCause::Fork => match number {
            1 => "it comes from a fork, to which people may push who can't write to this repository".to_owned(),
            _ => "they come from a fork, to which people may push who can't write to this repository".to_owned(),
        },
        RefusalCause::GatedSecret => {
            "a secret in a file under gate.paths in .holdfast.yml can't be silenced".to_owned()
        }
        RefusalCause::HiddenText => "hidden characters can't be silenced".to_owned(),
        RefusalCause::Unknown => format!("a later version of Holdfast knows why {it} must not"),
    };
    format!("{comments}: {why}")
}
