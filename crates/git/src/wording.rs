//! Words for the line that names what is reviewed.

use super::scan::Scan;

/// Maximum number of commits that are counted.
pub(super) const MAX_COUNTED_COMMITS: usize = 10_000;

/// Returns the counts of uncommitted files by kind.
pub(super) fn summary(staged: usize, scan: &Scan) -> String {
    let counts = [
        (staged, "staged"),
        (scan.modified, "modified"),
        (scan.unmerged.len(), "unmerged"),
        (scan.untracked, "untracked"),
    ];
    let kinds: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{count} {kind}"))
        .collect();
    let is_one = counts.iter().map(|(count, _)| count).sum::<usize>() == 1;
    match kinds.is_empty() {
        true => "no listed file".to_owned(),
        false => format!("{} {}", kinds.join(", "), if is_one { "file" } else { "files" }),
    }
}

/// Returns a count of files.
pub(super) fn files(count: usize, kind: &str) -> String {
    format!("{count} {kind} {}", if count == 1 { "file" } else { "files" })
}

/// Returns a count of commits.
pub(super) fn commits_of(count: usize) -> String {
    match count {
        1 => "1 commit".to_owned(),
        count if count > MAX_COUNTED_COMMITS => format!("more than {MAX_COUNTED_COMMITS} commits"),
        count => format!("{count} commits"),
    }
}

/// Maximum number of limits by path that a line names.
const MAX_NAMED_LIMITS: usize = 5;

/// Returns the end of a line that names the limits by path.
pub(super) fn limited(only: &[String]) -> String {
    match only {
        [] => String::new(),
        _ => format!("; limited to {}", limits(only)),
    }
}

/// Returns the first limits by path, and the number of the others.
pub(super) fn limits(only: &[String]) -> String {
    match only.split_at_checked(MAX_NAMED_LIMITS) {
        Some((first, others @ [_, ..])) => format!("{} and {} others", first.join(", "), others.len()),
        _ => only.join(", "),
    }
}
