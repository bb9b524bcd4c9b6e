//! Reads the dependencies that a change updates from the patches of its lock files. The text is a stranger's: names and
//! versions have only the characters that package managers allow, and their number is limited.

mod lockfile;
mod manifest;

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::{LineKind, parse_patch};
use crate::model::change::{ChangedFile, FileStatus};
use crate::model::dependency::{DependencyUpdate, DependencyUpdates};
use crate::rule::find_secrets;

use lockfile::{Format, Packages};
use manifest::{is_manifest, mentions};

/// Maximum number of updates that are listed.
const MAX_UPDATES: usize = 50;
/// Maximum number of versions of one dependency that are listed.
const MAX_VERSIONS: usize = 4;
/// Maximum number of dependencies that are read from one lock file.
const MAX_PACKAGES: usize = 20_000;
/// The longest patch of a lock file that is read, in bytes.
const MAX_PATCH_BYTES: usize = 8 * 1024 * 1024;
/// Maximum number of lock files without a readable patch that are listed.
const MAX_UNREAD: usize = 10;

/// Returns the dependencies that the change's lock files update. Both sides of a hunk are read, so that a name in an
/// unchanged line counts.
pub fn dependency_updates(files: &[ChangedFile]) -> DependencyUpdates {
    let mut all = DependencyUpdates::default();
    let mut updates = Vec::new();
    for file in files {
        if file.status == FileStatus::Deleted || (file.patch.is_none() && file.omitted.is_none()) {
            continue;
        }
        let Some(format) = Format::of(&file.path) else { continue };
        match updates_of(file, format) {
            Some(found) => updates.extend(found),
            None if all.unread.len() < MAX_UNREAD => all.unread.push(file.path.clone()),
            None => {}
        }
    }
    // go.sum repeats what go.mod beside it has.
    let in_go_mod: BTreeSet<(String, String)> = updates
        .iter()
        .filter(|update| update.path.ends_with("go.mod"))
        .map(|update| {
            (
                format!("{}go.sum", update.path.trim_end_matches("go.mod")),
                update.name.clone(),
            )
        })
        .collect();
    updates.retain(|update| !in_go_mod.contains(&(update.path.clone(), update.name.clone())));
    let manifests: Vec<&str> = files
        .iter()
        .filter(|file| is_manifest(&file.path))
        .filter_map(|file| file.patch.as_deref())
        .filter(|patch| patch.len() < MAX_PATCH_BYTES)
        .flat_map(str::lines)
        .filter(|line| line.starts_with(['+', '-']))
        .collect();
    let is_direct = |update: &DependencyUpdate| manifests.iter().any(|line| mentions(line, &update.name));
    // With more updates than lines are worth comparing, only their kind counts.
    let compares = updates.len().saturating_mul(manifests.len()) < 5_000_000;
    updates.sort_by_cached_key(|update| {
        let kind = match (update.before.is_empty(), update.after.is_empty()) {
            (false, false) => 0,
            (true, _) => 1,
            _ => 2,
        };
        (!(compares && is_direct(update)), kind, update.clone())
    });
    let left_out = updates.split_off(updates.len().min(MAX_UPDATES)).len();
    all.left_out = u64::try_from(left_out).unwrap_or(u64::MAX);
    all.updates = updates;
    all
}

/// Returns the updates that matter to a file, one line each: all for a manifest, otherwise those that its imports name.
pub fn named_updates(all: &DependencyUpdates, path: &str, imports: &[String]) -> Vec<String> {
    let is_manifest = is_manifest(path);
    let is_named =
        |update: &&DependencyUpdate| is_manifest || imports.iter().any(|import| mentions(import, &update.name));
    all.updates.iter().filter(is_named).map(ToString::to_string).collect()
}

/// Returns the updates of one lock file; `None` if its patch isn't shown or can't be read.
fn updates_of(file: &ChangedFile, format: Format) -> Option<Vec<DependencyUpdate>> {
    let patch = file.patch.as_deref().filter(|patch| patch.len() <= MAX_PATCH_BYTES)?;
    let hunks = parse_patch(patch).ok()?;
    let (mut before, mut after) = (Packages::default(), Packages::default());
    for hunk in &hunks {
        let side = |other: LineKind| {
            let lines = hunk.lines.iter().filter(move |line| line.kind != other);
            lines.map(|line| line.text.as_str())
        };
        format.read(side(LineKind::Added), &mut before);
        format.read(side(LineKind::Removed), &mut after);
        if before.len().max(after.len()) > MAX_PACKAGES {
            return None;
        }
    }
    Some(compare(&file.path, &before, &after))
}

fn compare(path: &str, before: &Packages, after: &Packages) -> Vec<DependencyUpdate> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = BTreeSet::new();
    let only =
        |side: &BTreeMap<String, BTreeSet<String>>, other: &BTreeMap<String, BTreeSet<String>>, name: &String| {
            let others = other.get(name).unwrap_or(&none);
            let versions = side.get(name).unwrap_or(&none).difference(others);
            versions.take(MAX_VERSIONS).cloned().collect::<Vec<String>>()
        };
    let updates = names.into_iter().map(|name| DependencyUpdate {
        path: path.to_owned(),
        name: name.clone(),
        before: only(before, after, name),
        after: only(after, before, name),
    });
    updates
        .filter(|update| !update.before.is_empty() || !update.after.is_empty())
        .filter(|update| find_secrets(&update.to_string()).is_empty())
        .collect()
}

#[cfg(test)]
mod tests;
