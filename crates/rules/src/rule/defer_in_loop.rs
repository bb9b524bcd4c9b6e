//! Go: `defer` in a loop runs when the function ends, not the iteration.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "defer-in-loop",
    queries: &[(
        &[Language::Go],
        r#"(for_statement body: (block (statement_list (defer_statement) @found)))"#,
    )],
    severity: Severity::Medium,
    category: Category::Correctness,
    confidence: 0.8,
    title: "Deferred call inside a loop",
    body: "It runs when the function returns, not at the end of the iteration: files, locks or responses pile up until then. Move the body into a function, or release at the end of the iteration.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn defer_in_loop() {
        let bad = [(
            "a.go",
            "package m\nfunc f() {\n\tfor _, x := range xs {\n\t\tdefer x.Close()\n\t}\n}\n",
        )];
        let good = [
            ("a.go", "package m\nfunc f() {\n\tdefer x.Close()\n}\n"),
            (
                "a.go",
                "package m\nfunc f() {\n\tfor _, x := range xs {\n\t\tfunc() {\n\t\t\tdefer x.Close()\n\t\t}()\n\t}\n}\n",
            ),
        ];
        super::super::check(&super::RULE, &bad, &good);
    }
}
