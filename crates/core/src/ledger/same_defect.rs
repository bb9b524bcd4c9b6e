//! Recognises two findings of one run that state the same defect.

use crate::model::finding::Finding;

use super::wording::Wording;

/// The minimum similarity of two wordings of one defect on the same line, of the same category.
const MIN_SAME_LINE: f64 = 0.55;
/// The minimum similarity on neighbouring lines. Both must name the same code too, or share a line.
const MIN_NEIGHBOUR: f64 = 0.6;
/// The maximum distance of neighbours, in lines.
const MAX_DISTANCE_LINES: u32 = 1;

/// Returns whether two findings of one run state the same defect in different words, on one line or on neighbouring
/// ones. Two different rules never do. Equal titles on different lines are two places, because an answer that repeats
/// its title means each of them. Each finding comes with its words, without those of its code.
pub fn is_same_defect((one, words): (&Finding, &Wording), (other, other_words): (&Finding, &Wording)) -> bool {
    if one.path != other.path || one.side != other.side || one.category != other.category {
        return false;
    }
    if one.source.is_rule() && other.source.is_rule() {
        return one.source == other.source && one.line == other.line && one.title.eq_ignore_ascii_case(&other.title);
    }
    let is_same_title = one.title.eq_ignore_ascii_case(&other.title);
    let distance = one.line.abs_diff(other.line);
    if distance == 0 && is_same_title {
        return true;
    }
    let shares_a_line = one.start_line <= other.line && other.start_line <= one.line;
    if (distance > MAX_DISTANCE_LINES && !shares_a_line) || is_same_title {
        return false;
    }
    if words.names_other_code(other_words) {
        return false;
    }
    let similarity = words.similarity(other_words);
    if distance == 0 {
        return similarity >= MIN_SAME_LINE;
    }
    similarity >= MIN_NEIGHBOUR && (shares_a_line || words.shares_a_name(other_words))
}
