//! What people read, written by code from findings: Markdown for a terminal's pipe and for GitHub. A model's words pass
//! through [`sanitize`] on their way.

mod github;
mod markdown;
mod notice;
mod sanitize;

pub use github::{Inline, check_outcome, review_draft};
pub use markdown::{counted, coverage_line, report_markdown};
pub use notice::{alarm_subject, alarm_text, question_subject, question_text};
pub use sanitize::{one_line, sanitize};
