//! House rules without a lint: every file opens with a description, none exceeds its length, nothing is left for later;
//! documents, code map and dependencies match the repository; names of states are constants; prose stays below the limits
//! of `words`.

mod arrows;
mod documents;
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::TASKS;
use crate::words::{self, Counts};

/// The folder of the comments that tests expect.
const GOLDEN: &str = "crates/core/tests/comments/golden";

/// The maximum length of a production file.
const MAX_LINES: usize = 500;
/// Marks of unfinished work, in pieces so that this file passes its own check.
const LEFT_FOR_LATER: [[&str; 2]; 6] = [
    ["todo", "!("],
    ["unimplemented", "!("],
    ["#[ig", "nore"],
    ["#[al", "low("],
    ["#![al", "low("],
    ["FIX", "ME"],
];

/// Folders of other projects, or outside of the repository.
const FOREIGN: [&str; 5] = ["node_modules", "target", ".git", ".holdfast", "tests/quality/labelled"];

/// The files that hold the names of states.
const STATES: [&str; 2] = ["crates/core/src/stage/table.rs", "crates/core/src/stage/state.rs"];

/// Checks every Rust file and document of the workspace.
///
/// # Errors
///
/// The problems, a line each.
pub fn check(root: &Path) -> Result<(), String> {
    let mut problems = check_sources(root)?;
    let packages = workspace::packages(root)?;
    problems.extend(arrows::check(&packages));
    let exists = |path: &str| root.join(path).exists();
    let architecture = read(&root.join("ARCHITECTURE.md"))?;
    problems.extend(arrows::check_code_map(&architecture, &packages, &exists));
    let recipes = documents::recipes(&read(&root.join("Justfile"))?);
    let known = documents::Known {
        packages: &packages,
        tasks: TASKS,
        recipes: &recipes,
    };
    let golden = root.join(GOLDEN);
    for file in collected(root, "", "md")? {
        // The expected comments of tests hold foreign text.
        if file.starts_with(&golden) {
            continue;
        }
        let folder = file.parent().unwrap_or(root);
        let found = documents::check(&read(&file)?, &known, &exists, &|link| folder.join(link).exists());
        let shown = file.strip_prefix(root).unwrap_or(&file).display();
        problems.extend(found.into_iter().map(|problem| format!("{shown}: {problem}")));
    }
    problems.extend(words::total(&counted_files(root)?).check());
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("tidy:\n{}", problems.join("\n")))
    }
}

/// Returns the counts of each source and each document, by its path relative to the root.
///
/// # Errors
///
/// A file can't be read.
pub fn counted_files(root: &Path) -> Result<Vec<(String, Counts)>, String> {
    let mut files = Vec::new();
    for (extension, add) in [
        ("rs", Counts::add_source as fn(&mut Counts, &str)),
        ("md", Counts::add_document),
    ] {
        for file in collected(root, "", extension)? {
            let mut counts = Counts::default();
            add(&mut counts, &read(&file)?);
            let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
            files.push((shown, counts));
        }
    }
    Ok(files)
}

fn check_sources(root: &Path) -> Result<Vec<String>, String> {
    let states = state_names(&read(&root.join("state-machine/review.asl.json"))?)?;
    let mut problems = Vec::new();
    let folders = ["lib", "crates", "functions", "tests", "xtask"];
    for folder in folders {
        for file in collected(root, folder, "rs")? {
            let text = read(&file)?;
            let shown = file.strip_prefix(root).unwrap_or(&file);
            let is_test = file.components().any(|part| part.as_os_str() == "tests");
            let found = check_source(&text, is_test).into_iter();
            let banned = documents::banned(&words::comments(&text));
            problems.extend(
                found
                    .chain(banned)
                    .map(|problem| format!("{}: {problem}", shown.display())),
            );
            let is_table = STATES.iter().any(|table| shown == Path::new(table));
            if !is_test && !is_table && folder != "lib" {
                let named = literal_states(&text, &states);
                problems.extend(named.map(|name| {
                    let remedy = "a constant of holdfast_core::stage::state";
                    format!("{}: names the state {name:?}: use {remedy}", shown.display())
                }));
            }
        }
    }
    Ok(problems)
}

fn check_source(text: &str, is_test: bool) -> Vec<String> {
    let mut problems = Vec::new();
    if !text.starts_with("//!") {
        problems.push("opens without //!".to_owned());
    }
    if !is_test && text.lines().count() > MAX_LINES {
        problems.push(format!("over {MAX_LINES} lines"));
    }
    let left = LEFT_FOR_LATER.iter().map(|pieces| pieces.concat());
    problems.extend(
        left.filter(|left| text.contains(left))
            .map(|left| format!("holds {left}")),
    );
    problems
}

/// Returns the states that production code names as literals.
fn literal_states<'a>(text: &str, states: &'a [String]) -> impl Iterator<Item = &'a String> {
    let production = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    states
        .iter()
        .filter(move |name| production.contains(&format!("\"{name}\"")))
}

/// Returns the names of all states of a definition, including those inside of maps.
fn state_names(definition: &str) -> Result<Vec<String>, String> {
    let document: Value =
        serde_json::from_str(definition).map_err(|error| format!("state-machine/review.asl.json: {error}"))?;
    let mut names = Vec::new();
    let mut open = vec![&document];
    while let Some(machine) = open.pop() {
        for (name, state) in machine["States"].as_object().into_iter().flatten() {
            names.push(name.clone());
            open.extend(state.get("ItemProcessor"));
        }
    }
    Ok(names)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Returns the files with this extension below a folder, sorted.
fn collected(root: &Path, folder: &str, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    collect(&root.join(folder), extension, &mut files).map_err(|error| format!("{folder}: {error}"))?;
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, extension: &str, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if !FOREIGN.iter().any(|name| path.ends_with(name)) {
                collect(&path, extension, files)?;
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_found_in_maps_and_as_literals_of_production_code() {
        let definition = r#"{"States": {"Each": {"ItemProcessor": {"States": {"One": {}}}}, "End": {}}}"#;
        let mut states = state_names(definition).unwrap_or_default();
        states.sort();
        assert_eq!(states, ["Each", "End", "One"]);
        let text = "let a = \"One\"; let b = \"Ones\";\n#[cfg(test)]\nlet c = \"End\";";
        assert_eq!(literal_states(text, &states).collect::<Vec<_>>(), ["One"]);
    }

    #[test]
    fn a_source_opens_with_its_contents_and_is_short() {
        for (text, is_test, problems) in [
            ("//! A.\n".to_owned(), false, 0),
            ("fn a() {}\n".to_owned(), false, 1),
            ("//! A.\n".repeat(MAX_LINES), false, 0),
            ("//! A.\n".repeat(MAX_LINES + 1), false, 1),
            ("//! A.\n".repeat(MAX_LINES + 1), true, 0),
            (format!("//! A.\n{}", LEFT_FOR_LATER[5].concat()), true, 1),
        ] {
            assert_eq!(check_source(&text, is_test).len(), problems, "{}", text.len());
        }
    }
}
