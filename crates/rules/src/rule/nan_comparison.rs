//! JavaScript, TypeScript: nothing equals NaN, NaN included.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "nan-comparison",
    queries: &[(
        &[Language::JavaScript, Language::TypeScript, Language::Tsx],
        r#"(binary_expression left: (_) @left operator: ["==" "===" "!=" "!=="] right: (_) @right (#match? @right "^(Number\\.)?NaN$")) @found
(binary_expression left: (_) @left operator: ["==" "===" "!=" "!=="] (#match? @left "^(Number\\.)?NaN$")) @found"#,
    )],
    severity: Severity::Medium,
    category: Category::Correctness,
    confidence: 0.95,
    title: "Comparison with NaN",
    body: "NaN equals nothing, itself included: this is always the same. Use Number.isNaN.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn nan_comparison() {
        let bad = [
            ("a.js", "if (x === NaN) f()\n"),
            ("a.ts", "const a = Number.NaN != x\n"),
        ];
        let good = [("a.js", "if (Number.isNaN(x)) f()\n"), ("a.js", "if (x === y) f()\n")];
        super::super::check(&super::RULE, &bad, &good);
    }
}
