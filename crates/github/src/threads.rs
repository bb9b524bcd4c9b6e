//! Reads the review threads that Holdfast's findings began, through GraphQL: the REST API doesn't have them.

use async_trait::async_trait;
use holdfast_core::ledger::FindingMark;
use holdfast_core::model::change::Target;
use holdfast_core::model::marker::{MarkerKey, MarkerKind};
use holdfast_core::port::{FindingThread, MAX_REPLIES, ReadError, ReadThreads, Reply};
use serde::Deserialize;
use serde_json::json;

use super::bot_client::BotClient;
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::PULL_READ;
use super::wire::User;

/// Maximum number of pages. No pull request has as many; the limit is for a server whose list never ends.
const MAX_PAGES: usize = 100;
/// Queries one page of threads. Only a thread's first comment has reactions: of all comments they would cost more than
/// twenty times as much of the rate limit. A thread's comments are the first one and [`MAX_REPLIES`].
const THREADS: &str = "query($owner:String!,$name:String!,$number:Int!,$after:String){\
     repository(owner:$owner,name:$name){pullRequest(number:$number){reviewThreads(first:50,after:$after){\
     pageInfo{hasNextPage endCursor}\
     nodes{id isResolved isOutdated resolvedBy{__typename login}\
     finding:comments(first:1){nodes{id fullDatabaseId url isMinimized state body author{__typename login} editor{__typename login}\
     reactions(content:THUMBS_DOWN,first:50){nodes{user{__typename login}}}}}\
     comments(first:51){nodes{state body author{__typename login} editor{__typename login}}}}}}}}";

/// Reads the threads of findings.
#[derive(Clone, Debug)]
pub struct GithubReadThreads {
    connection: GithubConnection,
    key: MarkerKey,
}

impl GithubReadThreads {
    /// Uses this connection. `key` signs the markers of findings; threads with another key's marker aren't found. Without
    /// credentials there are none: GraphQL needs a token.
    pub const fn new(connection: GithubConnection, key: MarkerKey) -> Self {
        Self { connection, key }
    }
}

#[async_trait]
impl ReadThreads for GithubReadThreads {
    async fn threads(&self, target: &Target) -> Result<Vec<FindingThread>, ReadError> {
        let client = BotClient::new(&self.connection, &self.key, target);
        let (Some(client), Target::PullRequest { number, .. }) = (client, target) else {
            return Ok(Vec::new());
        };
        if self.connection.is_anonymous() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let mut after = None;
        for _ in 0..MAX_PAGES {
            let page = read_page(&client, *number, after.as_deref()).await?;
            for thread in page.nodes.all() {
                found.extend(thread.finding(&client).await?);
            }
            after = page.page_info.end_cursor.filter(|_| page.page_info.has_next_page);
            if after.is_none() {
                break;
            }
        }
        found.sort_by_key(|thread| thread.comment);
        Ok(found)
    }
}

async fn read_page(client: &BotClient<'_>, number: u64, after: Option<&str>) -> Result<Page, Failure> {
    let repository = client.request.place().repository;
    let variables = json!({ "owner": repository.owner(), "name": repository.name(), "number": number, "after": after });
    let call = client.connection.query(repository, THREADS, variables, PULL_READ);
    let answer = client.connection.graphql::<Data>(call).await?;
    let pull = answer.complete(client.connection, PULL_READ)?.repository;
    let threads = pull
        .and_then(|found| found.pull_request)
        .map(|pull| pull.review_threads);
    threads.ok_or_else(|| {
        Failure::new(
            Kind::NotFound,
            format!("POST /graphql: there is no pull request {number}"),
        )
    })
}

#[derive(Deserialize)]
struct Data {
    repository: Option<InRepository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InRepository {
    pull_request: Option<InPullRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InPullRequest {
    review_threads: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    page_info: PageInfo,
    #[serde(flatten)]
    nodes: Nodes<Thread>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

/// A list. GitHub may leave it or its elements out.
#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Option<Vec<Option<T>>>,
}

impl<T> Nodes<T> {
    fn all(self) -> impl Iterator<Item = T> {
        self.nodes.into_iter().flatten().flatten()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thread {
    id: String,
    is_resolved: bool,
    is_outdated: bool,
    resolved_by: Option<Actor>,
    /// The first comment.
    finding: Nodes<First>,
    /// All comments, the first one too.
    comments: Nodes<Comment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct First {
    id: String,
    full_database_id: Option<BigInt>,
    url: String,
    is_minimized: bool,
    #[serde(flatten)]
    comment: Comment,
    reactions: Nodes<Reaction>,
}

#[derive(Deserialize)]
struct Comment {
    /// `PENDING` in a draft, which only its author sees.
    state: String,
    body: String,
    /// `None` for a deleted account.
    author: Option<Actor>,
    /// The last editor.
    #[serde(default)]
    editor: Option<Actor>,
}

#[derive(Deserialize)]
struct Reaction {
    user: Option<Actor>,
}

/// An account. The login of an App's bot lacks the ending `[bot]`, which the REST API gives it.
#[derive(Deserialize)]
struct Actor {
    #[serde(rename = "__typename")]
    kind: String,
    login: String,
}

/// A number that GitHub sends as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum BigInt {
    Number(u64),
    Text(String),
}

impl BigInt {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

impl Actor {
    /// Returns the account as the REST API names it. A field that can only have a person gives a bot the type of one.
    fn user(&self) -> User {
        const ENDING: &str = "[bot]";
        let name = self.login.strip_suffix(ENDING);
        if name.is_none() && self.kind != "Bot" {
            return User {
                login: self.login.clone(),
                kind: self.kind.clone(),
            };
        }
        User {
            login: format!("{}{ENDING}", name.unwrap_or(&self.login)),
            kind: "Bot".to_owned(),
        }
    }
}

impl Comment {
    fn is_pending(&self) -> bool {
        self.state == "PENDING"
    }

    /// Returns true if another account edited it last: its text may be that account's.
    fn is_edited_by_others(&self) -> bool {
        let login = |actor: &Option<Actor>| actor.as_ref().map(|actor| actor.login.clone());
        self.editor.is_some() && login(&self.editor) != login(&self.author)
    }
}

impl Thread {
    /// Returns the thread of a finding; `None` if its first comment isn't a published one by Holdfast's account with a
    /// valid marker.
    async fn finding(self, client: &BotClient<'_>) -> Result<Option<FindingThread>, Failure> {
        let Some(first) = self.finding.all().next() else {
            return Ok(None);
        };
        let author = first.comment.author.as_ref().map(Actor::user);
        let subject = client
            .marked_subject(MarkerKind::Finding, author.as_ref(), Some(&first.comment.body))
            .await?;
        let finding = subject.and_then(|subject| FindingMark::parse(&subject));
        let id = first.full_database_id.and_then(|id| id.value());
        let Some((finding, comment)) = finding.zip(id).filter(|_| !first.comment.is_pending()) else {
            return Ok(None);
        };
        let resolver = self.resolved_by.as_ref().map(Actor::user);
        let replies = self
            .comments
            .all()
            .skip(1)
            .filter(|reply| !reply.is_pending() && !reply.is_edited_by_others());
        let login = |actor: Option<Actor>| actor.map(|actor| actor.user().login);
        Ok(Some(FindingThread {
            finding,
            node: self.id,
            comment,
            comment_node: first.id,
            url: first.url,
            is_resolved: self.is_resolved && !client.is_own(resolver.as_ref()).await?,
            is_outdated: self.is_outdated,
            is_minimized: first.is_minimized,
            thumbs_down: first
                .reactions
                .all()
                .filter_map(|one| login(one.user))
                .take(MAX_REPLIES)
                .collect(),
            replies: replies
                .take(MAX_REPLIES)
                .map(|reply| Reply {
                    author: login(reply.author),
                    body: reply.body,
                })
                .collect(),
        }))
    }
}
