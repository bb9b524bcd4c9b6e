//! Writing to a pull request. Never reads code, never asks a model.

use async_trait::async_trait;

use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::model::finding::Side;
use crate::model::sha::CommitSha;

/// One review, ready to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewDraft {
    /// The run that it is of: whoever posts it hides a signed marker of it in the body.
    pub run: String,
    /// Markdown, 64,000 characters at most: room is left for the marker.
    pub body: String,
    /// Inline comments; each lies inside one hunk.
    pub comments: Vec<ReviewComment>,
}

/// One inline comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewComment {
    /// The file.
    pub path: String,
    /// The side.
    pub side: Side,
    /// First line; `None` for a remark on one line.
    pub start_line: Option<u32>,
    /// Last line.
    pub line: u32,
    /// Markdown.
    pub body: String,
}

/// How a check run ends. Computed by code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckConclusion {
    /// All reviewed, nothing grave.
    Success,
    /// Partial, skipped, or withdrawn: never green.
    Neutral,
    /// Something at or above the gate's severity.
    ActionRequired,
}

/// A finished check run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutcome {
    /// The conclusion.
    pub conclusion: CheckConclusion,
    /// One line.
    pub title: String,
    /// Markdown, 65,535 characters at most.
    pub summary: String,
    /// Findings as annotations, 50 at most.
    pub annotations: Vec<Annotation>,
}

/// One annotation of a check run, on the head's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The file.
    pub path: String,
    /// First line.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// `notice`, `warning` or `failure`.
    pub level: &'static str,
    /// One line.
    pub title: String,
    /// Plain text.
    pub message: String,
}

/// A review as it stands on the pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftedReview {
    /// GitHub's id of the review.
    pub review: u64,
    /// Whether everyone sees it: it was found, and submitted before.
    pub is_submitted: bool,
}

/// Writing failed.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Credentials refused, or a permission is missing.
    #[error("{0}")]
    Forbidden(String),
    /// The organisation wants its single sign-on first.
    #[error("{0}")]
    SignOnRequired(String),
    /// The repository is archived: nothing can be written.
    #[error("{0}")]
    Archived(String),
    /// The conversation is locked: no comment can be written.
    #[error("{0}")]
    Locked(String),
    /// Not there.
    #[error("{0}")]
    NotFound(String),
    /// 422: what was sent is refused.
    #[error("{0}")]
    Rejected(String),
    /// A rate limit.
    #[error("{0}")]
    RateLimited(String),
    /// No answer, or 5xx: the effect may or may not have happened.
    #[error("{0}")]
    Unavailable(String),
}

impl PublishError {
    /// The workflow's name.
    pub const fn name(&self) -> ErrorName {
        match self {
            Self::Forbidden(_) => ErrorName::GithubForbidden,
            Self::SignOnRequired(_) => ErrorName::GithubSignOnRequired,
            Self::Archived(_) => ErrorName::GithubRepositoryArchived,
            Self::Locked(_) => ErrorName::GithubConversationLocked,
            Self::NotFound(_) => ErrorName::GithubNotFound,
            Self::Rejected(_) => ErrorName::GithubRejected,
            Self::RateLimited(_) => ErrorName::GithubRateLimited,
            Self::Unavailable(_) => ErrorName::GithubUnavailable,
        }
    }
}

/// Writes to a pull request. Each call is idempotent: done twice, there is one effect. What was written before is believed
/// to be ours only if our own account wrote it and its marker is rightly signed.
#[async_trait]
pub trait PublishReview: Send + Sync {
    /// Opens the run's check on the head, in progress; finds an open one of the same `external_id` first.
    /// `None` where the credentials may not write checks (only GitHub Apps may).
    async fn open_check(&self, target: &Target, external_id: &str) -> Result<Option<u64>, PublishError>;
    /// End of `open_check`: completes the check.
    async fn close_check(&self, target: &Target, check: u64, outcome: &CheckOutcome) -> Result<(), PublishError>;
    /// Undo of `open_check`: completes every check of this `external_id` that is in progress. One that was completed stays
    /// as it is.
    async fn close_checks(
        &self,
        target: &Target,
        external_id: &str,
        outcome: &CheckOutcome,
    ) -> Result<(), PublishError>;

    /// Reports the verdict of the head on another commit, a merge queue's group: a check that is complete there, with the
    /// head's conclusion, or neutral where the head has none. Nothing where the credentials may not write checks.
    async fn copy_check(&self, target: &Target, onto: &CommitSha) -> Result<(), PublishError> {
        let _nowhere = (target, onto);
        Ok(())
    }

    /// Says in a comment that the run is at work: writes the run's comment, or edits it.
    async fn announce(&self, target: &Target, run: &str, body: &str) -> Result<(), PublishError>;
    /// Undo of `announce` and `draft_review`: deletes the run's comment, and its draft. Gives whether its review was
    /// submitted: that one stays.
    async fn withdraw(&self, target: &Target, run: &str) -> Result<bool, PublishError>;
    /// End of `announce`: the run's comment becomes its summary; those of other runs, and all notices, are deleted.
    async fn summarize(&self, target: &Target, run: &str, body: &str) -> Result<(), PublishError>;
    /// Says in a comment of its own why the run could not be completed.
    async fn give_notice(&self, target: &Target, run: &str, body: &str) -> Result<(), PublishError>;
    /// Answers the command in the comment of this id, in one comment of its own: writes it, or edits it where it says
    /// something else. Neither a summary nor a withdrawal deletes it.
    async fn answer_command(&self, target: &Target, comment: u64, body: &str) -> Result<(), PublishError>;

    /// Posts the review with all its comments where nobody but us sees it, or finds it. A draft that another run of ours
    /// left behind is deleted: GitHub allows one. Errors: `Rejected` when GitHub refuses an anchor (the caller moves
    /// comments into the body), or when the account has a draft that is not ours.
    async fn draft_review(&self, target: &Target, draft: &ReviewDraft) -> Result<DraftedReview, PublishError>;
    /// Shows a drafted review to everyone (event COMMENT).
    async fn submit_review(&self, target: &Target, review: u64) -> Result<(), PublishError>;
}
