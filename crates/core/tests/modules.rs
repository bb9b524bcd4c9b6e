//! The modules of the domain have no circular dependencies: each can be read and changed with knowledge of only those
//! that it uses.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::disallowed_methods, reason = "the sources are what is tested")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the modules that each top-level module names as `crate::MODULE`, in tests too, but not in comments.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let module = module_of(path.strip_prefix(&root).unwrap());
            if module != "lib" {
                arrows
                    .entry(module)
                    .or_default()
                    .extend(named_in(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    for (module, used) in &mut arrows {
        used.remove(module);
    }
    arrows
}

fn module_of(path: &Path) -> String {
    let first: PathBuf = path.components().take(1).collect();
    first.with_extension("").display().to_string()
}

fn named_in(text: &str) -> impl Iterator<Item = String> {
    let is_name = |char: &char| char.is_ascii_lowercase() || *char == '_';
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(move |rest| rest.chars().take_while(is_name).collect::<String>())
        .filter(|name| !name.is_empty())
}

/// Returns the modules in circles, and those that use them: repeatedly removes each module that uses no remaining one.
fn circles(mut arrows: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    loop {
        let left: BTreeSet<String> = arrows.keys().cloned().collect();
        let before = arrows.len();
        arrows.retain(|_, used| !used.is_disjoint(&left));
        if arrows.len() == before {
            return arrows;
        }
    }
}

#[test]
fn modules_form_no_circle() {
    let arrows = arrows();
    assert!(arrows["stage"].contains("model") && arrows.len() > 15, "{arrows:?}");
    assert_eq!(circles(arrows), BTreeMap::new(), "these use each other, or what does");
}

#[test]
fn a_circle_is_found() {
    let arrows = [("a", "b"), ("b", "c"), ("c", "b"), ("d", "e")];
    let arrows = arrows.map(|(module, used)| (module.to_owned(), BTreeSet::from([used.to_owned()])));
    let found = circles(BTreeMap::from(arrows));
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}
