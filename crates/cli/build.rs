//! Sets `BUILD_VERSION`, which `--version` prints: the package's version, and the commit that the program is built
//! from. cargo passes the variable to the program that it runs, and the program refuses unknown names that begin with
//! `HOLDFAST_`. The commit comes from `BUILD_COMMIT` or, in a release build, from git. Without either, the version has no
//! commit. The same commit gives the same program.
//!
//! Links the program with packed relocations where the C library of this machine reads them: 2 MB less.

use std::env;
use std::path::Path;
use std::process::Command;

/// Number of digits of the commit.
const DIGITS: usize = 12;
/// The first version of glibc that reads packed relocations.
const PACKED_FROM: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if is_for_this_machine() && glibc().is_some_and(|version| version >= PACKED_FROM) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    println!("cargo:rerun-if-env-changed=BUILD_COMMIT");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let given = env::var("BUILD_COMMIT").ok();
    // A build for development would be repeated after each commit.
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = match given.filter(|commit| !commit.is_empty()) {
        Some(commit) => digits(&commit),
        None if is_release => {
            watch(folder);
            commit_of(folder)
        }
        None => None,
    };
    let commit = commit.map_or_else(String::new, |commit| format!(" ({commit})"));
    println!("cargo:rustc-env=BUILD_VERSION={}{commit}", env!("CARGO_PKG_VERSION"));
}

/// Returns whether the program is for this machine's own C library.
fn is_for_this_machine() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|known| known == value);
    env::var("HOST").is_ok_and(|host| is("TARGET", &host))
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
}

/// Returns the version of this machine's glibc.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Repeats this script after each change of the commit.
fn watch(folder: &Path) {
    for name in ["HEAD", "logs/HEAD"] {
        let path = git(folder, &["rev-parse", "--git-path", name]).map(|path| folder.join(path));
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
}

/// Returns the commit of the repository whose crate this is; nothing in another repository that only contains the
/// sources, or without git.
pub fn commit_of(folder: &Path) -> Option<String> {
    let prefix = git(folder, &["rev-parse", "--show-prefix"])?;
    if prefix != "crates/cli/" {
        return None;
    }
    digits(&git(folder, &["rev-parse", "HEAD"])?)
}

/// Returns the first digits of a commit id; nothing if it is none.
pub fn digits(commit: &str) -> Option<String> {
    let commit = commit.trim();
    let first = commit.get(..DIGITS)?;
    let is_commit = commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then(|| first.to_ascii_lowercase())
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
