//! Syntax trees, through tree-sitter: finds the scopes around a line, a file's imports, and the findings of rules. Code
//! with syntax errors gives partial results.
//!
//! The text may come from a stranger, and a team's rules too, so all work is bounded: bytes, nesting, findings, scopes,
//! the steps of all rules, and the time for a whole file, which parser, rules and walks share. The work runs on threads
//! of its own.

mod deadline;
mod flat;
mod language;
mod outline;
mod pattern;
mod rule;
mod scanner;
mod team;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_core::port::{SourceSyntax, SyntaxAnswer, SyntaxLimit, SyntaxView};
use holdfast_core::team_rules::TeamRules;
use tree_sitter::{ParseOptions, Parser, Tree};

use deadline::TimeLimit;
use flat::FlatDoc;
use holdfast_bounded::Threads;
use language::Language;
use rule::RuleSet;
use team::Team;

pub use rule::rule_ids;
pub use team::check_team_rules;

/// Maximum size of a file that is parsed, in bytes.
const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// Maximum nesting of brackets: deeper code is hostile, or data, and its tree isn't worth the cost.
const MAX_NESTING: usize = 500;
/// Time limit of one file: one that takes longer is hostile, or not code, and its syntax is skipped.
const MAX_FILE_TIME: Duration = Duration::from_secs(2);
/// After this long the thread is abandoned: a step of the parser that checks no clock must not block the review.
const MAX_THREAD_TIME: Duration = Duration::from_secs(10);
/// Time limit of compiling the rules of a language, or a team's.
const MAX_COMPILE_TIME: Duration = Duration::from_mins(1);
/// Maximum number of files that are read at the same time.
const THREADS: usize = 4;

static POOL: LazyLock<Threads> = LazyLock::new(|| Threads::new(THREADS));

/// Returns the name of the language of a path, if this build's rules read it.
pub fn language_name(path: &str) -> Option<&'static str> {
    let language = Language::of_path(path)?;
    language.grammar().map(|_| language.name())
}

/// Returns the names of the languages that this build's rules read, sorted, and of those that other builds' read.
pub fn languages() -> (Vec<&'static str>, Vec<&'static str>) {
    let (mut read, mut unread) = (Vec::new(), Vec::new());
    for language in Language::ALL {
        let list = if language.grammar().is_some() {
            &mut read
        } else {
            &mut unread
        };
        list.push(language.name());
    }
    for list in [&mut read, &mut unread] {
        list.sort_unstable();
        list.dedup();
    }
    (read, unread)
}

/// Reads the syntax of the languages in `language`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TreeSitterSyntax;

impl TreeSitterSyntax {
    /// Needs no setup: the grammars are linked in.
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl SourceSyntax for TreeSitterSyntax {
    fn reads(&self, path: &str) -> bool {
        Language::of_path(path).is_some() || Language::may_be_script(path)
    }

    fn rule_ids(&self) -> Vec<String> {
        rule_ids().iter().map(|id| (*id).to_owned()).collect()
    }

    async fn with_team_rules(&self, rules: &TeamRules) -> Result<Box<dyn SourceSyntax>, Vec<String>> {
        team::with_team_rules(rules).await
    }

    async fn view(&self, path: &str, text: &str, lines: &[u32]) -> SyntaxAnswer {
        view(path, text, lines, None).await
    }
}

/// Reads a file's syntax on a thread of its own.
async fn view(path: &str, text: &str, lines: &[u32], team: Option<Arc<Team>>) -> SyntaxAnswer {
    let Some(language) = Language::of_file(path, text) else {
        return SyntaxAnswer::default();
    };
    if language.grammar().is_none() {
        return SyntaxAnswer {
            limit: Some(SyntaxLimit::NotInBuild),
            ..SyntaxAnswer::default()
        };
    }
    // Before the clocks start: the rules of a language are compiled once, at its first file.
    if !rule::is_compiled(language) && POOL.run(MAX_COMPILE_TIME, move || rule::rules(language)).await.is_err() {
        return SyntaxAnswer {
            limit: Some(SyntaxLimit::TooSlow),
            ..SyntaxAnswer::default()
        };
    }
    let began = Instant::now();
    let (text, lines) = (text.to_owned(), lines.to_vec());
    let read = move || {
        let team = team.as_ref().and_then(|team| team.rules(language));
        let deadline = TimeLimit::after(MAX_FILE_TIME);
        read_syntax(language, &text, &lines, (rule::rules(language), team), deadline)
    };
    // A panic gives no syntax either; for the reader it is the same as a file that is too slow.
    let (view, limit) = POOL
        .run(MAX_THREAD_TIME, read)
        .await
        .unwrap_or((None, Some(SyntaxLimit::TooSlow)));
    SyntaxAnswer {
        view,
        limit,
        elapsed: began.elapsed(),
    }
}

/// Reads a text's syntax on the caller's thread, with Holdfast's rules and then a team's. A view with a limit is
/// incomplete. A team's rules have time of their own, so that a slow one costs no other finding.
fn read_syntax(
    language: Language,
    text: &str,
    lines: &[u32],
    (rules, team): (&RuleSet, Option<&RuleSet>),
    deadline: TimeLimit,
) -> (Option<SyntaxView>, Option<SyntaxLimit>) {
    if text.len() > MAX_TEXT_BYTES {
        return (None, Some(SyntaxLimit::TooLarge));
    }
    if nesting(text) > MAX_NESTING || scanner::is_too_deep(language, text) {
        return (None, Some(SyntaxLimit::TooDeep));
    }
    let read = || {
        let tree = parse(text, language, deadline)?;
        let (scopes, imports) = outline::outline(&tree, text, language, lines, deadline)?;
        let flat = FlatDoc::copy(&tree, text, language, deadline)?;
        drop(tree);
        let (mut findings, mut limit) = rule::find(&flat, rules);
        if deadline.is_over() && limit == Some(SyntaxLimit::TooManySteps) {
            return None;
        }
        if let Some(team) = team {
            flat.tree().refill(TimeLimit::after(MAX_FILE_TIME));
            let (found, team_limit) = rule::find(&flat, team);
            findings.extend(found);
            findings.sort_by_key(|finding| finding.start_line);
            limit = match team_limit {
                Some(SyntaxLimit::TooManySteps) => Some(SyntaxLimit::TeamRulesTooSlow),
                other => limit.or(other),
            };
        }
        let view = SyntaxView {
            scopes,
            imports,
            findings,
            language: Some(language.name()),
        };
        Some((view, limit))
    };
    match read() {
        Some((view, limit)) => (Some(view), limit),
        None => (None, Some(SyntaxLimit::TooSlow)),
    }
}

/// Returns the maximum nesting of brackets in the text, including those in strings and comments.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Returns the syntax tree; `None` when the time is up, or the text is too deep for the grammar's scanner.
fn parse(text: &str, language: Language, deadline: TimeLimit) -> Option<Tree> {
    if scanner::is_too_deep(language, text) {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()?).ok()?;
    let mut within_limit = |_: &tree_sitter::ParseState| deadline.check();
    let options = ParseOptions::new().progress_callback(&mut within_limit);
    parser.parse_with_options(
        &mut |at, _| text.as_bytes().get(at..).unwrap_or_default(),
        None,
        Some(options),
    )
}

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile_tests;
