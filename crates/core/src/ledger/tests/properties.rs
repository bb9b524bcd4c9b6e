//! Properties of every ledger.

use proptest::prelude::*;

use super::*;

const TITLES: [&str; 7] = [
    "`items[0]` panics on an empty list",
    "Indexing `items[0]` crashes if the list is empty",
    "Addition can overflow",
    "The sum may wrap around on overflow",
    "Name is misleading",
    "Secret is logged",
    "Shell",
];
const LINES: [&str; 6] = [
    "let first = items[0];",
    "let total = first + rest;",
    "}",
    "",
    "log(password);",
    "let first = items.first();",
];

fn text() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(prop::sample::select(&LINES[..]), 1..14);
    lines.prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}

fn head(name: char) -> impl Strategy<Value = Head> {
    let found = prop::collection::vec((1_u32..14, 0..TITLES.len(), 0_u8..4, any::<bool>(), 0_u32..3), 0..8);
    (text(), found, any::<bool>()).prop_map(move |(text, found, is_read)| {
        let mut head = Head::new(name, &text);
        for (line, title, source, is_security, span) in found {
            let source = ["model", "model", "rule:a", "rule:b"][usize::from(source)];
            let category = if is_security {
                Category::Security
            } else {
                Category::Correctness
            };
            head = head.with_source(line, TITLES[title], source, category);
            if let Some(sighting) = head.found.last_mut() {
                sighting.finding.start_line = line.saturating_sub(span).max(1);
                sighting.anchor.start_line = sighting.finding.start_line;
            }
        }
        if is_read { head } else { head.unread() }
    })
}

/// Returns a ledger after two runs, with decisions of people on some entries.
fn history() -> impl Strategy<Value = (Head, Ledger)> {
    (head('a'), head('b'), prop::collection::vec(0_u8..4, 20)).prop_map(|(first, mut second, decisions)| {
        let ledger = first.first().ledger;
        for (entry, decision) in ledger.entries.iter().zip(decisions) {
            let thread = match decision {
                0 => dismissed(),
                1 => resolved(),
                _ => continue,
            };
            second.threads.insert(entry.id.clone(), thread);
        }
        let ledger = second.after(&first, &ledger).ledger;
        second.threads.clear();
        (second, ledger)
    })
}

/// Returns the states and the words of a ledger, without the runs.
fn states(ledger: &Ledger) -> Vec<(&FindingId, &EntryState)> {
    ledger.entries.iter().map(|entry| (&entry.id, &entry.state)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn each_finding_of_the_run_is_in_one_place((before, ledger) in history(), now in head('c'), is_known in any::<bool>()) {
        let maps = if is_known { now.maps(&before) } else { LineMaps::unknown() };
        let old = ledger.clone();
        let result = now.reconcile(&ledger, &maps);
        prop_assert_eq!(&old, &ledger, "a withdrawn run leaves the ledger as it was");
        let mut found: Vec<usize> = result.new.iter().filter_map(|placed| placed.found).collect();
        found.extend(result.open.iter().filter_map(|open| open.found));
        found.extend(result.closed.iter().chain(&result.dismissed).filter_map(|placed| placed.found));
        found.sort_unstable();
        prop_assert_eq!(found, (0..now.found.len()).collect::<Vec<_>>());
        let ids: BTreeSet<&FindingId> = result.ledger.entries.iter().map(|entry| &entry.id).collect();
        prop_assert_eq!(ids.len(), result.ledger.entries.len());
        prop_assert_eq!(ids.len(), ledger.entries.len() + result.new.len(), "no entry is lost");
    }

    #[test]
    fn a_repeated_run_publishes_nothing((before, ledger) in history(), now in head('c'), is_known in any::<bool>()) {
        let maps = if is_known { now.maps(&before) } else { LineMaps::unknown() };
        let once = now.reconcile(&ledger, &maps);
        let twice = now.reconcile(&once.ledger, &LineMaps::same());
        prop_assert_eq!(&twice.new, &Vec::new());
        prop_assert_eq!(states(&twice.ledger), states(&once.ledger));
        let thrice = now.reconcile(&twice.ledger, &LineMaps::same());
        prop_assert_eq!(thrice, twice);
    }

    #[test]
    fn the_order_of_findings_and_entries_does_not_matter((before, ledger) in history(), now in head('c'), turn in 0_usize..8) {
        let maps = now.maps(&before);
        let result = now.reconcile(&ledger, &maps);
        let (mut turned, mut other) = (now.clone(), ledger.clone());
        let middle = turn.min(turned.found.len());
        turned.found.rotate_left(middle);
        turned.found.reverse();
        other.entries.reverse();
        let turned_result = turned.reconcile(&other, &maps);
        prop_assert_eq!(&turned_result.ledger, &result.ledger);
        let words = |head: &Head, result: &Reconciled| -> Vec<Option<Sighting>> {
            let found = result.open.iter().map(|open| open.found);
            found.map(|index| head.found.get(index?).cloned()).collect()
        };
        prop_assert_eq!(words(&turned, &turned_result), words(&now, &result));
    }

    #[test]
    fn entries_of_units_that_were_not_asked_again_are_unchanged((before, ledger) in history()) {
        let mut now = before.unread();
        now.name = 'c';
        now.found.clear();
        let result = now.reconcile(&ledger, &LineMaps::same());
        prop_assert_eq!(&result.ledger.entries, &ledger.entries);
        prop_assert!(result.new.is_empty());
    }

    #[test]
    fn texts_of_strangers_are_cut(word in "\\PC{0,40}", times in 0_usize..40, line in 0_u32..5) {
        let long = word.repeat(times);
        let mut head = Head::new('a', &long);
        let path = format!("{long}.rs");
        for source in ["model", &format!("rule:{long}")] {
            let mut finding = finding(&path, line, &long, source, Category::Security);
            finding.body.clone_from(&long);
            finding.confidence = f64::NAN;
            head.found.push(Sighting::new(finding, &HeadLines::of_text(&long)));
        }
        let ledger = head.first().ledger;
        for entry in &ledger.entries {
            let text = serde_json::to_string(entry).unwrap();
            prop_assert!(text.len() < 8_000, "{}", text.len());
            let read: Entry = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, entry);
        }
        let again = head.reconcile(&ledger, &LineMaps::same());
        prop_assert_eq!(again.ledger, ledger);
    }
}

#[test]
fn ten_thousand_findings_on_one_line_are_placed() {
    let mut first = Head::new('a', "let first = items[0];\n");
    let template = finding("a.rs", 1, "", "model", Category::Correctness);
    let titled = |title: String| Finding {
        title,
        ..template.clone()
    };
    let text = first.files["a.rs"].clone();
    let lines = HeadLines::of_text(&text);
    first.found = (0..MAX_ENTRIES)
        .map(|n| Sighting::new(titled(format!("w{n} panics")), &lines))
        .collect();
    let ledger = first.first().ledger;
    assert_eq!((ledger.entries.len(), ledger.left_out), (MAX_ENTRIES, 0));
    let mut second = Head::new('b', &text);
    second.found = (0..MAX_ENTRIES)
        .map(|n| Sighting::new(titled(format!("v{n} overflows")), &lines))
        .collect();
    let result = second.reconcile(&ledger, &LineMaps::same());
    let placed = result.new.len() + result.open.iter().filter(|open| open.found.is_some()).count();
    assert_eq!((placed, result.ledger.entries.len()), (MAX_ENTRIES, MAX_ENTRIES));
    assert_eq!(result.ledger.left_out as usize, result.new.len());
}

#[test]
fn outdated_and_fixed_entries_leave_a_full_ledger_first() {
    let head = Head::new('a', "let first = items[0];\n").with(1, "Panics");
    let mut ledger = head.first().ledger;
    let entry = ledger.entries.remove(0);
    let states = [
        EntryState::Outdated,
        EntryState::Fixed { head: head.sha() },
        EntryState::Open,
        EntryState::Dismissed(dismissed().dismissal.unwrap()),
    ];
    ledger.entries = (0..2 * MAX_ENTRIES)
        .map(|n| Entry {
            id: FindingId::parse(&format!("{n:032x}")).unwrap(),
            state: states[n % 4].clone(),
            ..entry.clone()
        })
        .collect();
    ledger.settle();
    let stays = |entry: &Entry| matches!(entry.state, EntryState::Open | EntryState::Dismissed(_));
    assert!(ledger.entries.iter().all(stays));
    assert_eq!(
        (ledger.entries.len(), ledger.left_out as usize),
        (MAX_ENTRIES, MAX_ENTRIES)
    );
}

#[test]
fn equal_findings_are_placed_in_a_time_that_grows_with_their_number() {
    let mut head = Head::new('a', "let first = items[0];\n");
    let sighting = head.clone().with(1, "Panics").found.remove(0);
    head.found = vec![sighting; 5_000];
    let result = head.first();
    assert_eq!(result.new.len(), 5_000);
    let again = head.reconcile(&result.ledger, &LineMaps::same());
    assert_eq!(again.ledger, result.ledger);
}
