//! What a person is asked before a grave review is published, and what they answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::approver::{Approver, is_login};
use super::change::Target;
use super::finding::Severity;
use super::sha::CommitSha;

/// A question to the approvers. The task token is not in it: it stays in the question's row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// The run that waits.
    pub run: String,
    /// 1 for the first question, 2 for the escalation.
    pub round: u32,
    /// What is reviewed. A decision counts only while the run still holds it.
    pub target: Target,
    /// Where the change is, for people.
    pub subject: String,
    /// The worst finding's severity.
    pub worst: Severity,
    /// How many findings there are.
    pub findings: u64,
    /// Who wrote the change: may not decide.
    pub author: Option<String>,
    /// Names what is decided on: the SHA-256 of the findings and the walkthrough, in hex.
    pub content: String,
    /// Different people who have to approve, 1 to 10. One who rejects is enough.
    pub needed: u32,
    /// Who was asked: nobody twice, and never the change's author.
    pub asked: Vec<Approver>,
    /// When it was asked, in ms since 1970.
    pub asked_ms: i64,
    /// From when on no decision is taken any more, in ms since 1970.
    pub expires_ms: i64,
    /// The merge base that the change starts from; none in a question of an earlier version.
    #[serde(default)]
    pub base: Option<CommitSha>,
}

/// What one person's mail holds. Both are credentials: never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Whose.
    pub address: String,
    /// Whom the code counts for; none: it counts for nobody, and the person has to sign in.
    pub login: Option<String>,
    /// The opaque id in the link: 256 bits in hex. The table has its SHA-256 alone.
    pub id: String,
    /// The code that is typed by hand.
    pub code: String,
}

/// Who decides, and how we know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// A login of GitHub, a mail address, or a user of this machine.
    pub name: String,
    /// How we know.
    pub known_by: KnownBy,
    /// The address that the code was mailed to, where the person is known by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What tells people apart. Whoever comes twice, by whichever way, is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// An account on GitHub, in lower case: signed in, or by the code of a mail to its owner.
    Login(String),
    /// Got a mail at an address that names no account: may be anybody, the author too.
    Address(String),
    /// Runs this deployment: all who do are one, since each of them can take any name.
    Operator,
}

impl Person {
    /// Returns what tells this person from others.
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

/// How a person is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    /// Signed in with GitHub, with write permission on the repository.
    Github,
    /// Typed the code from the mail that was sent to the login's address.
    MailCode,
    /// Has the data directory of this machine.
    Terminal,
}

/// One person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// Publish it, or not.
    pub verdict: Verdict,
    /// Why; needed to reject.
    #[serde(default)]
    pub reason: Option<String>,
    /// [`Approval::content`] of what the person has seen.
    pub content: String,
    /// Findings that are not to be published, by [`super::finding::Finding::id`].
    #[serde(default)]
    pub dropped: Vec<String>,
    /// New words for findings, by their id.
    #[serde(default)]
    pub edited: BTreeMap<String, Edit>,
}

/// Publish it, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Publish.
    Approved,
    /// Discard.
    Rejected,
}

impl Verdict {
    /// As JSON and people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }
}

/// New words for a finding. They are sanitised like a model's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// One line, at most 300 characters.
    pub title: String,
    /// Markdown, at most 10,000 characters.
    pub body: String,
}

/// A ballot that counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Whose.
    pub by: Person,
    /// When, in ms since 1970.
    pub at_ms: i64,
    /// What it says.
    pub ballot: Ballot,
}
