//! What the whole-system tests share.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Cargo's target directory, absolute where it exists.
pub fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.canonicalize().unwrap_or(target)
}

/// Builds the programs of the workspace and returns their folder. All of them at once: with the features of the whole
/// workspace, the dependencies are those that the tests were built with, and nothing is compiled a second time.
pub fn programs() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--workspace", "--bins"])
        .current_dir(root());
    assert!(build.status().is_ok_and(|status| status.success()), "{build:?}");
    target().join("debug")
}
