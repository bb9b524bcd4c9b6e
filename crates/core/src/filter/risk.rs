//! Rates risk, which orders the work and selects the model tier. The measure is rough on purpose: words in the path,
//! and the number of added lines.

use crate::model::change::{ChangedFile, FileStatus};

/// Parts of paths that raise the risk.
const GRAVE: &[&str] = &[
    "auth",
    "login",
    "session",
    "token",
    "secret",
    "crypt",
    "password",
    "permission",
    "acl",
    "sql",
    "migration",
    "payment",
    "billing",
    "invoice",
    "security",
    "sandbox",
    ".github/workflows",
    "dockerfile",
    "terraform",
    "deploy",
];
/// Parts of paths that lower the risk.
const LIGHT: &[&str] = &[
    "test",
    "spec",
    "example",
    "docs/",
    "fixture",
    "bench",
    "changelog",
    "readme",
    ".md",
    ".txt",
    ".rst",
];

/// Returns a file's risk, from 0 (harmless) to 100.
pub fn risk_of(file: &ChangedFile) -> u8 {
    let path = file.path.to_ascii_lowercase();
    let size = match file.additions {
        0..=5 => 5,
        6..=30 => 15,
        31..=150 => 25,
        _ => 35,
    };
    let mut risk: i32 = 25 + size;
    if GRAVE.iter().any(|word| path.contains(word)) {
        risk += 30;
    }
    if LIGHT.iter().any(|word| path.contains(word)) {
        risk -= 25;
    }
    if file.status == FileStatus::Added {
        risk += 5;
    }
    u8::try_from(risk.clamp(0, 100)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::FileKind;

    fn risk(path: &str, additions: u64, status: FileStatus) -> u8 {
        risk_of(&ChangedFile {
            path: path.to_owned(),
            previous_path: None,
            status,
            kind: FileKind::Text,
            additions,
            deletions: 0,
            patch: None,
            omitted: None,
            secrets: Vec::new(),
        })
    }

    #[test]
    fn size_counts_in_four_steps() {
        for (additions, expected) in [
            (0, 30),
            (5, 30),
            (6, 40),
            (30, 40),
            (31, 50),
            (150, 50),
            (151, 60),
            (u64::MAX, 60),
        ] {
            assert_eq!(
                risk("src/lib.rs", additions, FileStatus::Modified),
                expected,
                "{additions}"
            );
        }
    }

    #[test]
    fn paths_and_new_files_count() {
        for (path, status, expected) in [
            ("src/lib.rs", FileStatus::Modified, 30),
            ("src/lib.rs", FileStatus::Added, 35),
            ("src/Auth.rs", FileStatus::Modified, 60),
            ("src/auth_login.rs", FileStatus::Modified, 60),
            ("docs/page.html", FileStatus::Modified, 5),
            ("tests/auth.rs", FileStatus::Modified, 35),
            (".github/workflows/ci.yml", FileStatus::Added, 65),
        ] {
            assert_eq!(risk(path, 1, status), expected, "{path}");
        }
    }
}
