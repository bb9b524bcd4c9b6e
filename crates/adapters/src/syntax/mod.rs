//! Syntax trees, through tree-sitter: what encloses a line, what a file imports, and what rules find. Bytes in, facts out;
//! broken code gives what it can.

mod language;
mod outline;
mod rule;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use holdfast_core::port::{SourceSyntax, SyntaxView};
use tree_sitter::{ParseOptions, Parser, Tree};

use language::Language;

pub use rule::rule_ids;

/// Larger files are not parsed, in bytes.
const TEXT_MOST: usize = 1024 * 1024;
/// Code nested deeper in brackets is hostile or data: trees of it cost more than they tell.
const NESTING_MOST: usize = 500;
/// A file that takes longer is hostile or no code: parsing is given up.
const PARSING_MOST: Duration = Duration::from_secs(2);

/// Reads the languages of `language`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TreeSitterSyntax;

impl TreeSitterSyntax {
    /// There is nothing to set up: grammars are linked in.
    pub const fn new() -> Self {
        Self
    }
}

impl SourceSyntax for TreeSitterSyntax {
    fn view(&self, path: &str, text: &str, lines: &[u32]) -> Option<SyntaxView> {
        let language = Language::of_path(path)?;
        if text.len() > TEXT_MOST || nesting(text) > NESTING_MOST {
            return None;
        }
        let tree = parse(text, language)?;
        let (scopes, imports) = outline::outline(&tree, text, language, lines);
        Some(SyntaxView {
            scopes,
            imports,
            findings: rule::find(&tree, text, language),
            language: Some(language.name()),
        })
    }
}

/// How deep the text's brackets nest, strings and comments included.
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

/// The tree; `None` when the time is up.
fn parse(text: &str, language: Language) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&language.grammar()).ok()?;
    let began = Instant::now();
    let mut within_limit = |_: &tree_sitter::ParseState| {
        if began.elapsed() < PARSING_MOST {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    };
    let options = ParseOptions::new().progress_callback(&mut within_limit);
    parser.parse_with_options(
        &mut |at, _| text.as_bytes().get(at..).unwrap_or_default(),
        None,
        Some(options),
    )
}
