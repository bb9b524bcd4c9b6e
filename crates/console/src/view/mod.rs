//! Data of the pages: plain values that the server fills from artifacts and rows.
//!
//! Times are milliseconds since 1970 (UTC). Texts are unescaped: the pages escape them, make hidden characters
//! visible and cut long texts.

mod approval;
mod diff;
mod limits;
mod notice;
mod pull;
mod run;
mod runs;
mod timeline;
mod unit;

pub use approval::{ApprovalView, Identity, Question};
pub use diff::{FileDiff, HunkNotes, Numbered, findings_in_diff, shown_and_folded};
pub use limits::{Health, LimitsView, ModelCounts, ModelNow, MoneyNow};
pub use notice::{Decision, Notice, NoticeView, Refusal, ReplayVerdict, SignInMethod};
pub use pull::PullView;
pub use run::{
    AuditEntry, Failure, FileOutcome, FileRow, Picture, Refresh, RunActions, RunHead, RunView, TierUsage, file_rows,
};
pub use runs::{DayCount, RunRow, RunsFilter, RunsView};
pub use timeline::{Span, SpanEnd, SpanKind, Timeline};
pub use unit::{Attempt, UnitEnd, UnitSummary, UnitView};

/// The frame of every page.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The time of the page, from which distances are counted.
    pub now_ms: i64,
    /// The name of this deployment, if there are several; shown next to the product's name.
    pub deployment: Option<String>,
    /// The program's version, for the footer.
    pub version: String,
    /// The signed-in person.
    pub person: Option<Person>,
    /// Whether this server has the list of runs and the runs' pages. Without them, no page links to them.
    pub has_console: bool,
    /// Whether the person may see the page of limits.
    pub has_limits: bool,
}

/// A signed-in person.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their login.
    pub name: String,
    /// The form that signs them out.
    pub sign_out: Option<PostForm>,
}

/// The address of a form, and the nonce that proves its origin.
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
    /// Accepts only `http://` and `https://` addresses: a link to anything else could run script.
    pub fn parse(raw: &str) -> Option<Self> {
        let has_scheme = ["https://", "http://"].iter().any(|scheme| raw.starts_with(scheme));
        let is_plain = raw.chars().all(|char| char.is_ascii_graphic());
        (has_scheme && is_plain).then(|| Self(raw.to_owned()))
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The pull request of a run.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// Its number, from 1.
    pub number: u64,
    /// Its title, if it was read.
    pub title: Option<String>,
    /// Its page on GitHub.
    pub address: Option<WebAddress>,
    /// Its page in the console, [`crate::href::pull`], where there is one.
    pub page: Option<String>,
}
