//! What a syntax tree tells of a file: scopes, imports, and findings of rules on the tree.

use crate::model::finding::{Category, Severity};
use crate::model::plan::Scope;

/// What the tree tells of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyntaxView {
    /// Named scopes that hold one of the asked lines, outermost first, without doubles.
    pub scopes: Vec<Scope>,
    /// Import lines, as written.
    pub imports: Vec<String>,
    /// What rules found anywhere in the file.
    pub findings: Vec<SyntaxFinding>,
    /// The language whose rules ran, by its name for people.
    pub language: Option<&'static str>,
}

/// A rule's finding.
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxFinding {
    /// The rule's id: kebab-case.
    pub rule: &'static str,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// How bad.
    pub severity: Severity,
    /// About what.
    pub category: Category,
    /// One line.
    pub title: String,
    /// Why, and what to do instead.
    pub body: String,
    /// From 0 to 1.
    pub confidence: f64,
}

/// Reads syntax. Pure: bytes in, facts out.
pub trait SourceSyntax: Send + Sync {
    /// `None` when the language is not known (by path) or the text is not UTF-8. Never fails on broken code.
    fn view(&self, path: &str, text: &str, lines: &[u32]) -> Option<SyntaxView>;
}
