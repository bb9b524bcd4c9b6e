//! What a syntax tree tells of a file: scopes, imports, and findings of rules on the tree.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use crate::model::finding::{Category, Severity};
use crate::model::plan::Scope;

/// What the tree tells of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyntaxView {
    /// Named scopes that hold one of the requested lines, outermost first, without doubles.
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

/// The bound that a file exceeded: its syntax is missing, or its findings are incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxLimit {
    /// Parsing it and searching its tree took too long.
    TooSlow,
    /// More bytes than are parsed.
    TooLarge,
    /// Brackets nested deeper than is parsed.
    TooDeep,
    /// More matches under way at once than are followed: some findings may be missing.
    TooManyMatches,
}

impl fmt::Display for SyntaxLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSlow => "no syntax: too slow",
            Self::TooLarge => "no syntax: too large",
            Self::TooDeep => "no syntax: nested too deep",
            Self::TooManyMatches => "syntax rules incomplete: too many matches",
        })
    }
}

/// What reading a file's syntax gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyntaxAnswer {
    /// `None` when the path's language is unknown or a limit was exceeded.
    pub view: Option<SyntaxView>,
    /// The exceeded bound, if any.
    pub limit: Option<SyntaxLimit>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Reads syntax: text in, facts out.
#[async_trait]
pub trait SourceSyntax: Send + Sync {
    /// Whether files of this name have a language that is read: others needn't be fetched.
    fn reads(&self, _path: &str) -> bool {
        true
    }
    /// Reads one file's syntax within the adapter's bounds, off the caller's thread. Never fails on broken code.
    async fn view(&self, path: &str, text: &str, lines: &[u32]) -> SyntaxAnswer;
}
