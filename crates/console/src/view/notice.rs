//! Pages that say one thing: what happened and what to do next.

use super::{Frame, PullRequest};

/// What such a page is told.
#[derive(Clone, Debug)]
pub struct NoticeView {
    /// Around it.
    pub frame: Frame,
    /// What happened.
    pub notice: Notice,
    /// The run's page, where there is one that the reader may see.
    pub run: Option<String>,
    /// The pull request, where it is known and the reader may see it.
    pub pull_request: Option<(String, PullRequest)>,
}

/// What a reader signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInMethod {
    /// A GitHub account.
    Github,
    /// The address in the data directory of `holdfast serve`.
    ConsoleKey,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Notice {
    /// This very request decided.
    DecisionTaken(Decision),
    /// Someone has decided before.
    AlreadyDecided(Decision),
    /// The time to decide is over.
    Expired {
        /// Since when.
        at_ms: i64,
        /// Whether the question was or will be asked once more.
        asked_again: bool,
    },
    /// The pull request has moved on, or a newer run has taken over.
    Superseded {
        /// The head that was shown, in full.
        head: String,
        /// The newer run's name, where there is one.
        newer_run: Option<String>,
    },
    /// The content is not what the reader saw.
    PageChanged {
        /// Where the page as it is now can be read.
        again_at: String,
    },
    /// There is no such approval, run, unit or page.
    Unknown {
        /// What was looked for: `approval`, `run`, `unit`, `page`.
        what: String,
    },
    /// The reader may not.
    NotAllowed {
        /// Their login, where they are signed in.
        name: Option<String>,
        /// Why.
        why: Refusal,
        /// Where to sign in (as someone else).
        sign_in_at: Option<String>,
    },
    /// The code from the mail was wrong.
    WrongCode {
        /// Where it can be tried again.
        again_at: String,
        /// How often it can still be tried.
        tries_left: u32,
    },
    /// A form without its nonce, or from elsewhere, or one that is too old.
    FormRefused {
        /// Where the form can be filled in anew.
        again_at: String,
    },
    /// The reader has to sign in.
    SignIn {
        /// A link, not a form: the browser goes on to another host.
        sign_in_at: String,
        /// With what.
        with: SignInMethod,
    },
    /// An action on a run was taken in.
    ActionTaken {
        /// What: `cancelled`, `redriven`, `cleaned up`.
        did: String,
    },
    /// A recorded run was run again.
    Replayed {
        /// How it came out.
        verdict: ReplayVerdict,
        /// Everything that differs, in lines.
        told: String,
    },
    /// Something else went wrong.
    Failed {
        /// The HTTP status.
        status: u16,
        /// One line for people: what, where, remedy.
        message: String,
        /// By which the log is searched, if there is one.
        reference: Option<String>,
    },
}

impl Notice {
    /// The HTTP status that the page is sent with.
    pub const fn status(&self) -> u16 {
        match self {
            Self::DecisionTaken(_) | Self::ActionTaken { .. } | Self::Replayed { .. } => 200,
            Self::SignIn { .. } => 401,
            Self::NotAllowed { .. } | Self::WrongCode { .. } | Self::FormRefused { .. } => 403,
            Self::Unknown { .. } => 404,
            Self::AlreadyDecided(_) | Self::PageChanged { .. } => 409,
            Self::Expired { .. } | Self::Superseded { .. } => 410,
            Self::Failed { status, .. } => *status,
        }
    }
}

/// How a replay came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayVerdict {
    /// The same outcome, and the same questions asked.
    Same,
    /// Something differs.
    Differs,
    /// A recorded answer is missing.
    Incomplete,
}

/// A decision that was taken.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Whether the review may be published.
    pub approved: bool,
    /// Who decided.
    pub who: String,
    /// When.
    pub at_ms: i64,
    /// The reason that was given.
    pub reason: Option<String>,
    /// How many findings were left out.
    pub dropped: u64,
    /// How many findings were edited.
    pub edited: u64,
}

/// Why someone may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They have no write permission on the repository.
    NoWritePermission,
    /// They wrote the pull request.
    IsAuthor,
    /// They may not see this console.
    NotAMember,
    /// The code was wrong too often.
    TooManyCodes,
    /// They are in none of the policy's teams.
    InNoTeam,
    /// Their mail went to an address without a login: its code doesn't tell who they are.
    NeedsSignIn,
    /// Whether they are in one of the policy's teams could not be checked.
    TeamsUnknown,
}
