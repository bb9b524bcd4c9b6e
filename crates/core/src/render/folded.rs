//! Renders the findings beyond `max_findings` as one folded list in the review's body.

use std::fmt::Write;

use crate::model::finding::Finding;

use crate::count::counted;
use crate::safe_text::{path, title};

/// Maximum number of characters of one title.
const TITLE_CHARS: usize = 200;
/// Maximum number of characters of the frame around the list.
const FRAME_CHARS: usize = 400;

/// Returns the list, at most about `room` characters long, and the number of findings that don't fit. Returns an empty
/// text if no finding is folded.
pub(super) fn folded_section(findings: &[&Finding], room: usize) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    let mut left = room.saturating_sub(FRAME_CHARS);
    let mut listed = 0;
    let gated_first = {
        let mut all = findings.to_vec();
        all.sort_by_key(|finding| !finding.gated);
        all
    };
    for finding in gated_first {
        let words: String = finding.title.chars().take(TITLE_CHARS).collect();
        let row = format!(
            "- {} · {} line {} · {}\n",
            finding.severity,
            path(&finding.path),
            finding.line,
            title(&words)
        );
        let length = row.chars().count();
        if length > left {
            break;
        }
        left -= length;
        listed += 1;
        rows.push_str(&row);
    }
    let more = findings.len() - listed;
    if more > 0 {
        let _infallible = writeln!(rows, "- and {more} more: too many to list here");
    }
    format!(
        "\n<details><summary>{} beyond <code>max_findings</code></summary>\n\n{rows}\n</details>\n",
        counted(findings.len(), "more finding")
    )
}
