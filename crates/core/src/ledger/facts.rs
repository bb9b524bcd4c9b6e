//! The facts of a run that [`super::reconcile`] needs: its findings, its units, and the threads on GitHub.

use serde::{Deserialize, Serialize};

use crate::model::finding::{Finding, Side};
use crate::model::run::Readers;

use super::anchor::{Anchor, HeadLines};
use super::entry::Dismissal;

/// A finding of this run with its anchor.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// The finding.
    pub finding: Finding,
    /// Its place and the text there.
    pub anchor: Anchor,
}

impl Sighting {
    /// Returns a finding with its anchor in the diff of its file.
    pub fn new(finding: Finding, lines: &HeadLines<'_>) -> Self {
        let anchor = lines.anchor(&finding);
        Self { finding, anchor }
    }
}

/// A part of the diff and its readers in this run. Every unit of the plan is listed, also those that nobody read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewedUnit {
    /// The file.
    pub path: String,
    /// The lines of its hunks: side, first and last line. Empty: the whole file.
    pub lines: Vec<(Side, u32, u32)>,
    /// The readers.
    pub readers: Readers,
}

/// The state of a finding's thread on GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadFacts {
    /// A person resolved it. A thread that Holdfast's own account resolved doesn't count.
    pub resolved: bool,
    /// GitHub shows it as outdated.
    pub outdated: bool,
    /// A dismissal by a person with write permission. The caller checks the permission.
    pub dismissal: Option<Dismissal>,
}
