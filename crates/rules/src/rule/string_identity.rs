//! Java, Python: identity operators compare strings or numbers.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "string-identity",
    queries: &[
        (
            &[Language::Java],
            r#"(binary_expression operator: ["==" "!="] right: (string_literal)) @found
(binary_expression left: (string_literal) operator: ["==" "!="]) @found"#,
        ),
        (
            &[Language::Python],
            r#"(comparison_operator operators: ["is" "is not"] [(string) (integer) (float)]) @found"#,
        ),
    ],
    severity: Severity::Medium,
    category: Category::Correctness,
    confidence: 0.9,
    title: "Identity where equality is meant",
    body: "This asks whether both are the same object, which for equal literals is an accident of the runtime. Compare with equals (Java) or == (Python).",
};

#[cfg(test)]
mod tests {
    #[test]
    fn string_identity() {
        let bad = [
            ("a.java", "class A { boolean f(String s) { return s == \"x\"; } }\n"),
            ("a.py", "if x is 'a':\n    pass\n"),
        ];
        let good = [
            (
                "a.java",
                "class A { boolean f(String s) { return s.equals(\"x\"); } }\n",
            ),
            ("a.java", "class A { boolean f(int s) { return s == 1; } }\n"),
            ("a.py", "if x is None:\n    pass\n"),
            ("a.py", "if x == 'a':\n    pass\n"),
        ];
        super::super::check(&super::RULE, &bad, &good);
    }
}
