//! The outbox: questions and tokens in private files, mails that any reader takes, nothing asked twice.
#![cfg(feature = "files")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::path::Path;

use holdfast_adapters::outbox::OutboxNotifyPeople;
use holdfast_core::model::approval::Approval;
use holdfast_core::model::finding::Severity;
use holdfast_core::port::NotifyPeople;

const TOKEN: &str = "t0ken-that-nobody-reads";

fn outbox(data: &Path, to: &[&str]) -> OutboxNotifyPeople {
    let to = to.iter().map(|&address| address.to_owned()).collect();
    OutboxNotifyPeople::with_clock(data, "holdfast@example.org", to, || {
        "2024-02-29T23:59:58Z".parse().unwrap()
    })
}

fn approval(run: &str, round: u32, subject: &str) -> Approval {
    Approval {
        run: run.to_owned(),
        round,
        subject: subject.to_owned(),
        worst: Severity::Critical,
        findings: 4,
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_mail_says_what_to_decide_and_never_the_token() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), &["a@example.org", "b@example.org"]);
    outbox
        .ask_approval(&approval("7-12-abc-1", 1, "octo/shop#12"), TOKEN)
        .await
        .unwrap();
    let mail = std::fs::read_to_string(data.path().join("outbox/7-12-abc-1-1.eml")).unwrap();
    let (head, body) = mail.split_once("\r\n\r\n").unwrap();
    for header in [
        "Date: Thu, 29 Feb 2024 23:59:58 ",
        "From: holdfast@example.org\r\n",
        "To: a@example.org,\r\n b@example.org\r\n",
        "Subject: Holdfast: approval needed for octo/shop#12\r\n",
        "Message-ID: <7-12-abc-1.1@example.org>\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
    ] {
        assert!(head.contains(header), "{header:?} in {head}");
    }
    for line in [
        "Repository: octo/shop\r\n",
        "Pull request: 12\r\n",
        "Worst severity: critical\r\n",
        "Findings: 4\r\n",
        "holdfast approve 7-12-abc-1\r\n",
        "holdfast reject 7-12-abc-1 --reason TEXT\r\n",
    ] {
        assert!(body.contains(line), "{line:?} in {body}");
    }
    assert!(!mail.contains(TOKEN) && !format!("{outbox:?}").contains(TOKEN));
    assert_eq!(
        mail.matches('\n').count(),
        mail.matches("\r\n").count(),
        "every line ends in CRLF"
    );
}

#[tokio::test]
async fn asking_again_asks_once_and_keeps_the_newer_token() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), &[]);
    assert_eq!(outbox.read_token("r").unwrap(), None);
    outbox.ask_approval(&approval("r", 1, "o/r#1"), "old").await.unwrap();
    let mail = data.path().join("outbox/r-1.eml");
    std::fs::write(&mail, "read already").unwrap();
    outbox.ask_approval(&approval("r", 1, "o/r#1"), TOKEN).await.unwrap();
    assert_eq!(
        std::fs::read_to_string(&mail).unwrap(),
        "read already",
        "nobody is asked twice"
    );
    assert_eq!(outbox.read_token("r").unwrap(), Some((1, TOKEN.to_owned())));
    assert_eq!(names(&data.path().join("approvals")), ["r-1.json"]);
}

#[tokio::test]
async fn a_mail_lost_in_a_crash_is_written_by_the_next_asking() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), &[]);
    outbox.ask_approval(&approval("r", 1, "o/r"), TOKEN).await.unwrap();
    std::fs::remove_file(data.path().join("outbox/r-1.eml")).unwrap();
    outbox.ask_approval(&approval("r", 1, "o/r"), TOKEN).await.unwrap();
    let mail = std::fs::read_to_string(data.path().join("outbox/r-1.eml")).unwrap();
    assert!(
        mail.contains("To: undisclosed-recipients:;\r\n") && !mail.contains("Pull request:"),
        "{mail}"
    );
}

#[tokio::test]
async fn the_newest_round_of_the_very_run_is_read() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), &[]);
    for (run, round) in [("r", 1), ("r", 2), ("r", 10), ("r-1", 99), ("r-10", 3), ("other", 50)] {
        outbox
            .ask_approval(&approval(run, round, "o/r#1"), &format!("{run}/{round}"))
            .await
            .unwrap();
    }
    std::fs::write(data.path().join("approvals/.tmp-r-70.json"), "half").unwrap();
    assert_eq!(outbox.read_token("r").unwrap(), Some((10, "r/10".to_owned())));
    assert_eq!(outbox.read_token("r-1").unwrap(), Some((99, "r-1/99".to_owned())));
    assert_eq!(outbox.read_token("r-10").unwrap(), Some((3, "r-10/3".to_owned())));
    assert_eq!(outbox.read_token("oth").unwrap(), None);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads() {
    use std::os::unix::fs::PermissionsExt;
    let data = tempfile::tempdir().unwrap();
    outbox(data.path(), &[])
        .ask_approval(&approval("r", 1, "o/r#1"), TOKEN)
        .await
        .unwrap();
    for (path, expected) in [
        ("approvals", 0o700),
        ("approvals/r-1.json", 0o600),
        ("outbox/r-1.eml", 0o600),
    ] {
        let mode = std::fs::metadata(data.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{path}");
    }
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), &[]);
    let subject = format!("o/r\r\nBcc: x@example.org\r\n\r\nhello{}#1", "y".repeat(5_000));
    outbox.ask_approval(&approval("r", 1, &subject), TOKEN).await.unwrap();
    outbox
        .ask_approval(&approval("s", 1, &"größer/日本語".repeat(30)), TOKEN)
        .await
        .unwrap();
    for name in ["r-1.eml", "s-1.eml"] {
        let mail = std::fs::read_to_string(data.path().join("outbox").join(name)).unwrap();
        let (head, _) = mail.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("\r\nBcc"), "{head}");
        assert!(head.is_ascii(), "{head}");
        assert!(mail.split("\r\n").all(|line| line.len() <= 998), "{mail}");
        assert!(
            head.split("\r\n")
                .filter(|line| line.contains("=?"))
                .all(|line| line.len() <= 90),
            "{head}"
        );
    }
    for run in ["", "../x", "a/b", ".x", "a\nb", "a\0", &"x".repeat(201)] {
        outbox
            .ask_approval(&approval(run, 1, "o/r#1"), TOKEN)
            .await
            .expect_err(run);
        outbox.raise_alarm(run, "x").await.expect_err(run);
        outbox.read_token(run).expect_err(run);
    }
    assert_eq!(names(data.path()), ["approvals", "outbox"]);
}

#[tokio::test]
async fn bad_addresses_are_named_and_the_question_is_kept() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(
        data.path(),
        &["fine@example.org", "nobody", "a@b\r\nBcc: c@d", "x@", "two@at@signs"],
    );
    assert_eq!(outbox.check().len(), 4, "{:?}", outbox.check());
    let error = outbox
        .ask_approval(&approval("r", 1, "o/r#1"), TOKEN)
        .await
        .expect_err("addresses")
        .to_string();
    assert!(
        error.contains("HOLDFAST_APPROVERS") && error.contains("nobody") && !error.contains(TOKEN),
        "{error}"
    );
    assert_eq!(
        outbox.read_token("r").unwrap(),
        Some((1, TOKEN.to_owned())),
        "the command line can still decide"
    );
    assert!(
        OutboxNotifyPeople::new(data.path(), "holdfast@localhost", Vec::new())
            .check()
            .is_empty()
    );
}

#[tokio::test]
async fn an_alarm_is_written_once_for_each_cause() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), &[]);
    for what in [
        "check run 5 stays in progress",
        "check run 5 stays in progress",
        "a draft stays\nsecond line",
    ] {
        outbox.raise_alarm("r", what).await.unwrap();
    }
    assert_eq!(names(&data.path().join("outbox")), ["r-alarm-1.eml", "r-alarm-2.eml"]);
    let mail = std::fs::read_to_string(data.path().join("outbox/r-alarm-2.eml")).unwrap();
    assert!(
        mail.contains("a draft stays\r\nsecond line\r\n") && mail.contains("holdfast show r"),
        "{mail}"
    );
}

#[tokio::test]
async fn damage_and_blocked_places_are_said_with_their_path() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), &[]);
    std::fs::create_dir(data.path().join("approvals")).unwrap();
    let damaged = data.path().join("approvals/r-1.json");
    std::fs::write(&damaged, format!("{{\"token\": \"{TOKEN}\", ")).unwrap();
    let error = outbox.read_token("r").expect_err("damaged").to_string();
    assert!(
        error.contains(&damaged.display().to_string()) && !error.contains(TOKEN),
        "{error}"
    );
    std::fs::write(data.path().join("outbox"), "a file in the way").unwrap();
    for error in [
        outbox
            .ask_approval(&approval("r", 1, "o/r#1"), TOKEN)
            .await
            .expect_err("blocked"),
        outbox.raise_alarm("r", "x").await.expect_err("blocked"),
    ] {
        assert!(
            error.to_string().contains("outbox") && !error.to_string().contains(TOKEN),
            "{error}"
        );
    }
}
