//! An entry of the ledger: one finding, as it was published, and what became of it.

use serde::{Deserialize, Serialize};

use crate::model::finding::{Category, Finding, PublishedForm, Severity, Side};
use crate::model::finding_id::FindingId;
use crate::model::finding_source::FindingSource;
use crate::model::run_name::RunName;
use crate::model::sha::CommitSha;

use super::anchor::{Anchor, bounded_line};

/// The version of the derivation of ids. It differs from the ledger's version: published ids never change.
const ID_VERSION: u32 = 1;
/// The maximum length of a title, in bytes.
const MAX_TITLE_BYTES: usize = 300;
/// The maximum length of the stored beginning of a body, in bytes.
const MAX_BODY_BYTES: usize = 600;
/// The maximum length of names: a login, a rule, a node on GitHub, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// The maximum length of the words of a person who dismissed a finding, in bytes.
const MAX_REASON_BYTES: usize = 500;

/// Derives the id of a finding that is seen for the first time: from its place, the text there, its category, its source
/// and its title. Two processes that see the same finding at the same head derive the same id without knowing of each
/// other. `number` is 0, and higher only if another finding of the ledger has that id already.
pub(super) fn derive_id(finding: &Finding, anchor: &Anchor, number: u32) -> FindingId {
    let identity = serde_json::json!([
        ID_VERSION,
        anchor.path,
        anchor.side,
        anchor.start_line,
        anchor.line,
        anchor.text,
        anchor.before,
        anchor.after,
        finding.category,
        finding.source,
        finding.title.to_lowercase(),
        number,
    ]);
    FindingId::derive(&identity.to_string())
}

/// One finding of a pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its id, which the marker of its comment holds.
    pub id: FindingId,
    /// Its place and the text there.
    pub anchor: Anchor,
    /// Its category, as published.
    pub category: Category,
    /// Its severity, as published.
    pub severity: Severity,
    /// Its title, as published.
    pub title: String,
    /// The beginning of its text, to recognise other wordings.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// The words of the run that saw it last, if they differ from the published ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_words: Option<LastWords>,
    /// The highest severity that an approver refused for it: up to there it keeps its published one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Severity>,
    /// Its source, as published.
    pub source: FindingSource,
    /// From 0 to 1, as published.
    pub confidence: f64,
    /// What became of it.
    pub state: EntryState,
    /// The text of its line when it was dismissed: many small changes together are a material one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dismissed_text: Option<String>,
    /// Whether its thread was resolved already when the finding came back: that decision was about the fixed one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resolved_before: bool,
    /// Whether its lines changed and no review has read them since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub touched: bool,
    /// GraphQL node id of its review thread, once it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The id of its comment, once it is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<u64>,
    /// The run that found it.
    pub first_run: RunName,
    /// The run that saw it last.
    pub last_run: RunName,
}

/// The words of a later run for a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastWords {
    /// The source.
    pub source: FindingSource,
    /// The category.
    pub category: Category,
    /// The title.
    pub title: String,
    /// The beginning of its text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// What became of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum EntryState {
    /// It is there.
    Open,
    /// A person resolved its thread.
    Closed,
    /// Its lines changed, and a later review of them no longer reports it.
    Fixed {
        /// The first reviewed head without it.
        head: CommitSha,
    },
    /// A comment in the code silences it.
    Silenced {
        /// The first reviewed head with the comment.
        head: CommitSha,
    },
    /// A person with permission decided against it.
    Dismissed(Dismissal),
    /// Its file, or its part of the file, left the diff.
    Outdated,
}

impl EntryState {
    /// Returns whether the finding is not there any more, without a person's decision.
    pub(super) const fn is_gone(&self) -> bool {
        matches!(self, Self::Fixed { .. } | Self::Outdated)
    }

    /// Returns whether the finding is open again if it is reported again.
    pub(super) const fn may_reopen(&self) -> bool {
        self.is_gone() || matches!(self, Self::Silenced { .. })
    }
}

/// A person's decision against a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dismissal {
    /// The person's login, or the name under which an approver decided.
    pub by: String,
    /// The form and the words of the decision.
    pub reason: DismissalReason,
}

/// The form of a dismissal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum DismissalReason {
    /// A thumbs-down on its comment.
    Reaction,
    /// `/holdfast dismiss` in its thread.
    Command {
        /// The words after the command.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        words: String,
    },
    /// An approver left it out.
    DroppedAtApproval,
}

impl Dismissal {
    /// Cuts its texts at their limits.
    fn bound(&mut self) {
        cut(&mut self.by, MAX_NAME_BYTES);
        if let DismissalReason::Command { words } = &mut self.reason {
            cut(words, MAX_REASON_BYTES);
        }
    }
}

impl Entry {
    /// Returns the entry of a finding that this run found for the first time.
    pub(super) fn first_seen(id: FindingId, finding: &Finding, anchor: &Anchor, run: &RunName) -> Self {
        let mut entry = Self {
            id,
            anchor: anchor.clone(),
            category: finding.category,
            severity: finding.severity,
            title: bounded_title(&finding.title),
            body: bounded_body(&finding.body),
            last_words: None,
            refused: None,
            source: bounded_source(&finding.source),
            confidence: finding.confidence,
            state: EntryState::Open,
            dismissed_text: None,
            resolved_before: false,
            touched: false,
            thread: None,
            comment: None,
            first_run: run.clone(),
            last_run: run.clone(),
        };
        entry.bound();
        entry
    }

    /// Stores that a run saw it again, at this place and in these words. The published words stay.
    pub(super) fn see(&mut self, finding: &Finding, anchor: &Anchor, run: &RunName) {
        self.anchor = anchor.clone();
        let words = LastWords {
            source: bounded_source(&finding.source),
            category: finding.category,
            title: bounded_title(&finding.title),
            body: bounded_body(&finding.body),
        };
        let is_published = (&words.source, words.category, &words.title, &words.body)
            == (&self.source, self.category, &self.title, &self.body);
        self.last_words = (!is_published).then_some(words);
        self.touched = false;
        self.last_run = run.clone();
        self.bound();
    }

    /// Stores the severity and the words in which it is published: approvers may have edited them.
    pub(crate) fn publish(&mut self, finding: &Finding) {
        self.severity = finding.severity;
        let found = LastWords {
            source: self.source.clone(),
            category: self.category,
            title: std::mem::replace(&mut self.title, bounded_title(&finding.title)),
            body: std::mem::replace(&mut self.body, bounded_body(&finding.body)),
        };
        // The next run is recognised by the words in which this one found it.
        if self.last_words.is_none() && (&found.title, &found.body) != (&self.title, &self.body) {
            self.last_words = Some(found);
        }
    }

    /// Returns the form in which it is published, if a later run's severity is higher, and no approver refused that.
    pub(crate) fn if_raised_to(&self, severity: Severity) -> Option<PublishedForm> {
        (severity > self.refused.map_or(self.severity, |refused| refused.max(self.severity))).then(|| PublishedForm {
            severity: self.severity,
            title: self.title.clone(),
            body: self.shown_body(),
        })
    }

    /// Gives a later run's finding the words and the severity in which it is published.
    pub(crate) fn restore(&self, finding: &mut Finding) {
        finding.severity = self.severity;
        if bounded_title(&finding.title) != self.title {
            finding.title.clone_from(&self.title);
        }
        if bounded_body(&finding.body) != self.body {
            finding.body = self.shown_body();
        }
    }

    /// Returns the stored beginning of its text, with a sign if it was cut.
    pub(crate) fn shown_body(&self) -> String {
        let is_cut = self.body.len() + char::MAX.len_utf8() > MAX_BODY_BYTES;
        format!("{}{}", self.body, if is_cut { " …" } else { "" })
    }

    /// Stores that a person decided against it.
    pub(crate) fn dismiss(&mut self, by: &str, reason: DismissalReason) {
        self.dismissed_text = Some(self.anchor.text.clone());
        self.state = EntryState::Dismissed(Dismissal {
            by: by.to_owned(),
            reason,
        });
        self.bound();
    }

    /// Returns the source, the category and the title of the run that saw it last.
    pub(super) fn last_title(&self) -> (&FindingSource, Category, &str) {
        match &self.last_words {
            Some(words) => (&words.source, words.category, &words.title),
            None => (&self.source, self.category, &self.title),
        }
    }

    /// Returns the position in the ledger's order.
    pub(super) fn order(&self) -> (&str, Side, u32, &FindingId) {
        (&self.anchor.path, self.anchor.side, self.anchor.line, &self.id)
    }

    /// Cuts every text at its limit. An entry that this version has made stays unchanged.
    pub(super) fn bound(&mut self) {
        self.anchor.bound();
        cut(&mut self.title, MAX_TITLE_BYTES);
        cut(&mut self.body, MAX_BODY_BYTES);
        if let Some(words) = &mut self.last_words {
            words.source = bounded_source(&words.source);
            cut(&mut words.title, MAX_TITLE_BYTES);
            cut(&mut words.body, MAX_BODY_BYTES);
        }
        if let Some(text) = &mut self.dismissed_text {
            *text = bounded_line(text);
        }
        // A cut node id is the id of nothing.
        self.thread.take_if(|thread| thread.len() > MAX_NAME_BYTES);
        self.source = bounded_source(&self.source);
        // JSON has no NaN.
        self.confidence = if self.confidence.is_nan() {
            0.0
        } else {
            self.confidence.clamp(0.0, 1.0)
        };
        if let EntryState::Dismissed(dismissal) = &mut self.state {
            dismissal.bound();
        }
    }
}

/// Returns a title, cut at its limit.
pub(super) fn bounded_title(title: &str) -> String {
    beginning(title, MAX_TITLE_BYTES)
}

/// Returns the stored beginning of a body.
pub(super) fn bounded_body(body: &str) -> String {
    beginning(body, MAX_BODY_BYTES)
}

/// Returns a source, cut at the limit of names.
pub(super) fn bounded_source(source: &FindingSource) -> FindingSource {
    let mut text = source.to_string();
    cut(&mut text, MAX_NAME_BYTES);
    FindingSource::from(text)
}

fn beginning(text: &str, max_bytes: usize) -> String {
    text[..text.floor_char_boundary(max_bytes)].to_owned()
}

/// Cuts a text at this many bytes, between two characters.
fn cut(text: &mut String, max_bytes: usize) {
    text.truncate(text.floor_char_boundary(max_bytes));
}
