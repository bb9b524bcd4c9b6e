//! Checks the mail server of the settings. No mail is sent.

use holdfast_core::model::settings::Settings;
use holdfast_mail::MailProblem;
use serde::Serialize;

use crate::failure::Failure;
use crate::machine;

/// The report of a mail server, from one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailReport {
    /// Its name, with its port if the address has one.
    pub server: String,
    /// The sender of mails.
    pub sender: String,
    /// Number of approvers in `HOLDFAST_APPROVERS`. A repository's settings may name more.
    pub approvers: usize,
    /// Whether it accepts the connection and the login.
    pub works: bool,
    /// The reason if it doesn't work.
    pub problem: Option<String>,
    /// The remedy.
    pub remedy: Option<String>,
}

/// Connects to the mail server and signs in; `None` if the settings name no server.
///
/// # Errors
/// The server's address can't be used.
pub async fn examine_mail(settings: &Settings) -> Result<Option<MailReport>, Failure> {
    let Some(server) = machine::mail_server(settings)? else {
        return Ok(None);
    };
    let (problem, remedy) = match server.examine().await {
        Ok(()) => (None, None),
        Err(MailProblem { problem, remedy }) => (Some(problem), Some(remedy.to_owned())),
    };
    Ok(Some(MailReport {
        server: server.server().to_owned(),
        sender: settings.mail_from.clone(),
        approvers: settings.approvers.len(),
        works: problem.is_none(),
        problem,
        remedy,
    }))
}
