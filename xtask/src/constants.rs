//! Mutation test of the numeric constants in `crates/core`: each is raised by one in a copy of the last commit, and the
//! tests of the crate must fail. `cargo-mutants` does not change constants.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{print_line, step, target};

/// Types of the constants that are raised.
const TYPES: &[&str] = &["u8", "u16", "u32", "u64", "usize", "i32", "i64", "f64"];

/// Suites of `crates/core` that test its constants. The first builds fastest and detects most changes.
const SUITES: &[&[&str]] = &[
    &["--lib"],
    &["--test", "approval", "--test", "intake", "--test", "stages"],
    &["--test", "*"],
];

/// A numeric constant in a source file.
struct Constant {
    /// Path of the file, relative to the copy.
    file: PathBuf,
    /// Index of its line, from 0.
    line: usize,
    name: String,
    /// Byte range of its first number within the line.
    digits: std::ops::Range<usize>,
}

/// Raises each constant in turn whose name or path contains `filter`, and lists those whose change no test detects.
///
/// # Errors
///
/// The copy cannot be made, or its tests fail without any change.
pub fn run(root: &Path, filter: Option<&str>) -> Result<(), String> {
    let work = target(root).join("constants");
    let tree = work.join("tree");
    copy_head(root, &tree)?;
    let mut constants = Vec::new();
    find(&tree, &tree.join("crates/core/src"), &mut constants)?;
    let is_meant = |constant: &Constant| {
        let path = constant.file.to_string_lossy();
        filter.is_none_or(|filter| constant.name.contains(filter) || path.contains(filter))
    };
    constants.retain(is_meant);
    let unchanged = Instant::now();
    for suite in SUITES {
        step(
            "core's tests, unchanged",
            "fix them first",
            &mut tests(&work, &tree, suite),
        )?;
    }
    print_line(&format!("constants: {} to raise", constants.len()));
    let mut survivors = Vec::new();
    for (index, constant) in constants.iter().enumerate() {
        let path = tree.join(&constant.file);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let raised = raise(&text, constant);
        fs::write(&path, raised).map_err(|error| format!("{}: {error}", path.display()))?;
        let detected = SUITES.iter().any(|suite| fails(&mut tests(&work, &tree, suite)));
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        let place = format!("{}:{} {}", constant.file.display(), constant.line + 1, constant.name);
        let outcome = if detected { "detected" } else { "SURVIVED" };
        print_line(&format!(
            "constants: {}/{} {outcome} {place}",
            index + 1,
            constants.len()
        ));
        if !detected {
            survivors.push(place);
        }
    }
    print_line(&format!(
        "constants: {} raised, {} detected, {} survived, {:.0} s",
        constants.len(),
        constants.len() - survivors.len(),
        survivors.len(),
        unchanged.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Unpacks the last commit into an empty folder.
fn copy_head(root: &Path, tree: &Path) -> Result<(), String> {
    if tree.exists() {
        fs::remove_dir_all(tree).map_err(|error| format!("{}: {error}", tree.display()))?;
    }
    fs::create_dir_all(tree).map_err(|error| format!("{}: {error}", tree.display()))?;
    let script = r#"git archive HEAD | tar -x -C "$0""#;
    let mut unpack = Command::new("sh");
    unpack.args(["-c", script]).arg(tree).current_dir(root);
    step("a copy of the last commit", "git and tar are needed", &mut unpack)
}

/// Returns the command that runs a suite of `crates/core` in the copy. It ends after at most ten minutes: a changed
/// constant may make a test loop.
fn tests(work: &Path, tree: &Path, suite: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["600", "cargo", "test", "--quiet", "-p", "holdfast-core"])
        .args(suite)
        .env("CARGO_TARGET_DIR", work.join("target"))
        .env("CARGO_PROFILE_TEST_DEBUG", "none")
        .env("CARGO_PROFILE_DEV_DEBUG", "none")
        .current_dir(tree);
    command
}

fn fails(tests: &mut Command) -> bool {
    let status = tests.stdout(Stdio::null()).stderr(Stdio::null()).status();
    !status.is_ok_and(|status| status.success())
}

fn find(tree: &Path, folder: &Path, found: &mut Vec<Constant>) -> Result<(), String> {
    let listing = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut entries: Vec<PathBuf> = listing.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            find(tree, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && !stem.ends_with("tests") {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let file = path.strip_prefix(tree).unwrap_or(&path);
            let before_tests = text.lines().take_while(|line| *line != "#[cfg(test)]");
            found.extend(
                before_tests
                    .enumerate()
                    .filter_map(|(index, line)| constant(file, index, line)),
            );
        }
    }
    Ok(())
}

/// Returns the constant that a line declares, if its value begins with a number.
fn constant(file: &Path, line: usize, text: &str) -> Option<Constant> {
    let (head, value) = text.split_once(" = ")?;
    let (_, declaration) = head.split_once("const ")?;
    let (name, kind) = declaration.split_once(": ")?;
    let length = value
        .find(|sign: char| !sign.is_ascii_digit() && sign != '_')
        .unwrap_or(value.len());
    let start = text.len() - value.len();
    (TYPES.contains(&kind) && length > 0).then(|| Constant {
        file: file.to_owned(),
        line,
        name: name.to_owned(),
        digits: start..start + length,
    })
}

/// Returns the text with the constant's first number raised by one.
fn raise(text: &str, constant: &Constant) -> String {
    let mut raised = String::with_capacity(text.len() + 1);
    for (index, line) in text.lines().enumerate() {
        if index == constant.line {
            let digits = line[constant.digits.clone()].replace('_', "");
            let value = digits.parse::<u64>().unwrap_or_default() + 1;
            raised += &line[..constant.digits.start];
            raised += &value.to_string();
            raised += &line[constant.digits.end..];
        } else {
            raised += line;
        }
        raised.push('\n');
    }
    raised
}
