//! Data of notice pages.

use super::{Frame, PullRequest};

/// The data of a notice page.
#[derive(Clone, Debug)]
pub struct NoticeView {
    /// The frame of the page.
    pub frame: Frame,
    /// The event.
    pub notice: Notice,
    /// The run's page, if the reader may see it.
    pub run: Option<String>,
    /// The pull request, if it is known and the reader may see it.
    pub pull_request: Option<(String, PullRequest)>,
}

/// The method of signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// A GitHub account.
    Github,
    /// The address in the data directory of `holdfast serve`.
    ConsoleKey,
}

/// The event that a notice reports.
#[derive(Clone, Debug)]
pub enum Notice {
    /// This request made the decision.
    DecisionTaken(Decision),
    /// This request, or an earlier one by the same person, is recorded, and more people have to approve.
    VoteRecorded {
        /// The number of people who still have to approve.
        missing: u64,
        /// Whether the vote had been recorded before this request.
        is_repeated: bool,
    },
    /// Another request had made the decision before.
    AlreadyDecided(Decision),
    /// The time to decide is over.
    Expired {
        /// The expiry.
        at_ms: i64,
        /// Whether a second request for approval was or will be sent.
        asked_again: bool,
    },
    /// The pull request has a new head, or a newer run has replaced this one.
    Superseded {
        /// The full head commit of the review.
        head: String,
        /// The newer run's name, if there is one.
        newer_run: Option<String>,
    },
    /// The content has changed since the reader opened the page.
    PageChanged {
        /// The address of the current page.
        again_at: String,
    },
    /// The approval, run, unit, pull request or page doesn't exist.
    Unknown {
        /// The kind of object: `approval`, `run`, `unit`, `pull request`, `page`.
        what: String,
    },
    /// The reader isn't allowed to do this.
    NotAllowed {
        /// Their login, if they are signed in.
        name: Option<String>,
        /// The reason.
        why: Refusal,
        /// The address to sign in (as someone else).
        sign_in_at: Option<String>,
    },
    /// The code from the mail was wrong.
    WrongCode {
        /// The address to try again.
        again_at: String,
        /// Number of attempts left, at least 1: after the last one the reader isn't allowed to enter codes.
        tries_left: u32,
    },
    /// A form without a valid nonce, from another site, or too old.
    FormRefused {
        /// The address of a new form.
        again_at: String,
    },
    /// The reader has to sign in.
    SignIn {
        /// A link, not a form: the browser continues to another host.
        sign_in_at: String,
        /// The method.
        with: SignInMethod,
    },
    /// An action on a run succeeded.
    ActionTaken {
        /// The action: `cancelled`, `redriven`, `cleaned up`.
        did: String,
    },
    /// A recorded run was replayed.
    Replayed {
        /// The verdict.
        verdict: ReplayVerdict,
        /// Everything that differs, in lines.
        comparison: String,
    },
    /// Another failure.
    Failed {
        /// The HTTP status.
        status: u16,
        /// One line for people: the fault, its place, the remedy.
        message: String,
        /// The reference to search the log for, if there is one.
        reference: Option<String>,
    },
}

impl Notice {
    /// Returns the HTTP status of the page.
    pub const fn status(&self) -> u16 {
        match self {
            Self::VoteRecorded { is_repeated: true, .. } => 409,
            Self::DecisionTaken(_) | Self::VoteRecorded { .. } | Self::ActionTaken { .. } | Self::Replayed { .. } => {
                200
            }
            Self::SignIn { .. } => 401,
            Self::NotAllowed { .. } | Self::WrongCode { .. } | Self::FormRefused { .. } => 403,
            Self::Unknown { .. } => 404,
            Self::AlreadyDecided(_) | Self::PageChanged { .. } => 409,
            Self::Expired { .. } | Self::Superseded { .. } => 410,
            Self::Failed { status, .. } => *status,
        }
    }
}

/// The verdict of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayVerdict {
    /// The same outcome from the same prompts.
    Same,
    /// Something differs.
    Differs,
    /// A recorded answer is missing.
    Incomplete,
}

/// A decision.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Whether the review may be published.
    pub approved: bool,
    /// The person who decided.
    pub who: String,
    /// The time.
    pub at_ms: i64,
    /// The stated reason.
    pub reason: Option<String>,
    /// Number of findings left out.
    pub dropped: u64,
    /// Number of edited findings.
    pub edited: u64,
}

/// The reason why a person may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They have no write permission on the repository.
    NoWritePermission,
    /// They wrote the pull request.
    IsAuthor,
    /// They can't see this console.
    NotAMember,
    /// Too many wrong codes.
    TooManyCodes {
        /// Whether a second request for approval will be sent.
        asked_again: bool,
    },
    /// They are in none of the policy's teams.
    InNoTeam,
    /// Their mail went to an address without a login, so its code doesn't prove who they are.
    NeedsSignIn,
    /// Their team memberships couldn't be checked.
    TeamsUnknown,
}
