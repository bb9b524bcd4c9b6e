//! The definition passes npm's validator, which follows AWS's schema, and that validator finds planted errors.

use std::process::Command;

use crate::{definition, root};

/// Returns true if `asl-validator` accepts a definition, and its output.
fn validate(text: &str) -> (bool, String) {
    let program = root().join("tests/node/node_modules/asl-validator/dist/bin/asl-validator.js");
    assert!(
        program.exists(),
        "asl-validator is not installed: run npm ci in tests/node, or cargo xtask verify"
    );
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), text).unwrap();
    let output = Command::new("node")
        .arg(program)
        .arg("--json-path")
        .arg(file.path())
        .output()
        .unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&printed).into_owned())
}

#[test]
fn the_definition_is_valid() {
    let (is_valid, printed) = validate(&definition());
    assert!(is_valid, "{printed}");
}

#[test]
fn planted_errors_are_found() {
    let text = definition();
    for (right, wrong) in [
        (r#""Next": "RouteReviewable""#, r#""Next": "RouteReviewabel""#),
        (r#""Type": "Choice""#, r#""Type": "Choise""#),
        (r#""StartAt": "OpenReview""#, r#""StartAt": "Nowhere""#),
        (r#""ErrorEquals""#, r#""ErrorEqual""#),
    ] {
        assert!(text.contains(right), "{right}");
        assert!(!validate(&text.replacen(right, wrong, 1)).0, "{wrong} is found");
    }
}
