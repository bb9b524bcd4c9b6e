//! JavaScript, TypeScript: markup built from a value.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "inner-html",
    queries: &[(
        &[Language::JavaScript, Language::TypeScript, Language::Tsx],
        r#"(assignment_expression left: (member_expression property: (property_identifier) @name) right: [(identifier) (call_expression) (member_expression) (binary_expression) (template_string (template_substitution))] (#any-of? @name "innerHTML" "outerHTML")) @found"#,
    )],
    severity: Severity::Medium,
    category: Category::Security,
    confidence: 0.6,
    title: "Markup is made from a value",
    body: "If any part of the value comes from a user, it runs as script in other people's browsers. Set textContent, or build the nodes.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn inner_html() {
        let bad = [
            ("a.js", "el.innerHTML = name\n"),
            ("a.ts", "el.innerHTML = `<b>${name}</b>`\n"),
        ];
        let good = [("a.js", "el.innerHTML = ''\n"), ("a.js", "el.textContent = name\n")];
        super::super::check(&super::RULE, &bad, &good);
    }
}
