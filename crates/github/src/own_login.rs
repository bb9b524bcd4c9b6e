//! The login that Holdfast's own writes carry, read once an hour at most: each event that a bot sent needs it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connection::GithubConnection;
use super::credentials::Credentials;
use super::failure::{Failure, Kind};
use super::wire::{AppPage, User};

/// After this long the login is read again: an App or an account can be renamed.
const MAX_AGE: Duration = Duration::from_hours(1);

/// The login of one identity, with the time it was read. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnLogin {
    kept: Arc<Mutex<Option<(Instant, String)>>>,
}

impl OwnLogin {
    /// Forgets the login: GitHub refuses the credentials that it was read with.
    pub async fn forget(&self) {
        *self.kept.lock().await = None;
    }
}

impl GithubConnection {
    /// Returns the login that this connection's writes carry; `None` for a token that can't read its own account, such
    /// as an installation's.
    pub(super) async fn own_login(&self) -> Result<Option<String>, Failure> {
        let kept = self.own_login.kept.lock().await.clone();
        if let Some((_, login)) = kept.filter(|(read_at, _)| read_at.elapsed() < MAX_AGE) {
            return Ok(Some(login));
        }
        // The lock is free meanwhile: if GitHub refuses this request, `forget` takes it.
        let login = self.read_own_login().await?;
        if let Some(login) = &login {
            *self.own_login.kept.lock().await = Some((Instant::now(), login.clone()));
        }
        Ok(login)
    }

    async fn read_own_login(&self) -> Result<Option<String>, Failure> {
        if let Credentials::App(app) = &self.credentials {
            let call = self.get(&["app"], "none");
            let page: AppPage = self.json_as(call, Some(self.proof(app)?)).await?;
            return Ok(Some(format!("{}[bot]", page.slug)));
        }
        match self.json::<User>(self.get(&["user"], "Metadata: read")).await {
            Ok(user) => Ok(Some(user.login)),
            Err(Failure {
                kind: Kind::Forbidden | Kind::Unauthorized | Kind::NotFound,
                ..
            }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
