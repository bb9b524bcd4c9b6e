//! Checks queries and answers against GitHub's published GraphQL schema (npm's `@octokit/graphql-schema`), with npm's
//! `graphql`, the reference implementation.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::description::Exchange;

/// Returns all differences of these exchanges from the schema, one a line.
pub(crate) fn check<'a>(exchanges: impl IntoIterator<Item = &'a Exchange>) -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = here.join("../../tests/node");
    assert!(
        packages.join("node_modules/@octokit/graphql-schema").exists(),
        "@octokit/graphql-schema is not installed: run npm ci in tests/node, or cargo xtask verify"
    );
    let exchanges: Vec<Value> = exchanges
        .into_iter()
        .map(|exchange| {
            let answer: Value = serde_json::from_slice(&exchange.answer.body).unwrap();
            json!({ "query": exchange.entry.body["query"], "variables": exchange.entry.body["variables"], "answer": answer })
        })
        .collect();
    let mut checker = Command::new("node")
        .arg(here.join("tests/contract/graphql.mjs"))
        .arg(packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(&exchanges).unwrap();
    checker.stdin.take().unwrap().write_all(&input).unwrap();
    let output = checker.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "graphql.mjs fails: {complaint}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().map(str::to_owned).collect()
}
