//! A command's access to a data directory: the open executions that it resumes, and the pull requests that it may write
//! to. A command for one run resumes only that run; a review without `--publish` writes nowhere, whatever the directory
//! holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::ledger::FindingId;
use holdfast_core::model::change::Target;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run_name::{RunName, stem_of};
use holdfast_core::port::{CheckOutcome, CommentRevision, DraftedReview, PublishError, PublishReview, ReviewDraft};

use holdfast_engine::Scope;

/// The open executions that a command resumes, and the places that it writes to.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The open executions that are resumed.
    pub scope: Scope,
    /// Where they may write; `None`: to the target of their own input.
    pub writes: Option<Writes>,
    /// The run that the command is about, if it is about one: a server's console has a page for it.
    pub about: Option<RunName>,
    /// The address of the console that this process serves, for commands that find the directory in use.
    pub console: Option<String>,
}

/// Where a command may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Nowhere.
    Nowhere,
    /// To this pull request, `OWNER/REPO` and number.
    PullRequest(RepositoryName, u64),
}

impl Access {
    /// Returns access to everything in the directory: for a server with a console at this address.
    pub fn all(console: &str) -> Self {
        Self {
            console: Some(console.to_owned()),
            ..Self::default()
        }
    }

    /// Returns access that resumes no run, to stop this one.
    pub fn to_stop(name: &RunName) -> Self {
        Self {
            about: Some(name.clone()),
            ..Self::to(Scope::only(|_| false))
        }
    }

    fn to(scope: Scope) -> Self {
        Self {
            scope,
            ..Self::default()
        }
    }

    /// Returns access to one run.
    pub fn run(name: &RunName) -> Self {
        let only = name.clone();
        Self {
            about: Some(name.clone()),
            ..Self::to(Scope::only(move |found| only == *found))
        }
    }

    /// Returns access to these runs.
    pub fn runs(names: BTreeSet<RunName>) -> Self {
        Self::to(Scope::only(move |found| names.iter().any(|name| name == found)))
    }

    /// Returns access to all attempts of a run's review.
    pub fn attempts_of(name: &RunName) -> Self {
        let stem = name.stem().to_owned();
        Self {
            about: Some(name.clone()),
            ..Self::to(Scope::only(move |found| stem_of(found) == stem))
        }
    }

    /// Returns access to the attempts of a review under both stems that versions of the program gave it. It writes to
    /// `publish_to` only.
    pub fn review(stems: [&str; 2], publish_to: Option<&Target>) -> Self {
        let stems = stems.map(str::to_owned);
        let place = publish_to.and_then(|target| Some((target.repository_name()?.clone(), target.pull_request()?)));
        Self {
            writes: Some(place.map_or(Writes::Nowhere, |(repository, number)| {
                Writes::PullRequest(repository, number)
            })),
            ..Self::to(Scope::only(move |found| {
                stems.iter().any(|stem| stem_of(found) == stem)
            }))
        }
    }
}

/// Writes to the pull request that a command names, and refuses all others.
pub struct PublishOnly {
    inner: Arc<dyn PublishReview>,
    writes: Writes,
}

impl PublishOnly {
    /// Limits `inner` to `writes`.
    pub const fn new(inner: Arc<dyn PublishReview>, writes: Writes) -> Self {
        Self { inner, writes }
    }

    fn to(&self, target: &Target) -> Result<&dyn PublishReview, PublishError> {
        let is_allowed = match &self.writes {
            Writes::Nowhere => false,
            Writes::PullRequest(repository, number) => {
                target.repository_name() == Some(repository) && target.pull_request() == Some(*number)
            }
        };
        match is_allowed {
            true => Ok(self.inner.as_ref()),
            false => Err(PublishError::Forbidden(format!(
                "this command may not write to {}: it was not started with that pull request's address and --publish",
                target.repository()
            ))),
        }
    }
}

#[async_trait]
impl PublishReview for PublishOnly {
    async fn open_check(&self, target: &Target, run: &RunName) -> Result<Option<u64>, PublishError> {
        self.to(target)?.open_check(target, run).await
    }

    async fn close_check(&self, target: &Target, check: u64, outcome: &CheckOutcome) -> Result<(), PublishError> {
        self.to(target)?.close_check(target, check, outcome).await
    }

    async fn close_checks(&self, target: &Target, run: &RunName, outcome: &CheckOutcome) -> Result<(), PublishError> {
        self.to(target)?.close_checks(target, run, outcome).await
    }

    async fn limited_for(&self, target: &Target) -> Result<Duration, PublishError> {
        self.to(target)?.limited_for(target).await
    }

    async fn announce(&self, target: &Target, run: &RunName, body: &str) -> Result<(), PublishError> {
        self.to(target)?.announce(target, run, body).await
    }

    async fn await_maintainer(&self, target: &Target, body: &str) -> Result<(), PublishError> {
        self.to(target)?.await_maintainer(target, body).await
    }

    async fn withdraw_state(&self, target: &Target, run: &RunName) -> Result<(), PublishError> {
        self.to(target)?.withdraw_state(target, run).await
    }

    async fn withdraw_draft(&self, target: &Target, run: &RunName) -> Result<bool, PublishError> {
        self.to(target)?.withdraw_draft(target, run).await
    }

    async fn summarize(&self, target: &Target, run: &RunName, body: &str) -> Result<(), PublishError> {
        self.to(target)?.summarize(target, run, body).await
    }

    async fn revise_comment(&self, target: &Target, revision: &CommentRevision) -> Result<(), PublishError> {
        self.to(target)?.revise_comment(target, revision).await
    }

    async fn resolve_thread(&self, target: &Target, thread: &str, is_resolved: bool) -> Result<bool, PublishError> {
        self.to(target)?.resolve_thread(target, thread, is_resolved).await
    }

    async fn posted_findings(&self, target: &Target, review: u64) -> Result<Vec<(FindingId, u64)>, PublishError> {
        self.to(target)?.posted_findings(target, review).await
    }

    async fn answer_command(&self, target: &Target, comment: u64, body: &str) -> Result<(), PublishError> {
        self.to(target)?.answer_command(target, comment, body).await
    }

    async fn draft_review(&self, target: &Target, draft: &ReviewDraft) -> Result<DraftedReview, PublishError> {
        self.to(target)?.draft_review(target, draft).await
    }

    async fn submit_review(&self, target: &Target, review: u64) -> Result<(), PublishError> {
        self.to(target)?.submit_review(target, review).await
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn a_review_resumes_its_attempts_under_both_names() {
        let reach = Access::review(["o-r-1-aaaa-new", "o-r-1-aaaa-old"], None);
        for (name, is_held) in [
            ("o-r-1-aaaa-new-1", true),
            ("o-r-1-aaaa-new-12", true),
            ("o-r-1-aaaa-old-3", true),
            ("o-r-1-aaaa-new", false),
            ("o-r-1-aaaa-new-1-1", false),
            ("o-r-1-aaaa-newer-1", false),
            ("other-1", false),
        ] {
            assert_eq!(reach.scope.holds(name), is_held, "{name}");
        }
        assert_eq!(reach.writes.unwrap(), Writes::Nowhere);
    }
}
