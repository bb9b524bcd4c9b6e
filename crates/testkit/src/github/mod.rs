//! GitHub's REST API on loopback, and the GraphQL that the adapter uses, with state, its rules, and a plan of faults.
//!
//! The caller is found in `server` and `identity`, the answers are in `routes` and below, their JSON in `render`.
//! Not here: web pages except the sign-in's and a conversation's, sending webhooks, rate limits of its own (plan a [`Fault`] for them).

mod diff;
mod faults;
mod git_diff;
mod identity;
mod journal;
mod objects;
mod pull_request;
mod render;
mod reply;
mod request;
mod routes;
mod routes_app;
mod routes_artifacts;
mod routes_checks;
mod routes_code_scanning;
mod routes_comments;
mod routes_contents;
mod routes_deliveries;
mod routes_files;
mod routes_manifest;
mod routes_pages;
mod routes_people;
mod routes_pulls;
mod routes_reviews;
mod routes_sign_in;
mod routes_threads;
mod server;
mod state;

pub use faults::{Fault, Matcher};
pub use identity::{Identity, Kind};
pub use journal::{Entry, Journal, Sent};
pub use pull_request::{ChangedFile, PullRequest};
pub use routes_artifacts::{Artifact, zip_of};
pub use routes_code_scanning::Alert;

use crate::error::TestkitError;
use crate::loopback::Loopback;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use hmac::{Hmac, Mac};
use render::Render;
use routes_artifacts::Storage;
use routes_deliveries::Deliveries;
use routes_sign_in::SignIn;
use serde_json::{Value, json};
use server::Shared;
use sha2::Sha256;
use state::{IssueComment, Pull, Repo, State, now};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The App's default permissions and events.
const APP_MANIFEST: &str = include_str!("../../../../infra/github-app-manifest.json");

/// A running fake; it stops when this value is dropped.
#[derive(Debug)]
pub struct FakeGithub {
    server: Loopback,
    shared: Arc<Shared>,
    /// The content of artifacts, once there is one.
    storage: OnceLock<Storage>,
}

/// The options of a fake.
#[derive(Clone, Debug)]
pub struct FakeGithubOptions {
    /// Its address. Default: loopback, a free port.
    pub listen: SocketAddr,
    /// The file for its journal, as JSON lines. Default: none.
    pub journal: Option<PathBuf>,
    /// The App's id. Default 1.
    pub app_id: u64,
    /// The App's slug; its bot is `SLUG[bot]`. Default `holdfast`.
    pub app_slug: String,
}

impl Default for FakeGithubOptions {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen,
            journal: None,
            app_id: 1,
            app_slug: "holdfast".into(),
        }
    }
}

impl FakeGithub {
    /// A person's token (`holdfast-user`): it may write reviews and comments, but no check runs.
    pub const USER_TOKEN: &'static str = "testkit-user-token";
    /// The token of the App's installation (`holdfast[bot]`): it may write reviews, comments and check runs, but not
    /// use `GET /user`.
    pub const INSTALLATION_TOKEN: &'static str = "testkit-installation-token";
    /// The only installation's id.
    pub const INSTALLATION_ID: u64 = 7;

    /// Starts a fake on a free port of loopback, without repositories.
    ///
    /// # Errors
    /// It cannot listen.
    pub fn start() -> Result<Self, TestkitError> {
        Self::start_with(FakeGithubOptions::default())
    }

    /// Starts a fake with options.
    ///
    /// # Errors
    /// It cannot listen, or the journal cannot be opened.
    pub fn start_with(options: FakeGithubOptions) -> Result<Self, TestkitError> {
        let tokens = BTreeMap::from([
            (Self::USER_TOKEN.to_owned(), Identity::user("holdfast-user")),
            (Self::INSTALLATION_TOKEN.to_owned(), Identity::app(&options.app_slug)),
        ]);
        let state = State {
            app_id: options.app_id,
            app_slug: options.app_slug,
            app_manifest: serde_json::from_str(APP_MANIFEST).unwrap_or_default(),
            installation_id: Self::INSTALLATION_ID,
            repos: BTreeMap::new(),
            tokens,
            team_members: BTreeMap::new(),
            sign_in: SignIn::default(),
            manifests: BTreeMap::new(),
            deliveries: Deliveries::default(),
            next_id: 1_000,
        };
        let shared = Arc::new(Shared::new(state, Journal::new(options.journal.as_deref())?));
        let router = Router::new()
            .fallback(server::handle)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let server = Loopback::start(options.listen, router)?;
        shared.api.get_or_init(|| format!("http://{}", server.address()));
        Ok(Self {
            server,
            shared,
            storage: OnceLock::new(),
        })
    }

    /// Returns the API's address, `http://127.0.0.1:PORT`. Paths may begin with `/api/v3`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Returns the `issue_comment` event of a comment by `login`, a collaborator, on a pull request.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn comment_event(&self, slug: &str, number: u64, login: &str, text: &str) -> Result<Value, TestkitError> {
        let comment = self.comment(slug, number, login, text)?;
        let (owner, name) = slug.split_once('/').unwrap_or((slug, ""));
        Ok(json!({
            "action": "created",
            "issue": { "number": number, "state": "open", "pull_request": { "url": "https://example.org" } },
            "comment": { "id": comment, "body": text, "user": { "login": login, "type": "User" },
                         "author_association": "COLLABORATOR" },
            "repository": { "id": self.repository_id(slug), "name": name, "full_name": slug, "owner": { "login": owner } },
            "sender": { "login": login, "type": "User" },
        }))
    }

    /// Returns `X-Hub-Signature-256` of a delivery: the HMAC of its bytes with the webhook's secret.
    pub fn signature(secret: &str, body: &[u8]) -> String {
        // Any length of key is valid.
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mac| mac.chain_update(body));
        let signature = mac.map(|mac| hex::encode(mac.finalize().into_bytes()));
        format!("sha256={}", signature.unwrap_or_default())
    }

    /// Returns the pull request's web address: `URL/OWNER/NAME/pull/N`.
    pub fn pull_request_url(&self, slug: &str, number: u64) -> String {
        format!("{}/{slug}/pull/{number}", self.url())
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the journal of its requests.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// Adds a pull request and its repository. It replaces one of the same number, and its reviews.
    pub fn add(&self, change: PullRequest) {
        let mut world = self.shared.world();
        let repos = &mut world.state.repos;
        let repo = repos
            .entry(change.slug.clone())
            .or_insert_with(|| Repo::new(&change.slug, &change.base_ref));
        repo.pulls.insert(change.number, Arc::new(Pull::new(change)));
        // A stale read never misses the setup of a test.
        world.previous = world.state.clone();
    }

    /// Moves a pull request's head: `change` has its slug and number. Reviews and comments stay; comments on files
    /// whose patch differs become outdated.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn push(&self, change: PullRequest) -> Result<(), TestkitError> {
        let (slug, number) = (change.slug.clone(), change.number);
        self.change(&slug, number, |pull| pull.push(change))
    }

    /// Closes or reopens a pull request.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn set_open(&self, slug: &str, number: u64, is_open: bool) -> Result<(), TestkitError> {
        self.change(slug, number, |pull| Arc::make_mut(&mut pull.change).is_open = is_open)
    }

    /// Changes a pull request's base: `change` has its slug and number, and the base's commits. Reviews and comments
    /// stay.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn retarget(&self, change: PullRequest) -> Result<(), TestkitError> {
        self.push(change)
    }

    /// Renames a repository or changes its owner: requests to the old name are redirected. Does nothing without such a
    /// repository.
    pub fn rename(&self, slug: &str, to: &str) {
        let mut world = self.shared.world();
        if let Some(mut repo) = world.state.repos.remove(slug) {
            repo.old_slugs.insert(slug.to_owned());
            to.clone_into(&mut repo.slug);
            for pull in repo.pulls.values_mut() {
                let pull = Arc::make_mut(pull);
                to.clone_into(&mut Arc::make_mut(&mut pull.change).slug);
            }
            world.state.repos.insert(to.to_owned(), repo);
        }
        world.previous = world.state.clone();
    }

    /// Returns a repository's id; 1 without such a repository.
    pub fn repository_id(&self, slug: &str) -> u64 {
        self.shared.world().state.repos.get(slug).map_or(1, |repo| repo.id)
    }

    /// Makes a repository read-only.
    pub fn archive(&self, slug: &str) {
        self.change_repository(slug, |repo| repo.is_archived = true);
    }

    /// Locks a pull request's conversation, or unlocks it.
    pub fn set_locked(&self, slug: &str, number: u64, is_locked: bool) {
        self.change_repository(slug, |repo| {
            let _known = match is_locked {
                true => repo.locked.insert(number),
                false => repo.locked.remove(&number),
            };
        });
    }

    /// Makes a repository's organisation require single sign-on for tokens.
    pub fn require_sign_on(&self, slug: &str) {
        self.change_repository(slug, |repo| repo.wants_sign_on = true);
    }

    /// Edits a comment's text as `editor`; deletes the comment without a text.
    pub fn edit_comment(&self, slug: &str, id: u64, editor: &str, text: Option<&str>) {
        self.change_repository(slug, |repo| match text {
            None => {
                repo.issue_comments.remove(&id);
            }
            Some(text) => {
                if let Some(comment) = repo.issue_comments.get_mut(&id) {
                    let comment = Arc::make_mut(comment);
                    text.clone_into(&mut comment.body);
                    comment.editor = Some(editor.to_owned());
                    // Dates have whole seconds: an edit within the same second would not show.
                    comment.updated_at = "2100-01-01T00:00:00Z".to_owned();
                }
            }
        });
    }

    fn change_repository(&self, slug: &str, change: impl FnOnce(&mut Repo)) {
        let mut world = self.shared.world();
        if let Some(repo) = world.state.repos.get_mut(slug) {
            change(repo);
        }
        world.previous = world.state.clone();
    }

    /// Makes a pull request a draft, or ready for review.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn set_draft(&self, slug: &str, number: u64, is_draft: bool) -> Result<(), TestkitError> {
        self.change(slug, number, |pull| Arc::make_mut(&mut pull.change).is_draft = is_draft)
    }

    fn change(&self, slug: &str, number: u64, change: impl FnOnce(&mut Pull)) -> Result<(), TestkitError> {
        let mut world = self.shared.world();
        let before = world.state.clone();
        let pull = world
            .state
            .repos
            .get_mut(slug)
            .and_then(|repo| repo.pulls.get_mut(&number));
        let pull = pull.ok_or_else(|| TestkitError::NoPullRequest {
            slug: slug.into(),
            number,
        })?;
        change(Arc::make_mut(pull));
        world.previous = before;
        Ok(())
    }

    /// Accepts `token` from now on, as one of `identity`.
    pub fn add_token(&self, token: &str, identity: Identity) {
        self.shared.world().state.tokens.insert(token.into(), identity);
    }

    /// Revokes `token`: 401.
    pub fn revoke_token(&self, token: &str) {
        self.shared.world().state.tokens.remove(token);
    }

    /// Adds a person's comment to a pull request's conversation and returns its id.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn comment(&self, slug: &str, number: u64, login: &str, body: &str) -> Result<u64, TestkitError> {
        self.change(slug, number, |_| {})?;
        let mut world = self.shared.world();
        let id = world.state.id();
        let at = now();
        let author = Identity::user(login);
        let comment = IssueComment {
            id,
            issue: number,
            author,
            body: body.into(),
            created_at: at.clone(),
            updated_at: at,
            editor: None,
        };
        if let Some(repo) = world.state.repos.get_mut(slug) {
            repo.issue_comments.insert(id, Arc::new(comment));
        }
        Ok(id)
    }

    /// Plans a fault for the next request that `matcher` matches. Plans apply in their order.
    pub fn fail_next(&self, matcher: Matcher, fault: Fault) {
        self.shared.world().plan.add(matcher, fault);
    }

    /// Drops all planned faults.
    pub fn clear_faults(&self) {
        self.shared.world().plan.clear();
    }

    /// Returns the number of planned faults that were not played completely.
    pub fn faults_left(&self) -> usize {
        self.shared.world().plan.left()
    }

    /// Returns every review of a pull request in the API's form, pending ones included; oldest first.
    pub fn reviews(&self, slug: &str, number: u64) -> Vec<Value> {
        self.of_pull(slug, number, |render, pull| {
            pull.reviews
                .values()
                .map(|review| render.review(&pull.change, review))
                .collect()
        })
    }

    /// Returns every review comment of a pull request, those of pending reviews included; oldest first.
    pub fn review_comments(&self, slug: &str, number: u64) -> Vec<Value> {
        self.of_pull(slug, number, |render, pull| {
            pull.comments
                .values()
                .map(|comment| render.review_comment(&pull.change, comment))
                .collect()
        })
    }

    fn of_pull(&self, slug: &str, number: u64, list: impl FnOnce(Render<'_>, &Pull) -> Vec<Value>) -> Vec<Value> {
        let world = self.shared.world();
        let pull = world.state.repos.get(slug).and_then(|repo| repo.pulls.get(&number));
        pull.map(|pull| list(Render { api: self.shared.api() }, pull))
            .unwrap_or_default()
    }

    /// Returns every comment of a pull request's conversation; oldest first.
    pub fn issue_comments(&self, slug: &str, number: u64) -> Vec<Value> {
        let world = self.shared.world();
        let render = Render { api: self.shared.api() };
        let Some(repo) = world.state.repos.get(slug) else {
            return Vec::new();
        };
        let own = repo.issue_comments.values().filter(|comment| comment.issue == number);
        own.map(|comment| render.issue_comment(repo, comment)).collect()
    }

    /// Returns every check run of a repository; oldest first.
    pub fn check_runs(&self, slug: &str) -> Vec<Value> {
        let world = self.shared.world();
        let render = Render { api: self.shared.api() };
        let Some(repo) = world.state.repos.get(slug) else {
            return Vec::new();
        };
        repo.check_runs
            .values()
            .map(|run| render.check_run(&world.state, repo, run))
            .collect()
    }

    /// Returns the body of a `pull_request` webhook with this action (`opened`, `synchronize`, …), as GitHub would post
    /// it now.
    ///
    /// # Errors
    /// There is no such pull request.
    pub fn pull_request_event(&self, slug: &str, number: u64, action: &str) -> Result<Value, TestkitError> {
        let world = self.shared.world();
        let render = Render { api: self.shared.api() };
        let repo = world.state.repos.get(slug);
        let found = repo.and_then(|repo| Some((repo, repo.pulls.get(&number)?)));
        let (repo, pull) = found.ok_or_else(|| TestkitError::NoPullRequest {
            slug: slug.into(),
            number,
        })?;
        Ok(json!({
            "action": action, "number": number, "pull_request": render.pull(repo, pull),
            "repository": render.repo(repo), "sender": render.opener(&pull.change.author),
            "installation": { "id": Self::INSTALLATION_ID, "node_id": "I_7" },
        }))
    }
}
