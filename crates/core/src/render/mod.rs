//! What people read, written by code from findings: Markdown for a terminal's pipe and for GitHub. A model's words pass
//! through [`sanitize`] on their way.

mod github;
mod markdown;
mod notice;
mod sanitize;

pub use github::{
    Inline, announcement_body, check_outcome, notice_body, review_draft, summary_body, waiting_body,
};
pub use markdown::{counted, coverage_line, report_markdown};
pub use notice::{alarm_subject, alarm_text, question_mail};
pub use sanitize::{one_line, sanitize};
