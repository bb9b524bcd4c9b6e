//! Two versions of a file as unified diff text: three lines of context, from the first `@@`.

use similar::{Algorithm, TextDiff};

use super::BLOB_MOST;

/// Git looks for NUL bytes in this many first bytes.
const BINARY_WINDOW: usize = 8_000;
/// Lines of context.
const CONTEXT: usize = 3;

/// What can be shown of a file.
pub(super) enum Patch {
    /// One side has NUL bytes.
    Binary,
    /// One side is over the limit; its size in bytes.
    TooLarge(usize),
    /// The hunks; empty when both sides are equal.
    Text {
        /// From the first `@@`. Bytes that are not UTF-8 are replaced; lines hold.
        text: String,
        /// Lines added.
        additions: u64,
        /// Lines removed.
        deletions: u64,
    },
}

/// Compares two versions.
pub(super) fn unified(before: &[u8], after: &[u8]) -> Patch {
    let is_binary = |bytes: &[u8]| bytes[..bytes.len().min(BINARY_WINDOW)].contains(&0);
    if is_binary(before) || is_binary(after) {
        return Patch::Binary;
    }
    let largest = before.len().max(after.len());
    if largest as u64 > BLOB_MOST {
        return Patch::TooLarge(largest);
    }
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let (old, new): (Vec<&str>, Vec<&str>) = (
        before.split_inclusive('\n').collect(),
        after.split_inclusive('\n').collect(),
    );
    let diff = TextDiff::configure()
        .newline_terminated(true)
        .algorithm(Algorithm::Myers)
        .diff_slices(&old, &new);
    let (mut additions, mut deletions) = (0, 0);
    for change in diff.iter_all_changes() {
        match change.tag() {
            similar::ChangeTag::Insert => additions += 1,
            similar::ChangeTag::Delete => deletions += 1,
            similar::ChangeTag::Equal => {}
        }
    }
    let text = diff
        .unified_diff()
        .context_radius(CONTEXT)
        .missing_newline_hint(true)
        .to_string();
    Patch::Text {
        text,
        additions,
        deletions,
    }
}
