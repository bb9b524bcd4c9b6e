//! A rule's fix, as a suggestion: the new text of the lines that it touches.

use ast_grep_config::Fixer;
use ast_grep_core::NodeMatch;

use super::super::flat::FlatDoc;
use super::matcher::Rule;

/// Returns the new text of the finding's lines; none if the fix touches other lines, or changes nothing.
pub(super) fn suggestion(fix: &Fixer, rule: &Rule, found: &NodeMatch<'_, FlatDoc>) -> Option<String> {
    let edit = found.make_edit(&rule.matcher, fix);
    let inserted = String::from_utf8(edit.inserted_text).ok()?;
    let tree = found.get_doc().tree();
    let text = tree.text();
    let end = edit.position.checked_add(edit.deleted_length)?;
    let (start_line, end_line) = found.get_inner_node().rows();
    // Rows count from 0.
    let last_touched = tree.point(end.max(edit.position + 1) - 1).0;
    let touches = (tree.point(edit.position).0 + 1, last_touched + 1);
    let within = |line: usize| (start_line..=end_line).contains(&u32::try_from(line).unwrap_or(u32::MAX));
    if !within(touches.0) || !within(touches.1) {
        return None;
    }
    let first = tree.line_start(usize::try_from(start_line).ok()?.checked_sub(1)?)?;
    let after = tree.line_start(usize::try_from(end_line).ok()?).unwrap_or(text.len());
    let before = text.get(first..edit.position)?;
    let rest = text.get(end..after)?;
    let new = format!("{before}{inserted}{rest}");
    // Lines that are deleted as a whole leave no blank line.
    let new = if new.trim().is_empty() { String::new() } else { new };
    let new = new.strip_suffix('\n').unwrap_or(&new);
    (Some(new) != text.get(first..after).map(|old| old.strip_suffix('\n').unwrap_or(old))).then(|| new.to_owned())
}
