//! Finds the scopes around given lines, and imports. It walks with a cursor, so that deep nesting needs no stack.

use holdfast_core::model::plan::Scope;
use tree_sitter::{Node, Tree};

use super::deadline::TimeLimit;
use super::language::Language;

/// Maximum length of a signature or an import, in characters.
const MAX_TEXT_CHARS: usize = 200;
/// Maximum number of imports of one file.
const MAX_IMPORTS: usize = 60;
/// Maximum number of scopes of one file: a prompt has room for fewer.
const MAX_SCOPES: usize = 1_000;
/// Maximum number of declarators around a name.
const MAX_DECLARATORS: usize = 10;
/// Nodes between two checks of the clock.
const NODES_PER_CHECK: usize = 256;

/// Returns the scopes around the lines (from 1), outermost first, and the file's imports; `None` when the time is up.
pub(super) fn outline(
    tree: &Tree,
    text: &str,
    language: Language,
    lines: &[u32],
    deadline: TimeLimit,
) -> Option<(Vec<Scope>, Vec<String>)> {
    let mut lines = lines.to_vec();
    lines.sort_unstable();
    let holds_a_line = |first: u32, last: u32| {
        let next = lines.partition_point(|line| *line < first);
        lines.get(next).is_some_and(|line| *line <= last)
    };
    let (mut scopes, mut imports) = (Vec::new(), Vec::new());
    let mut cursor = tree.walk();
    let mut depth = 0_usize;
    let mut nodes = 0_usize;
    loop {
        nodes += 1;
        if nodes.is_multiple_of(NODES_PER_CHECK) && deadline.is_over() {
            return None;
        }
        let node = cursor.node();
        let (first, last) = rows(&node);
        let holds = holds_a_line(first, last);
        if language.is_import(node.kind()) {
            if imports.len() < MAX_IMPORTS {
                imports.push(fold(slice(text, node.start_byte(), node.end_byte())));
            }
        } else if holds
            && scopes.len() < MAX_SCOPES
            && let Some(kind) = language.scope_kind(node.kind())
        {
            scopes.push(Scope {
                kind: kind.to_owned(),
                name: name(&node, text),
                start_line: first,
                end_line: last,
                signature: signature(&node, text),
            });
        }
        // Imports are near the root; below it, only nodes around one of the lines are entered.
        let enter = !language.is_import(node.kind()) && (holds || depth == 0);
        if enter && cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Some((scopes, imports));
            }
            depth = depth.saturating_sub(1);
            nodes += 1;
            if nodes.is_multiple_of(NODES_PER_CHECK) && deadline.is_over() {
                return None;
            }
        }
    }
}

fn name(node: &Node<'_>, text: &str) -> String {
    let named = node
        .child_by_field_name("name")
        .or_else(|| declared(node))
        .or_else(|| node.child_by_field_name("type"));
    named.map_or_else(String::new, |name| {
        fold(slice(text, name.start_byte(), name.end_byte()))
    })
}

/// Returns the name within a declarator of C, which holds pointers and parameters too.
fn declared<'tree>(node: &Node<'tree>) -> Option<Node<'tree>> {
    let mut inner = node.child_by_field_name("declarator")?;
    for _ in 0..MAX_DECLARATORS {
        match inner.child_by_field_name("declarator") {
            Some(deeper) => inner = deeper,
            None => break,
        }
    }
    Some(inner)
}

/// Returns the text before the body; the first line of a declaration without a body.
fn signature(node: &Node<'_>, text: &str) -> String {
    let end = node
        .child_by_field_name("body")
        .map_or_else(|| node.end_byte(), |body| body.start_byte());
    let head = slice(text, node.start_byte(), end);
    let has_body = end < node.end_byte();
    fold(if has_body {
        head
    } else {
        head.split('\n').next().unwrap_or_default()
    })
}

/// Returns the text between two offsets; empty if they are not character boundaries.
fn slice(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

/// Returns the first and the last line, from 1.
pub(super) fn rows(node: &Node<'_>) -> (u32, u32) {
    let line = |row: usize| u32::try_from(row).unwrap_or(u32::MAX).saturating_add(1);
    (line(node.start_position().row), line(node.end_position().row))
}

/// Folds white space and truncates; reads no more of the text than it returns.
fn fold(text: &str) -> String {
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        if length > 0 && length < MAX_TEXT_CHARS {
            out.push(' ');
            length += 1;
        }
        for char in word.chars().take(MAX_TEXT_CHARS - length) {
            out.push(char);
            length += 1;
        }
        if length == MAX_TEXT_CHARS {
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a file that is not read fails the test")]
    use std::time::Duration;

    use super::fold;
    use crate::deadline::TimeLimit;
    use crate::language::Language;
    use crate::read_syntax;
    use crate::rule::RuleSet;

    fn outline(path: &str, text: &str, line: u32) -> (Vec<String>, Vec<String>) {
        let deadline = TimeLimit::after(Duration::from_secs(60));
        let none = (&RuleSet::default(), None);
        let (view, limit) = read_syntax(Language::of_path(path).unwrap(), text, &[line], none, deadline);
        assert_eq!(limit, None, "{path}");
        let view = view.unwrap();
        (
            view.scopes
                .into_iter()
                .map(|scope| {
                    format!(
                        "{} {} {}-{}: {}",
                        scope.kind, scope.name, scope.start_line, scope.end_line, scope.signature
                    )
                })
                .collect(),
            view.imports,
        )
    }

    #[test]
    fn each_language_gives_its_scopes_and_imports() {
        for (path, text, line, scopes, import) in [
            (
                "a.rs",
                "use std::fmt;\nimpl Foo {\n    fn bar(&self) -> u8 {\n        1\n    }\n}\n",
                4,
                vec!["impl Foo 2-6: impl Foo", "function bar 3-5: fn bar(&self) -> u8"],
                "use std::fmt;",
            ),
            (
                "a.py",
                "from os import path\nclass A:\n    def b(self):\n        return 1\n",
                4,
                vec!["class A 2-4: class A:", "function b 3-4: def b(self):"],
                "from os import path",
            ),
            (
                "a.ts",
                "import { x } from 'y';\nclass A {\n  b(): void {\n    x();\n  }\n}\n",
                4,
                vec!["class A 2-6: class A", "method b 3-5: b(): void"],
                "import { x } from 'y';",
            ),
            (
                "a.go",
                "package m\nimport \"fmt\"\nfunc f() {\n\tfmt.Println()\n}\n",
                4,
                vec!["function f 3-5: func f()"],
                "import \"fmt\"",
            ),
            (
                "a.java",
                "import java.util.List;\nclass A {\n  int b() {\n    return 1;\n  }\n}\n",
                4,
                vec!["class A 2-6: class A", "method b 3-5: int b()"],
                "import java.util.List;",
            ),
            (
                "a.jsx",
                "import x from 'y';\nfunction f() {\n  return <p/>;\n}\n",
                3,
                vec!["function f 2-4: function f()"],
                "import x from 'y';",
            ),
        ] {
            let (found, imports) = outline(path, text, line);
            assert_eq!(found, scopes, "{path}");
            assert_eq!(imports, [import], "{path}");
        }
    }

    #[test]
    fn white_space_is_folded_and_the_rest_cut() {
        assert_eq!(fold(" a \n\t b  "), "a b");
        assert_eq!(fold(&"ab ".repeat(1_000)).chars().count(), 200);
        assert_eq!(fold(&"\u{e9}".repeat(1_000)), "\u{e9}".repeat(200));
        assert_eq!(fold(&format!("{} b", "a".repeat(199))), format!("{} ", "a".repeat(199)));
    }
}
