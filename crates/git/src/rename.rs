//! Finds added files that are renamed deleted ones, as git does: equal content first, then the pairs that share most of
//! their lines. The limits are counts, so that the same change always gives the same renames, unless the time limit of
//! the whole change ends first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use gix::Repository;
use gix::bstr::{BStr, BString, ByteSlice};

use super::budget::Budget;
use super::object::read_object;
use super::tree_diff::{Difference, Version};

/// Minimum percentage of bytes that a renamed file shares with its source, as in git.
const MIN_SIMILARITY_PERCENT: u64 = 50;
/// Maximum size of a compared file, in bytes: larger files are renames only if they are equal.
const MAX_COMPARED_BYTES: u64 = 1024 * 1024;
/// Lines are split into pieces of this size, so that a file without line feeds has pieces too.
const PIECE_BYTES: usize = 64;

/// Joins deletions and additions that are renames. Returns a note if a limit was reached.
pub(super) fn join_renames(
    repository: &Repository,
    files: &mut Vec<Difference>,
    budget: &mut Budget,
) -> Option<String> {
    let mut sources: Vec<usize> = Vec::new();
    let mut targets: Vec<usize> = Vec::new();
    for (index, file) in files.iter().enumerate() {
        match (file.old, file.new) {
            (Some(old), None) if is_candidate(old) => sources.push(index),
            (None, Some(new)) if is_candidate(new) => targets.push(index),
            _ => {}
        }
    }
    let mut pairs = equal_pairs(files, &mut sources, &mut targets);
    let (similar, note) = similar_pairs(repository, files, &sources, &targets, budget);
    pairs.extend(similar);
    let mut is_source = vec![false; files.len()];
    for (source, target) in pairs {
        let (path, old) = (files[source].path.clone(), files[source].old);
        is_source[source] = true;
        files[target].source = Some(path);
        files[target].old = old;
    }
    let mut index = 0;
    files.retain(|_| {
        index += 1;
        !is_source[index - 1]
    });
    note
}

/// Returns true for a file or a link that isn't empty.
fn is_candidate(side: Version) -> bool {
    (side.mode.is_blob() || side.mode.is_link()) && !side.id.is_empty_blob()
}

fn file_name(path: &BString) -> &BStr {
    path.rsplit(|byte| *byte == b'/')
        .next()
        .map_or_else(|| path.as_bstr(), ByteSlice::as_bstr)
}

/// Finds pairs of equal content, those with the same file name first. Takes them out of both lists.
fn equal_pairs(files: &[Difference], sources: &mut Vec<usize>, targets: &mut Vec<usize>) -> Vec<(usize, usize)> {
    let content = |index: usize| {
        let side = files[index].old.or(files[index].new);
        side.map(|side| (side.id, side.mode.is_link()))
    };
    let mut pairs = Vec::new();
    for by_name in [true, false] {
        let key = |index: usize| (content(index), by_name.then(|| file_name(&files[index].path)));
        // Backwards, so that the first source is the last of its list and taken first.
        let mut waiting: HashMap<_, Vec<usize>> = HashMap::new();
        for source in sources.iter().rev() {
            waiting.entry(key(*source)).or_default().push(*source);
        }
        let mut taken = vec![false; files.len()];
        targets.retain(|target| {
            let Some(source) = waiting.get_mut(&key(*target)).and_then(Vec::pop) else {
                return true;
            };
            taken[source] = true;
            pairs.push((source, *target));
            false
        });
        sources.retain(|source| !taken[*source]);
    }
    pairs
}

/// Finds pairs that share most of their lines, the most similar first.
fn similar_pairs(
    repository: &Repository,
    files: &[Difference],
    sources: &[usize],
    targets: &[usize],
    budget: &mut Budget,
) -> (Vec<(usize, usize)>, Option<String>) {
    if sources.is_empty() || targets.is_empty() {
        return (Vec::new(), None);
    }
    let left_out = |why: &str| Some(format!("some renames with changed content may be missing: {why}"));
    let most = budget
        .limits
        .rename_candidates
        .saturating_mul(budget.limits.rename_candidates);
    if sources.len().saturating_mul(targets.len()) > most {
        let why = format!("{} deleted and {} added files", sources.len(), targets.len());
        return (Vec::new(), left_out(&why));
    }
    let mut note = None;
    let mut bytes_left = budget.limits.rename_bytes;
    let mut read = |index: &usize| {
        let side = files[*index]
            .old
            .or(files[*index].new)
            .filter(|side| side.mode.is_blob())?;
        if note.is_some() {
            return None;
        }
        let data = read_object(repository, side.id, MAX_COMPARED_BYTES).ok()?;
        let length = data.len() as u64;
        let left = bytes_left.checked_sub(length).filter(|_| budget.spend(length).is_ok());
        let Some(left) = left else {
            note = left_out("the limit of content was reached");
            return None;
        };
        bytes_left = left;
        Some((*index, Pieces::of(&data)))
    };
    let sources: Vec<(usize, Pieces)> = sources.iter().filter_map(&mut read).collect();
    let targets: Vec<(usize, Pieces)> = targets.iter().filter_map(&mut read).collect();
    let mut lines_left = budget.limits.rename_lines;
    let mut scored: Vec<(u64, bool, usize, usize)> = Vec::new();
    'all: for (target, new) in &targets {
        for (source, old) in &sources {
            if !old.may_be_similar(new) {
                continue;
            }
            let cost = (old.counts.len() + new.counts.len()) as u64;
            let Some(left) = lines_left.checked_sub(cost).filter(|_| budget.check_time().is_ok()) else {
                note = left_out("the limit of comparisons was reached");
                break 'all;
            };
            lines_left = left;
            let score = old.similarity(new);
            if score >= MIN_SIMILARITY_PERCENT {
                let same_name = file_name(&files[*source].path) == file_name(&files[*target].path);
                scored.push((score, same_name, *source, *target));
            }
        }
    }
    scored.sort_by(|a, b| (b.0, b.1, a.3, a.2).cmp(&(a.0, a.1, b.3, b.2)));
    let mut taken = vec![false; files.len()];
    let mut pairs = Vec::new();
    for (_, _, source, target) in scored {
        if !taken[source] && !taken[target] {
            (taken[source], taken[target]) = (true, true);
            pairs.push((source, target));
        }
    }
    (pairs, note)
}

/// The pieces of a file: the bytes of each, by its hash.
struct Pieces {
    counts: Vec<(u64, u64)>,
    bytes: u64,
}

impl Pieces {
    fn of(data: &[u8]) -> Self {
        let mut all: Vec<(u64, u64)> = data
            .split_inclusive(|byte| *byte == b'\n')
            .flat_map(|line| line.chunks(PIECE_BYTES))
            .map(|piece| {
                let mut hasher = DefaultHasher::new();
                piece.hash(&mut hasher);
                (hasher.finish(), piece.len() as u64)
            })
            .collect();
        all.sort_unstable();
        let mut counts: Vec<(u64, u64)> = Vec::new();
        for (hash, bytes) in all {
            match counts.last_mut() {
                Some(last) if last.0 == hash => last.1 += bytes,
                _ => counts.push((hash, bytes)),
            }
        }
        Self {
            counts,
            bytes: data.len() as u64,
        }
    }

    /// Returns true if the sizes permit enough similarity.
    fn may_be_similar(&self, other: &Self) -> bool {
        let (least, most) = (self.bytes.min(other.bytes), self.bytes.max(other.bytes));
        most > 0 && least * 100 >= most * MIN_SIMILARITY_PERCENT
    }

    /// Returns the shared bytes, as a percentage of the larger file.
    fn similarity(&self, other: &Self) -> u64 {
        let (mut shared, mut a, mut b) = (0, self.counts.iter().peekable(), other.counts.iter().peekable());
        while let (Some(left), Some(right)) = (a.peek(), b.peek()) {
            match left.0.cmp(&right.0) {
                std::cmp::Ordering::Less => drop(a.next()),
                std::cmp::Ordering::Greater => drop(b.next()),
                std::cmp::Ordering::Equal => {
                    shared += left.1.min(right.1);
                    a.next();
                    b.next();
                }
            }
        }
        shared * 100 / self.bytes.max(other.bytes).max(1)
    }
}
