//! Properties that hold for any untrusted bytes, with one function for each reader. A function returns whether its
//! reader accepted the bytes, and panics if a property doesn't hold. The seeds are in `fuzz/seeds`.

#![expect(clippy::expect_used, reason = "a shape that does not fit fails the test")]

use holdfast_core::diff::{Hunk, hunk_of, parse_patch, render_hunks};
use holdfast_core::model::change::Change;
use holdfast_core::model::finding::Side;
use holdfast_core::model::policy::Policy;
use holdfast_core::model::report::Report;
use holdfast_core::model::run::{RecordedAnswer, Stop};
use holdfast_core::render::{
    Inline, Links, body, check_outcome, code, path, report_markdown, review_of, summary_body, title,
};
use holdfast_core::rule::{find_secrets, redact, redact_hunks, secret_findings};
use holdfast_core::validate::{Shown, check_answer, check_suggestion};
use holdfast_core::webhook::{WebhookEvent, parse};
use serde_json::{Value, json};

use super::harmless;

/// The repository whose pages may be linked.
const REPOSITORY: &str = "https://github.com/o/r";

/// The file of the answers.
pub const PATH: &str = "src/a.rs";
const PATCH: &str = "@@ -1,3 +1,4 @@ fn main\n one\n-two\n+zwei\n+drei\n four\n@@ -10 +11,0 @@\n-gone";

/// Checks the hunks of a patch: the lines of each side have consecutive numbers, and the hunks can be rendered.
pub fn patch(data: &[u8]) -> bool {
    let Ok(hunks) = parse_patch(&String::from_utf8_lossy(data)) else {
        return false;
    };
    for hunk in &hunks {
        for side in [Side::Left, Side::Right] {
            let numbers: Vec<u32> = hunk.lines.iter().filter_map(|line| line.number(side)).collect();
            assert!(
                numbers.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])),
                "{numbers:?}"
            );
            assert_eq!(hunk.range(side), numbers.first().copied().zip(numbers.last().copied()));
        }
        assert!(hunk.header().starts_with("@@ -"));
    }
    let shown = render_hunks(PATH, None, &hunks);
    assert!(hunks.is_empty() || shown.contains(PATH));
    !hunks.is_empty()
}

/// Checks a place in a patch: if it is found, one hunk contains both of its ends. The bytes are side, start and line
/// (little endian), then the patch.
pub fn anchors(data: &[u8]) -> bool {
    let Some((head, patch)) = data.split_first_chunk::<9>() else {
        return false;
    };
    let Ok(hunks) = parse_patch(&String::from_utf8_lossy(patch)) else {
        return false;
    };
    let side = if head[0] % 2 == 0 { Side::Left } else { Side::Right };
    let start = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
    let line = u32::from_le_bytes([head[5], head[6], head[7], head[8]]);
    let Some(hunk) = hunk_of(&hunks, side, start, line) else {
        return false;
    };
    assert!(hunk.line(side, start).is_some() && hunk.line(side, line).is_some());
    true
}

/// Checks sanitised Markdown: nothing in it has an effect, also after it is sanitised a second time.
pub fn sanitise(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let links = Links::to_repository(REPOSITORY);
    let safe = body(&text, &links);
    harmless::check(&safe, &[]);
    harmless::check(&body(&safe, &links), &[]);
    harmless::check(&format!("{}\n{}", title(&text), path(&text)), &[]);
    harmless::check(&code(&text, &text), &[]);
    !safe.is_empty()
}

/// Checks a report in which every text is untrusted. The bytes are the texts, split at NUL. Every rendering of the
/// report is harmless, and offers only validated suggestions.
pub fn render(data: &[u8]) -> bool {
    let all = String::from_utf8_lossy(data);
    let mut texts = all.split('\0').cycle();
    let mut next = || texts.next().unwrap_or_default().to_owned();
    let change = strangers_change(&next(), &next());
    let hunks = parse_patch(PATCH).unwrap_or_default();
    let report = strangers_report(&change, &mut next);
    let offered: Vec<String> = report
        .findings
        .iter()
        .filter_map(|finding| check_suggestion(finding, finding.suggestion.as_deref()?, &hunks).ok())
        .collect();
    for inline in [Inline::Comments, Inline::Nowhere] {
        let review = review_of(&report, &change, inline, None);
        harmless::check(&review.draft.body, &[]);
        for comment in &review.draft.comments {
            harmless::check(&comment.body, &offered);
        }
        harmless::check(&summary_body(&report, &review.without_comment), &[]);
    }
    let outcome = check_outcome(&report);
    for text in [report_markdown(&report), outcome.summary] {
        harmless::check(&text, &[]);
        harmless::has_sections(&text, &["Coverage"]);
    }
    !offered.is_empty()
}

/// Returns a change of three files, two of which have untrusted names.
fn strangers_change(first: &str, second: &str) -> Change {
    let file = |path: &str| {
        json!({ "path": path, "previous_path": null, "status": "modified", "kind": "text", "additions": 2, "deletions": 2,
            "patch": PATCH, "omitted": null })
    };
    let sha = "0".repeat(40);
    let change = json!({ "base": sha, "head": sha, "title": first, "description": second, "author": first,
        "files": [file(PATH), file(first), file(second)], "files_total": 3 });
    serde_json::from_value(change).expect("a change of this version")
}

/// Returns a report in which every text is untrusted.
fn strangers_report(change: &Change, next: &mut impl FnMut() -> String) -> Report {
    let mut findings = Vec::new();
    for (index, source) in ["model", "rule:one", "model", "rule:two"].iter().enumerate() {
        let path = if index < 2 { PATH.to_owned() } else { next() };
        findings.push(
            json!({ "path": path, "side": "RIGHT", "start_line": 2, "line": 2, "severity": "high",
            "category": "security", "title": next(), "body": next(), "suggestion": next(), "confidence": 0.5,
            "source": source, "sources": [(*source).to_owned(), format!("rule:r{}", next())], "folded": index == 3 }),
        );
    }
    let outcomes = ["reviewed", "skipped", "unreviewed"];
    let coverage: Vec<Value> = change
        .files
        .iter()
        .zip(outcomes)
        .map(|(file, outcome)| json!({ "path": file.path, "outcome": outcome, "reason": next(), "attempts": 1 }))
        .collect();
    let report = json!({ "version": 1, "run": "r", "status": "partial",
        "target": { "repository": next(), "pull_request": 1, "url": format!("{REPOSITORY}/pull/1"),
            "base": "0".repeat(40), "head": next() },
        "model": { "provider": next(), "name": next() }, "summary": next(),
        "gate": { "decision": "publish", "worst": "high" }, "findings": findings, "coverage": coverage,
        "usage": { "model_calls": 1, "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.0, "cache_hits": 0, "wall_ms": 1 },
        "notes": [next(), next()] });
    serde_json::from_value(report).expect("a report of this version")
}

/// Checks a webhook: whatever it contains, the result describes it in one short line. The bytes are the event's name, a
/// line break and the body.
pub fn webhook(data: &[u8]) -> bool {
    let at = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let event = String::from_utf8_lossy(&data[..at]);
    let read = parse(&event, data.get(at + 1..).unwrap_or_default());
    match &read {
        WebhookEvent::Ignored { why: line } | WebhookEvent::Invalid { what: line } => {
            assert!(
                line.len() < 200 && line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
                "{line:?}"
            );
        }
        WebhookEvent::Review(trigger) => assert!(trigger.number > 0 && trigger.repository.id.get() > 0),
        WebhookEvent::Command(command) => assert!(command.number > 0 && command.comment > 0),
        WebhookEvent::Stop(stop) => assert!(stop.number > 0 && stop.repository.id.get() > 0),
        WebhookEvent::Rerun(rerun) => assert!(
            rerun
                .run
                .as_ref()
                .is_none_or(|run| !run.as_str().contains('/') && !matches!(run.as_str(), "." | ".."))
                && rerun.number.is_none_or(|number| number > 0)
        ),
        WebhookEvent::MergeGroup(group) => assert!(group.number > 0 && group.repository.id.get() > 0),
        WebhookEvent::Installation(_) | WebhookEvent::Ping => {}
    }
    !matches!(read, WebhookEvent::Ignored { .. } | WebhookEvent::Invalid { .. })
}

/// Checks a model's answer: only findings inside the shown hunks are accepted, at lines that contain their quotes. An
/// invalid answer has problems, and none of them is long.
pub fn answer(data: &[u8]) -> bool {
    let hunks: Vec<Hunk> = parse_patch(PATCH).unwrap_or_default();
    let recorded = RecordedAnswer {
        text: String::from_utf8_lossy(data).into_owned(),
        stop: Stop::Complete,
        model: "fuzz".to_owned(),
        input_tokens: 0,
        output_tokens: 0,
        cost_nano_usd: None,
        cached: false,
        fallback: None,
        observed: None,
    };
    let shown = Shown {
        path: PATH,
        previous_path: None,
        hunks: &hunks,
    };
    let verdict = check_answer(&recorded, &shown);
    for finding in &verdict.accepted {
        assert_eq!(finding.path, PATH);
        assert!(finding.start_line <= finding.line);
        assert!(hunk_of(&hunks, finding.side, finding.start_line, finding.line).is_some());
    }
    assert_eq!(verdict.valid, verdict.problems.is_empty());
    assert!(verdict.problems.len() <= 21 && verdict.problems.iter().all(|problem| problem.chars().count() < 1_000));
    assert!(verdict.accepted.is_empty() || verdict.readable);
    assert!(verdict.summary.chars().count() <= 4_000);
    !verdict.accepted.is_empty()
}

/// Checks the search for secrets in a text: matches are inside their line, in order and without overlaps; redaction
/// keeps the lines, leaves nothing that a second search finds, and gives the same text in a patch. Returns whether a
/// secret was found. `%%` is removed first: because of it, the seeds don't look like secrets.
pub fn secrets(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data).replace("%%", "");
    for line in text.split('\n') {
        let found = find_secrets(line);
        assert!(found.windows(2).all(|pair| pair[0].end <= pair[1].start), "{found:?}");
        assert!(
            found.iter().all(|secret| line
                .get(secret.start..secret.end)
                .is_some_and(|secret| !secret.is_empty())),
            "{found:?}"
        );
    }
    let clean = redact(&text);
    assert_eq!(clean.text.split('\n').count(), text.split('\n').count());
    assert_eq!(redact(&clean.text).text, clean.text, "once is enough");
    let lines: Vec<&str> = text.split('\n').collect();
    let Ok(hunks) = parse_patch(&format!("@@ -0,0 +1,{} @@\n+{}", lines.len(), lines.join("\n+"))) else {
        return clean.placeholders > 0;
    };
    let shown: Vec<Hunk> = redact_hunks("src/a.env", &hunks);
    assert_eq!(shown.iter().map(|hunk| hunk.lines.len()).sum::<usize>(), lines.len());
    for finding in secret_findings("src/a.env", &hunks) {
        assert!(hunk_of(&hunks, Side::Right, finding.start_line, finding.line).is_some());
    }
    clean.placeholders > 0
}

/// Checks a repository's settings: if they are accepted, their values are in range and their globs compile.
pub fn configuration(data: &[u8]) -> bool {
    let Ok(policy) = Policy::parse(&String::from_utf8_lossy(data)) else {
        return false;
    };
    assert!((1..=1_000).contains(&policy.max_comments()) && (1..=10_000).contains(&policy.max_units));
    assert!(policy.globs().is_ok());
    true
}
