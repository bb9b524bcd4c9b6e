//! Reads what the base tells about files that may not be worth a review: `.gitattributes` in the folders above the
//! changed files, and the base's versions of the files, for marks of generators. The number and the size of what is read
//! are bounded; the plan notes what a limit left out.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, try_join};

use crate::count::counted;
use crate::diff::{Hunk, LineKind, parse_patch};
use crate::filter::{ATTRIBUTES_NAME, Attributes, Triage, generated_by_content, runs_by_place, triage};
use crate::model::change::{Change, ChangedFile, FileKind, FileStatus, Target};
use crate::model::key;
use crate::model::noise::{FileNoise, NoiseFacts};
use crate::model::policy::{Policy, PolicyGlobs};
use crate::model::run_name::RunName;
use crate::model::sha::CommitSha;
use crate::port::{FILES_PER_READ, ReadChange, ReadError, StoreArtifact};

use super::{StageError, find_artifact, write_artifact};

/// Maximum number of folders whose `.gitattributes` is read, those near the root first.
const MAX_FOLDERS: usize = 300;
/// Maximum number of files whose base is searched for marks of generators.
const MAX_FILES: usize = 300;
/// Maximum number of bytes of these files.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Number of reads at once, each of [`FILES_PER_READ`] files.
const READS_AT_ONCE: usize = 3;

/// Returns the facts of a change: those that an earlier call stored, or else those of the base, and stores them.
///
/// # Errors
/// The source is limited or down; the store fails.
pub(super) async fn noise_facts(
    (run, target): (&RunName, &Target),
    change: &Change,
    (policy, globs): (&Policy, &PolicyGlobs),
    read: &dyn ReadChange,
    store: &dyn StoreArtifact,
) -> Result<NoiseFacts, StageError> {
    if let Some(known) = find_artifact(store, &key::noise(run)).await? {
        return Ok(known);
    }
    let has_include = !policy.include.is_empty();
    let is_open = |file: &&ChangedFile| {
        let found = triage(file, globs, has_include, &FileNoise::default());
        found == Triage::Review && file.kind == FileKind::Text && !runs_by_place(&file.path)
    };
    let open: Vec<&ChangedFile> = change.files.iter().filter(is_open).collect();
    let mut notes = Vec::new();
    let mut marks_notes = Vec::new();
    let (attributes, generated) = try_join!(
        read_attributes(target, change, read, &mut marks_notes),
        find_generated(target, change, &open, read, &mut notes),
    )?;
    marks_notes.append(&mut notes);
    let mut facts = NoiseFacts {
        files: BTreeMap::new(),
        notes: marks_notes,
    };
    for file in &change.files {
        let known = FileNoise {
            marks: attributes.of(&file.path),
            generated_by: generated.get(file.path.as_str()).map(|rule| (*rule).to_owned()),
        };
        if known != FileNoise::default() {
            facts.files.insert(file.path.clone(), known);
        }
    }
    write_artifact(store, &key::noise(run), &facts).await?;
    Ok(facts)
}

/// Reads the attributes on the commit that the settings are read from.
async fn read_attributes(
    target: &Target,
    change: &Change,
    read: &dyn ReadChange,
    notes: &mut Vec<String>,
) -> Result<Attributes, StageError> {
    let mut folders: Vec<&str> = folders_of(&change.files);
    if folders.len() > MAX_FOLDERS {
        let left = folders.split_off(MAX_FOLDERS).len();
        notes.push(format!(
            "{ATTRIBUTES_NAME} of {} wasn't read",
            counted(left, "more folder")
        ));
    }
    let paths: Vec<String> = folders
        .iter()
        .map(|folder| match *folder {
            "" => ATTRIBUTES_NAME.to_owned(),
            folder => format!("{folder}/{ATTRIBUTES_NAME}"),
        })
        .collect();
    let at = change.settings_commit();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let reads: Vec<_> = paths
        .chunks(FILES_PER_READ)
        .map(|paths| read_or_note(read, target, paths, at))
        .collect();
    let texts: Vec<_> = futures::stream::iter(reads).buffered(READS_AT_ONCE).collect().await;
    let mut attributes = Attributes::default();
    let mut folders = folders.into_iter();
    for chunk in texts {
        for text in chunk? {
            let folder = folders.next().unwrap_or_default();
            if let Some(text) = text {
                attributes.add(folder, &text);
            }
        }
    }
    if attributes.is_cut {
        notes.push(format!("{ATTRIBUTES_NAME} is too long: only its beginning was read"));
    }
    Ok(attributes)
}

/// Returns the folders on the way to the files, those near the root first. `""` is the root.
fn folders_of(files: &[ChangedFile]) -> Vec<&str> {
    let mut folders = BTreeSet::new();
    for file in files {
        folders.insert((0, ""));
        for (index, _) in file.path.match_indices('/') {
            if let Some(folder) = file.path.get(..index) {
                folders.insert((folder.matches('/').count() + 1, folder));
            }
        }
    }
    folders.into_iter().map(|(_, folder)| folder).collect()
}

/// Returns the rule of each file that is generated by the content of both its versions.
async fn find_generated<'a>(
    target: &Target,
    change: &Change,
    open: &[&'a ChangedFile],
    read: &dyn ReadChange,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<&'a str, &'static str>, StageError> {
    let mut in_base: Vec<&ChangedFile> = open.iter().copied().filter(|file| base_path(file).is_some()).collect();
    let total = in_base.len();
    let mut left = in_base.split_off(total.min(MAX_FILES)).len();
    let (mut found, mut bytes) = (BTreeMap::new(), 0);
    let mut searched = 0;
    for files in in_base.chunks(FILES_PER_READ) {
        if bytes > MAX_BYTES {
            left += total.min(MAX_FILES) - searched;
            break;
        }
        searched += files.len();
        let paths: Vec<&str> = files.iter().filter_map(|file| base_path(file)).collect();
        let texts = read_or_note(read, target, &paths, &change.base).await?;
        let mut unshown = Vec::new();
        for (file, text) in files.iter().zip(texts) {
            let Some(text) = text else { continue };
            bytes += text.len();
            let text = String::from_utf8_lossy(&text);
            let Some(rule) = generated_by_content(base_path(file).unwrap_or_default(), &text) else {
                continue;
            };
            match &file.patch {
                Some(patch) => {
                    let head = parse_patch(patch).ok().and_then(|hunks| head_of(&text, &hunks));
                    if head.is_some_and(|head| generated_by_content(&file.path, &head).is_some()) {
                        found.insert(file.path.as_str(), rule);
                    }
                }
                None => unshown.push((*file, rule)),
            }
        }
        let paths: Vec<&str> = unshown.iter().map(|(file, _)| file.path.as_str()).collect();
        if paths.is_empty() {
            continue;
        }
        let texts = read_or_note(read, target, &paths, &change.head).await?;
        for ((file, rule), text) in unshown.into_iter().zip(texts) {
            let text = text.as_deref().map(String::from_utf8_lossy);
            if text.is_some_and(|text| generated_by_content(&file.path, &text).is_some()) {
                found.insert(file.path.as_str(), rule);
            }
        }
    }
    if left > 0 {
        notes.push(format!(
            "{} not searched for marks of generators: the limit was reached",
            counted(left, "file")
        ));
    }
    Ok(found)
}

/// Returns a file's path in the base, if it has a version there that it changes.
fn base_path(file: &ChangedFile) -> Option<&str> {
    match file.status {
        FileStatus::Modified | FileStatus::TypeChanged => Some(&file.path),
        FileStatus::Renamed => file.previous_path.as_deref(),
        FileStatus::Added | FileStatus::Copied | FileStatus::Deleted | FileStatus::ModeChanged => None,
    }
}

/// Returns the head's text of a file: the base's with the hunks applied. `None` where they don't fit.
fn head_of(base: &str, hunks: &[Hunk]) -> Option<String> {
    let lines: Vec<&str> = base.split('\n').collect();
    let mut head: Vec<&str> = Vec::with_capacity(lines.len());
    let mut next = 0_usize;
    for hunk in hunks {
        // Without lines of the base, the header names the line before the hunk.
        let first = usize::try_from(hunk.old_start).ok()?;
        let first = if hunk.old_lines == 0 {
            first
        } else {
            first.checked_sub(1)?
        };
        head.extend(lines.get(next..first)?);
        next = first;
        for line in &hunk.lines {
            if line.kind != LineKind::Added {
                if *lines.get(next)? != line.text {
                    return None;
                }
                next += 1;
            }
            if line.kind != LineKind::Removed {
                head.push(&line.text);
            }
        }
    }
    head.extend(lines.get(next..)?);
    Some(head.join("\n"))
}

/// Reads files. One that the source can't show counts as missing: the file is reviewed. A limit or an outage fails, and
/// the state is called again.
async fn read_or_note(
    read: &dyn ReadChange,
    target: &Target,
    paths: &[&str],
    at: &CommitSha,
) -> Result<Vec<Option<Vec<u8>>>, StageError> {
    match read.read_files(target, paths, at).await {
        Ok(texts) => Ok(texts),
        Err(ReadError::Repository(detail) | ReadError::NotFound(detail)) => {
            tracing::warn!(%detail, "the base's files can't be read to find generated ones");
            Ok(vec![None; paths.len()])
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
#[path = "noise_facts_tests.rs"]
mod tests;
