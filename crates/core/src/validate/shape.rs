//! The answer against its JSON Schema: each error with its path and what was expected.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::prompt::answer_schema;

/// `None` only if our own schema did not compile; a test holds that it does.
static SCHEMA: LazyLock<Option<Validator>> = LazyLock::new(|| jsonschema::validator_for(&answer_schema()).ok());

/// What the schema says.
pub struct ShapeReport {
    /// Each error: path, what is there, what was expected.
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
        let at = if path.is_empty() { "the object" } else { &path };
        let said: String = error.to_string().chars().take(400).collect();
        report.problems.push(format!("{at}: {said}"));
    }
    report
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_error_names_its_path_and_what_was_expected() {
        assert!(SCHEMA.is_some(), "the schema compiles");
        let report = check_shape(&json!({ "summary": 1, "extra": true, "findings": [
            { "path": "a", "line": 1, "severity": "high", "category": "security", "title": "t", "body": "b", "quote": "q" },
            { "path": "a", "line": 0, "severity": "grave", "category": "security", "title": "t", "body": "", "quote": "q", "x": 1 },
        ] }));
        assert_eq!(report.bad_findings.into_iter().collect::<Vec<_>>(), [1]);
        for (path, says) in [
            ("/summary", "\"string\""),
            ("the object", "'extra' was unexpected"),
            ("/findings/1/line", "minimum of 1"),
            ("/findings/1/severity", "\"critical\""),
            ("/findings/1/body", "shorter than 1"),
            ("/findings/1", "'x' was unexpected"),
        ] {
            assert!(
                report
                    .problems
                    .iter()
                    .any(|problem| problem.starts_with(&format!("{path}: ")) && problem.contains(says)),
                "{path} {says}: {:#?}",
                report.problems
            );
        }
    }
}
