//! Builds a mail for sending or for a file: RFC 5322 with a text part and, if there is one, an HTML part.

use std::time::{Duration, UNIX_EPOCH};

use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{Alarm, Mail, NotifyError};
use holdfast_core::render::{alarm_subject, alarm_text};
use jiff::Timestamp;
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

/// Maximum length of a subject, in characters.
const MAX_SUBJECT_CHARS: usize = 200;

/// Returns the beginning of the keys of a run's alarms.
pub fn alarm_prefix(run: &RunName) -> String {
    format!("{run}-alarm-")
}

/// Returns the mail of an alarm; `more` is text below it. A repeated alarm has the same key, so it is the same mail.
pub fn alarm_mail(run: &RunName, alarm: &Alarm, to: Vec<String>, more: &str) -> Mail {
    let text = alarm_text(run, alarm);
    let cause = hex::encode(Sha256::digest(text.as_bytes()));
    Mail {
        key: format!("{}{}", alarm_prefix(run), cause.get(..8).unwrap_or_default()),
        to,
        subject: alarm_subject(run, alarm),
        text: text + more,
        html: None,
    }
}

/// Builds a mail. Without a recipient it goes to the sender.
///
/// # Errors
///
/// An address is invalid (the error names whose it is), or the mail can't be built.
pub fn message(mail: &Mail, from: &str, at: Timestamp) -> Result<Message, NotifyError> {
    let sender = mailbox("HOLDFAST_MAIL_FROM", from)?;
    let host = from.rsplit('@').next().unwrap_or("localhost").to_owned();
    let subject = mail
        .subject
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char });
    let mut builder = Message::builder()
        .from(sender.clone())
        .message_id(Some(format!("<{}@{host}>", mail.key)))
        .date(UNIX_EPOCH + Duration::from_secs(at.as_second().max(0).unsigned_abs()))
        .subject(subject.take(MAX_SUBJECT_CHARS).collect::<String>())
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    if mail.to.is_empty() {
        builder = builder.to(sender);
    }
    for address in &mail.to {
        builder = builder.to(mailbox("the approver", address)?);
    }
    let built = match &mail.html {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
        None => builder.singlepart(SinglePart::plain(mail.text.clone())),
    };
    built.map_err(|error| NotifyError(format!("the mail {} cannot be written: {error}", mail.key)))
}

fn mailbox(whose: &str, address: &str) -> Result<Mailbox, NotifyError> {
    address.parse().map_err(|_| {
        NotifyError(format!(
            "{whose}: {address:?} is not a mail address; expected NAME@HOST"
        ))
    })
}
