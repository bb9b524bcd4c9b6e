//! Checks `GITHUB_TOKEN` with one request.

use holdfast_core::model::settings::Settings;
use serde::Serialize;

use super::connection::GithubConnection;
use super::credentials::Credentials;
use super::error::GithubSetupError;
use super::failure::{Failure, Kind};
use super::wire::User;

/// The report of a token, from one `GET /user`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenReport {
    /// The login of its account; `None` if GitHub gave no answer, or doesn't show the account to the token, such as a
    /// workflow's.
    pub login: Option<String>,
    /// Whether GitHub accepts it.
    pub works: bool,
    /// The reason if it doesn't work.
    pub problem: Option<String>,
    /// The remedy.
    pub remedy: Option<String>,
}

impl TokenReport {
    /// Reads the token's account; `None` if the settings name no token, or an App, which is used instead.
    ///
    /// # Errors
    /// The address, the token or the App's key can't be used.
    pub async fn examine(settings: &Settings) -> Result<Option<Self>, GithubSetupError> {
        let connection = GithubConnection::of(settings)?;
        let Credentials::Token(_) = &connection.credentials else {
            return Ok(None);
        };
        let works = |login| Self {
            login,
            works: true,
            problem: None,
            remedy: None,
        };
        let user = connection.json::<User>(connection.get(&["user"], "Metadata: read"));
        Ok(Some(match user.await {
            Ok(user) => works(Some(user.login)),
            Err(Failure {
                kind: Kind::Forbidden | Kind::NotFound,
                ..
            }) => works(None),
            Err(Failure { kind, line }) => Self {
                login: None,
                works: false,
                problem: Some(line),
                remedy: Some(remedy(kind).to_owned()),
            },
        }))
    }
}

const fn remedy(kind: Kind) -> &'static str {
    match kind {
        Kind::Unauthorized => {
            "create a token on GitHub (Settings, Developer settings) that reads contents and writes pull requests, and set \
             GITHUB_TOKEN to it; HOLDFAST_GITHUB_URL has to name its host"
        }
        _ => "check HOLDFAST_GITHUB_URL and the network, then run the command again",
    }
}
