//! Applies the suggestions of a review to the files of a work tree. `core::fix` decides where a suggestion may go; the
//! files are read and replaced by `holdfast-git`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use holdfast_core::fix::{self, Edit, NoPlace, Versions};
use holdfast_core::model::change::Target;
use holdfast_core::model::finding::Finding;
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadChange;
use holdfast_git::{
    Editable, GitReadChange, NoEdit, Replacement, bytes_of_path, read_tracked, replace_tracked, work_tree_root,
};
use serde::Deserialize;

use crate::data_directory::DataPlace;
use crate::failure::Failure;
use crate::run_summary::{self, LocalRuns, ReadRuns};

/// The reason why a suggestion isn't applied.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// There is no place for it in the file.
    #[error(transparent)]
    NoPlace(#[from] NoPlace),
    /// Its file isn't edited.
    #[error("{0}")]
    NoEdit(String),
    /// Another suggestion, which comes first, changes a same line.
    #[error("another suggestion changes the same lines: start the command again")]
    Overlap,
    /// The caller declined it.
    #[error("declined")]
    Declined,
}

/// A suggestion, with its place or the reason why it has none.
pub struct Suggestion {
    /// Its finding.
    pub finding: Finding,
    /// Its edit of the file in the work tree.
    pub edit: Result<Edit, Reason>,
}

impl Suggestion {
    /// Returns whether its lines are in the file already.
    pub const fn is_present(&self) -> bool {
        matches!(self.edit, Err(Reason::NoPlace(NoPlace::Present)))
    }
}

/// The suggestions of a review.
pub struct Fixes {
    /// The review's run.
    pub run: RunName,
    /// The work tree.
    root: PathBuf,
    /// The content of each file that has a suggestion with a place.
    contents: BTreeMap<String, String>,
    /// The suggestions in the report's order, worst first.
    pub suggestions: Vec<Suggestion>,
}

/// Reads the suggestions of a run, or of the newest review of the work tree around `folder`, and places them in its
/// files.
///
/// # Errors
/// The folder is in no work tree; there is no such run or it has no report; the reviewed commit isn't in the repository
/// or in the data.
pub async fn read_fixes(place: &DataPlace, run: Option<&str>, folder: &Path) -> Result<Fixes, Failure> {
    let root = work_tree_root(folder).map_err(Failure::usage)?;
    let (directory, name) = match run {
        Some(run) => place.find_run(run).await?,
        None => place.find_newest_review(&root).await?,
    };
    let runs = LocalRuns::open(&directory.path).await?;
    let summary = runs.read(&name).await?;
    let report = run_summary::read_report(&summary, runs.store()).await?.ok_or_else(|| {
        Failure::usage(format!(
            "run {name} has no report yet, so there are no suggestions: holdfast show {name} shows its state"
        ))
    })?;
    let head = head_of(&summary.row.input)
        .ok_or_else(|| Failure::incomplete(format!("the input of run {name} is damaged: start a new review")))?;
    let findings: Vec<Finding> = report
        .findings
        .into_iter()
        .filter(|finding| finding.suggestion.is_some())
        .collect();
    let (suggestions, contents) = place_all(&root, &directory.path, &head, findings).await?;
    Ok(Fixes {
        run: name,
        root,
        contents,
        suggestions,
    })
}

/// Returns the reviewed commit of a run.
fn head_of(input: &serde_json::Value) -> Option<CommitSha> {
    match Run::deserialize(input).ok()?.target {
        Target::WorkTree { head, .. } | Target::PullRequest { head, .. } => Some(head),
    }
}

type Placed = (Vec<Suggestion>, BTreeMap<String, String>);

async fn place_all(root: &Path, data: &Path, head: &CommitSha, findings: Vec<Finding>) -> Result<Placed, Failure> {
    let mut paths: Vec<String> = findings
        .iter()
        .filter(|finding| fix::check_file(finding).is_ok())
        .map(|finding| finding.path.clone())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    let reviewed = read_reviewed(root, data, head, &paths).await?;
    let current = read_tracked(root.to_owned(), paths.clone())
        .await
        .map_err(Failure::usage)?;
    let files: BTreeMap<String, (Option<String>, Editable)> =
        paths.into_iter().zip(reviewed.into_iter().zip(current)).collect();
    let versions: BTreeMap<&str, Versions<'_>> = files
        .iter()
        .filter_map(|(path, (reviewed, current))| {
            let (Some(reviewed), Ok(current)) = (reviewed, current) else {
                return None;
            };
            Some((path.as_str(), Versions::compare(reviewed, current)))
        })
        .collect();
    let place = |finding: &Finding| -> Result<Edit, Reason> {
        fix::check_file(finding)?;
        if let Some((_, Err(refused))) = files.get(&finding.path) {
            return Err(Reason::NoEdit(refused.to_string()));
        }
        let versions = versions.get(finding.path.as_str()).ok_or(NoPlace::Unreadable)?;
        let suggestion = finding.suggestion.as_deref().unwrap_or_default();
        Ok(versions.place(finding, suggestion)?)
    };
    let suggestions = findings
        .into_iter()
        .map(|finding| Suggestion {
            edit: place(&finding),
            finding,
        })
        .collect();
    let contents = files
        .into_iter()
        .filter_map(|(path, (_, current))| Some((path, current.ok()?)))
        .collect();
    Ok((suggestions, contents))
}

/// Reads the reviewed versions of files; `None` where there is none that is text.
async fn read_reviewed(
    root: &Path,
    data: &Path,
    head: &CommitSha,
    paths: &[String],
) -> Result<Vec<Option<String>>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let target = Target::WorkTree {
        path: root.to_string_lossy().into_owned(),
        base: head.clone(),
        head: head.clone(),
        only: Vec::new(),
    };
    let read = GitReadChange::with_snapshots(data.to_owned());
    let names: Vec<&str> = paths.iter().map(String::as_str).collect();
    let found = read.read_files(&target, &names, head).await.map_err(|error| {
        Failure::usage(format!(
            "the reviewed commit {head} can't be read in {}: {error}. Start the command in the work tree that was reviewed, \
             or review again",
            root.display()
        ))
    })?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).ok();
    Ok(found.into_iter().map(|bytes| bytes.and_then(text)).collect())
}

impl Fixes {
    /// Returns the change that one suggestion makes, as a patch; `None` if it has no place.
    pub fn patch_of(&self, suggestion: &Suggestion) -> Option<String> {
        let edit = suggestion.edit.as_ref().ok()?;
        let path = &suggestion.finding.path;
        Some(patch(path, self.contents.get(path)?, &[edit]))
    }

    /// Chooses the suggestions to apply, in their order: those that `choose` accepts. It isn't called for a suggestion
    /// that changes a line of one accepted before.
    ///
    /// # Errors
    /// That of `choose`.
    pub fn choose<E>(&mut self, mut choose: impl FnMut(&Self, &Suggestion) -> Result<bool, E>) -> Result<(), E> {
        for at in 0..self.suggestions.len() {
            let Some(suggestion) = self.suggestions.get(at) else {
                break;
            };
            let Ok(edit) = &suggestion.edit else { continue };
            let path = &suggestion.finding.path;
            let mut before = self.suggestions.iter().take(at);
            let overlaps = before.any(|other| {
                other.finding.path == *path && other.edit.as_ref().is_ok_and(|other| other.overlaps(edit))
            });
            let refused = match overlaps {
                true => Some(Reason::Overlap),
                false => (!choose(self, suggestion)?).then_some(Reason::Declined),
            };
            if let (Some(refused), Some(suggestion)) = (refused, self.suggestions.get_mut(at)) {
                suggestion.edit = Err(refused);
            }
        }
        Ok(())
    }

    /// Returns the chosen suggestions as one patch.
    pub fn patch(&self) -> String {
        let patch = |(path, edits): (&str, Vec<&Edit>)| Some(patch(path, self.contents.get(path)?, &edits));
        self.edits().into_iter().filter_map(patch).collect()
    }

    /// Applies the chosen suggestions. Each file is replaced as a whole, or stays: then its suggestions get the reason.
    ///
    /// # Errors
    /// Git's index or its rules can't be read: nothing is written.
    pub async fn apply(&mut self) -> Result<(), Failure> {
        let replaced = |(path, edits): (&str, Vec<&Edit>)| {
            let before = self.contents.get(path)?;
            let after = fix::apply(before, &edits);
            let before = before.clone();
            Some((path.to_owned(), Replacement { before, after }))
        };
        let files: Vec<_> = self.edits().into_iter().filter_map(replaced).collect();
        if files.is_empty() {
            return Ok(());
        }
        let paths: Vec<String> = files.iter().map(|(path, ..)| path.clone()).collect();
        let done = replace_tracked(self.root.clone(), files)
            .await
            .map_err(Failure::usage)?;
        let failed: BTreeMap<String, NoEdit> = paths
            .into_iter()
            .zip(done)
            .filter_map(|(path, done)| Some((path, done.err()?)))
            .collect();
        for suggestion in &mut self.suggestions {
            if let (Ok(_), Some(reason)) = (&suggestion.edit, failed.get(&suggestion.finding.path)) {
                suggestion.edit = Err(Reason::NoEdit(reason.to_string()));
            }
        }
        Ok(())
    }

    /// Returns the edits of each file.
    fn edits(&self) -> BTreeMap<&str, Vec<&Edit>> {
        let mut files: BTreeMap<&str, Vec<&Edit>> = BTreeMap::new();
        for suggestion in &self.suggestions {
            if let Ok(edit) = &suggestion.edit {
                files.entry(&suggestion.finding.path).or_default().push(edit);
            }
        }
        files
    }
}

fn patch(path: &str, before: &str, edits: &[&Edit]) -> String {
    fix::patch(&bytes_of_path(path), before, &fix::apply(before, edits))
}
