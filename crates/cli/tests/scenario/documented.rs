//! Every file of a data directory is in the documents: its place in docs/configuration.md, an artifact's in
//! ARCHITECTURE.md.

use std::fs;
use std::path::Path;

use crate::support::{Scene, many_files};

const PLACES: &str = include_str!("../../../../docs/configuration.md");
const ARTIFACTS: &str = include_str!("../../../../ARCHITECTURE.md");
/// Endings of SQLite's own files beside a database.
const OF_SQLITE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Fails with the files below `data` that no table in the documents names.
pub fn check(data: &Path) {
    let names = children(data);
    assert!(
        names.contains(&"engine.sqlite".to_owned()),
        "{}: no data directory",
        data.display()
    );
    let is_named = |name: &str| PLACES.contains(&format!("`{name}`")) || PLACES.contains(&format!("`{name}/"));
    let of_sqlite = |name: &str| OF_SQLITE.iter().any(|end| name.ends_with(&format!(".sqlite{end}")));
    let unnamed: Vec<&String> = names
        .iter()
        .filter(|name| !is_named(name) && !of_sqlite(name))
        .collect();
    assert!(unnamed.is_empty(), "docs/configuration.md has no row for {unnamed:?}");
    let mut artifacts = Vec::new();
    for run in children(&data.join("artifacts/runs")) {
        collect(&data.join("artifacts/runs").join(run), "", &mut artifacts);
    }
    assert!(!artifacts.is_empty(), "{}: no artifacts", data.display());
    artifacts.retain(|path| !ARTIFACTS.contains(path.rsplit("UNIT/").next().unwrap_or(path)));
    assert!(artifacts.is_empty(), "ARCHITECTURE.md names no {artifacts:?}");
}

fn children(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Collects the artifacts of a run in ARCHITECTURE.md's notation: `units/UNIT/attempt-N/answer.json`. The map's results
/// are one entry.
fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for name in children(folder) {
        let shown = general(prefix, &name);
        let path = folder.join(&name);
        if path.is_dir() && shown != "results" {
            collect(&path, &format!("{shown}/"), found);
        } else if shown == "results" {
            found.push("results/…".to_owned());
        } else {
            found.push(shown);
        }
    }
}

fn general(prefix: &str, name: &str) -> String {
    let is_numbered = |rest: &str| rest.trim_end_matches(".json").parse::<u32>().is_ok();
    match name {
        _ if prefix == "units/" => format!("{prefix}UNIT"),
        _ if prefix == "patches/" && is_numbered(name) => format!("{prefix}NNNN.json"),
        _ if name.strip_prefix("attempt-").is_some_and(is_numbered) => format!("{prefix}attempt-N"),
        _ if name.strip_prefix("approval-").is_some_and(is_numbered) => format!("{prefix}approval-ROUND.json"),
        _ => format!("{prefix}{name}"),
    }
}

#[test]
fn each_file_of_a_review_is_documented() {
    let scene = Scene::new(many_files(2)).set("HOLDFAST_MODEL", "rules");
    let (status, document) = scene.review();
    assert!(status <= 1, "{document}");
    check(&scene.data.path().join("data"));
}

#[test]
#[should_panic(expected = "no row for [\"strange.bin\"]")]
fn a_file_that_no_document_names_is_reported() {
    let scene = Scene::new(many_files(1)).set("HOLDFAST_MODEL", "rules");
    scene.review();
    let data = scene.data.path().join("data");
    fs::write(data.join("strange.bin"), "").unwrap();
    check(&data);
}
