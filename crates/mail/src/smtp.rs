//! Notifications by SMTP. One attempt, no queue: the workflow retries a mail that the server didn't accept.

use std::error::Error as _;
use std::time::Duration;
use std::{fmt, io};

use async_trait::async_trait;
use holdfast_core::model::address::is_loopback;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{Alarm, Mail, NotifyError, NotifyPeople};
use holdfast_core::render::log_alarm;
use jiff::Timestamp;
use lettre::transport::smtp::Error;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::message::{alarm_mail, message};

/// Time limit of the connection. The library limits nothing else.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(20);
/// Time limit of an SMTP session that sends a mail.
const MAX_SESSION_TIME: Duration = Duration::from_mins(1);
/// Time limit of [`SmtpNotifyPeople::examine`].
const MAX_EXAMINE_TIME: Duration = Duration::from_secs(30);

/// Why a mail server can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailProblem {
    /// The problem, in one line without the password.
    pub problem: String,
    /// The remedy.
    pub remedy: &'static str,
}

/// Sends mails through one server.
#[derive(Clone)]
pub struct SmtpNotifyPeople {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    server: String,
    from: String,
    operators: Vec<String>,
    session_time: Duration,
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
        let host = address.host_str().unwrap_or_default();
        let server = address
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        if address.scheme() == "smtp" && !is_loopback(&address) {
            address.query_pairs_mut().clear().append_pair("tls", "required");
        }
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(address.as_str())
            .map_err(|_| unusable("not a mail server's address"))?
            .timeout(Some(MAX_CONNECT_TIME))
            .build();
        Ok(Self {
            transport,
            server,
            from: from.into(),
            operators,
            session_time: MAX_SESSION_TIME,
        })
    }

    /// Returns the server's name, with its port if the address has one.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Connects, starts TLS and signs in, as far as the address requires it, and disconnects. Sends no mail.
    ///
    /// # Errors
    ///
    /// The server gives no answer, or refuses TLS or the login.
    pub async fn examine(&self) -> Result<(), MailProblem> {
        let silent = |_| MailProblem {
            problem: format!("no answer within {} s", MAX_EXAMINE_TIME.as_secs()),
            remedy: UNREACHABLE,
        };
        let examined = tokio::time::timeout(MAX_EXAMINE_TIME, self.transport.test_connection());
        match examined.await.map_err(silent)? {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailProblem {
                problem: "the server closes the connection".to_owned(),
                remedy: OTHER_SERVER,
            }),
            Err(error) => Err(MailProblem {
                problem: one_line(&error),
                remedy: remedy(&error),
            }),
        }
    }

    async fn send(&self, mail: &Mail) -> Result<(), NotifyError> {
        let message = message(mail, &self.from, Timestamp::now())?;
        let sent = tokio::time::timeout(self.session_time, self.transport.send(message));
        let problem = match sent.await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => format!("rejects the mail {}: {}", mail.key, one_line(&error)),
            Err(_) => {
                let seconds = self.session_time.as_secs_f64();
                format!("did not accept the mail {} within {seconds:.0} s", mail.key)
            }
        };
        Err(NotifyError(format!(
            "the mail server {} {problem}. Check HOLDFAST_SMTP_URL and the addresses",
            self.server
        )))
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
        log_alarm(run, alarm);
        self.send(&alarm_mail(run, alarm, self.operators.clone(), "")).await
    }
}

const UNREACHABLE: &str = "check HOST and PORT in HOLDFAST_SMTP_URL, and that this machine may connect to them";
const NO_TLS: &str = "check that the server's certificate is valid for HOST, and the port: smtps:// needs TLS from the start \
                      (usually port 465), smtp:// needs STARTTLS (usually port 587)";
const REFUSED: &str = "check USER and PASSWORD in HOLDFAST_SMTP_URL; characters such as @, : and / in them are written as %40, \
                       %3A and %2F";
const LACKING: &str = "the server lacks STARTTLS or a way to sign in: use smtps://HOST, or another port";
const OTHER_SERVER: &str = "check that HOST and PORT in HOLDFAST_SMTP_URL are a mail server's, and see its log";

/// Returns the remedy of a failed connection.
fn remedy(error: &Error) -> &'static str {
    let is_tls = error.is_tls() || has_invalid_data(error.source());
    match error.status().map(|status| status.to_string()).as_deref() {
        Some("530" | "534" | "535" | "538" | "454") => REFUSED,
        Some(_) => OTHER_SERVER,
        None if is_tls => NO_TLS,
        None if error.is_client() => LACKING,
        None if error.is_response() => OTHER_SERVER,
        None => UNREACHABLE,
    }
}

/// Returns whether one of the causes is of the TLS library: they come as invalid data, within errors of the connection.
fn has_invalid_data(mut cause: Option<&(dyn std::error::Error + 'static)>) -> bool {
    while let Some(found) = cause {
        let error = found.downcast_ref::<io::Error>();
        if error.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        cause = found.source();
    }
    false
}

/// Returns the error as one line, without the mail's content.
fn one_line(error: &Error) -> String {
    error.to_string().replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[tokio::test]
    async fn a_silent_server_ends_the_attempt() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", silent.local_addr().unwrap());
        let mut people = SmtpNotifyPeople::new(&url.into(), "holdfast@example.org", Vec::new()).unwrap();
        people.session_time = Duration::from_millis(100);
        let mail = Mail {
            key: "m".to_owned(),
            to: vec!["ann@example.org".to_owned()],
            subject: "S".to_owned(),
            text: "T".to_owned(),
            html: None,
        };
        let error = people.send_mail(&mail).await.unwrap_err().to_string();
        assert!(error.contains("did not accept the mail m within"), "{error}");
    }
}
