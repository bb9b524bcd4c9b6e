//! House rules that no lint knows: every file says what it holds, none grows past its room, nothing is left for later,
//! every relative link of a document leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};

/// A production file longer than this is two files.
const LINES_MOST: usize = 500;
/// Pieces are joined here, so that this file passes its own check.
const LEFT_FOR_LATER: [[&str; 2]; 6] = [
    ["todo", "!("],
    ["unimplemented", "!("],
    ["#[ig", "nore"],
    ["#[al", "low("],
    ["#![al", "low("],
    ["FIX", "ME"],
];

/// Folders that are not ours, or not in the repository.
const FOREIGN: [&str; 4] = ["node_modules", "target", ".git", ".holdfast"];

/// Checks every Rust file and document of the workspace. Errors: all that is wrong, a line each.
pub fn check(root: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    for folder in ["crates", "functions", "tests", "xtask"] {
        collect(&root.join(folder), "rs", &mut files).map_err(|error| format!("{folder}: {error}"))?;
    }
    let mut problems = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let shown = file.strip_prefix(root).unwrap_or(file).display();
        if !text.starts_with("//!") {
            problems.push(format!("{shown}: opens without //!"));
        }
        let is_test = file.components().any(|part| part.as_os_str() == "tests");
        if !is_test && text.lines().count() > LINES_MOST {
            problems.push(format!("{shown}: over {LINES_MOST} lines"));
        }
        for pieces in LEFT_FOR_LATER {
            if text.contains(&pieces.concat()) {
                problems.push(format!("{shown}: holds {}", pieces.concat()));
            }
        }
    }
    let mut documents = Vec::new();
    collect(root, "md", &mut documents).map_err(|error| format!("{}: {error}", root.display()))?;
    for file in &documents {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let shown = file.strip_prefix(root).unwrap_or(file).display();
        let folder = file.parent().unwrap_or(root);
        for link in relative_links(&text).filter(|link| !folder.join(link).exists()) {
            problems.push(format!("{shown}: links to {link}, which is not there"));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(format!("tidy:\n{}", problems.join("\n")))
    }
}

/// The relative links of a Markdown document, without their fragments; what stands in code fences is no link.
fn relative_links(text: &str) -> impl Iterator<Item = &str> {
    let mut inside_fence = false;
    text.lines()
        .filter(move |line| {
            let is_fence = line.trim_start().starts_with("```");
            inside_fence ^= is_fence;
            !inside_fence && !is_fence
        })
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split([')', ' ', '#']).next())
        .filter(|link| !link.is_empty() && !link.contains(':'))
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
    fn links_are_relative_and_outside_of_code() {
        let text = "[a](b.md) and [c](d/e.md#f)\n```\n[x](y.md)\n```\n[w](https://w.example) [h](#here) [z](../z)";
        assert_eq!(relative_links(text).collect::<Vec<_>>(), ["b.md", "d/e.md", "../z"]);
    }
}
