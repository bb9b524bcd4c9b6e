//! Which package may depend on which, and that each has one row among the rooms of ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};

use super::workspace::Package;

/// Each package, and what it depends on. A library in `lib` depends on libraries in `lib` only; an adapter on the domain, never
/// on a command; the server on no command. What only tests need is free.
const ARROWS: &[(&str, &[&str])] = &[
    ("holdfast-asl", &[]),
    ("holdfast-engine", &["holdfast-asl"]),
    ("holdfast-http-server", &[]),
    (
        "holdfast-sfn-api",
        &["holdfast-asl", "holdfast-engine", "holdfast-http-server"],
    ),
    ("holdfast-core", &[]),
    ("holdfast-adapters", &["holdfast-core"]),
    ("holdfast-console", &["holdfast-core"]),
    ("holdfast-web", &["holdfast-console", "holdfast-core"]),
    (
        "holdfast-ops",
        &["holdfast-adapters", "holdfast-asl", "holdfast-core", "holdfast-engine"],
    ),
    (
        "holdfast-server",
        &[
            "holdfast-adapters",
            "holdfast-console",
            "holdfast-core",
            "holdfast-http-server",
            "holdfast-ops",
            "holdfast-sfn-api",
            "holdfast-web",
        ],
    ),
    (
        "holdfast-cli",
        &[
            "holdfast-adapters",
            "holdfast-asl",
            "holdfast-core",
            "holdfast-engine",
            "holdfast-ops",
            "holdfast-server",
            "holdfast-sfn-api",
        ],
    ),
    (
        "holdfast-functions",
        &["holdfast-adapters", "holdfast-console", "holdfast-core", "holdfast-web"],
    ),
    ("holdfast-testkit", &[]),
    ("holdfast-tests", &[]),
    ("holdfast-model-tests", &[]),
    ("xtask", &[]),
];

/// Returns a line for each arrow that is missing in [`ARROWS`], and for each row or arrow there that nothing uses.
pub fn check(packages: &BTreeMap<String, Package>) -> Vec<String> {
    let real = packages
        .iter()
        .map(|(name, package)| (name.as_str(), package.dependencies.iter().map(String::as_str).collect()));
    compare(ARROWS, &real.collect())
}

fn compare(allowed: &[(&str, &[&str])], real: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let mut problems = Vec::new();
    let allowed: BTreeMap<&str, BTreeSet<&str>> = allowed
        .iter()
        .map(|(name, targets)| (*name, targets.iter().copied().collect()))
        .collect();
    let place = "xtask/src/tidy/arrows.rs";
    for (name, targets) in real {
        let Some(row) = allowed.get(name) else {
            problems.push(format!("{name}: no row in {place}"));
            continue;
        };
        let forbidden = targets.difference(row);
        problems.extend(forbidden.map(|target| format!("{name} depends on {target}, which {place} doesn't allow")));
        let unused = row.difference(targets);
        problems.extend(unused.map(|target| format!("{place}: {name} doesn't depend on {target}: remove the arrow")));
    }
    let gone = allowed.keys().filter(|name| !real.contains_key(*name));
    problems.extend(gone.map(|name| format!("{place}: there is no package {name}: remove the row")));
    problems
}

/// Returns a line for each package whose folder doesn't open exactly one line of the rooms, and for each folder there that
/// doesn't exist.
pub fn check_rooms(
    architecture: &str,
    packages: &BTreeMap<String, Package>,
    exists: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let rooms = rooms(architecture);
    let mut problems = Vec::new();
    for package in packages.values() {
        match rooms.iter().filter(|room| **room == package.folder).count() {
            1 => {}
            count => problems.push(format!(
                "ARCHITECTURE.md: the rooms list {} {count} times; once is right",
                package.folder
            )),
        }
    }
    let missing = rooms.iter().filter(|room| !exists(room));
    problems.extend(missing.map(|room| format!("ARCHITECTURE.md: the rooms list {room}, which doesn't exist")));
    problems
}

/// The folders that open the lines of the code block below "Rooms".
fn rooms(architecture: &str) -> Vec<&str> {
    let section = architecture.split("\n## Rooms\n").nth(1).unwrap_or_default();
    let block = section.split("```").nth(1).unwrap_or_default();
    block
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .map(|folder| folder.trim_end_matches('/'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(real: &[(&'static str, &[&'static str])]) -> Vec<String> {
        let allowed: &[(&str, &[&str])] = &[("a", &["b"]), ("b", &[])];
        let real = real.iter().map(|(name, to)| (*name, to.iter().copied().collect()));
        compare(allowed, &real.collect())
    }

    #[test]
    fn arrows_are_those_of_the_table() {
        assert_eq!(problems(&[("a", &["b"]), ("b", &[])]), Vec::<String>::new());
        for (real, named) in [
            (&[("a", &["b"][..]), ("b", &["a"])][..], "b depends on a"),
            (&[("a", &[]), ("b", &[])], "a doesn't depend on b"),
            (&[("a", &["b"]), ("b", &[]), ("c", &[])], "c: no row"),
            (&[("a", &["b"])], "no package b"),
        ] {
            let found = problems(real);
            assert!(found.len() == 1 && found[0].contains(named), "{named}: {found:?}");
        }
    }

    #[test]
    fn each_package_is_one_room() {
        let package = |folder: &str| Package {
            folder: folder.to_owned(),
            targets: BTreeSet::new(),
            dependencies: BTreeSet::new(),
        };
        let packages: BTreeMap<String, Package> = ["lib/a", "lib/b"]
            .map(|folder| (folder.to_owned(), package(folder)))
            .into();
        let found = |rooms: &str| {
            let text = format!("# A\n\n## Rooms\n\n```\n{rooms}\n```\n\n## More\n");
            check_rooms(&text, &packages, &|room| room != "lib/gone")
        };
        assert_eq!(found("lib/a  x\n  lib/a y\nlib/b/ z"), Vec::<String>::new());
        for (rooms, named) in [
            ("lib/a\nlib/b\nlib/a", "lib/a 2 times"),
            ("lib/a", "lib/b 0 times"),
            ("lib/a\nlib/b\nlib/gone", "lib/gone, which doesn't exist"),
        ] {
            let problems = found(rooms);
            assert!(
                problems.len() == 1 && problems[0].contains(named),
                "{named}: {problems:?}"
            );
        }
    }
}
