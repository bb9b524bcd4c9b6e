//! The question to approvers before a review with severe findings is published, and their decisions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::approver::{Approver, is_login};
use super::change::Target;
use super::finding::Severity;
use super::run_name::RunName;
use super::sha::CommitSha;

/// A question to the approvers. Its task token isn't here: only the question's row has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// The run that waits.
    pub run: RunName,
    /// 1 for the first question, 2 for the escalation.
    pub round: u32,
    /// The reviewed target. A decision counts only while the run holds its claim.
    pub target: Target,
    /// The place of the change, for people.
    pub subject: String,
    /// The worst finding's severity.
    pub worst: Severity,
    /// The number of findings to decide about.
    pub findings: u64,
    /// The author of the change, who may not decide.
    pub author: Option<String>,
    /// The SHA-256 of the findings and the walkthrough, in hex: identifies the content of the decision.
    pub content: String,
    /// Number of different people who must approve, 1 to 10. One rejection is enough.
    pub needed: u32,
    /// The notified approvers, each once, never the change's author.
    pub asked: Vec<Approver>,
    /// Time of the question, in ms since 1970.
    pub asked_ms: i64,
    /// Time of expiry, in ms since 1970. Later decisions are refused.
    pub expires_ms: i64,
    /// The merge base that the change starts from; none in a question of an earlier version.
    #[serde(default)]
    pub base: Option<CommitSha>,
    /// Whether everything else is published already: the decision is only about the findings that need an approval.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rest_is_published: bool,
}

/// The link and the code in one person's mail. Both are credentials: never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The recipient's address.
    pub address: String,
    /// The login that the code counts for; `None` if the code counts for nobody and the person must sign in.
    pub login: Option<String>,
    /// The opaque id in the link: 256 bits in hex. The table stores only its SHA-256.
    pub id: String,
    /// The code that the person types.
    pub code: String,
}

/// The person who decides, and the proof of who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// A login of GitHub, a mail address, or a user of this machine.
    pub name: String,
    /// The proof.
    pub known_by: KnownBy,
    /// The address that the code was mailed to, for a person known by a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// The identity that decisions are counted by. A person who decides twice, in whichever way, counts once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// A GitHub account, in lower case: signed in, or known by the code of a mail to its owner.
    Login(String),
    /// A mail address without an account: may be anybody, including the author.
    Address(String),
    /// An operator of this deployment. All operators count as one, because each of them can take any name.
    Operator,
}

impl Person {
    /// Returns the person's identity.
    pub fn identity(&self) -> Identity {
        let name = self.name.to_ascii_lowercase();
        match self.known_by {
            KnownBy::Terminal => Identity::Operator,
            KnownBy::Github => Identity::Login(name),
            KnownBy::MailCode if is_login(&name) => Identity::Login(name),
            KnownBy::MailCode => Identity::Address(name),
        }
    }
}

/// The proof of who a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    /// Signed in with GitHub, with write permission on the repository.
    Github,
    /// Typed the code from the mail to the login's address.
    MailCode,
    /// Has access to the data directory of this machine.
    Terminal,
}

/// One person's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// Whether to publish.
    pub verdict: Verdict,
    /// The reason; required to reject.
    #[serde(default)]
    pub reason: Option<String>,
    /// [`Approval::content`] of the findings that the person saw.
    pub content: String,
    /// Findings to leave out, by [`super::finding::Finding::id`].
    #[serde(default)]
    pub dropped: Vec<String>,
    /// New texts of findings, by their id.
    #[serde(default)]
    pub edited: BTreeMap<String, Edit>,
}

/// The decision whether to publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Publish.
    Approved,
    /// Discard.
    Rejected,
}

impl Verdict {
    /// Returns its name in JSON and on pages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// A new text of a finding. It is sanitised like a model's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// One line, at most 300 characters.
    pub title: String,
    /// Markdown, at most 10,000 characters.
    pub body: String,
}

/// A stored decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The person who decided.
    pub by: Person,
    /// Time of the decision, in ms since 1970.
    pub at_ms: i64,
    /// The decision.
    pub ballot: Ballot,
}
