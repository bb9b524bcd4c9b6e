//! Renders findings for people: Markdown for the terminal and for GitHub. All foreign text (from a model, a diff or a
//! person) passes through one of four functions: [`title`], [`path`], [`body`] or [`code`].

mod folded;
mod github;
mod markdown;
mod notice;

pub use crate::count::{counted, is_or_are, size};
pub use crate::safe_text::{Links, body, code, is_active_code, path, plain_line, plain_text, title};
pub use crate::visible::{
    is_invisible, json_escaped, terminal_line, terminal_name, terminal_text, visible, without_workflow_command,
};
pub use github::{Inline, announcement_body, check_outcome, notice_body, review_draft, summary_body, waiting_body};
pub use markdown::{comment_markdown, coverage_line, report_markdown};
pub use notice::{alarm_subject, alarm_text, question_mail};
