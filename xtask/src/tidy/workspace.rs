//! The workspace as `cargo metadata` describes it: packages with their folders, targets and dependencies on each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::cargo;

/// A package of the workspace.
pub struct Package {
    /// Its folder, relative to the root.
    pub folder: String,
    /// The names of its tests, examples and binaries.
    pub targets: BTreeSet<String>,
    /// The packages of the workspace that it depends on, without those that only its tests need.
    pub dependencies: BTreeSet<String>,
}

/// Returns the packages by name.
///
/// # Errors
///
/// `cargo metadata` fails, or its answer isn't what it should be.
pub fn packages(root: &Path) -> Result<BTreeMap<String, Package>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cargo metadata: {error}");
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
    let output = cargo(root).args(arguments).output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr)));
    }
    let document: Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))?;
    let listed = document["packages"].as_array().ok_or_else(|| failed(&"no packages"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeSet<String> = listed.iter().map(|package| text(&package["name"])).collect();
    let root_text = text(&document["workspace_root"]);
    let mut packages = BTreeMap::new();
    for package in listed {
        let manifest = text(&package["manifest_path"]);
        let folder = manifest.trim_start_matches(&root_text).trim_end_matches("Cargo.toml");
        let targets = package["targets"].as_array().into_iter().flatten();
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let is_of_tests = |dependency: &&Value| dependency["kind"] == "dev";
        packages.insert(
            text(&package["name"]),
            Package {
                folder: folder.trim_matches('/').to_owned(),
                targets: targets.map(|target| text(&target["name"])).collect(),
                dependencies: dependencies
                    .filter(|dependency| !is_of_tests(dependency))
                    .map(|dependency| text(&dependency["name"]))
                    .filter(|name| names.contains(name))
                    .collect(),
            },
        );
    }
    Ok(packages)
}
