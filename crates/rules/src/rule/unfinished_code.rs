//! Rust: a macro that is a placeholder for missing code, or that prints for debugging.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "unfinished-code",
    queries: &[(
        &[Language::Rust],
        r#"(macro_invocation macro: (identifier) @name (#any-of? @name "todo" "unimplemented" "dbg")) @found"#,
    )],
    severity: Severity::Medium,
    category: Category::Maintainability,
    confidence: 0.9,
    title: "Unfinished code is left in",
    body: "It panics where it is reached, or prints what only its author wanted to see. Finish it, or return an error.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn unfinished_code() {
        let bad = [("a.rs", "fn f() { let a = dbg!(1); }\n")];
        let good = [("a.rs", "fn f() { println!(\"x\"); }\n")];
        super::super::check(&super::RULE, &bad, &good);
    }
}
