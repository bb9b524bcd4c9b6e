//! Finds both ends of a review: its base, and the reviewed commit or a snapshot of uncommitted work.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

use gix::{ObjectId, Repository};
use holdfast_bounded::run_blocking;
use holdfast_core::model::change::Target;
use holdfast_core::model::policy::POLICY_PATH;
use holdfast_core::port::ReadError;

use super::change::{object_id, read_files, root_tree};
use super::ends::Ends;
use super::environment;
use super::limits::{below, is_known};
use super::object::{Clone, NoObject};
use super::open::open;
use super::revision::{check_own_root, fail, find_commit, head_of, place_of, root_of, sha};
use super::selection::{Reading, Scope, Selection};
use super::wording::limited;
use super::{MAX_REPOSITORY_TIME, gave_up, open_at};

/// A target, with the reasons for its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedTarget {
    /// The target.
    pub target: Target,
    /// One line for the reader: what is reviewed, since which base, and the reason for that base.
    pub base_note: String,
    /// Further lines for the reader, such as another reading of the target.
    pub notes: Vec<String>,
}

/// Returns the target of a review, with every end resolved to a commit. Uncommitted work becomes a snapshot below
/// `data`, the data directory; nothing is written to the repository. Without a base, searches for the branch from which
/// the head was branched; the note names it and the reason.
///
/// # Errors
///
/// Each with its remedy: a missing path, a path outside of any repository, an unsupported kind of repository, a missing
/// permission, nothing to review yet, an unknown revision, a shallow clone that lacks the base, histories without a
/// common commit, options that contradict each other, a patch that doesn't apply, a repository that doesn't answer.
pub fn resolve_target(selection: &Selection, data: &Path) -> Result<ResolvedTarget, ReadError> {
    let place = selection.place()?;
    let (selection, data) = (selection.clone(), data.to_owned());
    let work = {
        let place = place.clone();
        move || Resolver::open(&selection, &place, &data)?.resolve()
    };
    run_blocking(MAX_REPOSITORY_TIME, work).unwrap_or_else(|problem| Err(gave_up(&place, problem)))
}

/// A selection with its repository.
pub(super) struct Resolver<'a> {
    pub selection: &'a Selection,
    /// The kind of the selection's target.
    pub reading: Reading,
    pub repository: Repository,
    pub root: PathBuf,
    /// The data directory.
    pub data: &'a Path,
}

impl<'a> Resolver<'a> {
    fn open(selection: &'a Selection, place: &Path, data: &'a Path) -> Result<Self, ReadError> {
        let repository = open(place)?;
        Ok(Self {
            selection,
            reading: selection.reading()?,
            root: root_of(&repository)?,
            repository,
            data,
        })
    }

    fn resolve(&self) -> Result<ResolvedTarget, ReadError> {
        self.check()?;
        let ends = self.ends()?;
        let commits = self.commits_of(&ends)?;
        let only = self.only(&commits)?;
        let limited = limited(&only);
        let target = Target::WorkTree {
            path: place_of(&self.repository, &self.root)?.to_string_lossy().into_owned(),
            base: sha(ends.base)?,
            head: ends.head.clone(),
            only,
        };
        let mut notes = environment::unused(&self.repository, &self.root);
        notes.extend(self.other_reading());
        notes.extend(self.policy_note(&ends)?);
        Ok(ResolvedTarget {
            target,
            base_note: ends.note + &limited,
            notes,
        })
    }

    /// Fails if options contradict each other.
    fn check(&self) -> Result<(), ReadError> {
        let selection = self.selection;
        let scope = match selection.scope {
            Scope::Everything => None,
            Scope::Staged => Some("--staged"),
            Scope::Uncommitted => Some("--uncommitted"),
            Scope::Committed => Some("--committed"),
        };
        let end = match (&selection.base, &selection.head) {
            (_, Some(_)) => Some("--head"),
            (Some(_), _) => Some("--base"),
            _ => None,
        };
        let problem = match (&self.reading, scope, end) {
            (Reading::Path(_), Some(scope @ ("--staged" | "--uncommitted")), Some(end)) => {
                format!("{end} does not fit {scope}, which compares with HEAD: leave one of them out")
            }
            (Reading::Path(_), ..) | (_, None, None) => return Ok(()),
            (Reading::Patch, scope, end) => format!(
                "{} does not fit a patch, which is applied to HEAD: leave it out",
                scope.or(end).unwrap_or_default()
            ),
            (Reading::Commits, scope, end) => format!(
                "{} does not fit the target {:?}, which names the commits itself: leave it out",
                scope.or(end).unwrap_or_default(),
                selection.target
            ),
        };
        Err(fail(problem))
    }

    /// Returns the commits of the reviewed repository that the ends are, and the checked-out one.
    ///
    /// # Errors
    ///
    /// A clone without trees lacks the root folder of an end, so nothing can be compared.
    fn commits_of(&self, ends: &Ends) -> Result<Vec<ObjectId>, ReadError> {
        let head = object_id(&ends.head)?;
        // Snapshots are in another repository.
        let head = Some(head).filter(|head| self.repository.has_object(*head));
        for commit in head.into_iter().chain([ends.base]) {
            let tree = root_tree(&self.repository, commit)?;
            if !tree.is_empty_tree() && !self.repository.has_object(tree) {
                let clone = Clone::of(&self.repository);
                return Err(NoObject::Missing
                    .of("the root folder of a reviewed commit", tree, clone)
                    .into());
            }
        }
        Ok([Some(ends.base), head, self.head()?].into_iter().flatten().collect())
    }

    pub fn head(&self) -> Result<Option<ObjectId>, ReadError> {
        head_of(&self.repository, &self.root)
    }

    pub fn find(&self, revision: &str, what: &str) -> Result<ObjectId, ReadError> {
        find_commit(&self.repository, revision).map_err(|reason| fail(format!("{what} {revision:?} {reason}")))
    }

    /// Returns the limits by path: `--files`, otherwise the target below the root.
    fn only(&self, commits: &[ObjectId]) -> Result<Vec<String>, ReadError> {
        let here = env::current_dir().unwrap_or_else(|_| self.root.clone());
        let mut only = BTreeSet::new();
        for given in &self.selection.files {
            let limit = below(&self.root, given, &here)?;
            if !is_known(&self.repository, &self.root, commits, &limit) {
                return Err(fail(format!(
                    "--files {}: there is no such file or folder, neither in the work tree, nor in git's index, nor in the \
                     reviewed commits: check the name",
                    given.display()
                )));
            }
            only.insert(limit);
        }
        if let Reading::Path(path) = &self.reading
            && check_own_root(&self.repository, &self.root).is_ok()
        {
            // A link to a folder is that folder.
            let folder = path.canonicalize().ok().filter(|real| real.is_dir());
            let limit = below(&self.root, folder.as_ref().unwrap_or(path), &here)?;
            // The files limit the current folder and the whole work tree further; any other target is reviewed too.
            if only.is_empty() || !(limit.is_empty() || self.selection.target == ".") {
                only.insert(limit);
            }
        }
        if let Some(limit) = only.iter().find(|limit| limit.split('/').next() == Some(".git")) {
            return Err(fail(format!(
                "{limit} is git's own folder or in it, and is not reviewed: give a path of the work tree, or start the \
                 command there"
            )));
        }
        // The root is no limit.
        match only.contains("") {
            true => Ok(Vec::new()),
            false => Ok(only.into_iter().collect()),
        }
    }

    /// Returns the note on a target that is a path and a commit.
    fn other_reading(&self) -> Option<String> {
        let target = &self.selection.target;
        let is_plain = matches!(self.reading, Reading::Path(_)) && !target.starts_with(['.', '/']);
        let id = is_plain.then(|| find_commit(&self.repository, target).ok()).flatten()?;
        Some(format!(
            "{target} is a path and a commit: reviewing the path; {} names the commit",
            id.to_hex_with_len(12)
        ))
    }

    /// Returns the note on settings that differ between the base and what is reviewed. None if either can't be read: the
    /// review reports that.
    fn policy_note(&self, ends: &Ends) -> Result<Option<String>, ReadError> {
        let paths = [POLICY_PATH.to_owned()];
        let base = read_files(&self.repository, &paths, &sha(ends.base)?);
        let head = open_at(&place_of(&self.repository, &self.root)?, Some(self.data), &ends.head)
            .and_then(|(repository, _)| read_files(&repository, &paths, &ends.head));
        let (Ok(base), Ok(head)) = (base, head) else {
            return Ok(None);
        };
        let place = match base.first() {
            Some(Some(_)) => "the settings of the base count",
            _ => "it counts from the moment that the base has it",
        };
        Ok((base != head).then(|| format!("{POLICY_PATH} differs between the base and the reviewed files: {place}")))
    }
}
