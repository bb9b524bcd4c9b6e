//! Notifications by SMTP. One attempt, no queue: the workflow retries a mail that the server didn't accept.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::model::address::is_loopback;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{Alarm, Mail, NotifyError, NotifyPeople};
use jiff::Timestamp;
use lettre::transport::smtp::Error;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::message::{alarm_mail, message};

/// Time limit of one step of the SMTP session.
const MAX_STEP_TIME: Duration = Duration::from_secs(20);

/// Sends mails through one server.
#[derive(Clone)]
pub struct SmtpNotifyPeople {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    server: String,
    from: String,
    operators: Vec<String>,
}

impl fmt::Debug for SmtpNotifyPeople {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpNotifyPeople")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl SmtpNotifyPeople {
    /// Uses the server at `url`: `smtps://…` with TLS from the start; `smtp://…` with STARTTLS, or without encryption
    /// on loopback. `from` (`HOLDFAST_MAIL_FROM`) is the sender; alarms go to `operators`.
    ///
    /// # Errors
    ///
    /// `url` is no mail server's address.
    pub fn new(url: &SecretString, from: impl Into<String>, operators: Vec<String>) -> Result<Self, NotifyError> {
        let unusable = |what: &str| NotifyError(format!("HOLDFAST_SMTP_URL (environment): {what}"));
        let mut address = Url::parse(url.expose_secret()).map_err(|error| unusable(&error.to_string()))?;
        let server = address.host_str().unwrap_or_default().to_owned();
        if address.scheme() == "smtp" && !is_loopback(&address) {
            address.query_pairs_mut().clear().append_pair("tls", "required");
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(address.as_str())
            .map_err(|_| unusable("not a mail server's address"))?
            .timeout(Some(MAX_STEP_TIME))
            .build();
        Ok(Self {
            transport,
            server,
            from: from.into(),
            operators,
        })
    }

    async fn send(&self, mail: &Mail) -> Result<(), NotifyError> {
        let message = message(mail, &self.from, Timestamp::now())?;
        self.transport.send(message).await.map(drop).map_err(|error| {
            NotifyError(format!(
                "the mail server {} rejects the mail {}: {}. Check HOLDFAST_SMTP_URL and the addresses",
                self.server,
                mail.key,
                one_line(&error)
            ))
        })
    }
}

#[async_trait]
impl NotifyPeople for SmtpNotifyPeople {
    async fn send_mail(&self, mail: &Mail) -> Result<(), NotifyError> {
        if mail.to.is_empty() {
            let missing = "there is no approver: set HOLDFAST_APPROVERS, or gate.approvers in .holdfast.yml";
            return Err(NotifyError(missing.to_owned()));
        }
        self.send(mail).await
    }

    async fn raise_alarm(&self, run: &RunName, alarm: &Alarm) -> Result<(), NotifyError> {
        tracing::error!(run = run.as_str(), ?alarm, "the operators have to know about a run");
        self.send(&alarm_mail(run, alarm, self.operators.clone(), "")).await
    }
}

/// Returns the error as one line, without the mail's content.
fn one_line(error: &Error) -> String {
    error.to_string().replace(['\r', '\n'], " ")
}
