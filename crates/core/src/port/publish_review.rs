//! The port that writes to a pull request. It never reads code and never calls a model.

use std::time::Duration;

use async_trait::async_trait;

use crate::ledger::{FindingId, FindingMark};
use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::model::finding::Side;
use crate::model::run_name::RunName;
use crate::model::sha::CommitSha;

/// The beginning of an answer to a command that started a review. Once a summary shows the review, it is outdated.
pub const ANSWER_OF_STARTED: &str = "Reviewing (run ";

/// One review, ready to post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewDraft {
    /// The run: the adapter hides a signed marker with [`Self::subject`] in the body.
    pub run: RunName,
    /// Whether it is the second review of its run: what was approved after the rest was published.
    pub is_approved_part: bool,
    /// Markdown, at most 64,000 characters, which leaves room for the marker.
    pub body: String,
    /// Inline comments, each inside one hunk.
    pub comments: Vec<ReviewComment>,
}

impl ReviewDraft {
    /// Returns the text by which the review is found again: another one for each part.
    pub fn subject(&self) -> String {
        let [first, approved] = Self::subjects(&self.run);
        if self.is_approved_part { approved } else { first }
    }

    /// Returns the subjects of both reviews that a run may have.
    pub fn subjects(run: &RunName) -> [String; 2] {
        [run.to_string(), format!("{run}.approved")]
    }
}

/// One inline comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewComment {
    /// The file.
    pub path: String,
    /// The side.
    pub side: Side,
    /// First line; `None` for a comment on one line.
    pub start_line: Option<u32>,
    /// Last line.
    pub line: u32,
    /// Markdown.
    pub body: String,
    /// The finding that it shows: the adapter hides a signed marker with it in the body. None in runs without a ledger.
    pub finding: Option<FindingMark>,
}

/// A change of an inline comment that was published before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentRevision {
    /// GitHub's id of the comment.
    pub comment: u64,
    /// Its GraphQL node id.
    pub node: String,
    /// Its new Markdown.
    pub body: String,
    /// The finding that it shows.
    pub finding: FindingMark,
    /// Whether GitHub shows it folded, as resolved.
    pub is_minimized: bool,
}

/// The conclusion of a check run, computed by code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckConclusion {
    /// All files were reviewed, and no finding is at or above the gate's severity.
    Success,
    /// Partial, skipped or withdrawn: never green.
    Neutral,
    /// A finding at or above the gate's severity.
    ActionRequired,
}

/// A finished check run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckOutcome {
    /// The conclusion.
    pub conclusion: CheckConclusion,
    /// One line.
    pub title: String,
    /// Markdown, at most 65,535 characters.
    pub summary: String,
    /// Findings as annotations, at most 50.
    pub annotations: Vec<Annotation>,
    /// Whether a person is awaited: the check then links to the page where they decide, otherwise to the run's page.
    pub awaits_decision: bool,
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

/// A review on the pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftedReview {
    /// GitHub's id of the review.
    pub review: u64,
    /// Whether it was submitted before, so that everyone sees it.
    pub is_submitted: bool,
}

/// A write failed.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// GitHub refuses the credentials, or a permission is missing.
    #[error("{0}")]
    Forbidden(String),
    /// The organisation requires single sign-on.
    #[error("{0}")]
    SignOnRequired(String),
    /// The repository is archived: GitHub accepts no writes.
    #[error("{0}")]
    Archived(String),
    /// The conversation is locked: GitHub accepts no comments.
    #[error("{0}")]
    Locked(String),
    /// The repository, the pull request or another object is missing.
    #[error("{0}")]
    NotFound(String),
    /// 422: GitHub refuses the content.
    #[error("{0}")]
    Rejected(String),
    /// A rate limit.
    #[error("{detail}")]
    RateLimited {
        /// The server's message.
        detail: String,
        /// When to retry, in seconds from now, where the server names a time.
        retry_after_s: Option<u64>,
    },
    /// No answer, or 5xx: the write may or may not have happened.
    #[error("{0}")]
    Unavailable(String),
}

impl PublishError {
    /// Returns the workflow's name for it.
    pub const fn name(&self) -> ErrorName {
        match self {
            Self::Forbidden(_) => ErrorName::GithubForbidden,
            Self::SignOnRequired(_) => ErrorName::GithubSignOnRequired,
            Self::Archived(_) => ErrorName::GithubRepositoryArchived,
            Self::Locked(_) => ErrorName::GithubConversationLocked,
            Self::NotFound(_) => ErrorName::GithubNotFound,
            Self::Rejected(_) => ErrorName::GithubRejected,
            Self::RateLimited { .. } => ErrorName::GithubRateLimited,
            Self::Unavailable(_) => ErrorName::GithubUnavailable,
        }
    }

    /// Returns the seconds until GitHub accepts requests again, where it names them.
    pub const fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_s, .. } => *retry_after_s,
            _ => None,
        }
    }
}

/// Writes to a pull request. Each call is idempotent: a repeated call has no second effect. A comment or review counts
/// as Holdfast's only if Holdfast's account wrote it and its marker has a valid signature.
///
/// A failure has the [`PublishError`] that describes GitHub's refusal; without an answer, the write may have happened.
#[async_trait]
pub trait PublishReview: Send + Sync {
    /// Opens the run's check on the head, in progress, or finds the open one of the same run. Returns `None`
    /// where the credentials may not write checks (only GitHub Apps may).
    ///
    /// # Errors
    /// GitHub refuses the head or the name, or gives no answer.
    async fn open_check(&self, target: &Target, run: &RunName) -> Result<Option<u64>, PublishError>;
    /// Completes the check that `open_check` opened, and links it to a page of the console if there is one.
    ///
    /// # Errors
    /// The check doesn't exist, or GitHub refuses or doesn't answer.
    async fn close_check(&self, target: &Target, check: u64, outcome: &CheckOutcome) -> Result<(), PublishError>;
    /// Undoes `open_check`: completes every check of this run that is in progress. Completed checks stay
    /// unchanged.
    ///
    /// # Errors
    /// The head's checks can't be listed, or one of them can't be completed.
    async fn close_checks(&self, target: &Target, run: &RunName, outcome: &CheckOutcome) -> Result<(), PublishError>;

    /// Writes a completed check on a merge queue's commit, with the conclusion of the head's check; neutral where the
    /// head has none. Does nothing where the credentials may not write checks.
    ///
    /// # Errors
    /// The head's check can't be read, or the commit's check can't be written.
    async fn copy_check(&self, target: &Target, onto: &CommitSha) -> Result<(), PublishError> {
        let _nowhere = (target, onto);
        Ok(())
    }

    /// Returns the time for which GitHub is known to limit writes to the pull request; zero if it isn't. Sends no request.
    ///
    /// # Errors
    /// What the deployment knows about it can't be read.
    async fn limited_for(&self, target: &Target) -> Result<Duration, PublishError> {
        let _nowhere = target;
        Ok(Duration::ZERO)
    }

    /// Writes the run's state to the top of the summary comment, in place of any earlier state. The last published
    /// summary stays below it. Creates the comment if the pull request has none.
    ///
    /// # Errors
    /// The pull request is locked, archived or missing, or GitHub refuses or doesn't answer.
    async fn announce(&self, target: &Target, run: &RunName, body: &str) -> Result<(), PublishError>;
    /// Writes to the top of the summary comment that the pull request waits for a maintainer, as `announce` writes a
    /// run's state.
    ///
    /// # Errors
    /// As [`Self::announce`].
    async fn await_maintainer(&self, target: &Target, body: &str) -> Result<(), PublishError>;
    /// Undoes `announce`: deletes the run's state from the summary comment, and the comment itself if it has no summary.
    ///
    /// # Errors
    /// The comments can't be listed, or one of them can't be edited or deleted.
    async fn withdraw_state(&self, target: &Target, run: &RunName) -> Result<(), PublishError>;
    /// Undoes `draft_review`: deletes the run's draft. A submitted review and the run's summary stay. Returns whether
    /// there is one of them.
    ///
    /// # Errors
    /// The reviews or comments can't be listed, or the draft can't be deleted.
    async fn withdraw_draft(&self, target: &Target, run: &RunName) -> Result<bool, PublishError>;
    /// Replaces the whole summary comment with the run's summary, and deletes older comments of runs, the notices of
    /// earlier versions, and the answers that only announced a review.
    ///
    /// # Errors
    /// The comment can't be edited, or one of the others can't be deleted.
    async fn summarize(&self, target: &Target, run: &RunName, body: &str) -> Result<(), PublishError>;
    /// Changes an inline comment of Holdfast's account, and folds it or shows it again. A deleted comment, and a refusal
    /// to fold it, count as done.
    ///
    /// # Errors
    /// GitHub refuses the edit or doesn't answer.
    async fn revise_comment(&self, target: &Target, revision: &CommentRevision) -> Result<(), PublishError>;
    /// Resolves the thread of an inline comment by its GraphQL node id, or opens it again. A deleted thread counts as
    /// done. Returns false if the credentials may not: GitHub lets only tokens with the permission to push do it.
    ///
    /// # Errors
    /// GitHub limits requests or doesn't answer.
    async fn resolve_thread(&self, target: &Target, thread: &str, is_resolved: bool) -> Result<bool, PublishError>;
    /// Reads the findings of a submitted review with GitHub's ids of their comments, in one request: at most 100.
    ///
    /// # Errors
    /// The review is missing, or GitHub refuses or doesn't answer.
    async fn posted_findings(&self, target: &Target, review: u64) -> Result<Vec<(FindingId, u64)>, PublishError>;
    /// Writes or edits the one comment that answers the command in the comment of this id. `summarize` deletes it only
    /// if it begins with [`ANSWER_OF_STARTED`].
    ///
    /// # Errors
    /// As [`Self::announce`].
    async fn answer_command(&self, target: &Target, comment: u64, body: &str) -> Result<(), PublishError>;

    /// Writes the review with all its comments as a draft that only Holdfast's account sees, or finds it. Deletes a
    /// draft of another of Holdfast's runs, because GitHub allows one.
    ///
    /// # Errors
    ///
    /// `Rejected` when GitHub refuses an anchor (the caller moves comments into the body), or when the account has a
    /// draft that is not Holdfast's.
    async fn draft_review(&self, target: &Target, draft: &ReviewDraft) -> Result<DraftedReview, PublishError>;
    /// Submits a drafted review (event COMMENT): everyone sees it.
    ///
    /// # Errors
    /// The draft doesn't exist any more, or GitHub refuses or doesn't answer.
    async fn submit_review(&self, target: &Target, review: u64) -> Result<(), PublishError>;
}
