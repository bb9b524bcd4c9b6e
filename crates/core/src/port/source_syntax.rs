//! The port to syntax trees: a file's scopes, imports and findings of rules on the tree.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::finding::{Category, Severity};
use crate::model::plan::Scope;
use crate::team_rules::TeamRules;

/// The facts of one file's tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyntaxView {
    /// Named scopes around the requested lines, outermost first, without duplicates.
    pub scopes: Vec<Scope>,
    /// Import lines, as written.
    pub imports: Vec<String>,
    /// Findings of rules anywhere in the file.
    pub findings: Vec<SyntaxFinding>,
    /// The language whose rules ran, by its name for people.
    pub language: Option<&'static str>,
}

/// A rule's finding.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxFinding {
    /// The rule's id: kebab-case.
    pub rule: String,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// Its severity.
    pub severity: Severity,
    /// Its category.
    pub category: Category,
    /// One line.
    pub title: String,
    /// The reason, and what to do instead.
    pub body: String,
    /// From 0 to 1.
    pub confidence: f64,
    /// Its weakness, as a number of the Common Weakness Enumeration.
    pub cwe: Option<u32>,
    /// New text for its lines.
    pub suggestion: Option<String>,
}

/// The limit that a file exceeds: its syntax is missing, or its findings are incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxLimit {
    /// Parsing it and searching its tree took too long.
    TooSlow,
    /// The file has more bytes than the parser accepts.
    TooLarge,
    /// Brackets are nested deeper than the parser accepts.
    TooDeep,
    /// A rule has more matches in the file than its limit: some findings are missing.
    TooManyMatches,
    /// The rules needed more steps for the file than their limit: some findings may be missing.
    TooManySteps,
    /// The team's own rules took too long or too many steps: some of their findings may be missing.
    TeamRulesTooSlow,
    /// The rules read no deeper: findings in the deepest code may be missing.
    RulesTooDeep,
    /// This build of the program doesn't read the file's language.
    NotInBuild,
}

impl fmt::Display for SyntaxLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSlow => "no syntax: too slow",
            Self::TooLarge => "no syntax: too large",
            Self::TooDeep => "no syntax: nested too deep",
            Self::TooManyMatches => "syntax rules incomplete: too many matches",
            Self::TooManySteps => "syntax rules incomplete: too many steps",
            Self::TeamRulesTooSlow => "rules of .holdfast-rules incomplete: too slow",
            Self::RulesTooDeep => "syntax rules incomplete: nested too deep",
            Self::NotInBuild => "no syntax: this build doesn't read the language",
        })
    }
}

/// The result of reading a file's syntax.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyntaxAnswer {
    /// The facts; `None` if the path's language is unknown or a limit was exceeded.
    pub view: Option<SyntaxView>,
    /// The exceeded limit, if any.
    pub limit: Option<SyntaxLimit>,
    /// The time that it took.
    pub elapsed: Duration,
}

/// Reads the syntax of files.
#[async_trait]
pub trait SourceSyntax: Send + Sync {
    /// Returns whether the adapter reads this file's language. Other files need no fetch.
    fn reads(&self, _path: &str) -> bool {
        true
    }
    /// Returns the ids of the rules, sorted. Empty for an adapter without rules.
    fn rule_ids(&self) -> Vec<String> {
        Vec::new()
    }
    /// Returns an adapter that also has a team's rules.
    ///
    /// # Errors
    /// A rule is invalid, or has the id of another one. One line for each problem.
    async fn with_team_rules(&self, _rules: &TeamRules) -> Result<Box<dyn SourceSyntax>, Vec<String>> {
        Err(vec!["this program has no rules on syntax trees".to_owned()])
    }
    /// Reads one file's syntax within the adapter's limits, off the caller's thread. Never fails on broken code.
    async fn view(&self, path: &str, text: &str, lines: &[u32]) -> SyntaxAnswer;
}
