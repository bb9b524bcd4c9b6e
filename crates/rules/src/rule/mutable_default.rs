//! Python: a default argument that is created once and shared by all calls.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "mutable-default",
    queries: &[(
        &[Language::Python],
        r#"(default_parameter value: [(list) (dictionary) (set)] @found)
(typed_default_parameter value: [(list) (dictionary) (set)] @found)"#,
    )],
    severity: Severity::Medium,
    category: Category::Correctness,
    confidence: 0.75,
    title: "Mutable default argument",
    body: "The object is made once, when the function is defined: what one call puts into it, the next one finds. Default to None and make it inside.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn mutable_default() {
        let bad = [
            ("a.py", "def f(a=[]):\n    pass\n"),
            ("a.py", "def f(a: dict = {}):\n    pass\n"),
        ];
        let good = [
            ("a.py", "def f(a=None):\n    pass\n"),
            ("a.py", "def f(a=()):\n    pass\n"),
        ];
        super::super::check(&super::RULE, &bad, &good);
    }
}
