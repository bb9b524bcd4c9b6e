//! Parses the text of a patch, as git writes it: the paths, modes and hunks of each file. The text is untrusted: counts
//! are checked, and paths stay within the repository.

use gix::bstr::BString;
use gix::objs::tree::{EntryKind, EntryMode};

use super::patch_fault::{Fault, FaultyLine};
use super::path::{is_bounded, is_inside, shown};

/// Maximum size of a patch, in bytes.
pub(super) const MAX_PATCH_BYTES: usize = 64 * 1024 * 1024;

/// The changes to one file.
#[derive(Debug, Default)]
pub(super) struct FilePatch<'a> {
    /// Its first line in the patch, from 1.
    pub line: usize,
    /// Its path before; none for a new file.
    pub old: Option<BString>,
    /// Its path after; none for a deleted file.
    pub new: Option<BString>,
    /// Its mode after, where the patch names one.
    pub mode: Option<EntryMode>,
    /// Whether the old path keeps its file.
    pub is_copy: bool,
    pub hunks: Vec<Hunk<'a>>,
}

#[derive(Debug)]
pub(super) struct Hunk<'a> {
    /// The line of its header in the patch, from 1.
    pub line: usize,
    pub old_start: usize,
    pub old_lines: usize,
    pub lines: Vec<Line<'a>>,
}

/// A line with its line feed, which the last line of a file may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Context(&'a [u8]),
    Removed(&'a [u8]),
    Added(&'a [u8]),
}

/// Parses a patch; text around its files is skipped.
pub(super) fn parse(patch: &[u8]) -> Result<Vec<FilePatch<'_>>, FaultyLine> {
    let whole = |fault| FaultyLine { line: 1, fault };
    if patch.len() > MAX_PATCH_BYTES {
        return Err(whole(Fault::TooLarge));
    }
    if patch.trim_ascii().is_empty() {
        return Err(whole(Fault::Empty));
    }
    let lines: Vec<&[u8]> = patch.split_inclusive(|byte| *byte == b'\n').collect();
    let mut parser = Parser { lines, at: 0 };
    let mut files = Vec::new();
    while let Some(line) = parser.peek() {
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            let names = trimmed(names).to_vec();
            files.push(parser.file(Some(&names))?);
        } else if line.starts_with(b"--- ") && parser.peek_next().is_some_and(|next| next.starts_with(b"+++ ")) {
            files.push(parser.file(None)?);
        } else if let Some(fault) = other_form(line) {
            return Err(parser.here(fault));
        } else {
            parser.at += 1;
        }
    }
    match files.is_empty() {
        true => Err(whole(Fault::NoFile)),
        false => Ok(files),
    }
}

/// Returns the fault of a line that begins a file or a hunk in a form that doesn't apply.
fn other_form(line: &[u8]) -> Option<Fault> {
    match line {
        [b'\x1b', b'[', ..] => Some(Fault::Colours),
        _ if after(line, &[b"diff --cc ", b"diff --combined ", b"@@@ "]).is_some() => Some(Fault::Combined),
        _ => None,
    }
}

struct Parser<'a> {
    lines: Vec<&'a [u8]>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a [u8]> {
        self.lines.get(self.at).copied()
    }

    fn peek_next(&self) -> Option<&'a [u8]> {
        self.lines.get(self.at + 1).copied()
    }

    /// Returns a fault of the current line.
    const fn here(&self, fault: Fault) -> FaultyLine {
        FaultyLine {
            line: self.at + 1,
            fault,
        }
    }

    /// Parses one file, from its header line on.
    fn file(&mut self, names: Option<&[u8]>) -> Result<FilePatch<'a>, FaultyLine> {
        let mut file = FilePatch {
            line: self.at + 1,
            ..FilePatch::default()
        };
        let (mut is_new, mut is_deleted, mut has_paths, mut is_moved) = (false, false, false, false);
        let mut old_text: &[u8] = b"";
        if let Some(names) = names {
            if has_equal_halves(names) {
                return Err(self.here(Fault::NoPrefix));
            }
            self.at += 1;
            if let Some((old, new)) = both(names) {
                (file.old, file.new) = (Some(old), Some(new));
            }
        }
        while let Some(line) = self.peek() {
            let text = trimmed(line);
            if line.starts_with(b"diff --git ") || (has_paths && line.starts_with(b"--- ")) {
                break;
            } else if let Some(path) = text.strip_prefix(b"--- ") {
                let old = path_of(path, true).map_err(|fault| self.here(fault))?;
                if is_moved && old != file.old {
                    return Err(self.here(Fault::NoPrefix));
                }
                (file.old, has_paths, old_text) = (old, true, path);
            } else if let Some(path) = text.strip_prefix(b"+++ ") {
                if path == old_text && path != b"/dev/null" {
                    return Err(self.here(Fault::NoPrefix));
                }
                let new = path_of(path, true).map_err(|fault| self.here(fault))?;
                if is_moved && new != file.new {
                    return Err(self.here(Fault::NoPrefix));
                }
                file.new = new;
            } else if let Some(path) = after(text, &[b"rename from ", b"copy from "]) {
                is_moved = true;
                file.is_copy = text.starts_with(b"copy");
                file.old = path_of(path, false).map_err(|fault| self.here(fault))?;
            } else if let Some(path) = after(text, &[b"rename to ", b"copy to "]) {
                is_moved = true;
                file.new = path_of(path, false).map_err(|fault| self.here(fault))?;
            } else if let Some(mode) = after(text, &[b"new file mode ", b"new mode "]) {
                is_new |= text.starts_with(b"new file");
                file.mode = Some(mode_of(mode).ok_or_else(|| self.here(Fault::Mode))?);
            } else if text.starts_with(b"deleted file mode ") {
                is_deleted = true;
            } else if text.starts_with(b"GIT binary patch") || text.starts_with(b"Binary files ") {
                return Err(self.here(Fault::Binary));
            } else if text.starts_with(b"@@ ") {
                file.hunks.push(self.hunk()?);
                continue;
            } else if let Some(fault) = other_form(line) {
                return Err(self.here(fault));
            } else if !file.hunks.is_empty() {
                break;
            }
            self.at += 1;
        }
        if is_new {
            file.old = None;
        }
        if is_deleted {
            file.new = None;
        }
        let mut paths = file.old.iter().chain(&file.new).map(check).peekable();
        let checked = match paths.peek() {
            Some(_) => paths.try_for_each(|checked| checked),
            None => Err(Fault::NoName),
        };
        match checked {
            Ok(()) => Ok(file),
            Err(fault) => Err(FaultyLine { line: file.line, fault }),
        }
    }

    fn hunk(&mut self) -> Result<Hunk<'a>, FaultyLine> {
        let line = self.at + 1;
        let header = self
            .peek()
            .and_then(|text| std::str::from_utf8(text.get(..text.len().min(200))?).ok());
        let ranges = header.and_then(|text| {
            let (ranges, _) = text.strip_prefix("@@ -")?.split_once(" @@")?;
            let (old, new) = ranges.split_once(" +")?;
            Some((range(old)?, range(new)?))
        });
        let Some(((old_start, old_lines), (_, new_lines))) = ranges else {
            return Err(self.here(Fault::HunkHeader));
        };
        self.at += 1;
        let mut hunk = Hunk {
            line,
            old_start,
            old_lines,
            lines: Vec::new(),
        };
        let (mut old_left, mut new_left) = (old_lines, new_lines);
        while old_left > 0 || new_left > 0 || self.peek().is_some_and(|text| text.starts_with(b"\\")) {
            let text = self.peek().ok_or_else(|| self.here(Fault::CutOff))?;
            let too_many = || self.here(Fault::Counts);
            let body = text.get(1..).unwrap_or_default();
            match text.first() {
                Some(b'\\') => {
                    let last = hunk.lines.last_mut().ok_or_else(too_many)?;
                    let (Line::Context(text) | Line::Removed(text) | Line::Added(text)) = last;
                    *text = text.strip_suffix(b"\n").unwrap_or(text);
                    self.at += 1;
                    continue;
                }
                Some(b'+') => {
                    new_left = new_left.checked_sub(1).ok_or_else(too_many)?;
                    hunk.lines.push(Line::Added(body));
                }
                Some(b'-') => {
                    old_left = old_left.checked_sub(1).ok_or_else(too_many)?;
                    hunk.lines.push(Line::Removed(body));
                }
                // Some mail programs strip the blank of an empty context line.
                Some(b' ' | b'\n') => {
                    old_left = old_left.checked_sub(1).ok_or_else(too_many)?;
                    new_left = new_left.checked_sub(1).ok_or_else(too_many)?;
                    hunk.lines.push(Line::Context(if text == b"\n" { text } else { body }));
                }
                _ => return Err(self.here(other_form(text).unwrap_or(Fault::Mark))),
            }
            self.at += 1;
        }
        Ok(hunk)
    }
}

fn range(text: &str) -> Option<(usize, usize)> {
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

fn after<'a>(text: &'a [u8], prefixes: &[&[u8]]) -> Option<&'a [u8]> {
    prefixes.iter().find_map(|prefix| text.strip_prefix(*prefix))
}

fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn mode_of(text: &[u8]) -> Option<EntryMode> {
    let kind = match text {
        b"100644" => EntryKind::Blob,
        b"100755" => EntryKind::BlobExecutable,
        b"120000" => EntryKind::Link,
        _ => return None,
    };
    Some(kind.into())
}

/// Returns whether a `diff --git` line has the same name twice. With first folders they differ: `a/X b/X`.
fn has_equal_halves(names: &[u8]) -> bool {
    let middle = names.len() / 2;
    names.get(middle) == Some(&b' ') && names.get(..middle) == names.get(middle + 1..)
}

/// Returns both names of a `diff --git` line where they are the same after their first folder, as for a change of mode
/// and an empty file.
fn both(names: &[u8]) -> Option<(BString, BString)> {
    if names.starts_with(b"\"") {
        let end = quoted_end(names)?;
        let second = names.get(end..)?.strip_prefix(b" ")?;
        let (old, new) = (path_of(&names[..end], true), path_of(second, true));
        return Some((old.ok()??, new.ok()??));
    }
    let middle = names.len() / 2;
    let (old, new) = (names.get(..middle)?, names.get(middle + 1..)?);
    let strip = |side: &'_ [u8]| -> Option<BString> {
        let slash = side.iter().position(|byte| *byte == b'/')?;
        Some(side[slash + 1..].into())
    };
    (strip(old)? == strip(new)?).then_some((strip(old)?, strip(new)?))
}

/// Returns a path without its first folder (`a/`, `b/`), if it has one; none for `/dev/null`.
fn path_of(text: &[u8], has_prefix: bool) -> Result<Option<BString>, Fault> {
    let unquoted = match text.first() {
        Some(b'"') => unquote(text).ok_or(Fault::Quotes)?,
        // Other programs write a time after a tab.
        _ => text.split(|byte| *byte == b'\t').next().unwrap_or_default().to_vec(),
    };
    if unquoted == b"/dev/null" {
        return Ok(None);
    }
    if !has_prefix {
        return Ok(Some(unquoted.into()));
    }
    match unquoted.iter().position(|byte| *byte == b'/') {
        Some(slash) => Ok(Some(unquoted[slash + 1..].into())),
        None => Err(Fault::NoFolder(shown(&unquoted))),
    }
}

/// Refuses a path that leads out of the repository or into git's own folder.
fn check(path: &BString) -> Result<(), Fault> {
    match path {
        path if !is_bounded(path) => Err(Fault::LongPath(shown(path))),
        path if !is_inside(path) => Err(Fault::Outside(shown(path))),
        _ => Ok(()),
    }
}

/// Returns the position after the quote that ends a text in quotes.
fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Returns the bytes of a path that git has quoted.
fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.get(1..quoted_end(text)? - 1)?;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        out.push(match escape {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            b'"' | b'\\' => *escape,
            b'0'..=b'3' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = &rest[2..];
                (escape - b'0') * 64 + u8::from_str_radix(digits, 8).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn faulty(patch: &str) -> String {
        let FaultyLine { line, fault } = parse(patch.as_bytes()).unwrap_err();
        format!("{line}: {fault}")
    }

    #[test]
    fn every_fault_has_its_line() {
        for (patch, expected) in [
            ("", "1: it is empty: git diff HEAD"),
            ("\n\n", "1: it is empty"),
            (
                "\x1b[1mdiff --git a/f b/f\x1b[m\n\x1b[1m--- a/f\x1b[m\n",
                "1: it has escapes for colours, which are no part of the change: git diff --no-color",
            ),
            (
                "diff --git a/f b/f\n--- a/f\n+++ b/f\n\x1b[36m@@ -1 +1 @@\x1b[m\n",
                "4: it has escapes for colours",
            ),
            (
                "--- a/f\n+++ b/f\n@@ -1 +1 @@\n\x1b[31m-a\x1b[m\n",
                "4: it has escapes for colours",
            ),
            (
                "diff --cc f\nindex 1,2..3\n--- a/f\n+++ b/f\n@@@ -1,1 -1,1 +1,1 @@@\n",
                "1: it is the combined diff of a merge",
            ),
            (
                "--- a/f\n+++ b/f\n@@@ -1,1 -1,1 +1,1 @@@\n",
                "3: it is the combined diff",
            ),
            ("hello\n", "1: it has no changed file"),
            ("--- a/f\n+++ b/f\n@@ -1 +1\n", "3: the hunk's header"),
            ("--- a/f\n+++ b/f\n@@ -1,2 +1 @@\n-a\n", "5: the last hunk is cut off"),
            (
                "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n-b\n+c\n",
                "5: the line does not fit",
            ),
            (
                "--- a/../f\n+++ b/../f\n@@ -0,0 +1 @@\n+a\n",
                "1: \"../f\" is not a path",
            ),
            (
                "--- a/.GIT/config\n+++ b/.GIT/config\n@@ -0,0 +1 @@\n+a\n",
                "1: \".GIT/config\" is not",
            ),
            ("--- f\n+++ f\n@@ -0,0 +1 @@\n+a\n", "1: \"f\" has no first folder"),
            (
                "--- d/f\n+++ d/f\n@@ -0,0 +1 @@\n+a\n",
                "2: its paths have no first folder",
            ),
            (
                "diff --git d/f d/f\nnew file mode 100644\n",
                "1: its paths have no first folder",
            ),
            (
                "diff --git \"d/caf\\303\\251\" \"d/caf\\303\\251\"\nnew mode 100755\n",
                "1: its paths have no first folder",
            ),
            (
                "diff --git d/f d/g\nrename from d/f\nrename to d/g\n--- d/f\n+++ d/g\n",
                "4: its paths have no first folder",
            ),
            ("diff --git a/f b/f\nGIT binary patch\n", "2: it changes a binary file"),
            ("diff --git a/f b/f\nnew file mode 160000\n", "2: the mode"),
        ] {
            let found = faulty(patch);
            assert!(found.starts_with(expected), "{patch:?}: {found}");
        }
    }

    #[test]
    fn names_are_read_with_and_without_quotes() {
        let patch = "diff --git \"a/caf\\303\\251 1\" \"b/caf\\303\\251 1\"\nold mode 100644\nnew mode 100755\n\
                     diff --git a/two words b/two words\nnew file mode 100644\nindex 000..e69\n\
                     diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n";
        let files = parse(patch.as_bytes()).unwrap();
        let names: Vec<_> = files
            .iter()
            .map(|file| {
                (
                    file.old.as_ref().map(ToString::to_string),
                    file.new.as_ref().map(ToString::to_string),
                )
            })
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            names,
            [
                (some("caf\u{e9} 1"), some("caf\u{e9} 1")),
                (None, some("two words")),
                (some("old"), some("new")),
            ]
        );
    }
}
