//! A report and its change with a secret in every text, as JSON: nothing that is made from them may show it.

use serde_json::{Value, json};

/// Returns a token in GitHub's form that belongs to nobody.
pub fn secret() -> String {
    // Split, so that scanners do not find it in this file.
    ["ghp", "_", "k3Zx9QmW2pLs7vB4nT1wR8yHc5dFjG6aXuKe"].concat()
}

/// Returns true if a text shows twelve consecutive characters of the secret.
pub fn shows(text: &str, secret: &str) -> bool {
    let parts = secret.as_bytes().windows(12);
    parts
        .into_iter()
        .any(|part| text.as_bytes().windows(12).any(|shown| shown == part))
}

/// Returns a report on a pull request, with findings inside the change's hunk and outside.
pub fn report(secret: &str) -> Value {
    let text = format!("see {secret} now");
    let path = format!("src/{secret}.rs");
    let sha = "a".repeat(40);
    let finding = |line: u32| {
        json!({
            "path": path, "side": "RIGHT", "start_line": line, "line": line, "severity": "high", "category": "security",
            "title": text, "body": format!("```rust\n{text}\n```\n\n- {text}\n\n`{text}`"), "suggestion": text,
            "confidence": 0.5, "source": "model",
        })
    };
    json!({
        "version": 1, "run": "r", "status": "partial",
        "target": { "repository": "o/r", "pull_request": 1, "url": "https://github.com/o/r/pull/1", "base": sha, "head": sha },
        "model": { "provider": "openai", "name": text }, "summary": format!("# {text}\n\n* {text}"), "notes": [text],
        "gate": { "decision": "publish", "worst": "high" }, "findings": [finding(2), finding(90)],
        "coverage": [{ "path": path, "outcome": "unreviewed", "reason": text, "attempts": 2 },
            { "path": path, "outcome": "skipped", "reason": text, "attempts": 0 },
            { "path": path, "outcome": "reviewed", "reason": text, "attempts": 1 }],
        "usage": { "model_calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "cache_hits": 0, "wall_ms": 0 },
    })
}

/// Returns the reviewed change.
pub fn change(secret: &str) -> Value {
    let text = format!("see {secret} now");
    let path = format!("src/{secret}.rs");
    let sha = "a".repeat(40);
    let patch = format!("@@ -1,3 +1,3 @@ fn {secret}\n {secret}\n-{secret}\n+x = {secret}\n {secret}");
    json!({
        "base": sha, "head": sha, "title": text, "description": text, "author": text, "files_total": 1,
        "files": [{ "path": path, "previous_path": path, "status": "renamed", "kind": "text", "additions": 1, "deletions": 1,
            "patch": patch, "omitted": null }],
    })
}
