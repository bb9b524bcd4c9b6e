//! Tables of the states, and properties of every ledger.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod properties;
mod states;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::finding::{Category, Finding, Severity, Side};
use crate::model::finding_source::FindingSource;

/// A head of a pull request: its files, what is found in them, and what was read.
#[derive(Clone, Debug)]
struct Head {
    name: char,
    files: BTreeMap<String, String>,
    found: Vec<Sighting>,
    silenced: Vec<Sighting>,
    /// Whether each file's unit was read again; files that are missing were not.
    is_read: BTreeMap<String, bool>,
    left: BTreeSet<String>,
    threads: BTreeMap<FindingId, ThreadFacts>,
    /// New path, old path.
    renamed: BTreeMap<String, String>,
}

impl Head {
    /// Returns a head with one file that was read again.
    fn new(name: char, text: &str) -> Self {
        let mut head = Self {
            name,
            files: BTreeMap::new(),
            found: Vec::new(),
            silenced: Vec::new(),
            is_read: BTreeMap::new(),
            left: BTreeSet::new(),
            threads: BTreeMap::new(),
            renamed: BTreeMap::new(),
        };
        head.files.insert("a.rs".to_owned(), text.to_owned());
        head.is_read.insert("a.rs".to_owned(), true);
        head
    }

    /// Adds a finding of a model on a line of `a.rs`.
    fn with(self, line: u32, title: &str) -> Self {
        self.with_source(line, title, "model", Category::Correctness)
    }

    fn with_source(mut self, line: u32, title: &str, source: &str, category: Category) -> Self {
        let path = if self.files.contains_key("a.rs") {
            "a.rs"
        } else {
            "b.rs"
        };
        let finding = finding(path, line, title, source, category);
        let sighting = Sighting::new(finding, &HeadLines::of_text(&self.files[path]));
        self.found.push(sighting);
        self
    }

    /// Makes a comment silence everything that is found.
    fn silenced(mut self) -> Self {
        self.silenced = std::mem::take(&mut self.found);
        self
    }

    fn unread(mut self) -> Self {
        self.is_read.values_mut().for_each(|is_read| *is_read = false);
        self
    }

    fn thread(mut self, id: &FindingId, thread: ThreadFacts) -> Self {
        self.threads.insert(id.clone(), thread);
        self
    }

    fn sha(&self) -> CommitSha {
        CommitSha::parse(&self.name.to_string().repeat(40)).unwrap()
    }

    /// Returns the maps from another head to this one.
    fn maps(&self, before: &Self) -> LineMaps {
        let mut maps = LineMaps::same();
        for (path, text) in &before.files {
            let renamed_to = self
                .renamed
                .iter()
                .find(|(_, old)| *old == path)
                .map(|(new, _)| new.clone());
            let Some(after) = self.files.get(renamed_to.as_ref().unwrap_or(path)) else {
                continue;
            };
            let head = LineMap::between(text.as_bytes(), after.as_bytes());
            let base = LineMap::Same;
            maps.insert(path, FileMap { renamed_to, head, base });
        }
        maps
    }

    fn reconcile(&self, ledger: &Ledger, maps: &LineMaps) -> Reconciled {
        let units: Vec<ReviewedUnit> = self
            .is_read
            .iter()
            .map(|(path, is_read)| ReviewedUnit {
                path: path.clone(),
                lines: Vec::new(),
                readers: Readers {
                    model: *is_read,
                    rules: *is_read,
                },
            })
            .collect();
        let facts = RunFacts {
            run: &format!("run-{}", self.name).parse().unwrap(),
            head: &self.sha(),
            base: &self.sha(),
            found: &self.found,
            silenced: &self.silenced,
            units: &units,
            tools: &[],
            left_the_diff: &self.left,
            maps,
            threads: &self.threads,
        };
        reconcile(ledger, &facts)
    }

    /// Returns the result of the first run.
    fn first(&self) -> Reconciled {
        self.reconcile(&Ledger::default(), &LineMaps::same())
    }

    /// Returns the result of a run after another one.
    fn after(&self, before: &Self, ledger: &Ledger) -> Reconciled {
        self.reconcile(ledger, &self.maps(before))
    }
}

fn finding(path: &str, line: u32, title: &str, source: &str, category: Category) -> Finding {
    Finding {
        path: path.to_owned(),
        side: Side::Right,
        start_line: line,
        line,
        severity: Severity::Medium,
        category,
        title: title.to_owned(),
        body: String::new(),
        suggestion: None,
        confidence: 0.9,
        source: FindingSource::from(source.to_owned()),
        gated: false,
        folded: false,
        tracked: None,
        cwe: Vec::new(),
        sources: Vec::new(),
    }
}

fn dismissed() -> ThreadFacts {
    ThreadFacts {
        dismissal: Some(Dismissal {
            by: "maintainer".to_owned(),
            reason: DismissalReason::Command {
                words: "on purpose".to_owned(),
            },
        }),
        ..ThreadFacts::default()
    }
}

fn resolved() -> ThreadFacts {
    ThreadFacts {
        resolved: true,
        ..ThreadFacts::default()
    }
}

/// Returns the counts of the lists: new, open, fixed, closed, dismissed, outdated.
fn counts(result: &Reconciled) -> [usize; 6] {
    [
        result.new.len(),
        result.open.len(),
        result.fixed.len(),
        result.closed.len(),
        result.dismissed.len(),
        result.outdated.len(),
    ]
}

/// What is stored of a stranger's text is bounded, and the sizes are in the documentation of the ledger's row.
#[test]
fn an_entry_is_bounded() {
    let long = "long word ".repeat(1_000);
    let head = Head::new('a', &format!("zero\none\ntwo\n{long}\nfour\n\n\n\n\n\nten\neleven\n")).with(4, &long);
    let mut sighting = head.found[0].clone();
    sighting.finding.body.clone_from(&long);
    let head = Head {
        found: vec![sighting],
        ..head
    };
    let ledger = head.first().ledger;
    let entry = &ledger.entries[0];
    assert_eq!((entry.title.len(), entry.body.len()), (300, 600));
    assert_eq!(entry.anchor.text.len(), 160);
    assert_eq!(entry.anchor.before, ["two", "one"]);
    // Lines up to six away, without blank ones.
    assert_eq!(entry.anchor.after, ["four"]);
    let mark = FindingMark::new(entry, &head.sha()).to_string();
    assert!(mark.len() > 1_000 && mark.len() < 8_192, "{}", mark.len());
}
