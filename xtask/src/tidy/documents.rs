//! Checks the documents against the repository: links and paths exist, commands name packages, targets and tasks that
//! exist, and a few phrases are banned.

use std::collections::{BTreeMap, BTreeSet};

use super::workspace::Package;

/// Phrases that hide the event or the agent, and their replacements.
const PHRASES: &[(&str, &str)] = &[
    ("sat out", "retried"),
    ("simply", "leave it out"),
    ("in order to", "to"),
    ("at this point in time", "now"),
    (
        "could not be read is said",
        "files that couldn't be reviewed are listed",
    ),
    ("what is told", "name the data"),
    ("go on waiting", "resume"),
    ("of its own accord", "by itself"),
    ("nobody could be told", "every channel failed"),
    ("as of now", "name the version"),
    ("mend it", "fix it"),
    ("utilize", "use"),
];
/// Folders whose paths in code spans must exist.
const FOLDERS: &[&str] = &[
    "crates/",
    "docs/",
    "functions/",
    "fuzz/",
    "infra/",
    "lib/",
    "state-machine/",
    "tests/",
    "xtask/",
];

/// Folders that tools create and git doesn't keep.
const CREATED: &[&str] = &["fuzz/artifacts", "fuzz/corpus"];

/// The names that documents may use.
pub struct Known<'a> {
    /// The packages of the workspace.
    pub packages: &'a BTreeMap<String, Package>,
    /// The commands of `cargo xtask`.
    pub tasks: &'a [&'a str],
    /// The recipes of the Justfile.
    pub recipes: &'a [String],
}

/// Returns a line for each name in a document that doesn't exist, and for each banned phrase. `exists` takes a path
/// relative to the root; `is_beside` one relative to the document.
pub fn check(
    text: &str,
    known: &Known<'_>,
    exists: &dyn Fn(&str) -> bool,
    is_beside: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut problems: Vec<String> = relative_links(text)
        .filter(|link| !is_beside(link))
        .map(|link| format!("links to {link}, which doesn't exist"))
        .collect();
    let paths = code(text).into_iter().filter(|span| is_path(span));
    problems.extend(
        paths
            .filter(|path| !exists(path.trim_end_matches('/')))
            .map(|path| format!("names {path}, which doesn't exist")),
    );
    problems.extend(code(text).into_iter().flat_map(|span| unknown_words(span, known)));
    problems.extend(banned(text));
    problems
}

/// Returns a line for each banned phrase in a text; a phrase may be broken over two lines.
pub fn banned(text: &str) -> impl Iterator<Item = String> + use<> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ").to_lowercase();
    PHRASES
        .iter()
        .filter(move |(phrase, _)| text.contains(phrase))
        .map(|(phrase, instead)| format!("contains {phrase:?}; instead: {instead}"))
}

/// Returns the code of a document: spans, and the lines of fenced blocks.
fn code(text: &str) -> Vec<&str> {
    let mut inside_fence = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside_fence = !inside_fence;
        } else if inside_fence {
            found.push(line);
        } else {
            found.extend(line.split('`').skip(1).step_by(2));
        }
    }
    found
}

/// Returns whether a code span is a path in a folder of the repository, without a placeholder.
fn is_path(span: &str) -> bool {
    let is_plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || "/._-".contains(sign);
    let is_ours = FOLDERS.iter().any(|folder| span.starts_with(folder));
    is_ours && !CREATED.contains(&span) && span.chars().all(is_plain)
}

/// Returns a line for each name in a command that doesn't exist: packages and targets of cargo, tasks of xtask, recipes
/// of just.
fn unknown_words(command: &str, known: &Known<'_>) -> Vec<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_name = |word: &&str| {
        word.chars()
            .all(|sign| sign.is_ascii_lowercase() || "-_0123456789".contains(sign))
    };
    let targets: BTreeSet<&str> = known
        .packages
        .values()
        .flat_map(|package| package.targets.iter().map(String::as_str))
        .collect();
    let is_ours = words.first().is_some_and(|word| *word == "cargo" || word.contains('='));
    let mut problems = Vec::new();
    for pair in words.windows(2) {
        let [option, word] = pair else { continue };
        if !is_name(word) {
            continue;
        }
        let exists = match *option {
            "-p" | "--package" if is_ours => known.packages.contains_key(*word),
            "--test" | "--example" | "--bin" if is_ours => targets.contains(word),
            "xtask" => known.tasks.contains(word),
            "just" => known.recipes.iter().any(|recipe| recipe == word),
            _ => true,
        };
        if !exists {
            problems.push(format!("names {option} {word}, which doesn't exist"));
        }
    }
    problems
}

/// Returns the names of the recipes in a Justfile.
pub fn recipes(justfile: &str) -> Vec<String> {
    justfile
        .lines()
        .filter(|line| line.starts_with(|sign: char| sign.is_ascii_lowercase()) && !line.contains(":="))
        .filter_map(|line| line.split([' ', ':']).next())
        .map(str::to_owned)
        .collect()
}

/// Returns the relative links of a Markdown document, without fragments; text in code fences holds no links.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let package = Package {
            folder: "lib/a".to_owned(),
            targets: ["picture".to_owned()].into(),
            dependencies: BTreeSet::new(),
        };
        let packages = [("holdfast-a".to_owned(), package)].into();
        let known = Known {
            packages: &packages,
            tasks: &["verify"],
            recipes: &["check".to_owned()],
        };
        check(text, &known, &|path| path == "lib/a", &|link| link == "b.md")
    }

    #[test]
    fn existing_names_are_accepted() {
        for text in [
            "[a](b.md) `lib/a/` `lib/NAME/x` `src/lib.rs` [w](https://w.example) [h](#here)",
            "`cargo run -p holdfast-a --example picture` and `cargo xtask verify`, `just check`",
            "```\nA=1 cargo test -p holdfast-a\ncargo test -p PACKAGE\ncurl -p nothing\n```",
            "test it: just run --test nothing here",
        ] {
            assert_eq!(problems(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn missing_names_are_reported() {
        for (text, named) in [
            ("[a](c.md)", "c.md"),
            ("in `lib/b/src`", "lib/b/src"),
            ("`cargo test -p holdfast-b`", "-p holdfast-b"),
            ("`cargo run --example cost`", "--example cost"),
            ("```\ncargo xtask verfy\n```", "xtask verfy"),
            ("`just chek`", "just chek"),
            ("Simply run it", "simply"),
            ("reviews go on\nwaiting", "go on waiting"),
        ] {
            let found = problems(text);
            assert!(found.len() == 1 && found[0].contains(named), "{text}: {found:?}");
        }
    }

    #[test]
    fn links_are_relative_and_outside_of_code() {
        let text = "[a](b.md) and [c](d/e.md#f)\n```\n[x](y.md)\n```\n[w](https://w.example) [h](#here) [z](../z)";
        assert_eq!(relative_links(text).collect::<Vec<_>>(), ["b.md", "d/e.md", "../z"]);
    }

    #[test]
    fn a_recipe_opens_a_line() {
        let justfile = "# comment\ncargo := \"c\"\ncheck package *arguments:\n    cargo fmt\nall: check\n";
        assert_eq!(recipes(justfile), ["check", "all"]);
    }
}
