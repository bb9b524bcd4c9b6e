//! Python: an exception of any kind is caught and ignored.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "swallowed-exception",
    queries: &[(
        &[Language::Python],
        r#"((except_clause (block . (pass_statement) .)) @found (#match? @found "^except\\s*(Exception|BaseException)?\\s*(as\\s+\\w+)?\\s*:\\s*pass$"))"#,
    )],
    severity: Severity::Medium,
    category: Category::Correctness,
    confidence: 0.8,
    title: "Every exception is dropped",
    body: "Whatever fails in there, a typing error included, leaves no trace. Catch the exceptions that are expected, or log what was caught.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn swallowed_exception() {
        let bad = [
            ("a.py", "try:\n    f()\nexcept:\n    pass\n"),
            ("a.py", "try:\n    f()\nexcept Exception:\n    pass\n"),
        ];
        let good = [
            ("a.py", "try:\n    f()\nexcept KeyError:\n    pass\n"),
            ("a.py", "try:\n    f()\nexcept Exception:\n    log()\n"),
        ];
        super::super::check(&super::RULE, &bad, &good);
    }
}
