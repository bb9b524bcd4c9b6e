//! Converts paths to text and back. Git's paths are bytes; the domain's are text. Bytes that are not UTF-8 are escaped
//! as git does (`\351`), and different paths have different texts: a path that contains such an escape itself has its
//! backslashes doubled.

use std::borrow::Cow;
use std::fmt::Write;

use super::budget::Limits;
use super::tree_diff::MAX_PATH_BYTES;

/// Returns a path as text, escaped if necessary.
pub(super) fn path_text(path: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(path)
        && !is_escaped(text)
    {
        return text.to_owned();
    }
    let mut out = String::new();
    for chunk in path.utf8_chunks() {
        out.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            let _infallible = write!(out, "\\{byte:03o}");
        }
    }
    out
}

/// Returns the bytes of a path's text.
pub(super) fn path_bytes(text: &str) -> Cow<'_, [u8]> {
    if !is_escaped(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return Cow::Owned(out),
            [b'\\', b'\\', after @ ..] => {
                out.push(b'\\');
                after
            }
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                out.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                after
            }
            [byte, after @ ..] => {
                out.push(*byte);
                after
            }
        };
    }
}

/// Returns true if a text contains the marks of an escaped path.
fn is_escaped(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'\\' && (pair[1] == b'\\' || pair[1].is_ascii_digit()))
}

/// Returns the folders that a path is in, from the root's on.
pub(super) fn folders_of(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.map(|(end, _)| &path[..end])
}

/// Returns whether a path names a file below the root and outside of git's own folders.
pub(super) fn is_inside(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/')
        .all(|part| !matches!(part, b"" | b"." | b"..") && !part.contains(&0) && !part.eq_ignore_ascii_case(b".git"))
}

/// Returns whether a path of an index or a patch has a usual length and depth: both may hold any bytes.
pub(super) fn is_bounded(path: &[u8]) -> bool {
    path.len() <= MAX_PATH_BYTES && path.iter().filter(|byte| **byte == b'/').count() <= Limits::default().depth
}

/// Returns a path for a message: truncated, without control characters.
pub(super) fn shown(path: &[u8]) -> String {
    let text: String = path_text(path).chars().take(200).collect();
    format!("{text:?}")
}

/// Returns a folder for a message; the root has an empty path.
pub(super) fn shown_folder(path: &[u8]) -> String {
    match path.is_empty() {
        true => "the root".to_owned(),
        false => shown(path),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_that_are_text_stay_as_they_are() {
        for path in ["src/a.rs", "a\\b.txt", "\"quoted\"", "caf\u{e9}.py", "a\nb", "ends\\"] {
            assert_eq!(path_text(path.as_bytes()), path);
            assert_eq!(path_bytes(path), path.as_bytes());
        }
        assert_eq!(path_text(b"caf\xe9.py"), "caf\\351.py");
        assert_eq!(path_text(b"caf\\351.py"), "caf\\\\351.py");
    }

    proptest! {
        #[test]
        fn every_path_comes_back_and_none_is_anothers_text(
            paths in prop::collection::vec(prop::collection::vec(prop::sample::select(b"a\\0137\xe9\xff\xc3\xa9/".to_vec()), 0..8), 2)
        ) {
            for path in &paths {
                let text = path_text(path);
                let back = path_bytes(&text).into_owned();
                prop_assert_eq!(&back, path);
            }
            prop_assert_eq!(paths[0] == paths[1], path_text(&paths[0]) == path_text(&paths[1]));
        }
    }
}
