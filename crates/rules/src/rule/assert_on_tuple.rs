//! Python: `assert (condition, message)` asserts a tuple, which is always true.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "assert-on-tuple",
    queries: &[(&[Language::Python], r#"(assert_statement . (tuple) @found)"#)],
    severity: Severity::Medium,
    category: Category::Correctness,
    confidence: 0.95,
    title: "Assertion on a tuple is always true",
    body: "A tuple that is not empty counts as true, so this never fails. Write the condition and the message without the parentheses.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn assert_on_tuple() {
        let bad = [("a.py", "assert (x == 1, 'no')\n")];
        let good = [
            ("a.py", "assert x == 1, 'no'\n"),
            ("a.py", "assert (x == 1)\n"),
            ("a.py", "assert x == 1, (1, 'the message')\n"),
        ];
        super::super::check(&super::RULE, &bad, &good);
    }
}
