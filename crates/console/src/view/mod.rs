//! What the pages are told: plain data that whoever serves them fills in from artifacts and rows.
//!
//! Times are milliseconds since 1970 (UTC). Texts are as they were stored: the pages escape them, make hidden characters
//! visible and cut what is too long.

mod approval;
mod diff;
mod notice;
mod run;
mod runs;
mod timeline;
mod unit;

pub use approval::{ApprovalView, Identity, Question};
pub use diff::{FileDiff, HunkNotes, Numbered, findings_in_diff, shown_and_folded};
pub use notice::{Decision, Notice, NoticeView, Refusal, ReplayVerdict, SignInMethod};
pub use run::{AuditEntry, Failure, FileOutcome, FileRow, Picture, RunActions, RunHead, RunView, TierUsage, file_rows};
pub use runs::{DayCount, RunRow, RunsFilter, RunsView};
pub use timeline::{Span, SpanEnd, SpanKind, Timeline};
pub use unit::{Attempt, UnitEnd, UnitSummary, UnitView};

/// What stands around every page.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// When the page is made: what "ago" and "left" count from.
    pub now_ms: i64,
    /// Which deployment this is, where there are several; shown beside the name.
    pub deployment: Option<String>,
    /// The program's version, for the footer.
    pub version: String,
    /// Who is signed in.
    pub person: Option<Person>,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their login.
    pub name: String,
    /// The form that signs them out.
    pub sign_out: Option<PostForm>,
}

/// Where a form is sent, and the nonce that shows it was made by us.
#[derive(Clone, Debug)]
pub struct PostForm {
    /// A path on this host.
    pub action: String,
    /// Value of the field [`crate::field::CSRF`].
    pub csrf: String,
}

/// An address on another host, safe to link to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress(String);

impl WebAddress {
    /// Takes `http://` and `https://` addresses alone: a link to anything else could run script.
    pub fn parse(raw: &str) -> Option<Self> {
        let has_scheme = ["https://", "http://"].iter().any(|scheme| raw.starts_with(scheme));
        let is_plain = raw.chars().all(|char| char.is_ascii_graphic());
        (has_scheme && is_plain).then(|| Self(raw.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The pull request that a run is about.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// Its number, from 1.
    pub number: u64,
    /// Its title, where it was read.
    pub title: Option<String>,
    /// Its page on GitHub.
    pub address: Option<WebAddress>,
}
