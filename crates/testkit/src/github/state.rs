//! GitHub's state: repositories, pull requests, reviews, comments, check runs, people. Plain data, cheap to copy, so
//! that a stale read can use the state before the last write.

use super::identity::Identity;
use super::objects::Objects;
use super::pull_request::PullRequest;
use super::render::account_id;
use super::reply::Reply;
use super::routes_artifacts::StoredArtifact;
use super::routes_code_scanning::Alert;
use super::routes_deliveries::Deliveries;
use super::routes_sign_in::SignIn;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(crate) struct State {
    pub app_id: u64,
    pub app_slug: String,
    /// The App's manifest, with its `default_permissions` and `default_events`.
    pub app_manifest: Value,
    pub installation_id: u64,
    pub repos: BTreeMap<String, Repo>,
    pub tokens: BTreeMap<String, Identity>,
    /// `active` or `pending` by organisation, team's slug and login.
    pub team_members: BTreeMap<(String, String, String), &'static str>,
    pub sign_in: SignIn,
    /// Manifests of Apps, by the code of their exchange.
    pub manifests: BTreeMap<String, Value>,
    pub deliveries: Deliveries,
    pub next_id: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Repo {
    /// Unchanged by a rename.
    pub id: u64,
    pub slug: String,
    /// Former names, from which requests are redirected.
    pub old_slugs: BTreeSet<String>,
    /// Read-only.
    pub is_archived: bool,
    /// Pull requests whose conversation is locked.
    pub locked: BTreeSet<u64>,
    /// True if its organisation requires single sign-on for tokens.
    pub wants_sign_on: bool,
    pub default_branch: String,
    pub pulls: BTreeMap<u64, Arc<Pull>>,
    pub issue_comments: BTreeMap<u64, Arc<IssueComment>>,
    pub check_runs: BTreeMap<u64, Arc<CheckRun>>,
    /// The role by login.
    pub collaborators: BTreeMap<String, String>,
    /// The analyses of code scanning.
    pub scans: Vec<Scan>,
    /// The commit that each of GitHub's merges has as its parent.
    pub merges: BTreeMap<String, String>,
    /// The artifacts of workflow runs, in the order of their upload.
    pub artifacts: Vec<Arc<StoredArtifact>>,
}

/// One analysis of a commit, with its open alerts.
#[derive(Clone, Debug)]
pub(crate) struct Scan {
    pub reference: String,
    pub commit: String,
    pub tool: String,
    pub alerts: Vec<Alert>,
}

#[derive(Clone, Debug)]
pub(crate) struct Pull {
    pub change: Arc<PullRequest>,
    pub reviews: BTreeMap<u64, Review>,
    pub comments: BTreeMap<u64, ReviewComment>,
    /// Every commit that is or was part of it.
    pub commits: BTreeSet<String>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Review {
    pub id: u64,
    pub author: Identity,
    pub body: String,
    /// `PENDING`, `COMMENTED`, `APPROVED`, `CHANGES_REQUESTED` or `DISMISSED`.
    pub state: String,
    pub commit_id: String,
    pub submitted_at: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct ReviewComment {
    pub id: u64,
    pub review_id: u64,
    pub author: Identity,
    pub path: String,
    pub body: String,
    pub commit_id: String,
    pub diff_hunk: String,
    /// `None` once a new head has changed its file's patch.
    pub position: Option<u32>,
    pub original_position: u32,
    pub original_line: u32,
    pub original_start_line: Option<u32>,
    pub side: &'static str,
    pub start_side: Option<&'static str>,
    pub created_at: String,
    pub updated_at: String,
    pub conversation: Conversation,
}

/// What people do with a review comment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversation {
    /// The first comment of its thread; `None` for that comment itself.
    pub reply_to: Option<u64>,
    /// The person who resolved its thread. Only a first comment has one.
    pub resolved_by: Option<String>,
    pub is_minimized: bool,
    /// Reactions: GraphQL's name of the content, and the person's login.
    pub reactions: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct IssueComment {
    pub id: u64,
    pub issue: u64,
    pub author: Identity,
    pub body: String,
    pub created_at: String,
    pub updated_at: String,
    /// The last editor of its text.
    pub editor: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct CheckRun {
    pub id: u64,
    pub head_sha: String,
    /// `name`, `status`, `conclusion`, `details_url`, `external_id`, `started_at`, `completed_at`.
    pub fields: Map<String, Value>,
    /// `title`, `summary`, `text`.
    pub output: Map<String, Value>,
    pub annotations: Vec<Value>,
}

impl State {
    pub fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Returns the repository with a name in any case.
    ///
    /// # Errors
    /// No repository has this name: 404.
    pub fn repo(&self, owner: &str, name: &str) -> Result<&Repo, Reply> {
        let slug = format!("{owner}/{name}");
        self.repos
            .values()
            .find(|repo| repo.slug.eq_ignore_ascii_case(&slug))
            .ok_or_else(Reply::not_found)
    }

    /// Returns the repository with an id.
    pub fn repo_of_id(&self, id: &str) -> Option<&Repo> {
        self.repos.values().find(|repo| repo.id.to_string() == id)
    }

    /// Returns the repository that had this name before, if none has it now.
    pub fn moved(&self, owner: &str, name: &str) -> Option<&Repo> {
        let slug = format!("{owner}/{name}").to_ascii_lowercase();
        let is_it = |known: &String| known.eq_ignore_ascii_case(&slug);
        let is_taken = self.repos.values().any(|repo| is_it(&repo.slug));
        let mut repos = self.repos.values().filter(|_| !is_taken);
        repos.find(|repo| repo.old_slugs.iter().any(is_it))
    }

    /// Returns the repository that has this name, or had it before. GraphQL follows a rename without a redirect.
    pub fn repo_now(&self, owner: &str, name: &str) -> Option<&Repo> {
        self.moved(owner, name).or_else(|| self.repo(owner, name).ok())
    }

    /// Returns the repository with a name in any case, to change it.
    ///
    /// # Errors
    /// No repository has this name: 404.
    pub fn repo_mut(&mut self, owner: &str, name: &str) -> Result<&mut Repo, Reply> {
        let slug = format!("{owner}/{name}");
        self.repos
            .values_mut()
            .find(|repo| repo.slug.eq_ignore_ascii_case(&slug))
            .ok_or_else(Reply::not_found)
    }
}

impl Repo {
    pub fn new(slug: &str, default_branch: &str) -> Self {
        Self {
            id: account_id(slug),
            slug: slug.into(),
            old_slugs: BTreeSet::new(),
            is_archived: false,
            locked: BTreeSet::new(),
            wants_sign_on: false,
            default_branch: default_branch.into(),
            pulls: BTreeMap::new(),
            issue_comments: BTreeMap::new(),
            check_runs: BTreeMap::new(),
            collaborators: BTreeMap::new(),
            scans: Vec::new(),
            merges: BTreeMap::new(),
            artifacts: Vec::new(),
        }
    }

    /// Returns true if one of its pull requests is marked as private.
    pub fn is_private(&self) -> bool {
        self.pulls.values().any(|pull| pull.change.is_private)
    }

    /// Returns the pull request with a number.
    ///
    /// # Errors
    /// No pull request has this number: 404.
    pub fn pull(&self, number: &str) -> Result<&Pull, Reply> {
        number
            .parse()
            .ok()
            .and_then(|number: u64| self.pulls.get(&number))
            .map(Arc::as_ref)
            .ok_or_else(Reply::not_found)
    }

    /// Returns the pull request with a number, to change it.
    ///
    /// # Errors
    /// No pull request has this number: 404.
    pub fn pull_mut(&mut self, number: &str) -> Result<&mut Pull, Reply> {
        number
            .parse()
            .ok()
            .and_then(|number: u64| self.pulls.get_mut(&number))
            .map(Arc::make_mut)
            .ok_or_else(Reply::not_found)
    }

    /// Returns the commit of a branch, `refs/pull/N/head`, tag or commit name, and the store of its files.
    pub fn resolve(&self, revision: &str) -> Option<(String, &Objects)> {
        let short = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        let named = |pull: &Pull| {
            let change = &pull.change;
            let pull_ref = format!("refs/pull/{}/head", change.number);
            if short == change.head_ref || revision == pull_ref || revision == change.head_sha {
                Some(change.head_sha.clone())
            } else if short == change.base_ref || revision == change.base_sha {
                Some(change.base_sha.clone())
            } else if revision == change.merge_base_sha {
                Some(change.merge_base_sha.clone())
            } else {
                None
            }
        };
        let newest_first = || self.pulls.values().rev();
        newest_first()
            .find_map(|pull| Some((named(pull)?, &pull.change.objects)))
            .or_else(|| {
                newest_first().find_map(|pull| Some((pull.change.objects.resolve(revision)?, &pull.change.objects)))
            })
    }

    pub fn knows_commit(&self, sha: &str) -> bool {
        self.pulls.values().any(|pull| pull.commits.contains(sha))
            || self.resolve(sha).is_some_and(|(known, _)| known == sha)
    }
}

impl Pull {
    pub fn new(change: PullRequest) -> Self {
        let commits = change.commits.clone();
        let change = Arc::new(change);
        let now = now();
        Self {
            change,
            reviews: BTreeMap::new(),
            comments: BTreeMap::new(),
            commits,
            created_at: now.clone(),
            updated_at: now,
        }
    }

    /// Moves the head. Comments on files whose patch changed become outdated: they lose their place in the diff.
    pub fn push(&mut self, change: PullRequest) {
        let old = Arc::clone(&self.change);
        let patch = |change: &PullRequest, path: &str| change.file(path).and_then(|file| file.patch.clone());
        for comment in self.comments.values_mut() {
            if patch(&old, &comment.path) != patch(&change, &comment.path) {
                comment.position = None;
            }
        }
        self.commits.extend(change.commits.iter().cloned());
        self.change = Arc::new(change);
        self.updated_at = now();
    }

    /// Returns the review with an id.
    ///
    /// # Errors
    /// No review has this id: 404.
    pub fn review(&self, id: &str) -> Result<&Review, Reply> {
        id.parse()
            .ok()
            .and_then(|id: u64| self.reviews.get(&id))
            .ok_or_else(Reply::not_found)
    }

    /// Returns the review with an id, to change it.
    ///
    /// # Errors
    /// No review has this id: 404.
    pub fn review_mut(&mut self, id: &str) -> Result<&mut Review, Reply> {
        id.parse()
            .ok()
            .and_then(|id: u64| self.reviews.get_mut(&id))
            .ok_or_else(Reply::not_found)
    }
}

/// Returns the current time in GitHub's form, to the second.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
