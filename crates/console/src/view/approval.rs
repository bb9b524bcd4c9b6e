//! Data of the approval page.

use holdfast_core::model::finding::Severity;

use super::{FileDiff, Frame, Numbered, PostForm, PullRequest};

/// The data of the approval page.
#[derive(Clone, Debug)]
pub struct ApprovalView {
    /// The frame of the page.
    pub frame: Frame,
    /// The request for approval.
    pub question: Question,
    /// The address of the decision.
    pub form: PostForm,
    /// The reader's identity.
    pub identity: Identity,
    /// The findings that the pull request will show next to their lines, each in its hunk: see
    /// [`super::shown_and_folded`].
    pub diffs: Vec<FileDiff>,
    /// The findings that it will list folded, without a comment.
    pub folded: Vec<Numbered>,
    /// The summary of the review, Markdown from a model.
    pub summary: String,
    /// Notes on the review, such as limits that were reached.
    pub notes: Vec<String>,
    /// Number of unreviewed files.
    pub unreviewed: u64,
}

/// A request for approval.
#[derive(Clone, Debug)]
pub struct Question {
    /// The run that is waiting for a decision.
    pub run: String,
    /// `owner/name`.
    pub repository: String,
    /// The pull request.
    pub pull_request: PullRequest,
    /// Login of its author, who can't decide.
    pub author: Option<String>,
    /// The full id of the reviewed commit.
    pub head: String,
    /// The name of the account that requests the approval.
    pub asked_by: String,
    /// The time of the request, in ms since 1970.
    pub asked_ms: i64,
    /// The end of the time to decide, in ms since 1970.
    pub expires_ms: i64,
    /// 1 for the first request, 2 for the escalation.
    pub round: u32,
    /// The worst finding's severity.
    pub worst: Severity,
    /// Whether everything else is published already.
    pub rest_is_published: bool,
    /// The SHA-256 of the page's content, in hex. A decision counts only for this content.
    pub page_version: String,
}

/// The proof of the reader's identity.
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
        /// The address to sign in instead, if sign-in is set up.
        sign_in_at: Option<String>,
    },
    /// Not known yet, and no code was mailed: they have to sign in first.
    SignInFirst {
        /// The address to sign in.
        sign_in_at: String,
    },
    /// Nobody can sign in, and the mail's address has no login: only the operator of this deployment can decide.
    OperatorOnly,
}
