//! Places findings in the hunks that they are about.

use std::collections::HashMap;

use holdfast_core::diff::{Hunk, hunk_of, parse_patch};
use holdfast_core::model::change::{Change, ChangedFile, FileStatus};
use holdfast_core::model::finding::Finding;
use holdfast_core::rule::redact_hunks;

/// One file with its findings.
#[derive(Clone, Debug)]
pub struct FileDiff {
    /// Path in the head.
    pub path: String,
    /// Path in the base, if renamed.
    pub previous_path: Option<String>,
    /// The kind of change, if the change contains the file.
    pub status: Option<FileStatus>,
    /// The hunks that have findings, in order, without secrets.
    pub hunks: Vec<HunkNotes>,
    /// Findings without a hunk to show: the change is missing or has no patch.
    pub loose: Vec<Numbered>,
}

/// One hunk with its findings.
#[derive(Clone, Debug)]
pub struct HunkNotes {
    /// The hunk.
    pub hunk: Hunk,
    /// Its findings, in the report's order; both ends of each are in the hunk.
    pub notes: Vec<Numbered>,
}

/// A finding with its index in the report, by which forms refer to it.
#[derive(Clone, Debug)]
pub struct Numbered {
    /// Index in the report, from 0.
    pub index: usize,
    /// The finding.
    pub finding: Finding,
}

/// Returns each file that has findings, in the order of the report (worst first). Every finding is kept: if its hunk
/// can't be found, it is `loose`.
pub fn findings_in_diff(findings: &[Finding], change: Option<&Change>) -> Vec<FileDiff> {
    in_diff(numbered(findings), change)
}

/// Returns the findings that a pull request shows next to their lines, as [`findings_in_diff`], and those that it
/// lists folded. `only_waiting` leaves out those that need no approval.
pub fn shown_and_folded(
    findings: &[Finding],
    only_waiting: bool,
    change: Option<&Change>,
) -> (Vec<FileDiff>, Vec<Numbered>) {
    let (folded, shown): (Vec<Numbered>, Vec<Numbered>) = numbered(findings)
        .filter(|numbered| !only_waiting || numbered.finding.needs_approval())
        .partition(|numbered| numbered.finding.folded);
    (in_diff(shown.into_iter(), change), folded)
}

fn numbered(findings: &[Finding]) -> impl Iterator<Item = Numbered> {
    findings.iter().enumerate().map(|(index, finding)| Numbered {
        index,
        finding: finding.clone(),
    })
}

fn in_diff<I: Iterator<Item = Numbered>>(findings: I, change: Option<&Change>) -> Vec<FileDiff> {
    let mut order: Vec<String> = Vec::new();
    let mut by_path: HashMap<String, Vec<Numbered>> = HashMap::new();
    for numbered in findings {
        let path = &numbered.finding.path;
        let found = by_path.entry(path.clone()).or_default();
        if found.is_empty() {
            order.push(path.clone());
        }
        found.push(numbered);
    }
    let files: HashMap<&str, &ChangedFile> = change
        .map(|change| change.files.iter().map(|file| (file.path.as_str(), file)).collect())
        .unwrap_or_default();
    order
        .into_iter()
        .map(|path| {
            let findings = by_path.remove(&path).unwrap_or_default();
            file_diff(&path, findings, files.get(path.as_str()).copied())
        })
        .collect()
}

fn file_diff(path: &str, findings: Vec<Numbered>, file: Option<&ChangedFile>) -> FileDiff {
    let patch = file.and_then(|file| file.patch.as_deref()).unwrap_or_default();
    let hunks = redact_hunks(path, &parse_patch(patch).unwrap_or_default());
    let mut loose = Vec::new();
    let mut placed: Vec<Vec<Numbered>> = hunks.iter().map(|_| Vec::new()).collect();
    for numbered in findings {
        let finding = &numbered.finding;
        let place = hunk_of(&hunks, finding.side, finding.start_line, finding.line)
            .and_then(|hunk| hunks.iter().position(|other| std::ptr::eq(other, hunk)));
        match place {
            Some(place) => placed[place].push(numbered),
            None => loose.push(numbered),
        }
    }
    FileDiff {
        path: path.to_owned(),
        previous_path: file.and_then(|file| file.previous_path.clone()),
        status: file.map(|file| file.status),
        hunks: hunks
            .into_iter()
            .zip(placed)
            .filter(|(_, notes)| !notes.is_empty())
            .map(|(hunk, notes)| HunkNotes { hunk, notes })
            .collect(),
        loose,
    }
}
