//! Risk: orders the work, and picks a model's tier. A rough measure on purpose: paths that tend to matter, and size.

use crate::model::change::{ChangedFile, FileStatus};

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

/// From 0 (harmless) to 100.
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
