//! Python, JavaScript, TypeScript: code built from a value at run time.

use holdfast_core::model::finding::{Category, Severity};

use super::super::language::Language;
use super::Rule;

pub(super) const RULE: Rule = Rule {
    id: "dynamic-code",
    queries: &[
        (
            &[Language::Python],
            r#"(call function: (identifier) @name arguments: (argument_list . [(identifier) (call) (attribute) (subscript) (binary_operator)]) (#any-of? @name "eval" "exec")) @found"#,
        ),
        (
            &[Language::JavaScript, Language::TypeScript, Language::Tsx],
            r#"(call_expression function: (identifier) @name arguments: (arguments . [(identifier) (call_expression) (member_expression) (binary_expression) (template_string (template_substitution))]) (#eq? @name "eval")) @found"#,
        ),
    ],
    severity: Severity::High,
    category: Category::Security,
    confidence: 0.8,
    title: "Code is evaluated from a value",
    body: "Whoever controls the value runs code in this process. Parse the value instead (literal_eval, JSON), or look the operation up in a table.",
};

#[cfg(test)]
mod tests {
    #[test]
    fn dynamic_code() {
        let bad = [
            ("a.py", "eval(request.body)\n"),
            ("a.py", "exec(text)\n"),
            ("a.js", "eval(input)\n"),
            ("a.ts", "eval(`x${y}`)\n"),
        ];
        let good = [
            ("a.py", "eval('1 + 1')\n"),
            ("a.py", "model.eval()\n"),
            ("a.js", "eval('1')\n"),
            ("a.js", "evaluate(x)\n"),
        ];
        super::super::check(&super::RULE, &bad, &good);
    }
}
