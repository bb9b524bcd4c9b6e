//! Applies a patch to a tree, as `git apply` without any tolerance: every context line must be where the patch has it.
//! The patch may be a stranger's: it is bounded, and names only files of the tree.

use std::collections::BTreeMap;

use gix::bstr::BString;
use gix::objs::tree::{EntryKind, EntryMode};
use gix::{ObjectId, Repository};
use holdfast_core::port::ReadError;

use super::budget::{Budget, Limits};
use super::object::{Clone, read_object};
use super::patch_text::{FilePatch, Hunk, Line, parse};
use super::path::shown;
use super::revision::fail;
use super::snapshot::Snapshot;

/// A file's content and mode; none where the patch has deleted it.
type Edited = Option<(EntryMode, Vec<u8>)>;

/// Applies a patch to a tree; returns the new tree and the number of changed files.
///
/// # Errors
///
/// The text is no patch, is too large, or doesn't apply: with the line of the patch, the file and its line.
pub(super) fn apply_patch(
    repository: &Repository,
    tree: ObjectId,
    patch: &[u8],
    snapshot: &mut Snapshot<'_>,
) -> Result<(ObjectId, usize), ReadError> {
    let files = parse(patch).map_err(|faulty| fail(format!("the patch on stdin, {faulty}")))?;
    let mut edits = Edits {
        repository,
        tree,
        budget: Budget::new(Limits::default()),
        files: BTreeMap::new(),
    };
    for file in &files {
        edits.apply(file)?;
        if edits.files.len() > edits.budget.limits.files {
            return Err(fail(format!(
                "the patch changes more than {} files: divide it",
                edits.budget.limits.files
            )));
        }
    }
    let count = edits.files.len();
    let mut ids = Vec::new();
    for (path, edited) in edits.files {
        let id = match &edited {
            Some((mode, content)) => Some((mode.kind(), snapshot.write_blob(content)?)),
            None => None,
        };
        ids.push((path, id));
    }
    let failed = |error: gix::Error| fail(format!("the patched folders cannot be stored: {error}"));
    let mut editor = snapshot.store()?.edit_tree(tree).map_err(failed)?;
    // Deletions first: a file may become a folder.
    ids.sort_by_key(|(_, id)| id.is_some());
    for (path, id) in ids {
        match id {
            Some((kind, id)) => editor.upsert(&path, kind, id).map(drop),
            None => editor.remove(&path).map(drop),
        }
        .map_err(failed)?;
    }
    Ok((editor.write().map_err(failed)?.detach(), count))
}

struct Edits<'a> {
    repository: &'a Repository,
    tree: ObjectId,
    budget: Budget,
    files: BTreeMap<BString, Edited>,
}

impl Edits<'_> {
    fn apply(&mut self, patch: &FilePatch<'_>) -> Result<(), ReadError> {
        let line = patch.line;
        let before = match &patch.old {
            Some(path) => {
                let found = self.read(path, line)?;
                Some(found.ok_or_else(|| refused(line, &format!("HEAD has no file {}", shown(path))))?)
            }
            None => None,
        };
        if let Some(new) = patch.new.as_ref().filter(|new| patch.old.as_ref() != Some(*new))
            && self.read(new, line)?.is_some()
        {
            return Err(refused(line, &format!("HEAD has the new file {} already", shown(new))));
        }
        let named = patch.new.as_ref().or(patch.old.as_ref());
        let name = named.map(|path| shown(path)).unwrap_or_default();
        let (mode, content) = before.unwrap_or((EntryKind::Blob.into(), Vec::new()));
        let content = apply_hunks(&content, &patch.hunks, &name)?;
        self.spend(content.len(), line)?;
        if let Some(old) = patch.old.as_ref().filter(|_| !patch.is_copy) {
            self.files.insert(old.clone(), None);
        }
        match &patch.new {
            Some(new) => {
                let mode = patch.mode.unwrap_or(mode);
                self.files.insert(new.clone(), Some((mode, content)));
            }
            None if !content.is_empty() => {
                return Err(refused(line, &format!("{name} is deleted, but has more lines in HEAD")));
            }
            None => {}
        }
        Ok(())
    }

    /// Returns a file with the edits so far.
    fn read(&mut self, path: &BString, line: usize) -> Result<Edited, ReadError> {
        if let Some(edited) = self.files.get(path) {
            let bytes = edited.as_ref().map_or(0, |(_, content)| content.len());
            self.spend(bytes, line)?;
            return Ok(self.files.get(path).cloned().flatten());
        }
        if self.tree.is_empty_tree() {
            return Ok(None);
        }
        let unreadable =
            |error: &dyn std::fmt::Display| refused(line, &format!("{} cannot be read: {error}", shown(path)));
        let tree = self
            .repository
            .find_tree(self.tree)
            .map_err(|error| unreadable(&error))?;
        let found = tree
            .lookup_entry(path.split(|byte| *byte == b'/'))
            .map_err(|error| unreadable(&error))?;
        let Some(found) = found.filter(|entry| !entry.mode().is_tree()) else {
            return Ok(None);
        };
        if found.mode().is_commit() {
            return Err(refused(
                line,
                &format!("{} is a submodule, which no patch changes here", shown(path)),
            ));
        }
        let id = found.object_id();
        let max_bytes = self.budget.limits.searched_bytes;
        let content = read_object(self.repository, id, max_bytes)
            .map_err(|problem| unreadable(&problem.of("its content", id, Clone::of(self.repository))))?;
        let mode = found.mode();
        self.spend(content.len(), line)?;
        Ok(Some((mode, content)))
    }

    /// Counts bytes as read or made. Each copy counts: a few bytes of a patch copy a whole file.
    fn spend(&mut self, bytes: usize, line: usize) -> Result<(), ReadError> {
        let counted = self.budget.spend(bytes as u64);
        counted.map_err(|limit| refused(line, &limit.to_string()))
    }
}

/// Applies hunks in order; their positions are exact.
fn apply_hunks(content: &[u8], hunks: &[Hunk<'_>], name: &str) -> Result<Vec<u8>, ReadError> {
    let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    let mut out = Vec::with_capacity(content.len());
    let mut next = 0;
    for hunk in hunks {
        // Without old lines, the header names the line before.
        let start = match hunk.old_lines {
            0 => hunk.old_start,
            _ => hunk.old_start.saturating_sub(1),
        };
        if start < next || start > lines.len() {
            return Err(refused(
                hunk.line,
                &format!("{name} has no line {} for the hunk", hunk.old_start),
            ));
        }
        out.extend(lines[next..start].concat());
        next = start;
        for (offset, line) in hunk.lines.iter().enumerate() {
            let (Line::Context(text) | Line::Removed(text) | Line::Added(text)) = line;
            if let Line::Added(_) = line {
                out.extend_from_slice(text);
                continue;
            }
            if lines.get(next) != Some(text) {
                let what = match lines.get(next) {
                    Some(_) => format!("line {} of {name} differs in HEAD", next + 1),
                    None => format!("{name} ends before line {} in HEAD", next + 1),
                };
                return Err(refused(hunk.line + 1 + offset, &what));
            }
            if let Line::Context(_) = line {
                out.extend_from_slice(text);
            }
            next += 1;
        }
    }
    out.extend(lines[next..].concat());
    Ok(out)
}

fn refused(line: usize, what: &str) -> ReadError {
    fail(format!(
        "the patch does not apply to HEAD: patch line {line}: {what}; make it from HEAD (git diff HEAD), or check out the \
         commit that it was made from"
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn applied(content: &str, patch: &str) -> Result<String, String> {
        let files = parse(patch.as_bytes()).map_err(|faulty| faulty.to_string())?;
        let out = apply_hunks(content.as_bytes(), &files[0].hunks, "f");
        out.map(|out| String::from_utf8(out).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_hunk_applies_only_where_every_line_is_the_same() {
        let patch = "--- a/f\n+++ b/f\n@@ -2,2 +2,3 @@\n two\n-three\n+3\n+3.5\n";
        assert_eq!(
            applied("one\ntwo\nthree\nfour\n", patch).unwrap(),
            "one\ntwo\n3\n3.5\nfour\n"
        );
        let error = applied("one\ntwo\nTHREE\nfour\n", patch).unwrap_err();
        assert!(error.contains("patch line 5: line 3 of f differs"), "{error}");
        let error = applied("zero\none\ntwo\nthree\n", patch).unwrap_err();
        assert!(error.contains("patch line 4: line 2 of f differs"), "{error}");
        let error = applied("one\n", patch).unwrap_err();
        assert!(error.contains("f ends before line 2"), "{error}");
    }

    #[test]
    fn a_missing_line_feed_at_the_end_is_part_of_the_line() {
        let patch = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n";
        assert_eq!(applied("a", patch).unwrap(), "b\n");
        assert!(applied("a\n", patch).is_err());
    }
}
