//! The verdict after each kill and at the end: lost executions, duplicate effects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use holdfast_asl::HistoryEvent;
use holdfast_engine::{Archive, ExecutionRecord, ExecutionStatus};

use crate::machine;
use crate::worker::{Happened, data, log_file};

/// Maximum number of executions of one run.
const MOST: u32 = 1_000_000;

/// The verdict of a run.
#[derive(Default)]
pub struct Verdict {
    pub kills: u64,
    /// True if every open execution ended.
    pub finished: bool,
    executions: usize,
    events: usize,
    effects: usize,
    calls: usize,
    lost: Vec<String>,
    doubled: Vec<String>,
    /// The length of the log when an invocation was first found answered after a kill.
    answered_at: BTreeMap<(String, u64), usize>,
    /// Executions that had ended after an earlier kill.
    settled: BTreeSet<String>,
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        self.finished && self.lost.is_empty() && self.doubled.is_empty()
    }

    /// Collects the invocations whose answers are stored, after a kill.
    pub fn look(&mut self, directory: &Path) {
        let Ok(archive) = Archive::open(&data(directory)) else {
            return;
        };
        let written = std::fs::metadata(log_file(directory)).map_or(0, |file| file.len() as usize);
        for root in archive.executions(MOST).unwrap() {
            if self.settled.contains(&root.name) {
                continue;
            }
            for member in family(&archive, &root) {
                for key in answered(&archive.history(member.id).unwrap()) {
                    self.answered_at.entry((member.arn.clone(), key)).or_insert(written);
                }
            }
            if root.status.is_final() {
                self.settled.insert(root.name);
            }
        }
    }

    /// Checks every execution and every effect, at the end.
    pub fn judge(&mut self, directory: &Path) {
        self.look(directory);
        let happened = Happened::read(directory);
        let archive = Archive::open(&data(directory)).unwrap();
        let mut effects = happened.effects.clone();
        for number in &happened.confirmed {
            let name = format!("k{number}");
            let Ok(root) = archive.execution(&name) else {
                self.lost.push(format!("{name} is not stored"));
                continue;
            };
            let output = machine::expected(i64::try_from(*number).unwrap());
            if root.status != ExecutionStatus::Succeeded || root.output.as_ref() != Some(&output) {
                self.lost.push(format!(
                    "{name} is {:?} with {:?}, not {output}",
                    root.status, root.output
                ));
            }
            self.executions += 1;
            let mut found = 0;
            for member in family(&archive, &root) {
                let history = archive.history(member.id).unwrap();
                self.events += history.len();
                let mut seen = BTreeSet::new();
                for key in answered(&history) {
                    if !seen.insert(key) {
                        self.doubled
                            .push(format!("{}: the task of event {key} was answered twice", member.arn));
                    }
                    found += effects.remove(&(member.arn.clone(), key)).unwrap_or_default();
                }
            }
            if found != machine::EFFECTS {
                self.doubled
                    .push(format!("{name} has {found} effects, not {}", machine::EFFECTS));
            }
        }
        let unclaimed = effects
            .keys()
            .map(|(arn, key)| format!("{arn}: the effect of event {key} is in no history"));
        self.doubled.extend(unclaimed);
        for (at, arn, key) in &happened.calls {
            if self
                .answered_at
                .get(&(arn.clone(), *key))
                .is_some_and(|answered| at >= answered)
            {
                self.doubled
                    .push(format!("{arn}: the task of event {key} was run after it was answered"));
            }
        }
        self.effects = happened.effects.values().sum();
        self.calls = happened.calls.len();
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.lost.iter().chain(&self.doubled).take(20) {
            writeln!(f, "  {line}")?;
        }
        if !self.finished {
            writeln!(f, "  not everything came to its end")?;
        }
        write!(
            f,
            "{} kills, {} executions, {} events, {} invocations, {} effects: {} lost, {} doubled",
            self.kills,
            self.executions,
            self.events,
            self.calls,
            self.effects,
            self.lost.len(),
            self.doubled.len()
        )
    }
}

/// Returns an execution and its maps' children.
fn family(archive: &Archive, root: &ExecutionRecord) -> Vec<ExecutionRecord> {
    let mut family = vec![root.clone()];
    for run in archive.map_runs(root.id).unwrap() {
        family.extend(archive.children(run.id).unwrap());
    }
    family
}

/// Returns the events that scheduled the answered tasks. A token's answer follows its submission.
fn answered(history: &[HistoryEvent]) -> Vec<u64> {
    let event = |id: u64| history.iter().find(|event| event.id == id);
    let mut keys = Vec::new();
    for answer in history.iter().filter(|event| event.kind.aws_type() == "TaskSucceeded") {
        let mut at = answer;
        while at.kind.aws_type() != "TaskScheduled" {
            match event(at.previous) {
                Some(before) => at = before,
                None => break,
            }
        }
        keys.push(at.id);
    }
    keys
}
