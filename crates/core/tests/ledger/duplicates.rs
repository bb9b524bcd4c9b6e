//! The same words within one run: two wordings of one defect are one finding, other defects stay apart.

use holdfast_core::ledger::{Wording, is_same_defect};

use super::finding;
use super::places::{Worded, places};

#[test]
fn two_wordings_within_a_run_are_merged_and_other_defects_are_not() {
    let places = places();
    let is_merged = |one: &Worded, other: &Worded, distance: u32| {
        let (one, other) = (finding("a.rs", 10, one), finding("a.rs", 10 + distance, other));
        let (words, other_words) = (Wording::of_finding(&one), Wording::of_finding(&other));
        is_same_defect((&one, &words), (&other, &other_words))
    };
    let (mut merged, mut wrong) = (0, Vec::new());
    for place in &places {
        let [first, again] = &place.worded;
        merged += usize::from(is_merged(first, again, 0));
        let others = place.others.iter();
        for (one, other) in others.flat_map(|other| [(first, other), (again, other)]) {
            if is_merged(one, other, 0) || is_merged(one, other, 1) {
                wrong.push(format!("{} / {}", one.title, other.title));
            }
        }
        assert!(
            is_merged(first, first, 0) && !is_merged(first, first, 1),
            "{}",
            first.title
        );
    }
    println!(
        "two wordings within a run: {merged} of {} merged; other defects merged: {wrong:#?}",
        places.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(merged * 5 >= places.len() * 2, "{merged} of {}", places.len());
}
