//! Holdfast's own reviews and comments on a pull request: written by its account, with a valid signed marker. `review`
//! and `comments` look for them.

use futures::{StreamExt, TryStreamExt, stream};
use holdfast_core::model::change::Target;
use holdfast_core::model::marker::{MarkerKey, MarkerKind};
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::call::Call;
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::link;
use super::read::PullRequest;
use super::wire::User;

const ITEMS_PER_PAGE: usize = 100;
/// Maximum number of pages of one list. No pull request has as many; the limit is for a server whose list never ends.
const MAX_PAGES: usize = 100;
/// Pages of one list that are in flight at once.
const CONCURRENT_PAGES: usize = 8;

/// Returns a text without the differences that GitHub may make: it may change the ends of lines, and trims a text.
pub(super) fn words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

/// One pull request, seen from Holdfast's own account.
pub(super) struct BotClient<'a> {
    pub connection: &'a GithubConnection,
    pub target: &'a Target,
    pub request: PullRequest,
    pub key: &'a MarkerKey,
    /// The account's login: read once, and only if a text has a valid marker.
    login: OnceCell<Option<String>>,
}

impl<'a> BotClient<'a> {
    /// Returns `None` for a work tree.
    pub fn new(connection: &'a GithubConnection, key: &'a MarkerKey, target: &'a Target) -> Option<Self> {
        Some(Self {
            connection,
            target,
            request: PullRequest::of(target)?,
            key,
            login: OnceCell::new(),
        })
    }

    /// Returns the hidden line that marks a text as written for a run, for the comment of a command, or for a finding.
    pub fn marker(&self, kind: MarkerKind, subject: &str) -> String {
        self.key.line(kind, self.target, subject)
    }

    /// Returns the subject of a text's marker: a run, the comment of a command, or a finding. `None` for a text that
    /// Holdfast's account didn't write.
    ///
    /// # Errors
    /// The account's login can't be read.
    pub async fn marked_subject(
        &self,
        kind: MarkerKind,
        user: Option<&User>,
        body: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        match self.subject(kind, body.unwrap_or_default()) {
            Some(subject) => Ok(self.is_own(user).await?.then_some(subject)),
            None => Ok(None),
        }
    }

    /// Returns the subject of a text's marker, whoever wrote the text.
    pub fn subject(&self, kind: MarkerKind, body: &str) -> Option<String> {
        self.key.find(kind, self.target, body)
    }

    /// Returns true for Holdfast's own account.
    ///
    /// # Errors
    /// Its login can't be read.
    pub async fn is_own(&self, user: Option<&User>) -> Result<bool, Failure> {
        let login = self.login.get_or_try_init(|| self.connection.own_login()).await?;
        Ok(match (login, user) {
            (Some(login), Some(user)) => user.login.eq_ignore_ascii_case(login),
            // The token of an installation can't read its own login; people can't post as a bot.
            (None, Some(user)) => user.kind == "Bot",
            (_, None) => false,
        })
    }

    /// Reads all pages of a list. The first page's `Link` header gives the number of the last one, so the pages between
    /// are read at the same time; later pages are read one by one while the last one is full.
    ///
    /// # Errors
    /// A page can't be read, or isn't a list of this type.
    pub async fn list<T: DeserializeOwned>(&self, segments: &[&str], needs: &'static str) -> Result<Vec<T>, Failure> {
        let (mut all, headers) = self
            .connection
            .json_with_headers::<Vec<T>>(self.page(segments, needs, 1))
            .await?;
        let stated = link::query_parameter(&headers, "last", "page").and_then(|page| page.parse().ok());
        let mut last = stated.unwrap_or(1).clamp(1, MAX_PAGES);
        let mut is_full = all.len() == ITEMS_PER_PAGE;
        let mut reads = Vec::new();
        for number in 2..=last {
            reads.push(self.connection.json::<Vec<T>>(self.page(segments, needs, number)));
        }
        let pages: Vec<Vec<T>> = stream::iter(reads).buffered(CONCURRENT_PAGES).try_collect().await?;
        for page in pages {
            is_full = page.len() == ITEMS_PER_PAGE;
            all.extend(page);
        }
        while is_full && last < MAX_PAGES {
            last += 1;
            let page: Vec<T> = self.connection.json(self.page(segments, needs, last)).await?;
            is_full = page.len() == ITEMS_PER_PAGE;
            all.extend(page);
        }
        Ok(all)
    }

    fn page(&self, segments: &[&str], needs: &'static str, number: usize) -> Call {
        let call = self.connection.get(segments, needs);
        call.query("per_page", &ITEMS_PER_PAGE.to_string())
            .query("page", &number.to_string())
    }

    /// Deletes an object; one that is already gone counts as deleted.
    ///
    /// # Errors
    /// GitHub refuses the deletion or doesn't answer.
    pub async fn delete(&self, segments: &[&str], needs: &'static str) -> Result<(), Failure> {
        let call = self.connection.write(Method::DELETE, segments, Value::Null, needs);
        match self.connection.send(call).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == Kind::NotFound => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}
