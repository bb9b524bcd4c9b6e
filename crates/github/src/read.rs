//! Reads a pull request: its head, its changed files, a file's bytes. Never writes.

use async_trait::async_trait;
use holdfast_core::diff::coarse_note;
use holdfast_core::evidence::{Evidence, ToolRuns};
use holdfast_core::identity::identify;
use holdfast_core::model::change::{Change, ChangedFile, Target};
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{Ends, ReadChange, ReadError, ReadPull, RootEntry};

use super::address::PullRequestAddress;
use super::alerts;
use super::artifacts;
use super::blobs::{self, is_plain, read_blob};
use super::classify::{Trees, classify, is_unclear, read_folder, read_root, read_tree};
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::files;
use super::folders::Folders;
use super::unshown;
use super::wire::{Comparison, Pull, Repository};

/// The permission to read pull requests.
pub(super) const PULL_READ: &str = "Pull requests: read";
/// The permission to read files.
pub(super) const CONTENTS_READ: &str = "Contents: read";
/// Maximum size of a file, in bytes.
pub(super) const MAX_BLOB_BYTES: usize = 1024 * 1024;

/// The place of a pull request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub repository: &'a RepositoryName,
    pub number: &'a str,
}

impl<'a> Place<'a> {
    /// Returns a path below the repository.
    pub fn repository<'b>(&self, rest: &[&'b str]) -> Vec<&'b str>
    where
        'a: 'b,
    {
        [&["repos", self.repository.owner(), self.repository.name()], rest].concat()
    }

    /// Returns a path below the pull request's conversation.
    pub fn issue<'b>(&self, rest: &[&'b str]) -> Vec<&'b str>
    where
        'a: 'b,
    {
        self.repository(&[&["issues", self.number], rest].concat())
    }

    /// Returns a path below the pull request.
    pub fn pull<'b>(&self, rest: &[&'b str]) -> Vec<&'b str>
    where
        'a: 'b,
    {
        self.repository(&[&["pulls", self.number], rest].concat())
    }
}

/// The pull request of a target.
#[derive(Clone, Debug)]
pub(super) struct PullRequest {
    repository: RepositoryName,
    number: String,
    pub head: CommitSha,
}

impl PullRequest {
    /// Returns `None` for a work tree.
    pub fn of(target: &Target) -> Option<Self> {
        let Target::PullRequest {
            repository,
            number,
            head,
            ..
        } = target
        else {
            return None;
        };
        Some(Self {
            repository: repository.clone(),
            number: number.to_string(),
            head: head.clone(),
        })
    }

    pub fn place(&self) -> Place<'_> {
        Place {
            repository: &self.repository,
            number: &self.number,
        }
    }
}

/// Reads pull requests.
#[derive(Clone, Debug)]
pub struct GithubReadChange {
    pub(super) connection: GithubConnection,
    folders: Folders,
}

impl GithubReadChange {
    /// Uses this connection.
    pub fn new(connection: GithubConnection) -> Self {
        Self {
            connection,
            folders: Folders::default(),
        }
    }

    /// Returns the target of an address, with the current head, merge base and settings.
    ///
    /// # Errors
    ///
    /// The connection's API belongs to another host, or reading fails.
    pub async fn resolve(&self, address: &PullRequestAddress) -> Result<Target, ReadError> {
        let checked = self.connection.check_host(address);
        checked.map_err(|error| ReadError::NotFound(error.to_string()))?;
        let pull = self.pull(&address.repository, address.number).await?;
        let head = pull.head.clone();
        Ok(identify(self, self, &pull, head).await?.target)
    }

    /// Returns whether a pull request's branch is in another repository, or in one that was deleted.
    ///
    /// # Errors
    ///
    /// The pull request can't be found or read; the credentials are refused or limited.
    pub async fn is_from_fork(&self, target: &Target) -> Result<bool, ReadError> {
        let pull = read_pull(&self.connection, pull_request(target)?.place()).await?;
        let id = |end: Option<Repository>| end.map(|repository| repository.id);
        let (head, base) = (id(pull.head.repo), id(pull.base.repo));
        Ok(head.is_none() || head != base)
    }
}

#[async_trait]
impl ReadChange for GithubReadChange {
    async fn read_change(&self, target: &Target) -> Result<Change, ReadError> {
        let request = pull_request(target)?;
        let (connection, place) = (&self.connection, request.place());
        let pull = read_pull(connection, place).await?;
        let head = head_of(&pull)?;
        let is_branch_here = is_branch_here(&pull);
        let base_tip = sha(&pull.base.sha)?;
        let base = merge_base(connection, place, &base_tip, &head).await?;
        let listed = files::list(connection, place, pull.changed_files).await?;
        let mut trees = None;
        if listed.iter().any(is_unclear) {
            let (old, new) = tokio::try_join!(
                read_tree(connection, place, base.as_str()),
                read_tree(connection, place, head.as_str()),
            )?;
            trees = old.zip(new).map(|(base, head)| Trees { base, head });
        }
        // The head may have moved while the list was read: a change that mixes two heads must not look like that of
        // one.
        let head = head_of(&read_pull(connection, place).await?)?;
        let files_total = pull.changed_files.max(listed.len() as u64);
        let mut files: Vec<ChangedFile> = listed.into_iter().map(|file| classify(file, trees.as_ref())).collect();
        let coarse = unshown::fill(connection, place, &mut files, trees.as_ref()).await?;
        Ok(Change {
            base,
            base_tip: Some(base_tip),
            head,
            title: pull.title,
            description: pull.body.unwrap_or_default(),
            author: pull.user.map(|user| user.login),
            url: Some(pull.html_url),
            is_branch_here,
            files_total,
            notes: coarse_note(&coarse).into_iter().collect(),
            files,
        })
    }

    /// Reads the blob of the path's entry in its folder, because GitHub's contents of a path follow symbolic links. A
    /// link has no content here, nor has a folder or a submodule.
    async fn read_file(&self, target: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        let request = pull_request(target)?;
        let parts: Vec<&str> = path.split('/').collect();
        // A repository has no such path, and in an address it would mean another one.
        if !is_plain(path) {
            return Ok(None);
        }
        let place = request.place();
        match self.folders.find_blob(&self.connection, place, &parts, at).await? {
            Some(blob) => Ok(read_blob(&self.connection, place, &blob, MAX_BLOB_BYTES).await?),
            None => Ok(None),
        }
    }

    async fn read_files(
        &self,
        target: &Target,
        paths: &[&str],
        at: &CommitSha,
    ) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        let request = pull_request(target)?;
        Ok(blobs::read_files(&self.connection, &self.folders, request.place(), paths, at).await?)
    }

    async fn read_root(&self, target: &Target, at: &CommitSha) -> Result<Option<Vec<RootEntry>>, ReadError> {
        let request = pull_request(target)?;
        Ok(read_root(&self.connection, request.place(), at.as_str()).await?)
    }

    async fn code_scanning(&self, target: &Target, head: &CommitSha) -> Result<Evidence, ReadError> {
        let request = pull_request(target)?;
        Ok(alerts::read(&self.connection, request.place(), head).await?)
    }

    async fn artifacts(&self, target: &Target, head: &CommitSha, names: &[String]) -> Result<ToolRuns, ReadError> {
        let request = pull_request(target)?;
        Ok(artifacts::read(&self.connection, request.place(), head, names).await?)
    }

    async fn read_folder(
        &self,
        target: &Target,
        name: &str,
        at: &CommitSha,
    ) -> Result<Option<Vec<RootEntry>>, ReadError> {
        let request = pull_request(target)?;
        Ok(read_folder(&self.connection, request.place(), name, at.as_str()).await?)
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        head_of(&read_pull(&self.connection, pull_request(target)?.place()).await?).map_err(ReadError::from)
    }

    async fn current_ends(&self, target: &Target) -> Result<Ends, ReadError> {
        let request = pull_request(target)?;
        let pull = read_pull(&self.connection, request.place()).await?;
        let head = head_of(&pull)?;
        // The head first: a comparison with another head than the run's is of no use.
        let merge_base = match head == request.head {
            true => Some(merge_base(&self.connection, request.place(), &sha(&pull.base.sha)?, &head).await?),
            false => None,
        };
        Ok(Ends { head, merge_base })
    }
}

fn pull_request(target: &Target) -> Result<PullRequest, ReadError> {
    PullRequest::of(target).ok_or_else(|| ReadError::NotFound("a work tree is not a pull request".to_owned()))
}

pub(super) async fn read_pull(connection: &GithubConnection, place: Place<'_>) -> Result<Pull, Failure> {
    connection.json(connection.get(&place.pull(&[]), PULL_READ)).await
}

/// Returns whether the pull request's branch is in its own repository, and not in a fork or a deleted one.
fn is_branch_here(pull: &Pull) -> bool {
    let ends = pull.head.repo.as_ref().zip(pull.base.repo.as_ref());
    ends.is_some_and(|(head, base)| head.id == base.id)
}

pub(super) fn head_of(pull: &Pull) -> Result<CommitSha, Failure> {
    sha(&pull.head.sha)
}

/// Returns the commit at which the pull request's diff starts: the last one that both ends have, not the base branch's
/// tip.
pub(super) async fn merge_base(
    connection: &GithubConnection,
    place: Place<'_>,
    base: &CommitSha,
    head: &CommitSha,
) -> Result<CommitSha, Failure> {
    let ends = format!("{base}...{head}");
    let call = connection.get(&place.repository(&["compare", &ends]), CONTENTS_READ);
    // The second page, which is small: the files of a comparison are on the first one.
    match connection
        .json::<Comparison>(call.query("per_page", "1").query("page", "2"))
        .await
    {
        Ok(comparison) => sha(&comparison.merge_base_commit.sha),
        // The fork or the base's commit is gone: the base branch's tip is the best approximation.
        Err(Failure {
            kind: Kind::NotFound, ..
        }) => Ok(base.clone()),
        Err(failure) => Err(failure),
    }
}

pub(super) fn sha(text: &str) -> Result<CommitSha, Failure> {
    CommitSha::parse(text).map_err(|error| Failure::unreadable("GET pull request", &error.to_string()))
}
