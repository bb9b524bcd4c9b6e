//! Tables: the place of a finding after a second run.

use super::*;

const FILE: &str = "fn first(items: &[u32]) -> u32 {\n    let first = items[0];\n    first + 1\n}\n\nfn last(names: &[u32]) -> u32 {\n    let last = names[names.len() - 1];\n    last * 2\n}\n";
const PANICS: &str = "`items[0]` panics on an empty list";
const CRASHES: &str = "Indexing `items[0]` crashes if the list is empty";
const OVERFLOWS: &str = "Addition can overflow";

/// Returns the file with one replacement.
fn edited(from: &str, to: &str) -> String {
    assert!(FILE.contains(from), "{from}");
    FILE.replace(from, to)
}

#[test]
fn a_second_run_places_each_finding() {
    let above = format!("use std::fmt;\n\n{FILE}");
    let renamed_variable = edited("let first = items[0];", "let head = items[0];");
    let rewritten = edited(
        "let first = items[0];",
        "let Some(first) = items.first() else { return 0 };",
    );
    let without = edited("    let first = items[0];\n", "");
    let read = |text: &str| Head::new('b', text);
    for (name, second, expected) in [
        ("the same", read(FILE).with(2, PANICS), [0, 1, 0, 0, 0, 0]),
        ("other words", read(FILE).with(2, CRASHES), [0, 1, 0, 0, 0, 0]),
        ("lines added above", read(&above).with(4, PANICS), [0, 1, 0, 0, 0, 0]),
        (
            "lines added above, other words",
            read(&above).with(4, CRASHES),
            [0, 1, 0, 0, 0, 0],
        ),
        ("on the next line", read(FILE).with(3, CRASHES), [0, 1, 0, 0, 0, 0]),
        (
            "an edited line",
            read(&renamed_variable).with(2, CRASHES),
            [0, 1, 0, 0, 0, 0],
        ),
        (
            "another defect of the line",
            read(FILE).with(2, OVERFLOWS),
            [1, 1, 0, 0, 0, 0],
        ),
        (
            "the words in another function",
            read(FILE).with(7, PANICS),
            [1, 1, 0, 0, 0, 0],
        ),
        ("not found, and nothing changed", read(FILE), [0, 1, 0, 0, 0, 0]),
        ("fixed", read(&rewritten), [0, 0, 1, 0, 0, 0]),
        (
            "fixed, and another defect there",
            read(&rewritten).with(2, OVERFLOWS),
            [1, 0, 1, 0, 0, 0],
        ),
        ("removed", read(&without), [0, 0, 1, 0, 0, 0]),
        ("changed, and not read", read(&rewritten).unread(), [0, 1, 0, 0, 0, 0]),
        (
            "left the diff",
            Head {
                left: BTreeSet::from(["a.rs".to_owned()]),
                is_read: BTreeMap::new(),
                ..read(FILE)
            },
            [0, 0, 0, 0, 0, 1],
        ),
    ] {
        let first = Head::new('a', FILE).with(2, PANICS);
        let ledger = first.first().ledger;
        let result = second.after(&first, &ledger);
        assert_eq!(counts(&result), expected, "{name}");
        let again = second.reconcile(&result.ledger, &LineMaps::same());
        assert_eq!(again.ledger, result.ledger, "{name}: a repeated run changes nothing");
    }
}

/// Returns the state of the only entry, and whether this head's run lists it as silenced.
fn silencing(result: &Reconciled) -> (&EntryState, bool) {
    let [entry] = result.ledger.entries.as_slice() else {
        panic!("{:#?}", result.ledger.entries);
    };
    (&entry.state, result.silenced == [entry.id.clone()])
}

#[test]
fn a_silenced_finding_is_closed_as_silenced_and_opens_when_the_comment_is_gone() {
    let rule = |head: Head, line| head.with_source(line, PANICS, "rule:indexing", Category::Correctness);
    let first = rule(Head::new('a', FILE), 2);
    let ledger = first.first().ledger;
    for (name, text, line) in [
        (
            "beside",
            edited("items[0];", "items[0]; // holdfast: ignore[indexing] never empty"),
            2,
        ),
        (
            "above",
            edited(
                "    let first",
                "    // holdfast: ignore[indexing] never empty\n    let first",
            ),
            3,
        ),
    ] {
        let second = rule(Head::new('b', &text), line).silenced();
        let result = second.after(&first, &ledger);
        let silenced = EntryState::Silenced { head: second.sha() };
        assert_eq!(silencing(&result), (&silenced, true), "{name}");
        assert_eq!(counts(&result), [0, 0, 0, 0, 0, 0], "{name}");
        let again = second.reconcile(&result.ledger, &LineMaps::same());
        assert_eq!(
            (&again.ledger, &again.silenced),
            (&result.ledger, &result.silenced),
            "{name}"
        );
        // At the next head it's known, and not new.
        let third = Head {
            name: 'c',
            ..second.clone()
        };
        let later = third.after(&second, &result.ledger);
        assert_eq!(silencing(&later), (&silenced, false), "{name}");
        let fourth = rule(Head::new('d', FILE), 2);
        let opened = fourth.after(&third, &later.ledger);
        assert_eq!(silencing(&opened), (&EntryState::Open, false), "{name}");
        assert!(opened.open[0].is_reopened, "{name}");
    }
}

#[test]
fn a_finding_that_was_never_open_leaves_nothing_when_it_is_silenced() {
    let head = Head::new('a', FILE)
        .with_source(2, PANICS, "rule:indexing", Category::Correctness)
        .silenced();
    let result = head.first();
    assert!(
        result.ledger.entries.is_empty() && result.silenced.is_empty(),
        "{result:#?}"
    );
}

#[test]
fn a_persons_decision_stays_when_the_finding_is_silenced() {
    let rule = |name| Head::new(name, FILE).with_source(2, PANICS, "rule:indexing", Category::Correctness);
    let first = rule('a');
    let mut ledger = first.first().ledger;
    let dismissal = Dismissal {
        by: "ada".to_owned(),
        reason: DismissalReason::Reaction,
    };
    for state in [EntryState::Closed, EntryState::Dismissed(dismissal)] {
        ledger.entries[0].state = state.clone();
        let result = rule('b').silenced().after(&first, &ledger);
        assert_eq!(result.ledger.entries[0].state, state);
        assert!(result.silenced.is_empty());
    }
}

#[test]
fn a_finding_keeps_its_published_words_and_its_first_run() {
    let first = Head::new('a', FILE).with(2, PANICS);
    let id = first.first().new[0].id.clone();
    let result = Head::new('b', FILE)
        .with(2, CRASHES)
        .after(&first, &first.first().ledger);
    let entry = result.ledger.entry(&id).unwrap();
    assert_eq!(
        (entry.title.as_str(), entry.first_run.as_str(), entry.last_run.as_str()),
        (PANICS, "run-a", "run-b")
    );
    assert_eq!(entry.last_words.as_ref().unwrap().title, CRASHES);
    assert_eq!(result.ledger.head, Some(CommitSha::parse(&"b".repeat(40)).unwrap()));
}

#[test]
fn a_change_that_nobody_read_is_remembered_until_somebody_does() {
    let rewritten = edited(
        "let first = items[0];",
        "let Some(first) = items.first() else { return 0 };",
    );
    let first = Head::new('a', FILE).with(2, PANICS);
    let second = Head::new('b', &rewritten).unread();
    let ledger = second.after(&first, &first.first().ledger).ledger;
    assert!(ledger.entries[0].touched);
    let third = Head::new('c', &rewritten);
    assert_eq!(counts(&third.after(&second, &ledger)), [0, 0, 1, 0, 0, 0]);
}

#[test]
fn decisions_of_people_last_until_the_code_changes() {
    let renamed_variable = edited("let first = items[0];", "let head = items[0];");
    let rewritten = edited("let first = items[0];", "let other = compute(items, FALLBACK)[0];");
    let first = Head::new('a', FILE).with(2, PANICS);
    let ledger = first.first().ledger;
    let id = ledger.entries[0].id.clone();
    for (name, text, thread, expected) in [
        ("closed, unchanged", FILE, resolved(), [0, 0, 0, 1, 0, 0]),
        (
            "closed, changed",
            renamed_variable.as_str(),
            resolved(),
            [1, 0, 1, 0, 0, 0],
        ),
        ("dismissed, unchanged", FILE, dismissed(), [0, 0, 0, 0, 1, 0]),
        (
            "dismissed, a name changed",
            renamed_variable.as_str(),
            dismissed(),
            [0, 0, 0, 0, 1, 0],
        ),
        (
            "dismissed, changed materially",
            rewritten.as_str(),
            dismissed(),
            [1, 0, 0, 0, 1, 0],
        ),
    ] {
        let second = Head::new('b', text).with(2, PANICS).thread(&id, thread);
        let result = second.after(&first, &ledger);
        assert_eq!(counts(&result), expected, "{name}");
        let again = second.reconcile(&result.ledger, &LineMaps::same());
        assert_eq!(again.ledger, result.ledger, "{name}");
    }
    let reopened = Head::new('b', FILE)
        .with(2, PANICS)
        .thread(&id, resolved())
        .after(&first, &ledger);
    let third = Head::new('c', FILE).with(2, PANICS).thread(&id, ThreadFacts::default());
    assert_eq!(
        counts(&third.reconcile(&reopened.ledger, &LineMaps::same())),
        [0, 1, 0, 0, 0, 0],
        "unresolved"
    );
}

#[test]
fn a_force_push_back_opens_the_same_finding_again() {
    let rewritten = edited(
        "let first = items[0];",
        "let Some(first) = items.first() else { return 0 };",
    );
    let first = Head::new('a', FILE).with(2, PANICS);
    let ledger = first.first().ledger;
    let second = Head::new('b', &rewritten);
    let fixed = second.after(&first, &ledger).ledger;
    assert!(matches!(fixed.entries[0].state, EntryState::Fixed { .. }));
    let back = first.after(&second, &fixed);
    assert_eq!(counts(&back), [0, 1, 0, 0, 0, 0]);
    assert!(back.open[0].is_reopened);
    assert_eq!(back.open[0].id, ledger.entries[0].id);
}

#[test]
fn a_renamed_file_keeps_its_findings() {
    let first = Head::new('a', FILE).with(2, PANICS);
    let mut second = Head::new('b', FILE);
    second.files = BTreeMap::from([("b.rs".to_owned(), format!("// Moved.\n{FILE}"))]);
    second.is_read = BTreeMap::from([("b.rs".to_owned(), true)]);
    second.renamed = BTreeMap::from([("b.rs".to_owned(), "a.rs".to_owned())]);
    let unchanged = second.clone().unread().after(&first, &first.first().ledger);
    assert_eq!(counts(&unchanged), [0, 1, 0, 0, 0, 0]);
    let anchor = &unchanged.ledger.entries[0].anchor;
    assert_eq!((anchor.path.as_str(), anchor.line), ("b.rs", 3));
    let second = second.with(3, CRASHES);
    assert_eq!(counts(&second.after(&first, &first.first().ledger)), [0, 1, 0, 0, 0, 0]);
}

#[test]
fn rules_and_models_are_told_apart() {
    use Category::Security;
    for (name, before, after, expected) in [
        (
            "two rules",
            ("rule:a", "Shell"),
            ("rule:b", "Shell"),
            [1, 1, 0, 0, 0, 0],
        ),
        (
            "a rule with a new title",
            ("rule:a", "Shell"),
            ("rule:a", "Command"),
            [0, 1, 0, 0, 0, 0],
        ),
        (
            "a model that agrees",
            ("rule:a", PANICS),
            ("model", CRASHES),
            [0, 1, 0, 0, 0, 0],
        ),
        (
            "a model with another defect",
            ("rule:a", PANICS),
            ("model", OVERFLOWS),
            [1, 1, 0, 0, 0, 0],
        ),
    ] {
        let first = Head::new('a', FILE).with_source(2, before.1, before.0, Security);
        let second = Head::new('b', FILE).with_source(2, after.1, after.0, Security);
        assert_eq!(counts(&second.after(&first, &first.first().ledger)), expected, "{name}");
    }
    let next_line = Head::new('a', FILE).with_source(2, "Shell", "rule:a", Security);
    let second = Head::new('b', FILE).with_source(3, "Shell", "rule:a", Security);
    let result = second.after(&next_line, &next_line.first().ledger);
    assert_eq!(counts(&result), [1, 1, 0, 0, 0, 0], "a rule's place is exact");
}

#[test]
fn copies_of_code_are_told_apart() {
    let copies =
        "fn one() {\n    let x = parse(input).unwrap();\n}\n\nfn two() {\n    let x = parse(input).unwrap();\n}\n";
    let title = "`unwrap` panics on invalid input";
    let first = Head::new('a', copies).with(2, title);
    let ledger = first.first().ledger;
    let both = Head::new('b', copies)
        .with(2, title)
        .with(6, title)
        .after(&first, &ledger);
    assert_eq!(counts(&both), [1, 1, 0, 0, 0, 0]);
    let other = Head::new('b', copies).with(6, title).after(&first, &ledger);
    assert_eq!(counts(&other), [1, 1, 0, 0, 0, 0]);
    assert_ne!(both.new[0].id, ledger.entries[0].id);
    let moved = "fn two() {\n    let x = parse(input).unwrap();\n}\n\nfn three() {}\n\nfn one() {\n    let x = parse(input).unwrap();\n}\n";
    let swapped = Head::new('b', moved).with(2, title).with(8, title);
    let result = swapped.after(&first, &both.ledger);
    assert_eq!(counts(&result), [0, 2, 0, 0, 0, 0], "{result:#?}");
}

#[test]
fn heads_that_could_not_be_compared_are_matched_by_text() {
    let first = Head::new('a', FILE).with(2, PANICS);
    let ledger = first.first().ledger;
    let above = format!("use std::fmt;\n\n{FILE}");
    let second = Head::new('b', &above).with(4, CRASHES);
    assert_eq!(
        counts(&second.reconcile(&ledger, &LineMaps::unknown())),
        [0, 1, 0, 0, 0, 0]
    );
    let silent = Head::new('b', &above);
    assert_eq!(
        counts(&silent.reconcile(&ledger, &LineMaps::unknown())),
        [0, 1, 0, 0, 0, 0],
        "nothing shows that it is fixed"
    );
    let patch = "@@ -0,0 +1,2 @@\n+fn first() {\n+}";
    let hunks = crate::diff::parse_patch(patch).unwrap();
    let mut maps = LineMaps::unknown();
    let file = FileMap {
        head: LineMap::unknown(&hunks, Side::Right),
        ..FileMap::default()
    };
    maps.insert("a.rs", file);
    assert_eq!(
        counts(&silent.reconcile(&ledger, &maps)),
        [0, 0, 1, 0, 0, 0],
        "its text is gone"
    );
}

#[test]
fn lines_that_no_unit_has_left_the_diff() {
    let first = Head::new('a', FILE).with(2, PANICS);
    let ledger = first.first().ledger;
    for (lines, expected) in [
        (vec![(Side::Right, 1, 3)], [0, 1, 0, 0, 0, 0]),
        (vec![(Side::Right, 6, 8)], [0, 0, 0, 0, 0, 1]),
        (vec![(Side::Left, 1, 3)], [0, 0, 0, 0, 0, 1]),
        (Vec::new(), [0, 1, 0, 0, 0, 0]),
    ] {
        let unit = ReviewedUnit {
            path: "a.rs".to_owned(),
            lines: lines.clone(),
            readers: Readers::default(),
        };
        let facts = RunFacts {
            run: &"run-b".parse().unwrap(),
            head: &first.sha(),
            base: &first.sha(),
            found: &[],
            silenced: &[],
            units: &[unit],
            tools: &[],
            left_the_diff: &BTreeSet::new(),
            maps: &LineMaps::same(),
            threads: &BTreeMap::new(),
        };
        assert_eq!(counts(&reconcile(&ledger, &facts)), expected, "{lines:?}");
    }
}

#[test]
fn a_stored_ledger_is_read_back_and_later_fields_are_tolerated() {
    let first = Head::new('a', FILE)
        .with(2, PANICS)
        .with_source(3, "Shell", "rule:a", Category::Security);
    let mut ledger = first.first().ledger;
    let dismissal = dismissed().dismissal.unwrap();
    ledger.entries[0].state = EntryState::Dismissed(dismissal);
    ledger.entries[1].state = EntryState::Fixed { head: first.sha() };
    let mut value = serde_json::to_value(&ledger).unwrap();
    assert_eq!(value["entries"][0]["state"]["is"], "dismissed");
    assert_eq!(value["entries"][0]["state"]["reason"]["as"], "command");
    assert_eq!(value["entries"][1]["state"]["is"], "fixed");
    value["later"] = serde_json::json!(1);
    value["entries"][0]["later"] = serde_json::json!({});
    assert_eq!(serde_json::from_value::<Ledger>(value.clone()).unwrap(), ledger);
    value["version"] = serde_json::json!(2);
    let error = serde_json::from_value::<Ledger>(value).unwrap_err().to_string();
    assert!(
        error.contains("version 2") && error.contains("update Holdfast"),
        "{error}"
    );
    for (text, is_id) in [
        ("a".repeat(32), true),
        ("A".repeat(32), false),
        ("a".repeat(31), false),
        (String::new(), false),
    ] {
        assert_eq!(FindingId::parse(&text).is_ok(), is_id, "{text}");
    }
}

#[test]
fn two_processes_derive_the_same_ids_and_equal_findings_get_their_own() {
    let head = Head::new('a', FILE).with(2, PANICS).with(2, PANICS).with(3, OVERFLOWS);
    let (one, other) = (head.first(), head.first());
    assert_eq!(one, other);
    let ids: BTreeSet<&FindingId> = one.new.iter().map(|placed| &placed.id).collect();
    assert_eq!(ids.len(), 3);
}
