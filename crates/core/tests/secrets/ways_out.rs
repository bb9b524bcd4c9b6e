//! What is written to a pull request and mailed, with a secret in every text that goes into it: it is nowhere in what comes out.

use holdfast_core::model::approval::Approval;
use holdfast_core::model::change::Change;
use holdfast_core::model::report::Report;
use holdfast_core::render::{
    Inline, alarm_text, check_outcome, question_mail, report_markdown, review_draft, summary_body,
};
use serde_json::json;

fn secret() -> String {
    ["ghp", "_", "k3Zx9QmW2pLs7vB4nT1wR8yHc5dFjG6aXuKe"].concat()
}

fn leaking(secret: &str) -> (Report, Change) {
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
    let report = json!({
        "version": 1, "run": "r", "status": "partial",
        "target": { "repository": "o/r", "pull_request": 1, "url": "https://github.com/o/r/pull/1", "base": sha, "head": sha },
        "model": { "provider": "openai", "name": text }, "summary": format!("# {text}\n\n* {text}"), "notes": [text],
        "gate": { "decision": "publish", "worst": "high" }, "findings": [finding(2), finding(90)],
        "coverage": [{ "path": path, "outcome": "unreviewed", "reason": text, "attempts": 2 },
            { "path": path, "outcome": "skipped", "reason": text, "attempts": 0 },
            { "path": path, "outcome": "reviewed", "reason": text, "attempts": 1 }],
        "usage": { "model_calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "cache_hits": 0, "wall_ms": 0 },
    });
    let patch = format!("@@ -1,3 +1,3 @@ fn {secret}\n {secret}\n-{secret}\n+x = {secret}\n {secret}");
    let change = json!({
        "base": sha, "head": sha, "title": text, "description": text, "author": text, "files_total": 1,
        "files": [{ "path": path, "previous_path": path, "status": "renamed", "kind": "text", "additions": 1, "deletions": 1,
            "patch": patch, "omitted": null }],
    });
    (
        serde_json::from_value(report).unwrap(),
        serde_json::from_value(change).unwrap(),
    )
}

fn assert_clean(what: &str, text: &str) {
    let secret = secret();
    for start in 0..secret.len() - 12 {
        assert!(!text.contains(&secret[start..start + 12]), "{what}: {text}");
    }
}

#[test]
fn nothing_that_is_written_to_a_pull_request_shows_a_secret() {
    let (report, change) = leaking(&secret());
    for inline in [Inline::Comments, Inline::Body] {
        let draft = review_draft(&report, &change, inline);
        assert_clean("review", &draft.body);
        for comment in &draft.comments {
            // Its path has to be the file's own: GitHub finds the file by it.
            assert_clean("comment", &comment.body);
        }
    }
    assert_clean("summary", &summary_body(&report));
    assert_clean("Markdown", &report_markdown(&report));
    let check = check_outcome(&report);
    assert_clean("check", &format!("{} {}", check.title, check.summary));
    for annotation in &check.annotations {
        assert_clean("annotation", &format!("{} {}", annotation.title, annotation.message));
    }
}

#[test]
fn no_mail_shows_a_secret() {
    let approval: Approval = serde_json::from_value(json!({
        "run": "r", "round": 1, "target": { "kind": "pull_request", "owner": "o", "repository": "r", "number": 1, "head": "a".repeat(40) },
        "subject": format!("o/r#1: {}", secret()), "worst": "high", "findings": 1, "author": secret(), "content": "c", "needed": 1, "asked": [],
        "asked_ms": 0, "expires_ms": 60_000,
    }))
    .unwrap();
    let mail = question_mail(&approval, None, None);
    assert_clean(
        "mail",
        &format!("{} {} {}", mail.subject, mail.text, mail.html.unwrap_or_default()),
    );
    assert_clean(
        "alarm",
        &alarm_text("r", &format!("the comment could not be deleted: {}", secret())),
    );
}
