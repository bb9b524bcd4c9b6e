//! Helpers of the whole-system tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Returns Cargo's target directory, as an absolute path if it exists.
pub fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    target.canonicalize().unwrap_or(target)
}

/// Builds the programs of the workspace and returns their folder. It builds all of them at once: with the features of
/// the whole workspace the dependencies are those of the tests, and nothing is compiled twice.
pub fn programs() -> PathBuf {
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--workspace", "--bins"])
        .current_dir(root())
        // The build script of ring depends on it: with the tests' value, half of the crates would be built anew.
        .env_remove("CARGO_MANIFEST_DIR");
    assert!(build.status().is_ok_and(|status| status.success()), "{build:?}");
    target().join("debug")
}
