//! JavaScript, TypeScript, Java: an error is caught by an empty block, without even a comment.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "empty-catch",
    queries: &[
        (
            &[Language::JavaScript, Language::TypeScript, Language::Tsx],
            r#"((catch_clause body: (statement_block) @body) @found (#match? @body "^\\{\\s*\\}$"))"#,
        ),
        (
            &[Language::Java],
            r#"((catch_clause body: (block) @body) @found (#match? @body "^\\{\\s*\\}$"))"#,
        ),
    ],
    severity: Severity::Medium,
    category: Category::Correctness,
    confidence: 0.8,
    title: "Error is caught and dropped",
    body: "The failure leaves no trace and the code continues as if it had worked. Handle it, log it, or explain in a comment why it may be ignored.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn empty_catch() {
        let bad = [
            ("a.js", "try { f() } catch (e) {}\n"),
            (
                "a.java",
                "class A { void f() { try { g(); } catch (Exception e) { } } }\n",
            ),
        ];
        let good = [
            ("a.js", "try { f() } catch (e) { /* gone already */ }\n"),
            (
                "a.java",
                "class A { void f() { try { g(); } catch (Exception e) { log(e); } } }\n",
            ),
        ];
        super::super::check(&super::RULE, &bad, &good);
    }
}
