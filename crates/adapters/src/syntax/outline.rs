//! Scopes around given lines, and imports. Walks with a cursor: deep nesting costs no stack.

use holdfast_core::model::plan::Scope;
use tree_sitter::{Node, Tree};

use super::language::Language;

/// A signature or an import is cut here, in characters.
const TEXT_MOST: usize = 200;
/// Imports of one file at most.
const IMPORTS_MOST: usize = 60;

/// The scopes that hold one of the lines (from 1), outermost first, and the file's imports.
pub(super) fn outline(tree: &Tree, text: &str, language: Language, lines: &[u32]) -> (Vec<Scope>, Vec<String>) {
    let (mut scopes, mut imports) = (Vec::new(), Vec::new());
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let (first, last) = rows(&node);
        let holds = lines.iter().any(|line| (first..=last).contains(line));
        if language.is_import(node.kind()) {
            if imports.len() < IMPORTS_MOST {
                imports.push(fold(&text[node.byte_range()]));
            }
        } else if holds && let Some(kind) = language.scope_kind(node.kind()) {
            scopes.push(Scope {
                kind: kind.to_owned(),
                name: name(&node, text),
                start_line: first,
                end_line: last,
                signature: signature(&node, text),
            });
        }
        // Imports stand near the root; elsewhere only what holds a line is entered.
        let enter = !language.is_import(node.kind()) && (holds || cursor.depth() == 0);
        if enter && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return (scopes, imports);
            }
        }
    }
}

fn name(node: &Node<'_>, text: &str) -> String {
    let named = node
        .child_by_field_name("name")
        .or_else(|| node.child_by_field_name("type"));
    named.map_or_else(String::new, |name| fold(&text[name.byte_range()]))
}

/// The text before the body: of a declaration without one, its first line.
fn signature(node: &Node<'_>, text: &str) -> String {
    let end = node
        .child_by_field_name("body")
        .map_or_else(|| node.end_byte(), |body| body.start_byte());
    let head = &text[node.start_byte()..end];
    let has_body = end < node.end_byte();
    fold(if has_body {
        head
    } else {
        head.lines().next().unwrap_or_default()
    })
}

/// First and last line, from 1.
pub(super) fn rows(node: &Node<'_>) -> (u32, u32) {
    let line = |row: usize| u32::try_from(row).unwrap_or(u32::MAX).saturating_add(1);
    (line(node.start_position().row), line(node.end_position().row))
}

fn fold(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(TEXT_MOST)
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a file that is not read fails the test")]
    use holdfast_core::port::SourceSyntax;

    use crate::syntax::TreeSitterSyntax;

    fn outline(path: &str, text: &str, line: u32) -> (Vec<String>, Vec<String>) {
        let view = TreeSitterSyntax::new().view(path, text, &[line]).unwrap();
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
    fn what_is_broken_deep_or_unknown_is_survived() {
        assert!(TreeSitterSyntax::new().view("a.unknown", "x", &[1]).is_none());
        assert!(
            TreeSitterSyntax::new()
                .view("a.rs", &"x".repeat(2 * 1024 * 1024), &[1])
                .is_none()
        );
        assert!(
            TreeSitterSyntax::new()
                .view("a.rs", "fn broken( {{{ \u{0}", &[1])
                .is_some()
        );
        assert!(
            TreeSitterSyntax::new()
                .view("a.js", &"[".repeat(100_000), &[1])
                .is_none()
        );
        assert!(TreeSitterSyntax::new().view("a.js", &"[".repeat(400), &[1]).is_some());
    }
}
