//! The dependencies between packages against a table, and the code map of ARCHITECTURE.md: one line for each package.

use std::collections::{BTreeMap, BTreeSet};

use super::workspace::Package;

/// Each package, without `holdfast-`, and its dependencies. A library in `lib` depends on libraries in `lib` only, an
/// adapter on the domain and never on its users, the server on no command. Dependencies of tests are free.
const ARROWS: &str = "
    asl:
    engine: asl storage
    http-server:
    sfn-api: asl engine http-server storage
    storage:

    core:
    console: core
    web: console core

    aws: core
    bounded:
    git: bounded core storage
    github: core
    mail: core storage
    models: core
    rules: bounded core
    stores: core storage

    ops: asl aws core engine git github mail models rules storage stores
    server: console core github http-server ops sfn-api storage web
    cli: asl core engine github models ops server sfn-api
    functions: aws console core github models rules web

    testkit: core
    tests: ops
    model-tests:
    xtask:
";

/// Returns a line for each arrow that is missing in [`ARROWS`], and for each row or arrow there that nothing uses.
pub fn check(packages: &BTreeMap<String, Package>) -> Vec<String> {
    let short = |name: &'_ String| name.trim_start_matches("holdfast-").to_owned();
    let real = packages
        .iter()
        .map(|(name, package)| (short(name), package.dependencies.iter().map(short).collect()));
    compare(&table(ARROWS), &real.collect())
}

type Arrows = BTreeMap<String, BTreeSet<String>>;

fn table(text: &str) -> Arrows {
    let rows = text.lines().filter_map(|line| line.trim().split_once(':'));
    rows.map(|(name, targets)| (name.to_owned(), targets.split_whitespace().map(str::to_owned).collect()))
        .collect()
}

fn compare(allowed: &Arrows, real: &Arrows) -> Vec<String> {
    let mut problems = Vec::new();
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

/// Returns a line for each package whose folder doesn't open exactly one line of the code map, and for each folder
/// there that doesn't exist.
pub fn check_code_map(
    architecture: &str,
    packages: &BTreeMap<String, Package>,
    exists: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let listed = listed_folders(architecture);
    let mut problems = Vec::new();
    for package in packages.values() {
        match listed.iter().filter(|folder| **folder == package.folder).count() {
            1 => {}
            count => problems.push(format!(
                "ARCHITECTURE.md: the code map lists {} {count} times; once is right",
                package.folder
            )),
        }
    }
    let missing = listed.iter().filter(|folder| !exists(folder));
    problems.extend(missing.map(|folder| format!("ARCHITECTURE.md: the code map lists {folder}, which doesn't exist")));
    problems
}

/// Returns the folders that open the lines of the code block below "Code map".
fn listed_folders(architecture: &str) -> Vec<&str> {
    let section = architecture.split("\n## Code map\n").nth(1).unwrap_or_default();
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

    #[test]
    fn arrows_are_those_of_the_table() {
        let allowed = table("a: b\nb:");
        assert_eq!(compare(&allowed, &allowed), Vec::<String>::new());
        for (real, named) in [
            ("a: b\nb: a", "b depends on a"),
            ("a:\nb:", "a doesn't depend on b"),
            ("a: b\nb:\nc:", "c: no row"),
            ("a: b", "no package b"),
        ] {
            let found = compare(&allowed, &table(real));
            assert!(found.len() == 1 && found[0].contains(named), "{named}: {found:?}");
        }
    }

    #[test]
    fn each_package_is_in_the_code_map_once() {
        let package = |folder: &str| Package {
            folder: folder.to_owned(),
            targets: BTreeSet::new(),
            dependencies: BTreeSet::new(),
        };
        let packages: BTreeMap<String, Package> = ["lib/a", "lib/b"]
            .map(|folder| (folder.to_owned(), package(folder)))
            .into();
        let found = |listed: &str| {
            let text = format!("# A\n\n## Code map\n\n```\n{listed}\n```\n\n## More\n");
            check_code_map(&text, &packages, &|folder| folder != "lib/gone")
        };
        assert_eq!(found("lib/a  x\n  lib/a y\nlib/b/ z"), Vec::<String>::new());
        for (listed, named) in [
            ("lib/a\nlib/b\nlib/a", "lib/a 2 times"),
            ("lib/a", "lib/b 0 times"),
            ("lib/a\nlib/b\nlib/gone", "lib/gone, which doesn't exist"),
        ] {
            let problems = found(listed);
            assert!(
                problems.len() == 1 && problems[0].contains(named),
                "{named}: {problems:?}"
            );
        }
    }
}
