//! Compares two outcomes of a run. Pure.

use holdfast_core::model::finding::Finding;
use holdfast_core::model::report::{Coverage, EarlierFinding, Gate, Report, RunStatus};
use holdfast_core::model::run::{UnitResult, Verdict};
use serde::Serialize;

use super::snapshot::{AttemptSnapshot, Snapshot, UnitSnapshot};

/// A value in the recording and in the replay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pair<T> {
    /// The recorded value.
    pub recorded: T,
    /// The replay's value.
    pub replayed: T,
}

impl<T: PartialEq> Pair<T> {
    /// Returns whether the two differ.
    pub fn differs(&self) -> bool {
        self.recorded != self.replayed
    }
}

/// A comparison of values that are too long to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The same, or on neither side.
    Same,
    /// On both sides, with a difference.
    Differs,
    /// Only in the replay.
    Gained,
    /// Only in the recording.
    Lost,
}

impl Change {
    fn of<T: PartialEq>(recorded: Option<&T>, replayed: Option<&T>) -> Self {
        match (recorded, replayed) {
            (Some(recorded), Some(replayed)) if recorded != replayed => Self::Differs,
            (None, Some(_)) => Self::Gained,
            (Some(_), None) => Self::Lost,
            _ => Self::Same,
        }
    }
}

/// The differences between two outcomes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Differences {
    /// The run's status.
    pub status: Pair<RunStatus>,
    /// Why it failed.
    pub failure: Pair<Option<String>>,
    /// The gate's decision; `None` without a report.
    pub gate: Pair<Option<Gate>>,
    /// The run's states.
    pub states: Pair<Vec<String>>,
    /// Every unit of either side.
    pub units: Vec<UnitDifference>,
    /// Findings of the report.
    pub findings: FindingDifferences,
    /// Findings of earlier runs that the run did not report.
    pub earlier: EarlierDifferences,
    /// Files with another outcome.
    pub coverage: Vec<CoverageDifference>,
    /// The walkthrough and its counts.
    pub summary: Change,
    /// Notes of the report.
    pub notes: NoteDifferences,
}

/// The differences of one unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnitDifference {
    /// Its id in the replay, or in the recording where the replay doesn't have it.
    pub unit: String,
    /// Its file.
    pub path: String,
    /// Whether anything below differs.
    pub differs: bool,
    /// Whether both plans have it.
    pub planned: Change,
    /// Its result.
    pub result: Pair<Option<UnitResult>>,
    /// Its states, without waits for a model's rate limit.
    pub states: Pair<Vec<String>>,
    /// Its attempts, from the first.
    pub attempts: Vec<AttemptDifference>,
}

/// The differences of one attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptDifference {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The prompt.
    pub prompt: Change,
    /// The verdict of the checks.
    pub verdict: Change,
    /// The verdict in short; `None` where there was no answer.
    pub checks: Pair<Option<Checks>>,
}

/// A verdict of the checks, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// Whether there was no problem.
    pub valid: bool,
    /// Each problem.
    pub problems: Vec<String>,
    /// Number of findings that passed.
    pub accepted: usize,
}

/// Findings that differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FindingDifferences {
    /// Only in the replay.
    pub gained: Vec<Finding>,
    /// Only in the recording.
    pub lost: Vec<Finding>,
    /// Findings with the same place and title, and other contents.
    pub changed: Vec<Pair<Finding>>,
}

/// Findings of earlier runs that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EarlierDifferences {
    /// Only in the replay.
    pub gained: Vec<EarlierFinding>,
    /// Only in the recording.
    pub lost: Vec<EarlierFinding>,
}

/// A file with another outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageDifference {
    /// The file.
    pub path: String,
    /// Its outcome; `None` where it isn't listed.
    #[serde(flatten)]
    pub ended: Pair<Option<Coverage>>,
}

/// Notes that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NoteDifferences {
    /// Only in the replay.
    pub gained: Vec<String>,
    /// Only in the recording.
    pub lost: Vec<String>,
}

impl Differences {
    /// Returns whether the outcome is the same. A different prompt is a different outcome, because the recorded answer
    /// doesn't belong to it.
    pub fn is_empty(&self) -> bool {
        let (findings, earlier) = (&self.findings, &self.earlier);
        let is_different = self.status.differs()
            || self.failure.differs()
            || self.gate.differs()
            || self.states.differs()
            || self.units.iter().any(|unit| unit.differs)
            || !(findings.gained.is_empty() && findings.lost.is_empty() && findings.changed.is_empty())
            || !(earlier.gained.is_empty() && earlier.lost.is_empty())
            || !self.coverage.is_empty()
            || self.summary != Change::Same
            || !(self.notes.gained.is_empty() && self.notes.lost.is_empty());
        !is_different
    }
}

/// Compares two outcomes.
pub fn compare(recorded: &Snapshot, replayed: &Snapshot) -> Differences {
    let (before, after) = (recorded.report.as_ref(), replayed.report.as_ref());
    let gate = |report: Option<&Report>| report.map(|report| report.gate.clone());
    let (lost, gained) = unmatched(notes(before), notes(after));
    let earlier = unmatched(earlier(before), earlier(after));
    Differences {
        status: pair(recorded.status, replayed.status),
        failure: pair(recorded.failure.clone(), replayed.failure.clone()),
        gate: pair(gate(before), gate(after)),
        states: pair(recorded.states.clone(), replayed.states.clone()),
        units: compare_units(&recorded.units, &replayed.units),
        findings: compare_findings(findings(before), findings(after)),
        earlier: EarlierDifferences {
            lost: earlier.0,
            gained: earlier.1,
        },
        coverage: compare_coverage(coverage(before), coverage(after)),
        summary: Change::of(
            before.map(|report| &report.summary),
            after.map(|report| &report.summary),
        ),
        notes: NoteDifferences { gained, lost },
    }
}

const fn pair<T>(recorded: T, replayed: T) -> Pair<T> {
    Pair { recorded, replayed }
}

fn findings(report: Option<&Report>) -> &[Finding] {
    report.map_or(&[], |report| &report.findings)
}

fn earlier(report: Option<&Report>) -> &[EarlierFinding] {
    report.map_or(&[], |report| &report.earlier)
}

fn coverage(report: Option<&Report>) -> &[Coverage] {
    report.map_or(&[], |report| &report.coverage)
}

fn notes(report: Option<&Report>) -> &[String] {
    report.map_or(&[], |report| &report.notes)
}

/// Returns the items of each side that have no equal on the other. Each item matches at most one.
fn unmatched<T: PartialEq + Clone>(first: &[T], second: &[T]) -> (Vec<T>, Vec<T>) {
    let mut of_second = second.to_vec();
    let of_first = first
        .iter()
        .filter(|item| match of_second.iter().position(|other| other == *item) {
            Some(at) => {
                of_second.remove(at);
                false
            }
            None => true,
        })
        .cloned()
        .collect();
    (of_first, of_second)
}

fn compare_findings(recorded: &[Finding], replayed: &[Finding]) -> FindingDifferences {
    let (lost, mut gained) = unmatched(recorded, replayed);
    let mut differences = FindingDifferences::default();
    for before in lost {
        let is_same = |after: &Finding| {
            (&after.path, after.side, after.start_line, after.line, &after.title)
                == (&before.path, before.side, before.start_line, before.line, &before.title)
        };
        match gained.iter().position(is_same) {
            Some(at) => differences.changed.push(pair(before, gained.remove(at))),
            None => differences.lost.push(before),
        }
    }
    differences.gained = gained;
    differences
}

fn compare_coverage(recorded: &[Coverage], replayed: &[Coverage]) -> Vec<CoverageDifference> {
    let find = |list: &[Coverage], path: &str| list.iter().find(|entry| entry.path == path).cloned();
    let only_replayed = replayed.iter().filter(|entry| find(recorded, &entry.path).is_none());
    recorded
        .iter()
        .chain(only_replayed)
        .map(|entry| CoverageDifference {
            path: entry.path.clone(),
            ended: pair(find(recorded, &entry.path), find(replayed, &entry.path)),
        })
        .filter(|difference| difference.ended.differs())
        .collect()
}

/// Compares units by their path and hunks: a plan that cuts the change otherwise has other units.
fn compare_units(recorded: &[UnitSnapshot], replayed: &[UnitSnapshot]) -> Vec<UnitDifference> {
    let twin = |unit: &UnitSnapshot, list: &[UnitSnapshot]| {
        let mut of_same = list
            .iter()
            .filter(|other| other.path == unit.path && other.hunks == unit.hunks);
        of_same.next().cloned()
    };
    let mut units: Vec<UnitDifference> = replayed
        .iter()
        .map(|unit| compare_unit(twin(unit, recorded).as_ref(), Some(unit), unit))
        .collect();
    let only_recorded = recorded.iter().filter(|unit| twin(unit, replayed).is_none());
    units.extend(only_recorded.map(|unit| compare_unit(Some(unit), None, unit)));
    units
}

fn compare_unit(before: Option<&UnitSnapshot>, after: Option<&UnitSnapshot>, named: &UnitSnapshot) -> UnitDifference {
    let states = |unit: Option<&UnitSnapshot>| unit.map(|unit| unit.states.clone()).unwrap_or_default();
    let result = |unit: Option<&UnitSnapshot>| {
        let mut result = unit.and_then(|unit| unit.result.clone())?;
        // The two sides may number their units differently.
        result.unit.clone_from(&named.unit);
        Some(result)
    };
    let attempt = |unit: Option<&UnitSnapshot>, index: usize| unit.and_then(|unit| unit.attempts.get(index).cloned());
    let most = [before, after].iter().flatten().map(|unit| unit.attempts.len()).max();
    let attempts: Vec<AttemptDifference> = (1..)
        .zip(0..most.unwrap_or(0))
        .map(|(number, index)| compare_attempt(number, attempt(before, index), attempt(after, index)))
        .collect();
    let mut difference = UnitDifference {
        unit: named.unit.clone(),
        path: named.path.clone(),
        differs: false,
        planned: match (before, after) {
            (None, _) => Change::Gained,
            (_, None) => Change::Lost,
            _ => Change::Same,
        },
        result: pair(result(before), result(after)),
        states: pair(states(before), states(after)),
        attempts,
    };
    let is_other = |attempt: &AttemptDifference| (attempt.prompt, attempt.verdict) != (Change::Same, Change::Same);
    difference.differs = difference.planned != Change::Same
        || difference.result.differs()
        || difference.states.differs()
        || difference.attempts.iter().any(is_other);
    difference
}

fn compare_attempt(attempt: u32, before: Option<AttemptSnapshot>, after: Option<AttemptSnapshot>) -> AttemptDifference {
    let apart = |snapshot: Option<AttemptSnapshot>| snapshot.map_or((None, None), |s| (s.prompt, s.verdict));
    let ((prompt_before, verdict_before), (prompt_after, verdict_after)) = (apart(before), apart(after));
    let checks = |verdict: Option<&Verdict>| {
        verdict.map(|verdict| Checks {
            valid: verdict.valid,
            problems: verdict.problems.clone(),
            accepted: verdict.accepted.len(),
        })
    };
    AttemptDifference {
        attempt,
        prompt: Change::of(prompt_before.as_ref(), prompt_after.as_ref()),
        verdict: Change::of(verdict_before.as_ref(), verdict_after.as_ref()),
        checks: pair(checks(verdict_before.as_ref()), checks(verdict_after.as_ref())),
    }
}
