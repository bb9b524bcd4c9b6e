//! The quality of the ledger's matching on labelled pairs of findings: `pairs.txt` places findings in two versions of
//! our own files (`fixture`, from the history of git) and of packages, whose sources lie on every machine that builds
//! this workspace. This command prints the figures: `cargo test -p holdfast-core --test ledger -- --nocapture`.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
#![expect(clippy::print_stdout, reason = "the figures are printed")]

mod duplicates;
mod places;

use std::collections::{BTreeMap, BTreeSet};

use holdfast_core::ledger::{
    FileMap, HeadLines, Ledger, LineMap, LineMaps, Readers, ReviewedUnit, RunFacts, Sighting, reconcile,
};
use holdfast_core::model::finding::{Finding, Severity, Side};
use holdfast_core::model::finding_source::FindingSource;
use holdfast_core::model::sha::CommitSha;
use places::{Place, Worded, places};

/// The relation of two findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The same words on the same line of an unchanged file.
    Same,
    /// The same words on an unchanged line, which usually has another number.
    Moved,
    /// The same words on a line that was edited.
    Edited,
    /// Other words for the same defect on an unchanged line.
    Reworded,
    /// Other words for the same defect on a line that was edited.
    EditedAndReworded,
    /// Other words for the same defect, on a neighbouring line.
    Neighbour,
    /// Another defect of the same line.
    OtherDefect,
    /// The same words, or other words for the same kind of defect, at another place.
    OtherPlace,
}

impl Kind {
    const fn is_same(self) -> bool {
        !matches!(self, Self::OtherDefect | Self::OtherPlace)
    }
}

/// Two findings with their label.
struct Pair<'a> {
    kind: Kind,
    /// Whether the file changes between the findings.
    is_changed: bool,
    place: &'a Place,
    old: &'a Worded,
    new: (&'a Worded, u32),
}

fn pairs(places: &[Place]) -> Vec<Pair<'_>> {
    let mut pairs = Vec::new();
    for place in places {
        let [first, again] = &place.worded;
        let mut add = |kind, old, new, line| {
            pairs.push(Pair {
                kind,
                is_changed: kind != Kind::Same,
                place,
                old,
                new: (new, line),
            });
        };
        let (same, reworded) = if place.is_edited() {
            (Kind::Edited, Kind::EditedAndReworded)
        } else {
            (Kind::Moved, Kind::Reworded)
        };
        let line = place.new_line;
        add(Kind::Same, first, first, place.old_line);
        add(same, first, first, line);
        add(reworded, first, again, line);
        for other in &place.others {
            add(Kind::OtherDefect, first, other, line);
            add(Kind::OtherDefect, again, other, line);
        }
        if let Some(near) = place.near_line {
            add(Kind::Neighbour, first, again, near);
        }
        for twin in &place.twin_lines {
            add(Kind::OtherPlace, first, first, *twin);
            add(Kind::OtherPlace, first, again, *twin);
        }
    }
    pairs
}

fn finding(path: &str, line: u32, worded: &Worded) -> Finding {
    Finding {
        path: path.to_owned(),
        side: Side::Right,
        start_line: line,
        line,
        severity: Severity::Medium,
        category: worded.category,
        title: worded.title.clone(),
        body: worded.body.clone(),
        suggestion: None,
        confidence: 0.8,
        source: FindingSource::Model,
        gated: false,
        folded: false,
        tracked: None,
        cwe: Vec::new(),
        sources: Vec::new(),
    }
}

/// Returns whether the ledger takes the second finding for the first one, with or without the map of the lines.
fn is_matched(pair: &Pair<'_>, is_mapped: bool) -> bool {
    let place = pair.place;
    let old_path = &place.old_path;
    let (new_path, new_text) = if pair.is_changed {
        (&place.new_path, &place.new_text)
    } else {
        (&place.old_path, &place.old_text)
    };
    let sight =
        |path: &str, text: &str, line, worded| Sighting::new(finding(path, line, worded), &HeadLines::of_text(text));
    let heads = ["a", "b"].map(|digit| CommitSha::parse(&digit.repeat(40)).unwrap());
    let unit = |path: &str| ReviewedUnit {
        path: path.to_owned(),
        lines: Vec::new(),
        readers: Readers {
            model: true,
            rules: true,
        },
    };
    let maps = if is_mapped {
        let mut maps = LineMaps::same();
        let file = FileMap {
            renamed_to: (old_path != new_path).then(|| new_path.clone()),
            head: LineMap::between(place.old_text.as_bytes(), new_text.as_bytes()),
            base: LineMap::Same,
        };
        maps.insert(old_path, file);
        maps
    } else {
        LineMaps::unknown()
    };
    let run = "run".parse().unwrap();
    let facts = |found, head, units, maps| RunFacts {
        run: &run,
        head,
        base: head,
        found,
        silenced: &[],
        units,
        tools: &[],
        left_the_diff: const { &BTreeSet::new() },
        maps,
        threads: const { &BTreeMap::new() },
    };
    let found = [sight(old_path, &place.old_text, place.old_line, pair.old)];
    let (same, units) = (LineMaps::same(), [unit(old_path)]);
    let ledger = reconcile(&Ledger::default(), &facts(&found, &heads[0], &units, &same)).ledger;
    assert_eq!(ledger.entries.len(), 1);
    let (worded, line) = pair.new;
    let found = [sight(new_path, new_text, line, worded)];
    let units = [unit(new_path)];
    let result = reconcile(&ledger, &facts(&found, &heads[1], &units, &maps));
    assert_eq!(
        result.new.len() + result.open.iter().filter(|open| open.found.is_some()).count(),
        1
    );
    result.new.is_empty()
}

/// The numbers of right and wrong answers.
#[derive(Default)]
struct Figures {
    same_found: usize,
    same: usize,
    wrong: usize,
    different: usize,
}

impl Figures {
    fn add(&mut self, kind: Kind, is_matched: bool) {
        if kind.is_same() {
            self.same += 1;
            self.same_found += usize::from(is_matched);
        } else {
            self.different += 1;
            self.wrong += usize::from(is_matched);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "the counts are small")]
    fn precision(&self) -> f64 {
        self.same_found as f64 / (self.same_found + self.wrong).max(1) as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "the counts are small")]
    fn recall(&self) -> f64 {
        self.same_found as f64 / self.same.max(1) as f64
    }

    fn line(&self) -> String {
        format!(
            "precision {:.3}, recall {:.3} ({} of {} same, {} of {} different taken for the same)",
            self.precision(),
            self.recall(),
            self.same_found,
            self.same,
            self.wrong,
            self.different
        )
    }
}

#[test]
fn findings_keep_their_identity_and_different_ones_stay_apart() {
    let places = places();
    let pairs = pairs(&places);
    assert!(pairs.len() >= 150, "{}", pairs.len());
    let (mut all, mut halves) = (Figures::default(), [Figures::default(), Figures::default()]);
    let mut kinds: BTreeMap<Kind, (usize, usize, Vec<String>)> = BTreeMap::new();
    for pair in &pairs {
        let is_matched = is_matched(pair, true);
        all.add(pair.kind, is_matched);
        halves[usize::from(pair.place.is_held_out)].add(pair.kind, is_matched);
        let of_kind = kinds.entry(pair.kind).or_default();
        of_kind.0 += 1;
        if is_matched == pair.kind.is_same() {
            of_kind.1 += 1;
        } else {
            of_kind.2.push(format!(
                "{}:{}: {} / {}{}",
                pair.place.new_path,
                pair.new.1,
                pair.old.title,
                pair.new.0.title,
                if pair.place.is_held_out { " (held out)" } else { "" }
            ));
        }
    }
    println!("{} places, {} pairs", places.len(), pairs.len());
    for (kind, (number, right, wrong)) in &kinds {
        println!("{kind:?}: {right} of {number} right");
        wrong.iter().for_each(|line| println!("  wrong  {line}"));
    }
    println!("all: {}", all.line());
    println!("places used for the thresholds: {}", halves[0].line());
    println!("places held out: {}", halves[1].line());
    assert!(all.precision() >= 0.98, "{}", all.line());
    assert!(all.recall() >= 0.9, "{}", all.line());
}

#[test]
fn without_a_map_of_the_lines_no_defect_is_hidden() {
    let places = places();
    let mut figures = Figures::default();
    for pair in pairs(&places)
        .iter()
        .filter(|pair| pair.place.old_path == pair.place.new_path)
    {
        figures.add(pair.kind, is_matched(pair, false));
    }
    println!("without a map: {}", figures.line());
    assert!(figures.precision() >= 0.98, "{}", figures.line());
    assert!(figures.recall() >= 0.5, "{}", figures.line());
}
