//! What is ours on a pull request: written by our own account, with a marker that is rightly signed. What is looked for
//! stands in `review` and `comments`.

use holdfast_core::model::change::Target;
use holdfast_core::model::marker::{MarkerKey, MarkerKind};
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::PullRequest;
use super::wire::User;

const PAGE: usize = 100;
/// More than any pull request has: a server that lists for ever ends here.
const MAX_PAGES: usize = 100;

/// One pull request, as our account sees it.
pub(super) struct Own<'a> {
    pub connection: &'a GithubConnection,
    pub target: &'a Target,
    pub request: PullRequest,
    pub key: &'a MarkerKey,
    /// Asked for once, and only where something holds a marker.
    login: OnceCell<Option<String>>,
}

impl<'a> Own<'a> {
    /// `None` for a work tree.
    pub fn new(connection: &'a GithubConnection, key: &'a MarkerKey, target: &'a Target) -> Option<Self> {
        Some(Self {
            connection,
            target,
            request: PullRequest::of(target)?,
            key,
            login: OnceCell::new(),
        })
    }

    /// The hidden line of a run, or of a command's comment.
    pub fn marker(&self, kind: MarkerKind, of: &str) -> String {
        self.key.line(kind, self.target, of)
    }

    /// The run, or the command's comment, that something is of, if it is ours.
    pub async fn named_by(
        &self,
        kind: MarkerKind,
        user: Option<&User>,
        body: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let Some(of) = self.key.find(kind, self.target, body.unwrap_or_default()) else {
            return Ok(None);
        };
        let login = self.login.get_or_try_init(|| self.connection.own_login()).await?;
        let is_own = match (login, user) {
            (Some(login), Some(user)) => user.login.eq_ignore_ascii_case(login),
            // An installation's token may not ask who it is; people cannot post as a bot.
            (None, Some(user)) => user.kind == "Bot",
            (_, None) => false,
        };
        Ok(is_own.then_some(of))
    }

    /// All pages of a list.
    pub async fn list<T: DeserializeOwned>(&self, segments: &[&str], needs: &'static str) -> Result<Vec<T>, Failure> {
        let mut all = Vec::new();
        for number in 1..=MAX_PAGES {
            let call = self.connection.get(segments, needs);
            let call = call
                .query("per_page", &PAGE.to_string())
                .query("page", &number.to_string());
            let page: Vec<T> = self.connection.json(call).await?;
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Deletes; what is not there counts as deleted.
    pub async fn delete(&self, segments: &[&str], needs: &'static str) -> Result<(), Failure> {
        let call = self.connection.write(Method::DELETE, segments, Value::Null, needs);
        match self.connection.send(call).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == Kind::NotFound => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}
