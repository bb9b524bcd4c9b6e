//! The way of the ledger's lines to the reviewed head: reads both versions of the files that have entries. GitHub's
//! comparison of two heads has no lines after a rebase, so the texts are compared here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::diff::Hunk;
use crate::error::StageError;
use crate::ledger::{FileMap, Ledger, LineMap, LineMaps};
use crate::model::change::{Change, FileStatus, Target};
use crate::model::finding::Side;
use crate::model::sha::CommitSha;
use crate::port::{Deadline, FILES_PER_READ, ReadChange, ReadError};

/// Maximum number of reads of files whose versions are compared. Entries of further files are found by their text.
const MAX_COMPARED_READS: usize = 10;
/// Maximum number of files without a new version that are searched under another name.
const MAX_MISSING_FILES: usize = 50;
/// Minimum share of equal lines by which a file is recognised under another name, in percent: git's own default.
const MIN_SIMILARITY_PERCENT: usize = 50;

/// The texts of files at one commit, by path. Empty where the commit can't be read any more.
type Texts = HashMap<String, Vec<u8>>;

/// Reads the maps of all files that have an entry. Files that can't be compared get an unknown map with the texts of
/// the present diff.
///
/// # Errors
/// The source limits requests or doesn't answer.
pub(super) async fn read_line_maps(
    ledger: &Ledger,
    change: &Change,
    target: &Target,
    hunks: &BTreeMap<&str, Vec<Hunk>>,
    read: &dyn ReadChange,
    deadline: &dyn Deadline,
) -> Result<LineMaps, StageError> {
    let is_same_head = ledger.head.as_ref() == Some(&change.head);
    let is_same_base = ledger.base.as_ref() == Some(&change.base);
    if is_same_head && is_same_base {
        return Ok(LineMaps::same());
    }
    let paths_of = |side| -> Vec<&str> {
        let entries = ledger
            .entries
            .iter()
            .filter(|entry| side == Side::Right || entry.anchor.side == side);
        let paths: BTreeSet<&str> = entries.map(|entry| entry.anchor.path.as_str()).collect();
        paths.into_iter().collect()
    };
    let source = Source { target, read, deadline };
    let paths = paths_of(Side::Right);
    let mut maps = LineMaps::unknown();
    let mut missing: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut of_files: BTreeMap<&str, FileMap> = BTreeMap::new();
    for (number, paths) in paths.chunks(FILES_PER_READ).enumerate() {
        let old_head = ledger.head.as_ref().filter(|_| !is_same_head);
        let (mut before, after) = source.both(number, paths, old_head, &change.head).await?;
        for path in paths {
            let head = match (before.remove(*path), after.get(*path)) {
                _ if is_same_head => LineMap::Same,
                (Some(before), Some(after)) => LineMap::between(&before, after),
                (Some(before), None) if missing.len() < MAX_MISSING_FILES => {
                    missing.push((path, before));
                    unknown(hunks, path, Side::Right)
                }
                _ => unknown(hunks, path, Side::Right),
            };
            of_files.insert(
                path,
                FileMap {
                    head,
                    ..FileMap::default()
                },
            );
        }
    }
    follow_renames(missing, &mut of_files, change, &source).await?;
    if !is_same_base {
        for (number, paths) in paths_of(Side::Left).chunks(FILES_PER_READ).enumerate() {
            let (before, after) = source.both(number, paths, ledger.base.as_ref(), &change.base).await?;
            for path in paths {
                let base = match before.get(*path).zip(after.get(*path)) {
                    Some((before, after)) => LineMap::between(before, after),
                    None => unknown(hunks, path, Side::Left),
                };
                of_files.entry(path).or_default().base = base;
            }
        }
    }
    for (path, map) in of_files {
        maps.insert(path, map);
    }
    Ok(maps)
}

/// Finds the present names of files that the head no longer has: added or renamed files of the change with most of
/// their lines.
async fn follow_renames<'a>(
    missing: Vec<(&'a str, Vec<u8>)>,
    of_files: &mut BTreeMap<&'a str, FileMap>,
    change: &Change,
    source: &Source<'_>,
) -> Result<(), StageError> {
    if missing.is_empty() {
        return Ok(());
    }
    let is_new = |status| matches!(status, FileStatus::Added | FileStatus::Renamed | FileStatus::Copied);
    let new: Vec<&str> = change
        .files
        .iter()
        .filter(|file| is_new(file.status) && !of_files.contains_key(file.path.as_str()))
        .map(|file| file.path.as_str())
        .take(FILES_PER_READ)
        .collect();
    let texts = source.texts(&new, &change.head).await?;
    let candidates: Vec<(&str, &[u8], Lines)> = new
        .iter()
        .filter_map(|path| texts.get(*path).map(|text| (*path, text.as_slice(), lines_of(text))))
        .collect();
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    for (path, before) in missing {
        let lines = lines_of(&before);
        let best = candidates
            .iter()
            .filter(|(candidate, ..)| !taken.contains(candidate))
            .map(|(candidate, text, of_candidate)| (similarity_percent(&lines, of_candidate), *candidate, *text))
            .filter(|(percent, ..)| *percent >= MIN_SIMILARITY_PERCENT)
            .max_by(|one, other| one.0.cmp(&other.0).then_with(|| other.1.cmp(one.1)));
        if let Some((_, present, after)) = best {
            taken.insert(present);
            let map = of_files.entry(path).or_default();
            map.renamed_to = Some(present.to_owned());
            map.head = LineMap::between(&before, after);
        }
    }
    Ok(())
}

fn unknown(hunks: &BTreeMap<&str, Vec<Hunk>>, path: &str, side: Side) -> LineMap {
    LineMap::unknown(hunks.get(path).map_or(&[][..], Vec::as_slice), side)
}

/// The number of each line of a text, by the line's digest, and their sum.
type Lines = (HashMap<u64, usize>, usize);

fn lines_of(text: &[u8]) -> Lines {
    let mut counts: HashMap<u64, usize> = HashMap::new();
    let mut sum = 0;
    for line in text.split(|byte| *byte == b'\n') {
        let mut digest = DefaultHasher::new();
        line.hash(&mut digest);
        *counts.entry(digest.finish()).or_default() += 1;
        sum += 1;
    }
    (counts, sum)
}

/// Returns the share of equal lines in the longer text, in percent.
fn similarity_percent((one, one_sum): &Lines, (other, other_sum): &Lines) -> usize {
    let equal: usize = one
        .iter()
        .map(|(line, count)| other.get(line).map_or(0, |there| *count.min(there)))
        .sum();
    equal * 100 / (*one_sum).max(*other_sum).max(1)
}

/// The source of both versions.
struct Source<'a> {
    target: &'a Target,
    read: &'a dyn ReadChange,
    deadline: &'a dyn Deadline,
}

impl Source<'_> {
    /// Returns the texts of these files at two commits. Empty for reads beyond the maximum and without the first commit.
    async fn both(
        &self,
        number: usize,
        paths: &[&str],
        from: Option<&CommitSha>,
        to: &CommitSha,
    ) -> Result<(Texts, Texts), StageError> {
        let before = match from {
            Some(from) if number < MAX_COMPARED_READS => self.texts(paths, from).await?,
            _ => Texts::new(),
        };
        if before.is_empty() {
            return Ok((before, Texts::new()));
        }
        let after = self.texts(paths, to).await?;
        Ok((before, after))
    }

    /// Returns the texts of these files at a commit; none where the commit is gone or the time is over.
    async fn texts(&self, paths: &[&str], at: &CommitSha) -> Result<Texts, StageError> {
        if self.deadline.is_over() || paths.is_empty() {
            return Ok(Texts::new());
        }
        match self.read.read_files(self.target, paths, at).await {
            Ok(contents) => {
                let found = paths.iter().zip(contents);
                Ok(found
                    .filter_map(|(path, content)| Some(((*path).to_owned(), content?)))
                    .collect())
            }
            Err(error @ (ReadError::RateLimited { .. } | ReadError::Unavailable(_))) => Err(error.into()),
            Err(error) => {
                tracing::debug!(%error, "a commit can't be read: lines are found by their text");
                Ok(Texts::new())
            }
        }
    }
}
