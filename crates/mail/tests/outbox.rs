//! The outbox: mails that any mail program can read, in private files, none written twice.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use holdfast_core::port::{Alarm, Mail, NotifyPeople};
use holdfast_mail::OutboxNotifyPeople;

fn outbox(data: &Path, from: &str) -> OutboxNotifyPeople {
    OutboxNotifyPeople::with_clock(data, from, vec!["ops@example.org".to_owned()], || {
        "2024-02-29T23:59:58Z".parse().unwrap()
    })
}

fn mail(key: &str, to: &[&str]) -> Mail {
    Mail {
        key: key.to_owned(),
        to: to.iter().map(|&address| address.to_owned()).collect(),
        subject: "Holdfast: approval needed for octo/shop#12".to_owned(),
        text: "Look at it.\n".to_owned(),
        html: None,
    }
}

fn names(data: &Path) -> Vec<String> {
    let Ok(found) = std::fs::read_dir(data.join("outbox")) else {
        return Vec::new();
    };
    let mut names: Vec<_> = found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(data: &Path, name: &str) -> String {
    std::fs::read_to_string(data.join("outbox").join(name)).unwrap()
}

#[tokio::test]
async fn a_mail_is_a_private_file_that_any_mail_program_reads() {
    let data = tempfile::tempdir().unwrap();
    let with_html = Mail {
        html: Some("<p>Look at it.</p>".to_owned()),
        ..mail("7-12-abc-1-1-2", &["b@example.org"])
    };
    let outbox = outbox(data.path(), "holdfast@example.org");
    outbox
        .send_mail(&mail("7-12-abc-1-1", &["a@example.org"]))
        .await
        .unwrap();
    outbox.send_mail(&with_html).await.unwrap();
    let plain = read(data.path(), "7-12-abc-1-1.eml");
    for part in [
        "Date: Thu, 29 Feb 2024 23:59:58 ",
        "From: holdfast@example.org\r\n",
        "To: a@example.org\r\n",
        "Subject: Holdfast: approval needed for octo/shop#12\r\n",
        "Message-ID: <7-12-abc-1-1@example.org>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "\r\n\r\nLook at it.",
    ] {
        assert!(plain.contains(part), "{part:?} in {plain}");
    }
    let both = read(data.path(), "7-12-abc-1-1-2.eml");
    for part in ["multipart/alternative", "text/plain", "text/html", "<p>Look at it.</p>"] {
        assert!(both.contains(part), "{part:?} in {both}");
    }
    let mode = data
        .path()
        .join("outbox/7-12-abc-1-1.eml")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_same_mail_is_written_once() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), "holdfast@example.org");
    outbox.send_mail(&mail("r-1", &[])).await.unwrap();
    let other = Mail {
        text: "Something else.\n".to_owned(),
        ..mail("r-1", &[])
    };
    outbox.send_mail(&other).await.unwrap();
    assert!(read(data.path(), "r-1.eml").contains("Look at it."));
    assert_eq!(names(data.path()), ["r-1.eml"]);
}

#[tokio::test]
async fn hostile_subjects_and_keys_change_no_other_header_or_file() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), "holdfast@example.org");
    let hostile = Mail {
        subject: format!("x\r\nBcc: evil@example.org\r\n\u{202e}{}", "a".repeat(5_000)),
        ..mail("r-1", &["a@example.org"])
    };
    outbox.send_mail(&hostile).await.unwrap();
    let written = read(data.path(), "r-1.eml");
    assert!(!written.contains("\r\nBcc:"), "{written}");
    assert!(written.lines().all(|line| line.len() <= 998), "RFC 5322's limit");
    for key in ["../r", "", ".r", "a/b", "a b", &"r".repeat(300)] {
        let error = outbox.send_mail(&mail(key, &[])).await.unwrap_err();
        assert!(error.to_string().contains("cannot name a mail"), "{error}");
    }
    assert_eq!(names(data.path()), ["r-1.eml"]);
}

#[tokio::test]
async fn bad_addresses_are_named() {
    let data = tempfile::tempdir().unwrap();
    let good = outbox(data.path(), "holdfast@example.org");
    let error = good.send_mail(&mail("r-1", &["nobody"])).await.unwrap_err();
    assert!(
        error.to_string().contains("\"nobody\" is not a mail address"),
        "{error}"
    );
    let error = outbox(data.path(), "x").send_mail(&mail("r-1", &[])).await.unwrap_err();
    assert!(error.to_string().contains("HOLDFAST_MAIL_FROM"), "{error}");
    assert!(names(data.path()).is_empty());
}

#[tokio::test]
async fn an_unanswered_request_is_reported_without_advice_to_cancel_it() {
    for (is_repeated, advice) in [
        (true, "holdfast approve r-1"),
        (false, "gate's severity are not published"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let alarm = Alarm::Unanswered { round: 1, is_repeated };
        let outbox = outbox(data.path(), "holdfast@example.org");
        outbox.raise_alarm(&"r-1".parse().unwrap(), &alarm).await.unwrap();
        let mail = read(data.path(), &names(data.path())[0]);
        assert!(mail.contains("Subject: Holdfast: nobody answered"), "{mail}");
        assert!(mail.contains(advice), "{mail}");
        assert!(!mail.contains("cancel") && !mail.contains("clean"), "{mail}");
    }
}

#[tokio::test]
async fn an_alarm_is_written_once_for_each_cause() {
    let data = tempfile::tempdir().unwrap();
    let outbox = outbox(data.path(), "holdfast@example.org");
    for what in ["the check is open", "the check is open", "the comment is there"] {
        let alarm = Alarm::Cleanup(what.to_owned());
        outbox.raise_alarm(&"r-1".parse().unwrap(), &alarm).await.unwrap();
    }
    let written = names(data.path());
    assert_eq!(written.len(), 2, "{written:?}");
    let all: String = written.iter().map(|name| read(data.path(), name)).collect();
    for part in [
        "To: ops@example.org",
        "the check is open",
        "the comment is there",
        "holdfast cancel r-1",
    ] {
        assert!(all.contains(part), "{part}");
    }
}
