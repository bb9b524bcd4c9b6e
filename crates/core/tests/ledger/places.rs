//! Reads `pairs.txt`, and finds its places in both versions of each file.
#![expect(clippy::disallowed_methods, reason = "the sources of packages are the test's data")]
#![expect(clippy::disallowed_types, reason = "cargo names the folders of the packages")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_core::model::finding::Category;
use serde_json::Value;

/// The words of a finding.
pub struct Worded {
    pub category: Category,
    pub title: String,
    pub body: String,
}

/// A line in two versions of a file, with findings on it.
pub struct Place {
    pub old_path: String,
    pub new_path: String,
    pub old_text: String,
    pub new_text: String,
    pub old_line: u32,
    pub new_line: u32,
    /// The first finding, and the same defect in other words.
    pub worded: [Worded; 2],
    /// Other defects of the line.
    pub others: Vec<Worded>,
    /// A neighbouring line of the new version.
    pub near_line: Option<u32>,
    /// Other lines of the new version that the words fit too.
    pub twin_lines: Vec<u32>,
    /// Whether the thresholds were chosen without looking at it: every second place.
    pub is_held_out: bool,
}

impl Place {
    /// Returns whether the line's text differs between the versions.
    pub fn is_edited(&self) -> bool {
        text_of(&self.old_text, self.old_line) != text_of(&self.new_text, self.new_line)
    }
}

/// The two versions of a file.
#[derive(Clone, Default)]
struct Versions {
    paths: [String; 2],
    texts: [String; 2],
}

/// Returns all places.
pub fn places() -> Vec<Place> {
    let packages = packages();
    let mut places: Vec<Place> = Vec::new();
    let mut versions = Versions::default();
    let lines = include_str!("pairs.txt").lines();
    let mut lines = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    while let Some(line) = lines.next() {
        let (kind, rest) = line.split_once(' ').unwrap();
        match kind {
            "own" => versions = own(rest),
            "registry" => versions = registry(rest, &packages),
            "at" => {
                let (old, new) = rest.split_once(" ==> ").unwrap_or((rest, rest));
                let mut worded = || read_worded(lines.next().unwrap());
                let worded = [worded(), worded()];
                let mut place = Place {
                    old_path: versions.paths[0].clone(),
                    new_path: versions.paths[1].clone(),
                    old_line: find(&versions.texts[0], old),
                    new_line: find(&versions.texts[1], new),
                    old_text: versions.texts[0].clone(),
                    new_text: versions.texts[1].clone(),
                    worded,
                    others: Vec::new(),
                    near_line: None,
                    twin_lines: Vec::new(),
                    is_held_out: places.len() % 2 == 1,
                };
                while let Some(line) = lines.peek() {
                    if line.starts_with(['3', '4']) {
                        place.others.push(read_worded(line));
                    } else if let Some(distance) = line.strip_prefix("near ") {
                        place.near_line = place.new_line.checked_add_signed(distance.parse().unwrap());
                    } else if let Some(piece) = line.strip_prefix("twin ") {
                        place.twin_lines.push(find(&place.new_text, piece));
                    } else {
                        break;
                    }
                    lines.next();
                }
                places.push(place);
            }
            other => panic!("pairs.txt: unknown kind {other}: {line}"),
        }
    }
    places
}

fn read_worded(line: &str) -> Worded {
    let (head, words) = line.split_once(": ").unwrap();
    let (title, body) = words.split_once(" | ").unwrap();
    let category = head.split_once(' ').unwrap().1;
    Worded {
        category: serde_json::from_value(Value::from(category)).unwrap(),
        title: title.to_owned(),
        body: body.to_owned(),
    }
}

/// Returns the first line, from 1, that contains a text.
fn find(text: &str, piece: &str) -> u32 {
    let at = text.lines().position(|line| line.contains(piece));
    let at =
        at.unwrap_or_else(|| panic!("pairs.txt: no line contains {piece}: choose the line of the version at hand"));
    u32::try_from(at + 1).unwrap()
}

fn text_of(text: &str, line: u32) -> &str {
    text.lines().nth(line as usize - 1).unwrap().trim()
}

/// Reads two versions of one of our files, which was renamed between them.
fn own(name: &str) -> Versions {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ledger/fixture");
    Versions {
        paths: [format!("src/{name}_before.rs"), format!("src/{name}.rs")],
        texts: ["old", "new"].map(|version| fs::read_to_string(folder.join(format!("{name}.{version}.txt"))).unwrap()),
    }
}

/// Reads a file of two versions of a package.
fn registry(line: &str, packages: &[Package]) -> Versions {
    let words: Vec<&str> = line.split(' ').collect();
    let [name, old, new, path] = words[..] else {
        panic!("pairs.txt: expected CRATE OLD NEW PATH: {line}");
    };
    let read = |version: &str| {
        let begins = |package: &&Package| package.name == name && package.version.starts_with(&format!("{version}."));
        let package = packages.iter().find(begins);
        let package = package.unwrap_or_else(|| {
            panic!("pairs.txt: Cargo.lock has no {name} {version}: choose two other versions, and check the places")
        });
        fs::read_to_string(package.folder.join(path)).unwrap()
    };
    Versions {
        paths: [path.to_owned(), path.to_owned()],
        texts: [read(old), read(new)],
    }
}

/// A package of Cargo.lock.
struct Package {
    name: String,
    version: String,
    folder: PathBuf,
}

/// Returns this machine's platform: the build has fetched only its packages.
fn platform() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}

/// Returns the packages with their folders.
fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--locked",
            "--all-features",
            "--filter-platform",
            &platform(),
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}: run cargo fetch");
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter().map(|package| Package {
        name: package["name"].as_str().unwrap().to_owned(),
        version: package["version"].as_str().unwrap().to_owned(),
        folder: Path::new(package["manifest_path"].as_str().unwrap())
            .parent()
            .unwrap()
            .to_owned(),
    });
    packages.collect()
}
