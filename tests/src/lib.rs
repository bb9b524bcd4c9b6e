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
        .current_dir(root());
    // The build script of ring depends on them: with the tests' values, half of the crates would be built anew.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_PKG_") {
            build.env_remove(&name);
        }
    }
    assert!(build.status().is_ok_and(|status| status.success()), "{build:?}");
    target().join("debug")
}
