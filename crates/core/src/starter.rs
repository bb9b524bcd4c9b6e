//! Proposes a repository's settings: a commented `.holdfast.yml`, made from the names of its files. The names are a
//! stranger's: only plain ones are quoted, and their number is limited.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::model::policy::Policy;
use crate::render::counted;

/// Maximum number of paths in each list of the file.
const MAX_LISTED: usize = 20;
/// Maximum length of a path in the file, in bytes.
const MAX_PATH_BYTES: usize = 200;
/// Maximum number of lines of a CODEOWNERS file that are read.
const MAX_OWNER_LINES: usize = 1_000;

/// Places of a CODEOWNERS file, in the order in which GitHub searches them; then GitLab's.
pub const OWNERS_PATHS: [&str; 4] = [
    ".github/CODEOWNERS",
    "CODEOWNERS",
    "docs/CODEOWNERS",
    ".gitlab/CODEOWNERS",
];

/// Languages without rules, or with rules in some builds only, by the ending of a file's name in lower case.
#[rustfmt::skip]
pub const OTHER_LANGUAGES: &[(&str, &str)] = &[
    ("cc", "C++"), ("cpp", "C++"), ("cxx", "C++"), ("hpp", "C++"), ("cs", "C#"), ("clj", "Clojure"),
    ("dart", "Dart"), ("ex", "Elixir"), ("exs", "Elixir"), ("erl", "Erlang"), ("fs", "F#"), ("groovy", "Groovy"),
    ("hs", "Haskell"), ("jl", "Julia"), ("kt", "Kotlin"), ("kts", "Kotlin"), ("lua", "Lua"), ("m", "Objective-C"),
    ("ml", "OCaml"), ("pl", "Perl"), ("pm", "Perl"), ("php", "PHP"), ("r", "R"), ("rb", "Ruby"), ("scala", "Scala"),
    ("sql", "SQL"), ("svelte", "Svelte"), ("swift", "Swift"), ("vue", "Vue"), ("zig", "Zig"),
];
/// Names of folders with others' code or with a program's output.
#[rustfmt::skip]
const NOT_OWN: &[&str] = &[
    "vendor", "node_modules", "third_party", "third-party", "thirdparty", "bower_components", ".yarn", "pods", "carthage",
    "generated", "__generated__", "gen", "dist", "__snapshots__",
];
/// Names of folders with tests.
const TESTS: &[&str] = &["test", "tests", "__tests__", "spec", "specs", "testing", "e2e"];
/// Names of folders with documents.
const DOCUMENTS: &[&str] = &["doc", "docs", "documentation"];
/// Beginnings of the paths of CI files.
#[rustfmt::skip]
const CI: &[&str] = &[
    ".github/workflows/", ".github/actions/", ".gitlab-ci", ".circleci/", ".buildkite/", ".drone.", ".woodpecker", ".travis.yml",
    "azure-pipelines", "bitbucket-pipelines", "Jenkinsfile", ".gitea/workflows/", ".forgejo/workflows/", "cloudbuild", "buildspec",
];

/// The files of a repository, by name.
#[derive(Clone, Debug, Default)]
pub struct RepositoryNames {
    /// The paths that git tracks.
    pub paths: Vec<String>,
    /// Whether there are more.
    pub is_cut: bool,
    /// The path and the text of the CODEOWNERS file.
    pub owners: Option<(String, String)>,
}

/// Returns the language of a path, if rules read it.
pub type RulesLanguage = fn(&str) -> Option<&'static str>;

/// What the names tell of a repository.
#[derive(Debug, Default)]
struct Found<'a> {
    /// The languages that rules read, the most frequent first.
    languages: Vec<(&'static str, usize)>,
    /// The others.
    other_languages: Vec<(&'static str, usize)>,
    /// The most frequent ending of a language's files.
    ending: Option<&'a str>,
    not_own: Vec<&'a str>,
    tests: Vec<&'a str>,
    documents: Vec<&'a str>,
    ci: Vec<&'a str>,
}

/// Returns a commented `.holdfast.yml`. Its active lines are the defaults, and `exclude` for folders with others' code
/// or a program's output; proposals are comments. `rules_language` returns the language of a path that rules read.
pub fn starter_policy(names: &RepositoryNames, rules_language: RulesLanguage) -> String {
    let found = Found::of(&names.paths, rules_language);
    let mut out = String::from(
        "# Settings of Holdfast for this repository. They count once they are on the base branch.\n\
         # Every key is optional. `holdfast check` lists every problem with line and column.\n\
         # Lockfiles, and vendored and generated files by their usual names are skipped without any settings.\n#\n",
    );
    found.write_summary(&mut out, names);
    found.write_exclude(&mut out);
    found.write_gate(&mut out, names);
    found.write_rest(&mut out);
    out
}

impl<'a> Found<'a> {
    fn of(paths: &'a [String], rules_language: RulesLanguage) -> Self {
        let mut endings: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut languages, mut other_languages) = (BTreeMap::new(), BTreeMap::new());
        let (mut not_own, mut tests, mut documents) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut ci = BTreeSet::new();
        for path in paths {
            if let Some(folder) = folder_named(path, NOT_OWN) {
                not_own.insert(folder);
                continue;
            }
            let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
            if let Some(language) = rules_language(path) {
                *languages.entry(language).or_default() += 1;
                *endings.entry(ending).or_default() += 1;
            } else if let Some(language) = other_language(ending) {
                *other_languages.entry(language).or_default() += 1;
                *endings.entry(ending).or_default() += 1;
            }
            tests.extend(folder_named(path, TESTS));
            documents.extend(folder_named(path, DOCUMENTS));
            if CI.iter().any(|start| path.starts_with(start)) && is_plain(path) {
                ci.insert(path.as_str());
            }
        }
        let ending = endings
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(ending, _)| *ending);
        let first = |set: BTreeSet<&'a str>| set.into_iter().take(MAX_LISTED).collect();
        Self {
            languages: by_count(languages),
            other_languages: by_count(other_languages),
            ending,
            not_own: first(not_own),
            tests: first(tests),
            documents: first(documents),
            ci: first(ci),
        }
    }

    fn write_summary(&self, out: &mut String, names: &RepositoryNames) {
        let files = match names.is_cut {
            true => format!("the first {}", counted(names.paths.len(), "file")),
            false => counted(names.paths.len(), "file"),
        };
        let listed = |languages: &[(&str, usize)]| -> Vec<String> {
            let listed = languages
                .iter()
                .map(|(language, count)| format!("{language} ({count})"));
            listed.collect()
        };
        let (languages, others) = (listed(&self.languages), listed(&self.other_languages));
        let owners = names.owners.iter().map(|(path, _)| path.as_str()).collect();
        let _infallible = writeln!(out, "# Found in {files} that git tracks:");
        if languages.is_empty() {
            out.push_str("# - no language that rules read: without a model, reviews only search for secrets\n");
        }
        for (title, list) in [
            (
                "languages that rules read",
                languages.iter().map(String::as_str).collect(),
            ),
            ("other languages", others.iter().map(String::as_str).collect()),
            ("vendored or generated", self.not_own.clone()),
            ("tests", self.tests.clone()),
            ("CI", self.ci.clone()),
            ("owners", owners),
        ] {
            if !list.is_empty() {
                let _infallible = writeln!(out, "# - {title}: {}", list.join(", "));
            }
        }
    }

    fn write_exclude(&self, out: &mut String) {
        out.push_str(
            "\n# Only these paths are reviewed (globs). Default: all.\n# include:\n#   - \"src/**\"\n\n\
             # These paths are not reviewed. Secrets are still searched for in their added lines.\n",
        );
        let globs: Vec<String> = self.not_own.iter().map(|folder| format!("{folder}/**")).collect();
        let globs: Vec<&String> = globs.iter().filter(|glob| is_valid(glob)).collect();
        if globs.is_empty() {
            out.push_str("# exclude:\n#   - \"src/generated/**\"\n");
            return;
        }
        out.push_str("exclude:\n");
        for glob in globs {
            let _infallible = writeln!(out, "  - \"{glob}\"");
        }
    }

    fn write_gate(&self, out: &mut String, names: &RepositoryNames) {
        out.push_str(
            "\ngate:\n  # A finding at or above this severity waits for a person before the review is published:\n  \
             # critical, high, medium, low or info.\n  severity: high\n  # Number of people who have to approve.\n  \
             approvals: 1\n  # What waits: the whole review, or only these findings.\n  # mode: findings\n",
        );
        let mut proposals = BTreeSet::new();
        out.push_str("  # Another severity for some paths; the first match counts.\n  # paths:\n");
        let mut propose = |out: &mut String, glob: &str, why: &str| {
            if proposals.len() < MAX_LISTED && is_valid(glob) && proposals.insert(glob.to_owned()) {
                let _infallible = writeln!(out, "  #   - path: \"{glob}\"  # {why}\n  #     severity: medium");
            }
        };
        for path in &self.ci {
            let folder = path.rsplit_once('/').map(|(folder, _)| format!("{folder}/**"));
            propose(out, folder.as_deref().unwrap_or(path), "CI");
        }
        // The last match of CODEOWNERS counts, and the first one here.
        let owned = names.owners.iter().flat_map(|(_, text)| owned_globs(text));
        for glob in owned.rev() {
            propose(out, &glob, "CODEOWNERS");
        }
        if proposals.is_empty() {
            out.push_str("  #   - path: \"src/payment/**\"\n  #     severity: medium\n");
        }
    }

    fn write_rest(&self, out: &mut String) {
        let ending = self.ending.unwrap_or("sql");
        let _infallible = write!(
            out,
            "\n# Instructions to the reviewer; every match is added to the prompt.\n# instructions:\n\
             #   - path: \"**/*.{ending}\"\n#     text: \"Public functions need a test.\"\n\n\
             # The model by path, light or strong; the first match counts, otherwise risk decides.\n# tiers:\n"
        );
        let folders = self.documents.iter().chain(&self.tests).take(MAX_LISTED);
        let globs: Vec<String> = folders
            .map(|folder| format!("{folder}/**"))
            .filter(|glob| is_valid(glob))
            .collect();
        for glob in &globs {
            let _infallible = writeln!(out, "#   - path: \"{glob}\"\n#     tier: light");
        }
        if globs.is_empty() {
            out.push_str("#   - path: \"docs/**\"\n#     tier: light\n");
        }
        out.push_str(
            "\n# Comments beside the lines of a pull request; the summary has the other findings, folded.\n# comments:\n\
             #   min_severity: medium\n#   max: 20\n\n\
             # Bots whose own pull requests are reviewed.\n# bots: [\"dependabot\"]\n",
        );
    }
}

fn other_language(ending: &str) -> Option<&'static str> {
    let found = OTHER_LANGUAGES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(ending));
    found.map(|(_, language)| *language)
}

/// Returns the languages, the most frequent first.
fn by_count(counts: BTreeMap<&'static str, usize>) -> Vec<(&'static str, usize)> {
    let mut languages: Vec<_> = counts.into_iter().collect();
    languages.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    languages
}

/// Returns the path up to its first folder that has one of the names, in any case.
fn folder_named<'a>(path: &'a str, names: &[&str]) -> Option<&'a str> {
    let mut start = 0;
    for (end, _) in path.match_indices('/') {
        let folder = &path[start..end];
        if names.iter().any(|name| folder.eq_ignore_ascii_case(name)) {
            return Some(&path[..end]).filter(|folder| is_plain(folder));
        }
        start = end + 1;
    }
    None
}

/// Returns the globs of the lines of a CODEOWNERS file that have owners, in its order. Lines for all files, and those
/// in a form that globs don't have, are left out.
fn owned_globs(text: &str) -> impl DoubleEndedIterator<Item = String> {
    let lines: Vec<&str> = text.lines().take(MAX_OWNER_LINES).collect();
    lines.into_iter().filter_map(|line| {
        let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        let pattern = words.next()?;
        words.next()?;
        // A section of GitLab.
        if pattern.starts_with(['[', '^', '!']) {
            return None;
        }
        let bare = pattern.trim_start_matches('/').trim_end_matches('/');
        let bare = bare.trim_end_matches("/**").trim_end_matches("/*");
        if bare.is_empty() || bare.trim_matches(['*', '/']).is_empty() {
            return None;
        }
        let is_anchored = pattern.trim_end_matches('/').contains('/');
        let start = if is_anchored || bare.starts_with("**/") {
            ""
        } else {
            "**/"
        };
        // A name without an ending is a folder more often than not; the glob of a file has no `/**`.
        let name = bare.rsplit('/').next().unwrap_or(bare);
        let is_file = !pattern.ends_with(['/', '*']) && name.trim_start_matches('.').contains('.');
        let is_file = is_file || name.starts_with("*.");
        Some(format!("{start}{bare}{}", if is_file { "" } else { "/**" }))
    })
}

/// Returns whether a path may be in the file: no character that YAML, a glob or a reader would take in another way.
fn is_plain(path: &str) -> bool {
    let is_plain = |char: char| char.is_alphanumeric() || matches!(char, '.' | '_' | '-' | '/' | '@' | '+');
    path.len() <= MAX_PATH_BYTES && path.chars().all(is_plain)
}

/// Returns whether a glob may be in the file, and means what it looks like.
fn is_valid(glob: &str) -> bool {
    is_plain(&glob.replace('*', "")) && Policy::parse(&format!("exclude: [\"{glob}\"]")).is_ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "an invalid file fails the test")]
    use super::*;
    use crate::model::finding::Severity;

    fn names(paths: &[&str], owners: Option<&str>) -> RepositoryNames {
        RepositoryNames {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            is_cut: false,
            owners: owners.map(|text| ("CODEOWNERS".to_owned(), text.to_owned())),
        }
    }

    fn rules_language(path: &str) -> Option<&'static str> {
        let languages = [(".rs", "Rust"), (".py", "Python")];
        let found = languages.iter().find(|(ending, _)| path.ends_with(ending));
        found.map(|(_, language)| *language)
    }

    /// Removes the marks of all comments that hold settings.
    fn with_proposals(text: &str) -> String {
        let is_key = |rest: &str| {
            rest.starts_with("  ")
                || rest.starts_with("- path")
                || [
                    "include:",
                    "exclude:",
                    "paths:",
                    "mode:",
                    "instructions:",
                    "tiers:",
                    "comments:",
                    "bots:",
                ]
                .iter()
                .any(|key| rest.starts_with(key))
        };
        let lines = text.lines().map(|line| {
            let (indent, rest) = line.split_once("# ").unwrap_or((line, ""));
            match indent.trim().is_empty() && is_key(rest) {
                true => format!("{indent}{rest}\n"),
                false => format!("{line}\n"),
            }
        });
        lines.collect()
    }

    #[test]
    fn the_file_is_valid_as_it_is_and_with_every_proposal() {
        for found in [
            names(&[], None),
            names(
                &[
                    "src/a.rs",
                    "src/b.rs",
                    "a.py",
                    "web/vendor/x.js",
                    "api/Generated/a.rs",
                    "tests/a.rs",
                    "docs/a.md",
                    ".github/workflows/ci.yml",
                    ".gitlab-ci.yml",
                ],
                Some(
                    "* @all\n/src/pay/ @pay # comment\n*.sql @db\ndocs/* @docs\nauth @sec\n/nobody\n[Section]\na\\ b @x\n",
                ),
            ),
        ] {
            let text = starter_policy(&found, rules_language);
            let policy = Policy::parse(&text).unwrap();
            assert_eq!(policy.gate.severity, Severity::High);
            let all = with_proposals(&text);
            let proposed = Policy::parse(&all).unwrap_or_else(|error| panic!("{error}\n{all}"));
            assert!(!proposed.gate.paths.is_empty() && !proposed.tiers.is_empty(), "{all}");
        }
    }

    #[test]
    fn it_lists_what_the_names_show() {
        let text = starter_policy(
            &names(
                &[
                    "c/a.ZIG",
                    "src/a.rs",
                    "src/b.rs",
                    "a.py",
                    "web/vendor/x.js",
                    "tests/a.rs",
                    ".github/workflows/ci.yml",
                ],
                Some("/src/pay/ @pay\n"),
            ),
            rules_language,
        );
        for line in [
            "# Found in 7 files that git tracks:",
            "# - languages that rules read: Rust (3), Python (1)",
            "# - other languages: Zig (1)",
            "# - vendored or generated: web/vendor",
            "# - tests: tests",
            "# - CI: .github/workflows/ci.yml",
            "# - owners: CODEOWNERS",
            "  - \"web/vendor/**\"",
            "  #   - path: \".github/workflows/**\"  # CI",
            "  #   - path: \"src/pay/**\"  # CODEOWNERS",
            "#   - path: \"tests/**\"",
            "#   - path: \"**/*.rs\"",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn no_language_is_left_out_and_a_repository_may_have_none() {
        let all: Vec<String> = OTHER_LANGUAGES
            .iter()
            .map(|(ending, _)| format!("a.{ending}"))
            .collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let text = starter_policy(&names(&all, None), rules_language);
        for (_, language) in OTHER_LANGUAGES {
            assert!(text.contains(&format!("{language} (")), "{language}\n{text}");
        }
        for paths in [&["a.f90", "Makefile", "README"][..], &[]] {
            let text = starter_policy(&names(paths, None), rules_language);
            assert!(text.contains("# - no language that rules read: "), "{text}");
            assert!(!text.contains("other languages"), "{text}");
            Policy::parse(&text).unwrap();
        }
    }

    #[test]
    fn the_last_owners_come_first_and_in_the_form_of_globs() {
        let globs = |text: &str| owned_globs(text).collect::<Vec<_>>();
        for (line, glob) in [
            ("/src/pay/ @a", "src/pay/**"),
            ("/src/pay @a", "src/pay/**"),
            ("src/pay/main.rs @a", "src/pay/main.rs"),
            ("docs/ @a", "**/docs/**"),
            ("docs/* @a", "docs/**"),
            ("*.sql @a @b", "**/*.sql"),
            ("**/auth @a", "**/auth/**"),
        ] {
            assert_eq!(globs(line), [glob], "{line}");
        }
        for line in ["* @a", "/ @a", "** @a", "/src", "# /src @a", "", "[Docs] @a", "!a @b"] {
            assert!(globs(line).is_empty(), "{line}");
        }
        let text = starter_policy(&names(&[], Some("/a/ @a\n/a/b/ @b\n")), rules_language);
        assert!(
            text.find("\"a/b/**\"").unwrap() < text.find("\"a/**\"").unwrap(),
            "{text}"
        );
    }

    #[test]
    fn names_of_a_stranger_add_no_line_and_no_setting() {
        let evil = [
            "x\ngate: {severity: info}/vendor/a",
            "a\" ]/vendor/b",
            "a b/vendor/c",
            "[id]/gen/a",
            "a\\b/dist/c",
        ];
        let mut paths: Vec<String> = evil.iter().map(|path| (*path).to_owned()).collect();
        paths.extend((0..500).map(|number| format!("p{number}/vendor/a")));
        paths.push(format!("{}/tests/a", "x".repeat(5_000)));
        let found = RepositoryNames {
            paths,
            is_cut: true,
            owners: Some(("CODEOWNERS".to_owned(), "/a\"b @x\n/c{d @x\n".repeat(100_000))),
        };
        let text = starter_policy(&found, rules_language);
        let policy = Policy::parse(&text).unwrap();
        assert_eq!(policy.exclude.len(), MAX_LISTED, "{text}");
        assert_eq!(policy.gate.severity, Severity::High);
        assert!(text.len() < 10_000, "{}", text.len());
        assert!(text.contains("the first 506 files"), "{text}");
        assert!(!text.contains("info}"), "{text}");
    }
}
