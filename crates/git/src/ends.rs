//! The ends of a review for each kind of target, with the line that explains them.

use gix::ObjectId;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadError;

use super::base::Base;
use super::budget::{Budget, Limits};
use super::change::root_tree;
use super::patch::apply_patch;
use super::resolve::Resolver;
use super::revision::{check_own_root, fail, merge_base, parent_of, sha};
use super::scan::{named, read_index, scan_work_tree};
use super::selection::{Commits, Reading, Scope, commits};
use super::snapshot::{Remarks, Snapshot};
use super::tree_diff::compare_trees;
use super::wording::{MAX_COUNTED_COMMITS, commits_of, files, summary};

/// Both ends, and the line that explains them.
pub(super) struct Ends {
    pub base: ObjectId,
    pub head: CommitSha,
    pub note: String,
}

/// Uncommitted work.
struct Uncommitted {
    head: Option<ObjectId>,
    /// The snapshot; without uncommitted work, the head.
    commit: CommitSha,
    /// The counts by kind, if there is uncommitted work.
    summary: Option<String>,
}

impl Resolver<'_> {
    /// Returns the ends of the target's review.
    pub fn ends(&self) -> Result<Ends, ReadError> {
        match self.reading {
            Reading::Path(_) => self.tree(),
            Reading::Commits => self.commits(),
            Reading::Patch => self.patch(),
        }
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
                let head = work.commit;
                Ok(Ends { base, head, note })
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
        })
    }

    fn base(&self, head: ObjectId, has_uncommitted: bool) -> Result<Base, ReadError> {
        self.selection.base_of(&self.repository, head, has_uncommitted)
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
            });
        }
        let count = self.differences(&mut snapshot, head_tree, index)?;
        Ok(Ends {
            base,
            head: snapshot.write_commit(index, head, "Staged work", &remarks)?,
            note: format!("reviewing {} against {}", files(count, "staged"), self.named_head(base)),
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
                })
            }
            Commits::One(revision) => {
                let head = self.find(revision, "the target")?;
                let (base, against) = match parent_of(&self.repository, head)? {
                    Some(parent) => (parent, format!("its first parent {}", parent.to_hex_with_len(12))),
                    None => (self.empty_tree(), "the empty tree, as it has no parent".to_owned()),
                };
                Ok(Ends {
                    base,
                    head: sha(head)?,
                    note: format!("reviewing commit {} against {against}", head.to_hex_with_len(12)),
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
        })
    }

    fn no_commit(&self) -> ReadError {
        let remedy = match (self.repository.workdir(), self.selection.scope) {
            (None, _) => ": push a branch to it first",
            (_, Scope::Committed) => {
                ", so --committed has nothing to review: commit something first, or leave --committed out to review the \
                 files"
            }
            _ => ", and no file to review: add files, or commit something first",
        };
        fail(format!("{} has no commit yet{remedy}", self.root.display()))
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
}
