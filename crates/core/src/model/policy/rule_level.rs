//! The setting `rules`: switches a rule on the syntax tree off, or gives it another severity.

use serde::{Deserialize, Serialize};

use super::super::finding::Severity;

/// What the team does with a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RuleLevel {
    /// The rule reports nothing.
    Off,
    /// Its findings are critical.
    Critical,
    /// Its findings are high.
    High,
    /// Its findings are medium.
    Medium,
    /// Its findings are low.
    Low,
    /// Its findings are notes.
    Info,
}

impl RuleLevel {
    /// Returns the severity; none if the rule is off.
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Critical => Some(Severity::Critical),
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::Info => Some(Severity::Info),
        }
    }
}

/// A team's own rules are invalid: the file, the rule, and the remedy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct InvalidTeamRules(pub String);

/// Returns the problems of rule ids that aren't `known`, each with the nearest one.
pub fn unknown_rules<'a>(given: impl IntoIterator<Item = &'a String>, known: &[String]) -> Vec<String> {
    let unknown = given.into_iter().filter(|id| !known.contains(id));
    let problem = |id: &String| match super::nearest(id, known.iter().map(String::as_str)) {
        Some(near) => format!("rules.{id}: there is no such rule; did you mean {near}?"),
        None => format!("rules.{id}: there is no such rule: docs/rules.md lists them"),
    };
    unknown.map(problem).collect()
}
