//! The page that a person decides on.

use holdfast_core::model::finding::Severity;

use super::{FileDiff, Frame, Numbered, PostForm, PullRequest};

/// What the approval page is told.
#[derive(Clone, Debug)]
pub struct ApprovalView {
    /// Around it.
    pub frame: Frame,
    /// What is asked.
    pub question: Question,
    /// Where the decision goes.
    pub form: PostForm,
    /// Who decides.
    pub identity: Identity,
    /// The findings that the pull request will show beside their lines, each in its hunk: see [`super::shown_and_folded`].
    pub diffs: Vec<FileDiff>,
    /// The findings that it will list folded, beyond `max_findings`.
    pub folded: Vec<Numbered>,
    /// What the review says on the whole, Markdown from a model.
    pub summary: String,
    /// Remarks: cut-offs, limits.
    pub notes: Vec<String>,
    /// How many changed files are unreviewed.
    pub unreviewed: u64,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The run that waits.
    pub run: String,
    /// `owner/name`.
    pub repository: String,
    /// The pull request.
    pub pull_request: PullRequest,
    /// Login of its author, who may not decide.
    pub author: Option<String>,
    /// The commit that was reviewed, in full.
    pub head: String,
    /// Who asks: the account that the review is published by.
    pub asked_by: String,
    /// When it was asked.
    pub asked_ms: i64,
    /// Until when it can be answered.
    pub expires_ms: i64,
    /// 1 for the first question, 2 for the escalation.
    pub round: u32,
    /// The worst finding's severity.
    pub worst: Severity,
    /// Hash of what this page shows; the decision holds for it alone.
    pub page_version: String,
}

/// How who decides is known.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Signed in, with write permission on the repository.
    SignedIn {
        /// Their login.
        name: String,
    },
    /// By the code in the mail, typed by hand.
    Code {
        /// The login that the code counts for.
        login: String,
        /// Where one can sign in instead, if that is set up.
        sign_in_at: Option<String>,
    },
    /// Nobody yet, and no code was mailed: sign in first.
    SignInFirst {
        /// Where.
        sign_in_at: String,
    },
    /// Nobody can sign in, and the mail's address names no login: only whoever runs this deployment decides.
    OperatorOnly,
}
