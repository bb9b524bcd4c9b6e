//! Rules on the syntax tree: one rule, one file, one test. A person reads each finding, so the rules are few and
//! precise.

mod assert_on_tuple;
mod defer_in_loop;
mod dynamic_code;
mod empty_catch;
mod inner_html;
mod mutable_default;
mod nan_comparison;
mod shell_command;
mod string_identity;
mod swallowed_exception;
mod unfinished_code;

use std::sync::OnceLock;

use holdfast_core::model::finding::{Category, Severity};
use holdfast_core::port::SyntaxFinding;
use tree_sitter::{Query, QueryCursor, QueryCursorOptions, QueryCursorState, StreamingIterator, Tree};

use super::deadline::TimeLimit;
use super::language::Language;
use super::outline::rows;

/// Maximum number of findings of one query of a rule in one file. Further ones are left out, and a note reports it.
const MAX_FINDINGS: usize = 1_000;

/// Maximum number of matches that one search has in flight. Each step of a search costs up to its square.
const MAX_MATCHES: u32 = 256;

/// A rule: a query whose capture `@found` is the finding's place.
pub(super) struct Rule {
    /// Its id, in kebab-case.
    pub id: &'static str,
    /// Its queries, each with the languages that it searches.
    pub queries: &'static [(&'static [Language], &'static str)],
    pub severity: Severity,
    pub category: Category,
    pub confidence: f64,
    pub title: &'static str,
    pub body: &'static str,
}

static RULES: [&Rule; 11] = [
    &assert_on_tuple::RULE,
    &defer_in_loop::RULE,
    &dynamic_code::RULE,
    &empty_catch::RULE,
    &inner_html::RULE,
    &mutable_default::RULE,
    &nan_comparison::RULE,
    &shell_command::RULE,
    &string_identity::RULE,
    &swallowed_exception::RULE,
    &unfinished_code::RULE,
];

type Compiled = Vec<(&'static Rule, Query)>;

/// The queries of each language, compiled at its first file: compiling walks the whole grammar, and a change has few
/// languages.
static COMPILED: [OnceLock<Compiled>; Language::COUNT] = [const { OnceLock::new() }; Language::COUNT];

/// Compiles the rules' queries for a language, unless they are compiled already.
pub(super) fn prepare(language: Language) {
    compiled(language);
}

/// Returns the rules' queries for a language. The rules' tests prove that each of them compiles.
fn compiled(language: Language) -> &'static [(&'static Rule, Query)] {
    let compile = || {
        let mut compiled = Vec::new();
        for rule in RULES {
            let queries = rule
                .queries
                .iter()
                .filter(|(languages, _)| languages.contains(&language));
            for (_, query) in queries {
                if let Ok(query) = Query::new(&language.grammar(), query) {
                    compiled.push((rule, query));
                }
            }
        }
        compiled
    };
    COMPILED
        .get(language as usize)
        .map_or(&[][..], |cell| cell.get_or_init(compile).as_slice())
}

/// Returns the ids of all rules.
pub fn rule_ids() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.id)
}

/// Returns the findings in a file, at most `MAX_FINDINGS` of each query, and true if none was left out; `None` when the
/// time is up.
pub(super) fn find(
    tree: &Tree,
    text: &str,
    language: Language,
    deadline: TimeLimit,
) -> Option<(Vec<SyntaxFinding>, bool)> {
    let (mut findings, mut is_complete) = (Vec::new(), true);
    for (rule, query) in compiled(language) {
        let mut cursor = QueryCursor::new();
        cursor.set_match_limit(MAX_MATCHES);
        let mut within_limit = |_: &QueryCursorState| deadline.check();
        let options = QueryCursorOptions::new().progress_callback(&mut within_limit);
        let mut matches = cursor.matches_with_options(query, tree.root_node(), text.as_bytes(), options);
        let mut seen = 0;
        while let Some(found) = matches.next() {
            let place = found
                .captures()
                .iter()
                .find(|capture| query.capture_names().get(capture.index as usize) == Some(&"found"));
            if let Some(place) = place {
                if seen == MAX_FINDINGS {
                    is_complete = false;
                    break;
                }
                let (start_line, end_line) = rows(&place.node);
                findings.push(SyntaxFinding {
                    rule: rule.id,
                    start_line,
                    end_line,
                    severity: rule.severity,
                    category: rule.category,
                    title: rule.title.to_owned(),
                    body: rule.body.to_owned(),
                    confidence: rule.confidence,
                });
                seen += 1;
            }
            if deadline.is_over() {
                break;
            }
        }
        drop(matches);
        if deadline.is_over() {
            return None;
        }
        is_complete &= !cursor.did_exceed_match_limit();
    }
    Some((findings, is_complete))
}

/// Checks that a rule finds each bad text once, and nothing in the good ones.
#[cfg(test)]
fn check(rule: &Rule, bad: &[(&str, &str)], good: &[(&str, &str)]) {
    use std::time::Duration;

    for (languages, query) in rule.queries {
        for language in *languages {
            if let Err(error) = Query::new(&language.grammar(), query) {
                panic!("{} for {language:?}: {error}", rule.id);
            }
        }
    }
    let count = |path: &str, text: &str| {
        let Some(language) = Language::of_path(path) else {
            panic!("{path} is in no language");
        };
        let deadline = TimeLimit::after(Duration::from_secs(60));
        super::read_syntax(language, text, &[], deadline).0.map_or(0, |view| {
            view.findings.iter().filter(|found| found.rule == rule.id).count()
        })
    };
    for (path, text) in bad {
        assert_eq!(count(path, text), 1, "{}: {path}: {text}", rule.id);
    }
    for (path, text) in good {
        assert_eq!(count(path, text), 0, "{}: {path}: {text}", rule.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_kebab_case() {
        let mut ids: Vec<&str> = rule_ids().collect();
        assert!(
            ids.iter()
                .all(|id| id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
        );
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
    }

    #[test]
    fn each_rule_has_a_row_in_the_documents() {
        let guide = include_str!("../../../../docs/rules.md");
        for rule in RULES {
            let mut languages: Vec<&str> = Vec::new();
            for language in rule.queries.iter().flat_map(|(languages, _)| *languages) {
                if !languages.contains(&language.name()) {
                    languages.push(language.name());
                }
            }
            let (id, languages) = (rule.id, languages.join(", "));
            let (severity, category) = (rule.severity, rule.category.as_str());
            let row = format!("\n| `{id}` | {languages} | {severity} | {category} | ");
            assert!(guide.contains(&row), "docs/rules.md has no row {row:?}");
        }
        assert_eq!(
            guide.matches("\n| `").count(),
            RULES.len(),
            "docs/rules.md has a row too many"
        );
    }
}
