//! Assigns the findings of a run to entries of the ledger, one to one, the best pair first. The cost is `n log n`: each
//! finding is compared with a limited number of entries of its file, those nearest by line and by text.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::model::finding::{Category, Side};
use crate::model::finding_source::FindingSource;

use super::entry::{Entry, EntryState, bounded_body, bounded_source, bounded_title};
use super::facts::Sighting;
use super::line_map::Mapped;
use super::wording::{Wording, digest, each_word};

/// The maximum number of entries on each side of a finding's line that are compared with it.
const MAX_NEAREST: usize = 16;
/// The maximum number of entries with the finding's text, on each side of its line, that are compared with it.
const MAX_SAME_TEXT: usize = 8;
/// The distance at which a model may place the same finding, in lines.
const NEAR_LINES: u32 = 3;
/// The distance at which a finding in rewritten lines may be the same, in lines.
const MAX_REWRITTEN_DISTANCE_LINES: u32 = 10;

/// The minimum similarity of words on the same text, at the same place.
const MIN_SAME_TEXT: f64 = 0.4;
/// The minimum similarity of words at the same place, if the line was edited or the category differs.
const MIN_SAME_PLACE: f64 = 0.42;
/// The minimum similarity of words close by.
const MIN_CLOSE: f64 = 0.55;
/// The minimum similarity of words in lines that were rewritten.
const MIN_REWRITTEN: f64 = 0.7;
/// The minimum share of equal words of code in a line that was edited.
const MIN_EDITED: f64 = 0.5;
/// The minimum share of equal words of code in a line that was moved and edited.
const MIN_MOVED: f64 = 0.8;
/// The share of equal words of code below which a change of a dismissed finding's line is material.
const MIN_IMMATERIAL: f64 = 0.7;
/// The share of changed lines from which on a change inside of a dismissed finding's lines is material.
const MIN_MATERIAL_SHARE: f64 = 0.5;

/// An entry at its place in this run's head.
pub(super) struct Known<'a> {
    pub entry: &'a Entry,
    /// The present path.
    pub path: String,
    /// The present place of its last line.
    pub mapped: Mapped,
    /// Number of changed lines among its lines.
    pub changed_lines: u32,
    words: Wording,
    /// The words of the run that saw it last, if they differ.
    last_words: Option<Wording>,
    code: Vec<u64>,
    /// The words of its line when it was dismissed.
    dismissed_code: Option<Vec<u64>>,
}

/// A finding of this run.
pub(super) struct Seen<'a> {
    pub sighting: &'a Sighting,
    /// The place of its line in the ledger's head.
    origin: Mapped,
    words: Wording,
    code: Vec<u64>,
}

impl<'a> Known<'a> {
    pub fn new(entry: &'a Entry, path: String, mapped: Mapped, changed_lines: u32) -> Self {
        Self {
            words: Wording::new(&entry.title, &entry.body, &entry.anchor.text),
            last_words: entry
                .last_words
                .as_ref()
                .map(|words| Wording::new(&words.title, &words.body, &entry.anchor.text)),
            code: code_words(&entry.anchor.text),
            dismissed_code: entry.dismissed_text.as_deref().map(code_words),
            entry,
            path,
            mapped,
            changed_lines,
        }
    }

    /// Returns the similarity of its words, as published or as last seen.
    fn similarity(&self, words: &Wording) -> f64 {
        let last = self.last_words.as_ref().map_or(0.0, |last| last.similarity(words));
        self.words.similarity(words).max(last)
    }

    /// Returns its line in this run's head; the nearest one if the line was changed.
    pub const fn line(&self) -> u32 {
        match self.mapped {
            Mapped::Kept(line) => line,
            Mapped::Changed { near, .. } => near,
            Mapped::Unknown => self.entry.anchor.line,
        }
    }
}

impl<'a> Seen<'a> {
    pub fn new(sighting: &'a Sighting, origin: Mapped) -> Self {
        let finding = &sighting.finding;
        Self {
            // Cut like an entry's words, so that equal ones are equal.
            words: Wording::new(
                &bounded_title(&finding.title),
                &bounded_body(&finding.body),
                &sighting.anchor.text,
            ),
            code: code_words(&sighting.anchor.text),
            sighting,
            origin,
        }
    }
}

/// Returns the digests of a line's words of code, ordered.
fn code_words(text: &str) -> Vec<u64> {
    let mut words = Vec::new();
    each_word(text, &mut |word| words.push(digest(word)));
    words.sort_unstable();
    words
}

/// Returns the share of equal words of two ordered lists, from 0 to 1.
fn share(one: &[u64], other: &[u64]) -> f64 {
    let (mut a, mut b, mut shared) = (0, 0, 0_u32);
    while let (Some(left), Some(right)) = (one.get(a), other.get(b)) {
        shared += u32::from(left == right);
        a += usize::from(left <= right);
        b += usize::from(right <= left);
    }
    let sum = u32::try_from(one.len() + other.len()).unwrap_or(u32::MAX);
    if sum == 0 {
        return 1.0;
    }
    2.0 * f64::from(shared) / f64::from(sum)
}

/// The order of pairs, best first: the specification's three steps, then the similarity.
type Rank = (u8, std::cmp::Reverse<u64>, u32, u8);

/// The places of an entry and a finding, compared.
enum Place {
    /// The entry's line is unchanged, and the finding is this far from it. 0 if they share a line.
    Kept(u32),
    /// The entry's line was changed, and the finding is this far from the new lines in its place.
    Changed(u32),
    /// The entry's line was removed, and the finding is on an added line elsewhere in the file.
    Moved,
    /// The versions could not be compared.
    Unknown,
    /// Two places.
    Apart,
}

fn place(known: &Known<'_>, seen: &Seen<'_>) -> Place {
    let anchor = &seen.sighting.anchor;
    let is_added = !matches!(seen.origin, Mapped::Kept(_));
    match known.mapped {
        Mapped::Unknown => Place::Unknown,
        Mapped::Kept(line) => {
            let first = line.saturating_sub(known.entry.anchor.span());
            let is_shared = anchor.start_line <= line && first <= anchor.line;
            match anchor.line.abs_diff(line) {
                _ if is_shared => Place::Kept(0),
                distance if distance <= NEAR_LINES => Place::Kept(distance),
                _ => Place::Apart,
            }
        }
        Mapped::Changed { first, last, near } => {
            let is_inside = (first..=last).contains(&anchor.line);
            let distance = anchor.line.abs_diff(near);
            if is_inside || distance <= NEAR_LINES {
                Place::Changed(distance)
            } else if is_added {
                Place::Moved
            } else {
                Place::Apart
            }
        }
    }
}

/// Returns the rank of a pair that is the same finding.
fn judge(known: &Known<'_>, seen: &Seen<'_>) -> Option<Rank> {
    let (entry, finding) = (known.entry, &seen.sighting.finding);
    let (old, new) = (&entry.anchor, &seen.sighting.anchor);
    let is_same_rule = match (entry.source.is_rule(), finding.source.is_rule()) {
        // A finding that other rules found too has the source that came first.
        (true, _) if finding.found_by().contains(&entry.source) => true,
        (true, true) => return None,
        _ => false,
    };
    let is_one_model = !entry.source.is_rule() && !finding.source.is_rule();
    let is_same_text = !old.text.is_empty() && old.text == new.text;
    let is_same_category = [entry.category, entry.last_title().1].contains(&finding.category);
    let code = if is_same_text {
        1.0
    } else {
        share(&known.code, &seen.code)
    };
    if !still_counts(known, seen, is_same_text) {
        return None;
    }
    let is_gone = entry.state.is_gone();
    let neighbours = old.shared_neighbours(new);
    let is_recognised = neighbours > 0 || old.is_telling();
    let step = match place(known, seen) {
        Place::Kept(0) if is_same_text && is_same_category => Some((1, MIN_SAME_TEXT, 0)),
        // A rule's place is exact.
        Place::Kept(0) if is_same_rule && !is_same_text && known.changed_lines == 0 => None,
        Place::Kept(0) => Some((2, MIN_SAME_PLACE, 0)),
        // The same words side by side are two places, unless both name the same code.
        Place::Kept(_) if is_same_rule || is_same_text || is_gone => None,
        Place::Kept(distance) => {
            let names_it = known.words.shares_a_name(&seen.words);
            names_it.then_some((3, MIN_CLOSE, distance))
        }
        Place::Changed(distance) if is_same_text && is_same_category && is_recognised => {
            Some((1, MIN_SAME_TEXT, distance))
        }
        Place::Changed(_) if is_gone => None,
        Place::Changed(distance) if code >= MIN_EDITED || distance == 0 => Some((2, MIN_SAME_PLACE, distance)),
        Place::Changed(distance) if distance <= NEAR_LINES => Some((3, MIN_CLOSE, distance)),
        Place::Changed(distance) if distance <= MAX_REWRITTEN_DISTANCE_LINES => Some((3, MIN_REWRITTEN, distance)),
        Place::Moved | Place::Unknown if is_same_text && is_same_category && is_recognised => {
            let min = if neighbours > 0 { MIN_SAME_PLACE } else { MIN_CLOSE };
            Some((1, min, new.line.abs_diff(known.line())))
        }
        Place::Moved | Place::Unknown if !is_gone && code >= MIN_MOVED && neighbours > 0 => {
            Some((3, MIN_CLOSE, new.line.abs_diff(known.line())))
        }
        Place::Changed(_) | Place::Moved | Place::Unknown | Place::Apart => None,
    };
    let (step, min_similarity, distance) = step?;
    let min_similarity = if is_one_model {
        min_similarity
    } else {
        // A rule and a model must state the same defect.
        min_similarity.max(MIN_SAME_PLACE)
    };
    let similarity = if is_same_rule {
        1.0
    } else {
        known.similarity(&seen.words)
    };
    if similarity < min_similarity {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7,000")]
    let score = ((similarity + code) * 1_000.0) as u64
        + 1_000 * u64::try_from(neighbours).unwrap_or_default()
        + 500 * u64::from(entry.source == finding.source);
    Some((step, std::cmp::Reverse(score), distance, state_rank(&entry.state)))
}

/// Returns whether an entry that a person has decided on still counts: a dismissed one unless its code changed
/// materially, a closed one unless its lines changed.
fn still_counts(known: &Known<'_>, seen: &Seen<'_>, is_same_text: bool) -> bool {
    let is_kept = matches!(known.mapped, Mapped::Kept(_));
    match known.entry.state {
        EntryState::Open | EntryState::Fixed { .. } | EntryState::Silenced { .. } | EntryState::Outdated => true,
        EntryState::Closed => is_same_text && !(is_kept && known.changed_lines > 0),
        EntryState::Dismissed(_) => {
            let code = share(known.dismissed_code.as_ref().unwrap_or(&known.code), &seen.code);
            let lines = known.entry.anchor.span().saturating_add(1);
            let changed = f64::from(known.changed_lines) / f64::from(lines);
            code >= MIN_IMMATERIAL && !(is_kept && changed >= MIN_MATERIAL_SHARE)
        }
    }
}

const fn state_rank(state: &EntryState) -> u8 {
    match state {
        EntryState::Open => 0,
        EntryState::Closed => 1,
        EntryState::Dismissed(_) => 2,
        EntryState::Outdated => 3,
        EntryState::Fixed { .. } | EntryState::Silenced { .. } => 4,
    }
}

/// Everything that is equal in a finding that nothing has changed about.
type Unchanged<'a> = (&'a str, Side, u32, u32, &'a str, String, FindingSource, Category);

/// Returns the index of each finding's entry. Both lists must be in an order that doesn't depend on the input's.
pub(super) fn assign(known: &[Known<'_>], seen: &[Seen<'_>]) -> Vec<Option<usize>> {
    let mut entry_of: Vec<Option<usize>> = vec![None; seen.len()];
    let mut is_taken = vec![false; known.len()];
    assign_unchanged(known, seen, &mut entry_of, &mut is_taken);
    let mut pairs: Vec<(Rank, usize, usize)> = Vec::new();
    let index = Index::new(known, &is_taken);
    for (at, one) in seen
        .iter()
        .enumerate()
        .filter(|(at, _)| entry_of.get(*at) == Some(&None))
    {
        let candidates = index.candidates(one);
        let ranked = candidates.into_iter().filter_map(|other| {
            let rank = judge(known.get(other)?, one)?;
            Some((rank, at, other))
        });
        pairs.extend(ranked);
    }
    pairs.sort_unstable();
    for (_, at, other) in pairs {
        if let (Some(slot @ None), Some(taken @ false)) = (entry_of.get_mut(at), is_taken.get_mut(other)) {
            *slot = Some(other);
            *taken = true;
        }
    }
    entry_of
}

/// Assigns the findings with the text, the line, the category, the source and the title of an entry: no pair is better,
/// and in most runs these are nearly all.
fn assign_unchanged(known: &[Known<'_>], seen: &[Seen<'_>], entry_of: &mut [Option<usize>], is_taken: &mut [bool]) {
    let mut unchanged: HashMap<Unchanged<'_>, VecDeque<usize>> = HashMap::new();
    for (index, one) in known.iter().enumerate() {
        let anchor = &one.entry.anchor;
        if let (Mapped::Kept(line), 0, false) = (one.mapped, one.changed_lines, one.entry.state.is_gone()) {
            let (source, category, title) = one.entry.last_title();
            let key = (
                one.path.as_str(),
                anchor.side,
                line,
                anchor.span(),
                anchor.text.as_str(),
                title.to_lowercase(),
                source.clone(),
                category,
            );
            unchanged.entry(key).or_default().push_back(index);
        }
    }
    for (one, slot) in seen.iter().zip(entry_of) {
        let (finding, anchor) = (&one.sighting.finding, &one.sighting.anchor);
        let key = (
            anchor.path.as_str(),
            anchor.side,
            anchor.line,
            anchor.span(),
            anchor.text.as_str(),
            bounded_title(&finding.title).to_lowercase(),
            bounded_source(&finding.source),
            finding.category,
        );
        if let Some(index) = unchanged.get_mut(&key).and_then(VecDeque::pop_front) {
            *slot = Some(index);
            if let Some(taken) = is_taken.get_mut(index) {
                *taken = true;
            }
        }
    }
}

/// The line and the index of entries, in the order of the lines.
type ByLine = Vec<(u32, usize)>;

/// The entries of each file by line and by text.
struct Index<'a> {
    by_line: BTreeMap<(&'a str, Side), ByLine>,
    by_text: HashMap<(&'a str, Side, &'a str), ByLine>,
}

impl<'a> Index<'a> {
    fn new(known: &'a [Known<'_>], is_taken: &[bool]) -> Self {
        let mut index = Self {
            by_line: BTreeMap::new(),
            by_text: HashMap::new(),
        };
        for (at, (one, _)) in known
            .iter()
            .zip(is_taken)
            .enumerate()
            .filter(|(_, (_, taken))| !**taken)
        {
            let (path, side, text) = (one.path.as_str(), one.entry.anchor.side, one.entry.anchor.text.as_str());
            index.by_line.entry((path, side)).or_default().push((one.line(), at));
            index
                .by_text
                .entry((path, side, text))
                .or_default()
                .push((one.line(), at));
        }
        index.by_line.values_mut().for_each(|list| list.sort_unstable());
        index.by_text.values_mut().for_each(|list| list.sort_unstable());
        index
    }

    /// Returns the entries that are compared with a finding.
    fn candidates(&self, seen: &Seen<'_>) -> Vec<usize> {
        let anchor = &seen.sighting.anchor;
        let (path, side, text) = (anchor.path.as_str(), anchor.side, anchor.text.as_str());
        let mut found = Vec::new();
        for (list, most) in [
            (self.by_line.get(&(path, side)), MAX_NEAREST),
            (self.by_text.get(&(path, side, text)), MAX_SAME_TEXT),
        ] {
            let list = list.map(Vec::as_slice).unwrap_or_default();
            let middle = list.partition_point(|(line, _)| *line < anchor.line);
            let (first, end) = (middle.saturating_sub(most), (middle + most).min(list.len()));
            found.extend(list.get(first..end).unwrap_or_default().iter().map(|(_, at)| *at));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
