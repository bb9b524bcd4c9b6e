//! The rules that skip a file. Coverage shows each rule's name.

use globset::GlobSet;

use crate::diff::parse_patch;
use crate::model::change::{ChangedFile, FileKind, FileStatus};
use crate::model::policy::PolicyGlobs;

use super::tables::{BINARY_ENDINGS, GENERATED_MARKERS, MARKER_LINES, TABLES};

/// The decision about a changed file, before units are planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Triage {
    /// The file is reviewed.
    Review,
    /// A rule skips the file.
    Skip(&'static str),
    /// The file should be reviewed but can't be, for this reason.
    Unreviewed(String),
}

/// Reason why a hook or a file of a CI system whose mode changed is not reviewed.
const MODE_IN_PLACE: &str = "its mode changed in a place where it runs, and the change does not show its content";

/// Decides whether a changed file is reviewed. The settings in the base's `.holdfast.yml` come first. A change can't
/// hide a file by its own content: a marker counts only if the base's version has it too, and the name of a generated
/// or vendored file only if the base has a file of that name.
pub fn triage(file: &ChangedFile, globs: &PolicyGlobs, has_include: bool) -> Triage {
    if globs.exclude.is_match(&file.path) {
        return Triage::Skip("excluded by .holdfast.yml");
    }
    if has_include && !globs.include.is_match(&file.path) {
        return Triage::Skip("not included by .holdfast.yml");
    }
    let runs_by_place =
        TABLES.runs_by_place.is_match(file.path.to_ascii_lowercase()) || TABLES.runs_by_place.is_match(&file.path);
    let has_content = file.patch.is_some() || file.omitted.is_some();
    match (file.status, file.kind) {
        (_, FileKind::Submodule) => return Triage::Skip("submodule"),
        (FileStatus::Deleted, _) => return Triage::Skip("deleted"),
        (_, FileKind::Binary) => return binary(file, runs_by_place),
        // The bit that makes a hook executable switches it on.
        (FileStatus::ModeChanged, _) if runs_by_place => return Triage::Unreviewed(MODE_IN_PLACE.to_owned()),
        (FileStatus::ModeChanged, _) => return Triage::Skip("mode-only"),
        (FileStatus::Renamed | FileStatus::Copied, _) if !has_content && runs_by_place => {
            let from = file.previous_path.as_deref().unwrap_or("another path");
            return Triage::Unreviewed(format!(
                "moved from {from} to a place where it runs, and the change does not show its content"
            ));
        }
        (FileStatus::Renamed | FileStatus::Copied, _) if !has_content => return Triage::Skip("rename-only"),
        _ if !has_content => return Triage::Skip("empty"),
        _ => {}
    }
    if runs_by_place {
        return Triage::Review;
    }
    let named = |tables: &[(&'static str, GlobSet)]| {
        let found = tables.iter().find(|(_, set)| set.is_match(&file.path));
        found.map(|(rule, _)| *rule)
    };
    let is_in_base = matches!(file.status, FileStatus::Modified | FileStatus::TypeChanged);
    let by_format = named(&TABLES.by_format).filter(|_| !holds_script(file));
    by_format
        .or_else(|| named(&TABLES.by_name).filter(|_| is_in_base))
        .or_else(|| is_marked_generated(file).then_some("generated"))
        .map_or(Triage::Review, Triage::Skip)
}

/// Returns whether a data file is executable: an added line begins with `#!`, or the file is an SVG image and an added
/// line has active content.
fn holds_script(file: &ChangedFile) -> bool {
    let mut added = file
        .patch
        .as_deref()
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix('+'));
    let is_picture = file.path.to_ascii_lowercase().ends_with(".svg");
    added.any(|line| line.starts_with("#!") || (is_picture && holds_active_content(line)))
}

fn holds_active_content(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let is_handler = |word: &str| {
        let name = word.strip_prefix("on").and_then(|rest| rest.split_once('='));
        name.is_some_and(|(name, _)| name.len() > 2 && name.trim_end().bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    let marks = [
        "<script",
        "javascript:",
        "<foreignobject",
        "<iframe",
        "xlink:href=\"http",
        "<!entity",
    ];
    marks.iter().any(|mark| line.contains(mark))
        || line
            .split(|char: char| char.is_ascii_whitespace() || matches!(char, '/' | '"' | '\''))
            .any(is_handler)
}

/// Returns whether a path has the ending of a binary format.
pub fn is_binary_by_design(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| BINARY_ENDINGS.contains(&ending.as_str()))
}

fn binary(file: &ChangedFile, runs_by_place: bool) -> Triage {
    if is_binary_by_design(&file.path) && !runs_by_place {
        return Triage::Skip("binary");
    }
    Triage::Unreviewed(file.omitted.clone().unwrap_or_else(|| "has NUL bytes".to_owned()))
}

/// Returns whether both versions have a marker in the same early line. A marker that the head adds or removes doesn't
/// count.
fn is_marked_generated(file: &ChangedFile) -> bool {
    let hunks = file.patch.as_deref().and_then(|patch| parse_patch(patch).ok());
    let Some(first) = hunks.as_deref().and_then(<[_]>::first) else {
        return false;
    };
    first.lines.iter().any(|line| {
        let is_early = |number: Option<u32>| number.is_some_and(|number| number <= MARKER_LINES);
        is_early(line.old) && is_early(line.new) && GENERATED_MARKERS.iter().any(|marker| line.text.contains(marker))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use super::*;
    use crate::model::policy::Policy;

    fn file(path: &str) -> ChangedFile {
        ChangedFile {
            path: path.to_owned(),
            previous_path: None,
            status: FileStatus::Modified,
            kind: FileKind::Text,
            additions: 1,
            deletions: 0,
            patch: Some("@@ -1,1 +1,2 @@\n a\n+b".to_owned()),
            omitted: None,
            secrets: Vec::new(),
        }
    }

    fn of(file: &ChangedFile) -> Triage {
        triage(file, Policy::default().globs().unwrap(), false)
    }

    #[test]
    fn each_rule_reports_its_name() {
        let policy = Policy::parse("exclude: ['docs/**']").unwrap();
        let globs = policy.globs().unwrap();
        for (path, rule) in [
            ("Cargo.lock", Some("lockfile")),
            ("web/package-lock.json", Some("lockfile")),
            ("vendor/x/y.go", Some("vendored")),
            ("a/node_modules/b/c.js", Some("vendored")),
            ("api/x.pb.go", Some("generated")),
            ("t/__snapshots__/a.txt", Some("snapshot")),
            ("logo.svg", Some("data")),
            ("docs/a.md", Some("excluded by .holdfast.yml")),
            ("src/lock.rs", None),
            ("src/vendor.rs", None),
        ] {
            let expected = rule.map_or(Triage::Review, Triage::Skip);
            assert_eq!(triage(&file(path), globs, false), expected, "{path}");
        }
        let tables = TABLES.by_format.iter().chain(&TABLES.by_name).map(|(_, set)| set);
        assert!(
            tables.chain([&TABLES.runs_by_place]).all(|set| !set.is_empty()),
            "every table compiles"
        );
    }

    #[test]
    fn kinds_and_states() {
        type Case = (Triage, fn(&mut ChangedFile));
        let cases: [Case; 10] = [
            (Triage::Skip("binary"), |file| {
                file.kind = FileKind::Binary;
                "logo.PNG".clone_into(&mut file.path);
            }),
            (Triage::Unreviewed("has NUL bytes".to_owned()), |file| {
                file.kind = FileKind::Binary;
                "deploy.sh".clone_into(&mut file.path);
            }),
            (Triage::Unreviewed("binary, 9 bytes".to_owned()), |file| {
                file.kind = FileKind::Binary;
                ".github/workflows/logo.png".clone_into(&mut file.path);
                file.omitted = Some("binary, 9 bytes".to_owned());
            }),
            (Triage::Skip("submodule"), |file| file.kind = FileKind::Submodule),
            (Triage::Skip("deleted"), |file| file.status = FileStatus::Deleted),
            (Triage::Skip("mode-only"), |file| file.status = FileStatus::ModeChanged),
            (Triage::Unreviewed(MODE_IN_PLACE.to_owned()), |file| {
                file.status = FileStatus::ModeChanged;
                ".husky/pre-commit".clone_into(&mut file.path);
            }),
            (Triage::Skip("empty"), |file| file.patch = None),
            (Triage::Skip("rename-only"), |file| {
                (file.status, file.patch) = (FileStatus::Renamed, None);
            }),
            (
                Triage::Unreviewed(
                    "moved from x.txt to a place where it runs, and the change does not show its content".to_owned(),
                ),
                |file| {
                    (file.status, file.patch) = (FileStatus::Renamed, None);
                    ".github/workflows/x.yml".clone_into(&mut file.path);
                    file.previous_path = Some("x.txt".to_owned());
                },
            ),
        ];
        for (expected, change) in cases {
            let mut changed = file("src/a.rs");
            change(&mut changed);
            assert_eq!(of(&changed), expected, "{}", changed.path);
        }
        let mut cut = file("src/a.rs");
        cut.patch = None;
        cut.omitted = Some("too large".to_owned());
        assert_eq!(of(&cut), Triage::Review, "a missing patch is not noise");
        let policy = Policy::parse("include: ['lib/**']").unwrap();
        let only = policy.globs().unwrap();
        assert_eq!(
            triage(&file("src/a.rs"), only, true),
            Triage::Skip("not included by .holdfast.yml")
        );
    }

    /// Sources: mergewatch.ai#307 and muninndb#827 report files that a comment of their own hid from review.
    #[test]
    fn the_head_cannot_hide_a_file() {
        const ADDED: FileStatus = FileStatus::Added;
        const MODIFIED: FileStatus = FileStatus::Modified;
        let skip = Triage::Skip;
        for (path, status, patch, expected) in [
            (
                "a.py",
                ADDED,
                "@@ -0,0 +1,3 @@\n+import os\n+\n+# DO NOT EDIT",
                Triage::Review,
            ),
            ("a.py", ADDED, "@@ -0,0 +1 @@\n+// @generated by x", Triage::Review),
            (
                "a.py",
                MODIFIED,
                "@@ -1,1 +1,2 @@\n+# autogenerated\n a",
                Triage::Review,
            ),
            (
                "a.py",
                MODIFIED,
                "@@ -1,2 +1,1 @@\n-# autogenerated\n a",
                Triage::Review,
            ),
            (
                "a.py",
                MODIFIED,
                "@@ -1,2 +1,3 @@\n # autogenerated\n a\n+b",
                skip("generated"),
            ),
            (
                "a.py",
                MODIFIED,
                "@@ -1999,2 +1999,3 @@\n # autogenerated\n a\n+b",
                Triage::Review,
            ),
            (
                "a.py",
                MODIFIED,
                "@@ -6,2 +6,3 @@\n # autogenerated\n a\n+b",
                Triage::Review,
            ),
            (
                "a.py",
                MODIFIED,
                "@@ -1,2 +7,3 @@\n # autogenerated\n a\n+b",
                Triage::Review,
            ),
            ("dist/x.js", ADDED, "@@ -0,0 +1 @@\n+eval(x)", Triage::Review),
            (
                "dist/x.js",
                FileStatus::Renamed,
                "@@ -1 +1 @@\n-a\n+eval(x)",
                Triage::Review,
            ),
            (
                "dist/x.js",
                FileStatus::Copied,
                "@@ -1 +1 @@\n-a\n+eval(x)",
                Triage::Review,
            ),
            ("dist/x.js", MODIFIED, "@@ -1 +1 @@\n-a\n+eval(x)", skip("generated")),
            ("vendor/x.go", ADDED, "@@ -0,0 +1 @@\n+x", Triage::Review),
            ("node_modules/a/b.js", ADDED, "@@ -0,0 +1 @@\n+x", Triage::Review),
            ("__snapshots__/b.js", ADDED, "@@ -0,0 +1 @@\n+x", Triage::Review),
            (
                ".github/workflows/x.generated.yml",
                MODIFIED,
                "@@ -1 +1 @@\n-a\n+b",
                Triage::Review,
            ),
            (
                ".github/workflows/x.yml",
                MODIFIED,
                "@@ -1 +1,2 @@\n # @generated\n+b",
                Triage::Review,
            ),
            (
                ".GitHub/actions/x/dist/index.js",
                MODIFIED,
                "@@ -1 +1 @@\n-a\n+b",
                Triage::Review,
            ),
            ("vendor/.gitlab-ci.yml", MODIFIED, "@@ -1 +1 @@\n-a\n+b", Triage::Review),
            ("Cargo.lock", ADDED, "@@ -0,0 +1 @@\n+x", skip("lockfile")),
            ("Cargo.lock", ADDED, "@@ -0,0 +1 @@\n+#!/bin/sh", Triage::Review),
            ("a.csv", ADDED, "@@ -0,0 +1 @@\n+#!/usr/bin/env python", Triage::Review),
            (
                "a.svg",
                ADDED,
                "@@ -0,0 +1 @@\n+<svg><path d='M0'/></svg>",
                skip("data"),
            ),
            (
                "a.svg",
                ADDED,
                "@@ -0,0 +1 @@\n+<svg><ScRipt>x</script></svg>",
                Triage::Review,
            ),
            ("a.svg", ADDED, "@@ -0,0 +1 @@\n+<svg OnLoad=x>", Triage::Review),
            ("a.svg", ADDED, "@@ -0,0 +1 @@\n+<svg/onload=x>", Triage::Review),
            ("a.ipynb", ADDED, "@@ -0,0 +1 @@\n+{}", Triage::Review),
        ] {
            let changed = ChangedFile {
                status,
                patch: Some(patch.to_owned()),
                ..file(path)
            };
            assert_eq!(of(&changed), expected, "{path} {status:?} {patch}");
        }
    }
}
