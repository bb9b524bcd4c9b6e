//! A change's files in GitHub's form, from a real git repository: names, status, counts and patches.

use super::pull_request::ChangedFile;
use crate::error::TestkitError;
use crate::git;
use std::path::Path;

const OPTIONS: [&str; 9] = [
    // Ignores an order that the repository sets.
    "-O/dev/null",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--find-renames",
    "--full-index",
    "--no-abbrev",
    "--submodule=short",
    "--ignore-submodules=none",
];

/// Returns the files that differ between two commits, in git's order.
pub(crate) fn changed_files(directory: &Path, from: &str, to: &str) -> Result<Vec<ChangedFile>, TestkitError> {
    let diff = |format: &[&str]| {
        let settings = ["-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "diff"];
        git::output(
            directory,
            &[&settings[..], &OPTIONS, format, &[from, to, "--"]].concat(),
        )
    };
    let raw = diff(&["--raw", "-z"])?;
    let mut files = read_raw(&String::from_utf8_lossy(&raw))?;
    let patch = diff(&["--patch", "--unified=3"])?;
    let mut sections = sections(&patch).into_iter();
    for (file, is_type_change) in &mut files {
        let mut next = || {
            sections
                .next()
                .ok_or_else(|| unread("fewer patches than files", &file.filename))
        };
        let mut patch = hunks(next()?);
        if *is_type_change {
            // git shows it as a deletion and an addition.
            patch = [patch, hunks(next()?)]
                .into_iter()
                .flatten()
                .reduce(|old, new| format!("{old}\n{new}"));
        }
        let count = |sign: char| {
            let lines = patch.iter().flat_map(|patch| patch.split('\n'));
            lines.filter(|line| line.starts_with(sign)).count() as u64
        };
        (file.additions, file.deletions) = (count('+'), count('-'));
        file.patch = patch;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

/// Reads `--raw -z`: `:MODE MODE SHA SHA STATUS\0PATH\0`, with a second path for renames and copies.
fn read_raw(text: &str) -> Result<Vec<(ChangedFile, bool)>, TestkitError> {
    let mut fields = text.split('\0').filter(|field| !field.is_empty());
    let mut files = Vec::new();
    while let Some(meta) = fields.next() {
        let parts: Vec<&str> = meta.trim_start_matches(':').split(' ').collect();
        let [_, _, old_sha, new_sha, letter] = parts[..] else {
            return Err(unread("unknown record", meta));
        };
        let mut path = || fields.next().map(str::to_owned).ok_or_else(|| unread("no path", meta));
        let first = path()?;
        let (status, filename, previous_filename) = match letter.as_bytes().first() {
            Some(b'A') => ("added", first, None),
            Some(b'D') => ("removed", first, None),
            Some(b'M') => ("modified", first, None),
            Some(b'T') => ("changed", first, None),
            Some(b'R') => ("renamed", path()?, Some(first)),
            Some(b'C') => ("copied", path()?, Some(first)),
            _ => return Err(unread("unknown status", letter)),
        };
        let sha = if status == "removed" { old_sha } else { new_sha };
        let file = ChangedFile {
            filename,
            previous_filename,
            status: status.into(),
            sha: sha.into(),
            additions: 0,
            deletions: 0,
            patch: None,
        };
        files.push((file, status == "changed"));
    }
    Ok(files)
}

/// Splits a patch at its `diff --git` lines: no line of a hunk begins with that text.
fn sections(patch: &[u8]) -> Vec<&[u8]> {
    const START: &[u8] = b"diff --git ";
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    for line in patch.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(START) {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([patch.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| &patch[*start..end])
        .collect()
}

/// Returns a section's hunks in the form of the API's `patch`; `None` for binary files, pure renames and mode changes.
/// Bytes that are not UTF-8 become U+FFFD.
fn hunks(section: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(section);
    let start = text.find("\n@@ ")? + 1;
    Some(text[start..].strip_suffix('\n').unwrap_or(&text[start..]).to_owned())
}

fn unread(what: &str, of: &str) -> TestkitError {
    TestkitError::GitOutput(format!("{what}: {of}"))
}
