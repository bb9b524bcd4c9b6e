//! Notifies people through AWS: mails to approvers by SES, alarms to the subscribers of an SNS topic.

use std::fmt;

use async_trait::async_trait;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{Alarm, Mail, NotifyError, NotifyPeople};
use holdfast_core::render::{alarm_subject, alarm_text, log_alarm};

use crate::account;

/// Maximum length of a subject in SNS, in characters.
const MAX_SUBJECT_CHARS: usize = 100;

/// Sends mails by SES, and alarms to a topic. The SDK retries nothing: the workflow does.
#[derive(Clone)]
pub struct AwsNotifyPeople {
    mails: aws_sdk_sesv2::Client,
    texts: aws_sdk_sns::Client,
    from: String,
    topic: String,
}

impl fmt::Debug for AwsNotifyPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsNotifyPeople")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl AwsNotifyPeople {
    /// Uses the account, region and retries of `config`. `from` (`HOLDFAST_MAIL_FROM`) is the sender, an identity that
    /// SES has verified; `topic` is an ARN.
    pub fn new(config: &aws_config::SdkConfig, from: impl Into<String>, topic: impl Into<String>) -> Self {
        Self {
            mails: aws_sdk_sesv2::Client::new(config),
            texts: aws_sdk_sns::Client::new(config),
            from: from.into(),
            topic: topic.into(),
        }
    }

    async fn publish(&self, subject: &str, text: &str) -> Result<(), NotifyError> {
        let message = self.texts.publish().topic_arn(&self.topic);
        let message = message.subject(subject_line(subject)).message(text);
        message.send().await.map(|_| ()).map_err(|error| {
            NotifyError(format!(
                "the topic {} rejects the message: {}. Check that it exists and that the role may publish to it",
                self.topic,
                account::failure_line(&error)
            ))
        })
    }
}

#[async_trait]
impl NotifyPeople for AwsNotifyPeople {
    async fn send_mail(&self, mail: &Mail) -> Result<(), NotifyError> {
        if mail.to.is_empty() {
            let missing = "there is no approver: set HOLDFAST_APPROVERS, or gate.approvers in .holdfast.yml";
            return Err(NotifyError(missing.to_owned()));
        }
        let broken = |error: aws_sdk_sesv2::error::BuildError| NotifyError(format!("the mail {}: {error}", mail.key));
        let part = |text: &str| Content::builder().data(text).charset("UTF-8").build().map_err(broken);
        let mut body = Body::builder().text(part(&mail.text)?);
        if let Some(html) = &mail.html {
            body = body.html(part(html)?);
        }
        let message = Message::builder()
            .subject(part(&mail.subject)?)
            .body(body.build())
            .build();
        let to = Destination::builder().set_to_addresses(Some(mail.to.clone())).build();
        let send = self.mails.send_email().from_email_address(&self.from).destination(to);
        let send = send.content(EmailContent::builder().simple(message).build());
        send.send().await.map(|_| ()).map_err(|error| {
            NotifyError(format!(
                "SES rejects the mail {}: {}. Check that {} is verified, and that the account and the role may send mail",
                mail.key,
                account::failure_line(&error),
                self.from
            ))
        })
    }

    async fn raise_alarm(&self, run: &RunName, alarm: &Alarm) -> Result<(), NotifyError> {
        log_alarm(run, alarm);
        self.publish(&alarm_subject(run, alarm), &alarm_text(run, alarm)).await
    }
}

/// Returns a subject that SNS accepts: printable ASCII that doesn't begin with a blank.
fn subject_line(subject: &str) -> String {
    let plain = subject.chars().map(|char| {
        if char.is_ascii_graphic() || char == ' ' {
            char
        } else {
            '?'
        }
    });
    plain.take(MAX_SUBJECT_CHARS).collect()
}
