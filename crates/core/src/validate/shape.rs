//! Checks an answer against its JSON Schema. Each error names the field, the limit and the value's kind or length,
//! never the value.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use crate::prompt::answer_schema;

/// `None` only if our own schema doesn't compile; a test checks that it does.
static SCHEMA: LazyLock<Option<Validator>> = LazyLock::new(|| jsonschema::validator_for(&answer_schema()).ok());

/// The result of the check.
pub struct ShapeReport {
    /// The errors: the field, its kind or length, and the expectation.
    pub problems: Vec<String>,
    /// Findings that have an error, by index.
    pub bad_findings: BTreeSet<usize>,
}

/// Checks an answer's shape.
pub fn check_shape(value: &Value) -> ShapeReport {
    let Some(schema) = SCHEMA.as_ref() else {
        return ShapeReport {
            problems: vec!["the answer's schema does not compile".to_owned()],
            bad_findings: BTreeSet::new(),
        };
    };
    let mut report = ShapeReport {
        problems: Vec::new(),
        bad_findings: BTreeSet::new(),
    };
    for error in schema.iter_errors(value) {
        let path = error.instance_path().to_string();
        if let Some(index) = path
            .strip_prefix("/findings/")
            .and_then(|rest| rest.split('/').next()?.parse().ok())
        {
            report.bad_findings.insert(index);
        }
        report.problems.push(describe(&path, &error));
    }
    report
}

fn describe(path: &str, error: &ValidationError<'_>) -> String {
    let mut at = field(path);
    let there = error.instance();
    let characters = || grouped(there.as_str().map_or(0, |text| text.chars().count()));
    let items = || grouped(there.as_array().map_or(0, Vec::len));
    let what = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            at = if path.is_empty() {
                name.to_owned()
            } else {
                format!("{at}.{name}")
            };
            "missing".to_owned()
        }
        ValidationErrorKind::MaxLength { limit } => format!("{} characters, at most {}", characters(), grouped(*limit)),
        ValidationErrorKind::MinLength { limit } => {
            format!("{} characters, at least {}", characters(), grouped(*limit))
        }
        ValidationErrorKind::MaxItems { limit } => format!("{} items, at most {}", items(), grouped(*limit)),
        ValidationErrorKind::Minimum { limit } => format!("{there} is too small, at least {limit}"),
        ValidationErrorKind::Maximum { limit } => format!("{there} is too large, at most {limit}"),
        ValidationErrorKind::Enum { options } => format!("not one of {options}"),
        ValidationErrorKind::Type { kind } => format!("{} where the schema has {}", name_of(there), types(kind)),
        other => format!("does not fit the schema's {:?}", other.keyword()),
    };
    let at = if at.is_empty() { "the answer" } else { &at };
    format!("{at}: {what}")
}

/// Writes `/findings/0/body` as `findings[0].body`.
fn field(pointer: &str) -> String {
    let mut out = String::new();
    for part in pointer.split('/').skip(1) {
        if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            out.push_str(&format!("[{part}]"));
        } else {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(part);
        }
    }
    out
}

fn types(kind: &jsonschema::error::TypeKind) -> String {
    use jsonschema::error::TypeKind;
    match kind {
        TypeKind::Single(one) => format!("\"{one}\""),
        TypeKind::Multiple(many) => many
            .iter()
            .map(|one| format!("\"{one}\""))
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

fn name_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("a text of {} characters", grouped(text.chars().count())),
        Value::Array(list) => format!("a list of {}", grouped(list.len())),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Writes a number with commas between thousands.
fn grouped(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_error_names_its_field_and_the_expectation() {
        assert!(SCHEMA.is_some(), "the schema compiles");
        let report = check_shape(&json!({ "summary": 1, "extra": true, "findings": [
            { "path": "a", "line": 1, "severity": "high", "category": "security", "title": "t", "body": "b", "quote": "q" },
            { "path": "a", "line": 0, "severity": "grave", "category": "security", "body": "", "quote": "q".repeat(4_001), "title": ["x"] },
            { "path": "a", "line": 0, "severity": "low", "category": "security", "body": "x".repeat(9_000), "quote": "q" },
        ] }));
        assert_eq!(report.bad_findings.into_iter().collect::<Vec<_>>(), [1, 2]);
        for expected in [
            "summary: a number where the schema has \"string\"",
            "findings[1].line: 0 is too small, at least 1",
            "findings[1].severity: not one of [\"critical\",\"high\",\"medium\",\"low\",\"info\"]",
            "findings[1].body: 0 characters, at least 1",
            "findings[1].quote: 4,001 characters, at most 4,000",
            "findings[1].title: a list of 1 where the schema has \"string\"",
            "findings[2].title: missing",
            "findings[2].body: 9,000 characters, at most 8,000",
        ] {
            assert!(
                report.problems.iter().any(|problem| problem == expected),
                "{expected}: {:#?}",
                report.problems
            );
        }
        assert!(
            report.problems.iter().all(|problem| problem.len() < 200),
            "{:#?}",
            report.problems
        );
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(|number: u64| grouped(number)),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
