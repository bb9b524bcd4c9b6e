//! Words for the lines that name what is reviewed.

use holdfast_core::render::counted;

use super::scan::Scan;

/// Maximum number of commits that are counted.
pub(super) const MAX_COUNTED_COMMITS: usize = 10_000;
/// Maximum number of limits by path that a line names.
const MAX_NAMED_LIMITS: usize = 5;

/// Returns the counts of uncommitted files by kind.
pub(super) fn summary(staged: usize, scan: &Scan) -> String {
    let mut counts = vec![
        (staged, "staged"),
        (scan.modified, "modified"),
        (scan.unmerged.len(), "unmerged"),
        (scan.untracked, "untracked"),
    ];
    counts.retain(|(count, _)| *count > 0);
    let Some((last, kind)) = counts.pop() else {
        return "no listed file".to_owned();
    };
    let noun = if counts.is_empty() && last == 1 {
        "file"
    } else {
        "files"
    };
    let before: String = counts.iter().map(|(count, kind)| format!("{count} {kind}, ")).collect();
    format!("{before}{last} {kind} {noun}")
}

/// Returns a count of files.
pub(super) fn files(count: usize, kind: &str) -> String {
    counted(count, &format!("{kind} file"))
}

/// Returns a count of commits.
pub(super) fn commits_of(count: usize) -> String {
    match count > MAX_COUNTED_COMMITS {
        true => format!("more than {MAX_COUNTED_COMMITS} commits"),
        false => counted(count, "commit"),
    }
}

/// Returns the end of a line that names the limits by path.
pub(super) fn limited(only: &[String]) -> String {
    match only {
        [] => String::new(),
        _ => format!("; limited to {}", limits(only)),
    }
}

/// Returns the first limits by path, and the number of the others.
pub(super) fn limits(only: &[String]) -> String {
    first(only.iter().cloned(), MAX_NAMED_LIMITS)
}

/// Returns the first names, and the number of the others.
pub(super) fn first(mut names: impl ExactSizeIterator<Item = String>, max: usize) -> String {
    let named: Vec<String> = names.by_ref().take(max).collect();
    match names.len() {
        0 => named.join(", "),
        others => format!("{} and {}", named.join(", "), counted(others, "other")),
    }
}
