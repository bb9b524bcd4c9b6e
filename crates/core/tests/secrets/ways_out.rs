//! Writes to a pull request and sends mails, with a secret in every text of the input. The secret is nowhere in the
//! output.

use holdfast_core::model::approval::Approval;
use holdfast_core::model::change::Change;
use holdfast_core::model::report::Report;
use holdfast_core::port::Alarm;
use holdfast_core::render::{
    Inline, alarm_text, check_outcome, question_mail, report_markdown, review_of, summary_body,
};
use holdfast_testkit::planted::{self, secret};
use holdfast_testkit::port::run_name;
use serde_json::json;

fn leaking(secret: &str) -> (Report, Change) {
    (
        serde_json::from_value(planted::report(secret)).unwrap(),
        serde_json::from_value(planted::change(secret)).unwrap(),
    )
}

fn assert_clean(what: &str, text: &str) {
    assert!(!planted::shows(text, &secret()), "{what}: {text}");
}

#[test]
fn nothing_that_is_written_to_a_pull_request_shows_a_secret() {
    let (report, change) = leaking(&secret());
    for inline in [Inline::Comments, Inline::Nowhere] {
        let review = review_of(&report, &change, inline, None);
        assert_clean("review", &review.draft.body);
        for comment in &review.draft.comments {
            // The path must be the file's real one, because GitHub finds the file by it.
            assert_clean("comment", &comment.body);
        }
        assert_clean("summary", &summary_body(&report, &review.without_comment));
    }
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
        &alarm_text(
            &run_name("r"),
            &Alarm::Cleanup(format!("the comment could not be deleted: {}", secret())),
        ),
    );
}
