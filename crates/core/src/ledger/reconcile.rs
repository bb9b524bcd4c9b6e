//! Finds the place of each finding of a run, and the next ledger.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::model::finding::Side;
use crate::model::finding_id::FindingId;
use crate::model::finding_source::FindingSource;
use crate::model::run_name::RunName;
use crate::model::sha::CommitSha;

use super::anchor::bounded_path;
use super::assign::{Known, Seen, assign};
use super::entry::{Entry, EntryState, derive_id};
use super::facts::{ReviewedUnit, Sighting, ThreadFacts};
use super::line_map::{LineMap, LineMaps, Mapped};
use super::{LEDGER_VERSION, Ledger};

/// The facts of one run.
#[derive(Clone, Copy, Debug)]
pub struct RunFacts<'a> {
    /// The run.
    pub run: &'a RunName,
    /// The reviewed head.
    pub head: &'a CommitSha,
    /// The commit that its diff starts from.
    pub base: &'a CommitSha,
    /// Its findings, merged.
    pub found: &'a [Sighting],
    /// Findings that comments in the code silence. They are no findings of the run.
    pub silenced: &'a [Sighting],
    /// All units of the plan with their readers.
    pub units: &'a [ReviewedUnit],
    /// The other tools whose reports it has.
    pub tools: &'a [String],
    /// Files of the ledger that are no longer in the diff, by their path at either head.
    pub left_the_diff: &'a BTreeSet<String>,
    /// The lines' way from the ledger's head to this one.
    pub maps: &'a LineMaps,
    /// The threads that could be read.
    pub threads: &'a BTreeMap<FindingId, ThreadFacts>,
}

impl<'a> RunFacts<'a> {
    /// Returns a finding, reported or silenced.
    fn sighting(&self, index: usize) -> Option<&'a Sighting> {
        let silenced = index.checked_sub(self.found.len());
        silenced.map_or_else(|| self.found.get(index), |index| self.silenced.get(index))
    }
}

/// A finding of this run with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub id: FindingId,
    /// Its index in [`RunFacts::found`]; none if this run did not report it.
    pub found: Option<usize>,
}

/// An open finding that was known before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFinding {
    /// Its id.
    pub id: FindingId,
    /// Its index in [`RunFacts::found`]; none if this run did not report it.
    pub found: Option<usize>,
    /// Whether it was fixed or outdated before: its comment has to show that it is open again.
    pub is_reopened: bool,
    /// Whether GitHub shows its thread as outdated: the summary links it.
    pub is_thread_outdated: bool,
}

/// The place of each finding, and the next ledger. Each finding of the run is in exactly one of `new`, `open`, `closed`
/// and `dismissed`. All lists are in the ledger's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciled {
    /// Findings that no earlier run has published.
    pub new: Vec<Placed>,
    /// Open findings that were known before, also those that this run did not report.
    pub open: Vec<OpenFinding>,
    /// Findings that this head fixes. A repeated run of the same head lists them again.
    pub fixed: Vec<FindingId>,
    /// Findings that comments in the code silence at this head. A repeated run of the same head lists them again.
    pub silenced: Vec<FindingId>,
    /// Findings whose thread a person resolved.
    pub closed: Vec<Placed>,
    /// Dismissed findings.
    pub dismissed: Vec<Placed>,
    /// Findings that left the diff, now or earlier.
    pub outdated: Vec<FindingId>,
    /// The next ledger. It counts once it is stored; a run that is withdrawn drops it.
    pub ledger: Ledger,
}

/// Compares a run's findings with the ledger. The result doesn't depend on the order of the findings or entries.
pub fn reconcile(ledger: &Ledger, facts: &RunFacts<'_>) -> Reconciled {
    let mut entries = ledger.entries.clone();
    entries.iter_mut().for_each(Entry::bound);
    entries.sort_by(|one, other| one.order().cmp(&other.order()));
    let mut ids: HashSet<FindingId> = HashSet::with_capacity(entries.len());
    entries.retain(|entry| ids.insert(entry.id.clone()));
    for entry in &mut entries {
        if let Some(thread) = facts.threads.get(&entry.id) {
            apply_thread(entry, thread);
            entry.bound();
        }
    }
    let known: Vec<Known<'_>> = entries.iter().map(|entry| locate(entry, facts.maps)).collect();
    // Silenced ones are behind those of the run.
    let mut order: Vec<usize> = (0..facts.found.len() + facts.silenced.len()).collect();
    order.sort_by_cached_key(|index| facts.sighting(*index).map(sort_key));
    let old_paths: HashMap<&str, &str> = entries
        .iter()
        .map(|entry| entry.anchor.path.as_str())
        .map(|path| (facts.maps.path(path), path))
        .collect();
    let sighted: Vec<(usize, Seen<'_>)> = order
        .iter()
        .filter_map(|index| Some((*index, see(facts.sighting(*index)?, facts.maps, &old_paths))))
        .collect();
    let (indices, seen): (Vec<usize>, Vec<Seen<'_>>) = sighted.into_iter().unzip();
    let assigned = assign(&known, &seen);

    let mut sighting_of: Vec<Option<usize>> = vec![None; known.len()];
    for (at, entry) in assigned.iter().enumerate() {
        if let Some(slot) = entry.and_then(|entry| sighting_of.get_mut(entry)) {
            *slot = Some(at);
        }
    }
    let units = UnitIndex::new(facts);
    let mut next: Vec<(Entry, Option<usize>, Change)> = Vec::with_capacity(known.len());
    for (one, at) in known.iter().zip(&sighting_of) {
        let index = at.and_then(|at| indices.get(at).copied());
        let found = index.filter(|index| *index < facts.found.len());
        let (entry, change) = match at.and_then(|at| seen.get(at)) {
            Some(seen) if found.is_some() => seen_again(one, seen, facts),
            Some(seen) => (seen_silenced(one, seen, facts), Change::None),
            None => (not_seen(one, &units, facts), Change::None),
        };
        next.push((entry, found, change));
    }
    let mut ids = Ids {
        taken: ids,
        next: HashMap::new(),
    };
    for ((index, seen), entry) in indices.iter().zip(&seen).zip(&assigned) {
        if entry.is_none() && *index < facts.found.len() {
            let sighting = seen.sighting;
            let id = ids.free(sighting);
            let entry = Entry::first_seen(id, &sighting.finding, &sighting.anchor, facts.run);
            next.push((entry, Some(*index), Change::New));
        }
    }
    next.sort_by(|(one, ..), (other, ..)| one.order().cmp(&other.order()));
    collect(ledger, facts, next)
}

/// The part of a result that the entry doesn't hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    New,
    Reopened,
}

/// Sorts the entries into their lists, and makes the next ledger of them.
fn collect(ledger: &Ledger, facts: &RunFacts<'_>, next: Vec<(Entry, Option<usize>, Change)>) -> Reconciled {
    let mut result = Reconciled {
        new: Vec::new(),
        open: Vec::new(),
        fixed: Vec::new(),
        silenced: Vec::new(),
        closed: Vec::new(),
        dismissed: Vec::new(),
        outdated: Vec::new(),
        ledger: Ledger {
            version: LEDGER_VERSION,
            head: Some(facts.head.clone()),
            base: Some(facts.base.clone()),
            entries: Vec::with_capacity(next.len()),
            left_out: ledger.left_out,
        },
    };
    for (entry, found, change) in next {
        let id = entry.id.clone();
        match &entry.state {
            EntryState::Open if change == Change::New => result.new.push(Placed { id, found }),
            EntryState::Open => {
                let thread = facts.threads.get(&id);
                result.open.push(OpenFinding {
                    found,
                    is_reopened: change == Change::Reopened,
                    is_thread_outdated: thread.is_some_and(|thread| thread.outdated),
                    id,
                });
            }
            EntryState::Closed => result.closed.push(Placed { id, found }),
            EntryState::Dismissed(_) => result.dismissed.push(Placed { id, found }),
            EntryState::Fixed { head } if head == facts.head => result.fixed.push(id),
            EntryState::Silenced { head } if head == facts.head => result.silenced.push(id),
            EntryState::Fixed { .. } | EntryState::Silenced { .. } => {}
            EntryState::Outdated => result.outdated.push(id),
        }
        result.ledger.entries.push(entry);
    }
    result.ledger.settle();
    result
}

/// Applies the decisions of people in a finding's thread.
fn apply_thread(entry: &mut Entry, thread: &ThreadFacts) {
    if let (Some(dismissal), false) = (&thread.dismissal, matches!(entry.state, EntryState::Dismissed(_))) {
        entry.state = EntryState::Dismissed(dismissal.clone());
        entry.dismissed_text = Some(entry.anchor.text.clone());
        return;
    }
    entry.resolved_before &= thread.resolved;
    match entry.state {
        EntryState::Open | EntryState::Outdated if thread.resolved && !entry.resolved_before => {
            entry.state = EntryState::Closed;
        }
        EntryState::Closed if !thread.resolved => entry.state = EntryState::Open,
        _ => {}
    }
}

/// Finds an entry's place in this run's head.
fn locate<'a>(entry: &'a Entry, maps: &LineMaps) -> Known<'a> {
    let anchor = &entry.anchor;
    let path = bounded_path(maps.path(&anchor.path));
    let (mapped, changed_lines) = match maps.lines(&anchor.path, anchor.side) {
        Some(lines) => (
            lines.new_line(anchor.line),
            lines.changed_lines(anchor.start_line, anchor.line, &anchor.text),
        ),
        None => (Mapped::Unknown, 0),
    };
    Known::new(entry, path, mapped, changed_lines)
}

/// Finds the place of a run's finding in the ledger's head.
fn see<'a>(sighting: &'a Sighting, maps: &LineMaps, old_paths: &HashMap<&str, &str>) -> Seen<'a> {
    let anchor = &sighting.anchor;
    let old_path = old_paths.get(anchor.path.as_str()).copied().unwrap_or(&anchor.path);
    let lines = maps.lines(old_path, anchor.side);
    Seen::new(
        sighting,
        lines.map_or(Mapped::Unknown, |lines: &LineMap| lines.old_line(anchor.line)),
    )
}

/// Returns everything that distinguishes two findings, in an order of its own.
fn sort_key(sighting: &Sighting) -> (super::Anchor, String) {
    let finding = serde_json::to_string(&sighting.finding).unwrap_or_default();
    (sighting.anchor.clone(), finding)
}

/// Returns the entry of a finding that this run reports again.
fn seen_again(known: &Known<'_>, seen: &Seen<'_>, facts: &RunFacts<'_>) -> (Entry, Change) {
    let mut entry = known.entry.clone();
    let is_reopened = entry.state.may_reopen();
    if is_reopened {
        entry.state = EntryState::Open;
        entry.resolved_before = facts.threads.get(&entry.id).is_some_and(|thread| thread.resolved);
    }
    entry.see(&seen.sighting.finding, &seen.sighting.anchor, facts.run);
    (entry, if is_reopened { Change::Reopened } else { Change::None })
}

/// Returns the entry of a finding that a comment silences. What a person decided about it stays.
fn seen_silenced(known: &Known<'_>, seen: &Seen<'_>, facts: &RunFacts<'_>) -> Entry {
    let mut entry = known.entry.clone();
    if matches!(entry.state, EntryState::Open) {
        entry.state = EntryState::Silenced {
            head: facts.head.clone(),
        };
    }
    entry.see(&seen.sighting.finding, &seen.sighting.anchor, facts.run);
    entry
}

/// Returns the entry of a finding that this run does not report.
fn not_seen(known: &Known<'_>, units: &UnitIndex<'_>, facts: &RunFacts<'_>) -> Entry {
    let mut entry = known.entry.clone();
    let old_path = std::mem::replace(&mut entry.anchor.path, known.path.clone());
    let span = entry.anchor.span();
    entry.anchor.line = known.line().max(1);
    entry.anchor.start_line = entry.anchor.line.saturating_sub(span).max(1);
    let left = facts.left_the_diff;
    if left.contains(&old_path) || left.contains(&known.path) {
        if entry.state == EntryState::Open {
            entry.state = EntryState::Outdated;
        }
        return entry;
    }
    let is_decided = matches!(entry.state, EntryState::Open | EntryState::Closed);
    if !is_decided {
        return entry;
    }
    entry.touched |= known.changed_lines > 0;
    match units.reading(known) {
        Reading::OutsideOfAll if entry.state == EntryState::Open => entry.state = EntryState::Outdated,
        Reading::Again if entry.touched => {
            entry.state = EntryState::Fixed {
                head: facts.head.clone(),
            };
            entry.touched = false;
        }
        _ => {}
    }
    entry
}

/// The reading of an entry's lines in this run.
enum Reading {
    /// They were read again.
    Again,
    /// They were not, or nothing is known of the file's units.
    Not,
    /// No unit has them: they left the diff.
    OutsideOfAll,
}

/// The units of each file.
struct UnitIndex<'a> {
    by_path: HashMap<String, Vec<&'a ReviewedUnit>>,
    tools: &'a [String],
}

impl<'a> UnitIndex<'a> {
    fn new(facts: &RunFacts<'a>) -> Self {
        let mut by_path: HashMap<String, Vec<&'a ReviewedUnit>> = HashMap::new();
        for unit in facts.units {
            by_path.entry(bounded_path(&unit.path)).or_default().push(unit);
        }
        Self {
            by_path,
            tools: facts.tools,
        }
    }

    fn reading(&self, known: &Known<'_>) -> Reading {
        let Some(units) = self.by_path.get(&known.path) else {
            return Reading::Not;
        };
        let anchor = &known.entry.anchor;
        let (first, last) = match known.mapped {
            // The lines around removed ones count as their place.
            Mapped::Changed { first, last, .. } => (first.min(last), first.max(last)),
            Mapped::Kept(line) => (line.saturating_sub(anchor.span()), line),
            Mapped::Unknown => (0, u32::MAX),
        };
        let is_there = |(side, start, end): &(Side, u32, u32)| *side == anchor.side && *start <= last && first <= *end;
        let mut holding = units
            .iter()
            .filter(|unit| unit.lines.is_empty() || unit.lines.iter().any(is_there))
            .peekable();
        if holding.peek().is_none() {
            return Reading::OutsideOfAll;
        }
        let is_read = |unit: &&ReviewedUnit| match &known.entry.source {
            FindingSource::Rule(_) => unit.readers.rules,
            // A run without the tool's reports knows nothing of what it reported.
            FindingSource::Tool { name, .. } => unit.readers.rules && self.tools.contains(name),
            FindingSource::Model | FindingSource::Unknown(_) => unit.readers.model,
        };
        // With unknown places each unit of the file could hold the lines.
        if holding.all(is_read) {
            Reading::Again
        } else {
            Reading::Not
        }
    }
}

/// The ids of a ledger.
struct Ids {
    taken: HashSet<FindingId>,
    /// The next number of findings whose first id is the same.
    next: HashMap<FindingId, u32>,
}

impl Ids {
    /// Returns an id that no other finding of the ledger has.
    fn free(&mut self, sighting: &Sighting) -> FindingId {
        let derive = |number| derive_id(&sighting.finding, &sighting.anchor, number);
        let first = derive(0);
        let number = self.next.entry(first.clone()).or_default();
        let mut id = if *number == 0 { first } else { derive(*number) };
        while !self.taken.insert(id.clone()) {
            *number += 1;
            id = derive(*number);
        }
        *number += 1;
        id
    }
}
