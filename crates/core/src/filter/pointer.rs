//! Recognises the pointers that Git LFS stores instead of large files.

use crate::diff::{LineKind, parse_patch};
use crate::model::change::{ChangedFile, FileStatus};

/// The first line of a pointer.
const VERSION: &str = "version https://git-lfs.github.com/spec/v1";
/// Maximum number of lines of a pointer.
const MAX_LINES: usize = 12;

/// Returns whether the patch shows the head's whole file, and it is a pointer: nothing but its version, the content's
/// digest, its size and extensions.
pub(super) fn lfs_pointer(file: &ChangedFile) -> bool {
    let Some(patch) = file.patch.as_deref().filter(|patch| patch.contains(VERSION)) else {
        return false;
    };
    let hunks = parse_patch(patch).unwrap_or_default();
    let [hunk] = hunks.as_slice() else {
        return false;
    };
    let lines: Vec<&str> = hunk
        .lines
        .iter()
        .filter(|line| line.kind != LineKind::Removed)
        .map(|line| line.text.as_str())
        .collect();
    let starts = hunk.new_start == 1 && (file.status == FileStatus::Added || hunk.old_start <= 1);
    starts && is_pointer(&lines)
}

fn is_pointer(lines: &[&str]) -> bool {
    let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has = |key: &str, valid: &dyn Fn(&str) -> bool| {
        let mut found = lines.iter().filter_map(|line| line.strip_prefix(key));
        matches!((found.next(), found.next()), (Some(value), None) if valid(value))
    };
    let is_extension = |line: &str| {
        let rest = line.strip_prefix("ext-").and_then(|rest| rest.split_once(" sha256:"));
        rest.is_some_and(|(name, digest)| {
            is_digest(digest)
                && name.len() < 64
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    let is_known = |line: &&str| {
        **line == *VERSION || line.starts_with("oid sha256:") || line.starts_with("size ") || is_extension(line)
    };
    lines.len() <= MAX_LINES
        && lines.first() == Some(&VERSION)
        && lines.iter().all(is_known)
        && has("oid sha256:", &is_digest)
        && has("size ", &|size| {
            size.len() < 20 && !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_pointer_is_one() {
        let oid = format!("oid sha256:{}", "0a".repeat(32));
        for (lines, expected) in [
            (&[VERSION, &oid, "size 12"][..], true),
            (&[VERSION, "ext-0-crypt sha256:0", &oid, "size 12"], false),
            (&[VERSION, &oid], false),
            (&[VERSION, &oid, "size 12", "import os"], false),
            (&[VERSION, &oid, "size 12; rm"], false),
            (&["# x", VERSION, &oid, "size 12"], false),
            (&[VERSION, &oid, &oid, "size 12"], false),
            (&[], false),
        ] {
            assert_eq!(is_pointer(lines), expected, "{lines:?}");
        }
    }
}
