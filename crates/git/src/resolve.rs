//! Finds both ends of a review: its base, and the reviewed commit or a snapshot of uncommitted work.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

use gix::{ObjectId, Repository};
use holdfast_core::model::change::Target;
use holdfast_core::model::policy::POLICY_PATH;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadError;

use super::base::{Base, choose_base};
use super::budget::{Budget, Limits};
use super::change::{read_files, root_tree};
use super::limits::{below, is_known};
use super::object::{Clone, NoObject, explain};
use super::open::open;
use super::patch::apply_patch;
use super::revision::{check_own_root, fail, find_commit, head_of, merge_base, place_of, root_of, sha};
use super::scan::{named, read_index, scan_work_tree};
use super::selection::{Commits, Reading, Scope, Selection, commits};
use super::snapshot::{Remarks, Snapshot};
use super::tree_diff::compare_trees;
use super::wording::{MAX_COUNTED_COMMITS, commits_of, files, limited, summary};
use super::{MAX_REPOSITORY_TIME, gave_up, open_at};
use holdfast_bounded::run_blocking;

/// A target, with the reasons for its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedTarget {
    /// The target.
    pub target: Target,
    /// One line for the reader: what is reviewed, since which base, and the reason for that base.
    pub base_note: String,
    /// Whether the line names more than the ends that the caller gave: uncommitted work, or an end that was chosen.
    pub is_chosen: bool,
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

/// Both ends, and the line that explains them.
struct Ends {
    base: ObjectId,
    head: CommitSha,
    note: String,
    is_chosen: bool,
}

struct Resolver<'a> {
    selection: &'a Selection,
    repository: Repository,
    root: PathBuf,
    data: &'a Path,
}

impl<'a> Resolver<'a> {
    fn open(selection: &'a Selection, place: &Path, data: &'a Path) -> Result<Self, ReadError> {
        let repository = open(place)?;
        Ok(Self {
            selection,
            root: root_of(&repository)?,
            repository,
            data,
        })
    }

    fn resolve(&self) -> Result<ResolvedTarget, ReadError> {
        self.check()?;
        let ends = match self.selection.reading() {
            Reading::Path(_) => self.tree()?,
            Reading::Commits => self.commits()?,
            Reading::Patch => self.patch()?,
        };
        let only = self.only(ends.base)?;
        let limited = limited(&only);
        let target = Target::WorkTree {
            path: place_of(&self.repository, &self.root)?.to_string_lossy().into_owned(),
            base: sha(ends.base)?,
            head: ends.head.clone(),
            only,
        };
        let mut notes: Vec<String> = self.other_reading().into_iter().collect();
        notes.extend(self.policy_note(&ends)?);
        Ok(ResolvedTarget {
            target,
            base_note: ends.note + &limited,
            is_chosen: ends.is_chosen,
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
        let problem = match (selection.reading(), scope, end) {
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

    /// Returns the ends of a path's review.
    fn tree(&self) -> Result<Ends, ReadError> {
        let selection = self.selection;
        if let Some(revision) = &selection.head {
            let head = self.find(revision, "--head")?;
            return self.committed(head, "");
        }
        let is_bare = self.repository.workdir().is_none();
        match (selection.scope, is_bare) {
            (Scope::Everything | Scope::Committed, true) | (Scope::Committed, false) => {
                let head = self.head()?.ok_or_else(|| self.no_commit())?;
                self.committed(head, "")
            }
            (_, true) => Err(fail(format!(
                "{} is a bare repository, which has no uncommitted work: --committed, or a work tree of it (git worktree \
                 add)",
                self.root.display()
            ))),
            (Scope::Staged, false) => self.staged(),
            (Scope::Uncommitted, false) => {
                let work = self.uncommitted()?;
                let base = work.head.unwrap_or_else(|| self.empty_tree());
                let note = match work.summary {
                    Some(summary) => format!(
                        "reviewing uncommitted work against {}: {summary}",
                        self.named_head(base)
                    ),
                    None => format!("there is no uncommitted work on {}", self.named_head(base)),
                };
                Ok(Ends {
                    base,
                    head: work.commit,
                    note,
                    is_chosen: true,
                })
            }
            (Scope::Everything, false) => self.everything(),
        }
    }

    /// Returns the ends of the branch's commits and uncommitted work.
    fn everything(&self) -> Result<Ends, ReadError> {
        let work = self.uncommitted()?;
        let (summary, head) = match (work.summary, work.head) {
            (None, Some(head)) => return self.committed(head, "; there is no uncommitted work"),
            (Some(summary), Some(head)) => (summary, head),
            (Some(summary), None) => {
                let base = self.empty_tree();
                return Ok(Ends {
                    base,
                    head: work.commit,
                    note: format!(
                        "reviewing uncommitted work against the empty tree, as there is no commit yet: {summary}"
                    ),
                    is_chosen: true,
                });
            }
            (None, None) => return Err(self.no_commit()),
        };
        let base = self.base(head, true)?;
        let since = format!("{} ({})", base.id.to_hex_with_len(12), base.reason);
        let note = match self.count(base.id, head) {
            0 => format!("reviewing uncommitted work since {since}: {summary}"),
            count => format!(
                "reviewing {} since {since} and uncommitted work: {summary}",
                commits_of(count)
            ),
        };
        Ok(Ends {
            base: base.id,
            head: work.commit,
            note,
            is_chosen: true,
        })
    }

    fn committed(&self, head: ObjectId, more: &str) -> Result<Ends, ReadError> {
        let base = self.base(head, false)?;
        Ok(Ends {
            base: base.id,
            head: sha(head)?,
            note: format!(
                "reviewing {} since {} ({}){more}",
                commits_of(self.count(base.id, head)),
                base.id.to_hex_with_len(12),
                base.reason
            ),
            is_chosen: self.selection.base.is_none(),
        })
    }

    fn base(&self, head: ObjectId, has_uncommitted: bool) -> Result<Base, ReadError> {
        match &self.selection.base {
            Some(revision) => Ok(Base {
                id: merge_base(&self.repository, self.find(revision, "--base")?, head, revision)?,
                reason: format!("the merge base with {revision}, which --base names"),
            }),
            None => choose_base(
                &self.repository,
                head,
                self.selection.base_branch.as_deref(),
                has_uncommitted,
            ),
        }
    }

    /// Takes a snapshot of the work tree.
    fn uncommitted(&self) -> Result<Uncommitted, ReadError> {
        check_own_root(&self.repository, &self.root)?;
        let head = self.head()?;
        let mut snapshot = Snapshot::new(&self.repository, &self.root, self.data)?;
        let limits = Limits::default();
        let scan = scan_work_tree(&self.repository, &self.root, self.data, &mut snapshot, limits)?;
        let head_tree = self.tree_of(head)?;
        let tree = snapshot.write_tree(&scan.work_tree)?;
        if tree == head_tree && scan.remarks.is_empty() {
            return Ok(Uncommitted {
                head,
                commit: sha(head.unwrap_or(tree))?,
                summary: None,
            });
        }
        let index = snapshot.write_tree(&scan.index)?;
        let staged = self.differences(&mut snapshot, head_tree, index)?;
        let commit = snapshot.write_commit(tree, head, "Uncommitted work", &scan.remarks)?;
        Ok(Uncommitted {
            head,
            commit,
            summary: Some(summary(staged, &scan)),
        })
    }

    fn staged(&self) -> Result<Ends, ReadError> {
        let head = self.head()?;
        let (_, scan) = read_index(&self.repository)?;
        let mut snapshot = Snapshot::new(&self.repository, &self.root, self.data)?;
        let (head_tree, index) = (self.tree_of(head)?, snapshot.write_tree(&scan.index)?);
        let mut remarks = scan.remarks.clone();
        if !scan.unmerged.is_empty() {
            remarks.notes.push(format!(
                "a merge is not finished: unmerged files have no staged version and are left out: {}",
                named(&scan.unmerged)
            ));
        }
        let base = head.unwrap_or_else(|| self.empty_tree());
        if index == head_tree && remarks.is_empty() {
            return Ok(Ends {
                base,
                head: sha(base)?,
                note: format!("nothing is staged on {}", self.named_head(base)),
                is_chosen: true,
            });
        }
        let count = self.differences(&mut snapshot, head_tree, index)?;
        Ok(Ends {
            base,
            head: snapshot.write_commit(index, head, "Staged work", &remarks)?,
            note: format!("reviewing {} against {}", files(count, "staged"), self.named_head(base)),
            is_chosen: true,
        })
    }

    /// Returns the ends of a range, or of one commit as `git show` has them.
    fn commits(&self) -> Result<Ends, ReadError> {
        match commits(&self.selection.target) {
            Commits::Range(base, head) => {
                let (base_id, head_id) = (self.find(base, "the base")?, self.find(head, "the head")?);
                let merge = merge_base(&self.repository, base_id, head_id, base)?;
                Ok(Ends {
                    base: merge,
                    head: sha(head_id)?,
                    note: format!(
                        "reviewing {} of {}: {head} since {}, its merge base with {base}",
                        commits_of(self.count(merge, head_id)),
                        self.selection.target,
                        merge.to_hex_with_len(12),
                    ),
                    is_chosen: true,
                })
            }
            Commits::One(revision) => {
                let head = self.find(revision, "the target")?;
                let commit = self
                    .repository
                    .find_commit(head)
                    .map_err(|error| fail(format!("commit {head} cannot be read: {error}")))?;
                let parent = commit.parent_ids().next().map(gix::Id::detach);
                if let Some(missing) = parent.filter(|parent| !self.repository.has_object(*parent)) {
                    let clone = Clone::of(&self.repository);
                    return Err(fail(explain("the commit's parent", missing, &NoObject::Missing, clone)));
                }
                let (base, against) = match parent {
                    Some(parent) => (parent, format!("its first parent {}", parent.to_hex_with_len(12))),
                    None => (self.empty_tree(), "the empty tree, as it has no parent".to_owned()),
                };
                Ok(Ends {
                    base,
                    head: sha(head)?,
                    note: format!("reviewing commit {} against {against}", head.to_hex_with_len(12)),
                    is_chosen: true,
                })
            }
        }
    }

    /// Returns the ends of a patch: the head, and a snapshot of the head with the patch.
    fn patch(&self) -> Result<Ends, ReadError> {
        let head = self.head()?;
        let base = head.unwrap_or_else(|| self.empty_tree());
        let mut snapshot = Snapshot::new(&self.repository, &self.root, self.data)?;
        let patch = self.selection.patch.as_deref().unwrap_or_default();
        let (tree, count) = apply_patch(&self.repository, self.tree_of(head)?, patch, &mut snapshot)?;
        Ok(Ends {
            base,
            head: snapshot.write_commit(tree, head, "A patch", &Remarks::default())?,
            note: format!(
                "reviewing the patch on stdin, {}, applied to {}",
                files(count, "changed"),
                self.named_head(base)
            ),
            is_chosen: true,
        })
    }

    fn head(&self) -> Result<Option<ObjectId>, ReadError> {
        head_of(&self.repository, &self.root)
    }

    fn no_commit(&self) -> ReadError {
        fail(format!(
            "{} has no commit yet, and no file to review: add files, or commit something first",
            self.root.display()
        ))
    }

    fn find(&self, revision: &str, what: &str) -> Result<ObjectId, ReadError> {
        find_commit(&self.repository, revision).map_err(|reason| fail(format!("{what} {revision:?} {reason}")))
    }

    fn empty_tree(&self) -> ObjectId {
        ObjectId::empty_tree(self.repository.object_hash())
    }

    fn tree_of(&self, commit: Option<ObjectId>) -> Result<ObjectId, ReadError> {
        commit.map_or_else(|| Ok(self.empty_tree()), |commit| root_tree(&self.repository, commit))
    }

    fn named_head(&self, base: ObjectId) -> String {
        match base.is_empty_tree() {
            true => "the empty tree, as there is no commit yet".to_owned(),
            false => format!("HEAD {}", base.to_hex_with_len(12)),
        }
    }

    fn differences(&self, snapshot: &mut Snapshot<'_>, old: ObjectId, new: ObjectId) -> Result<usize, ReadError> {
        if old == new {
            return Ok(0);
        }
        let mut budget = Budget::new(Limits::default());
        Ok(compare_trees(snapshot.store()?, Some(old), Some(new), &mut budget)?
            .files
            .len())
    }

    /// Counts the commits of the head that the base doesn't have.
    fn count(&self, base: ObjectId, head: ObjectId) -> usize {
        let hidden = (!base.is_empty_tree()).then_some(base);
        let walk = self.repository.rev_walk([head]).with_hidden(hidden).all();
        walk.map_or(0, |walk| {
            walk.filter_map(Result::ok).take(MAX_COUNTED_COMMITS + 1).count()
        })
    }

    /// Returns the limits by path: `--files`, otherwise the target below the root.
    fn only(&self, base: ObjectId) -> Result<Vec<String>, ReadError> {
        let here = env::current_dir().unwrap_or_else(|_| self.root.clone());
        let mut trees = Vec::new();
        for commit in [Some(base), self.head()?].into_iter().flatten() {
            trees.push(root_tree(&self.repository, commit)?);
        }
        let mut only = BTreeSet::new();
        for given in &self.selection.files {
            let limit = below(&self.root, given, &here)?;
            if !is_known(&self.repository, &self.root, &trees, &limit) {
                return Err(fail(format!(
                    "--files {}: there is no such file or folder, neither in the work tree nor in the reviewed commits",
                    given.display()
                )));
            }
            only.insert(limit);
        }
        if let Reading::Path(path) = self.selection.reading()
            && check_own_root(&self.repository, &self.root).is_ok()
        {
            // A link to a folder is that folder.
            let path = path.canonicalize().ok().filter(|real| real.is_dir()).unwrap_or(path);
            let limit = below(&self.root, &path, &here)?;
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
        let Reading::Path(_) = self.selection.reading() else {
            return None;
        };
        let target = &self.selection.target;
        let is_plain = !target.starts_with(['.', '/']);
        let id = find_commit(&self.repository, target).ok().filter(|_| is_plain)?;
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

/// Uncommitted work.
struct Uncommitted {
    head: Option<ObjectId>,
    /// The snapshot; without uncommitted work, the head.
    commit: CommitSha,
    /// The counts by kind, if there is uncommitted work.
    summary: Option<String>,
}
