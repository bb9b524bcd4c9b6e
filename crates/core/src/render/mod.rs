//! Renders findings for people: Markdown for the terminal and for GitHub. All foreign text (from a model, a diff or a
//! person) passes through one of four functions: [`title`], [`path`], [`body`] or [`code`].

mod dependencies;
mod ended;
mod github;
mod markdown;
mod notice;
mod state;
mod summary;

pub use crate::count::{counted, is_or_are, size};
pub use crate::safe_text::{Links, body, code, is_active_code, path, plain_line, plain_text, title};
pub use crate::visible::{
    is_invisible, json_escaped, terminal_line, terminal_name, terminal_text, visible, without_workflow_command,
};
pub use ended::{RunEnd, ended_check, failed_body};
pub use github::{Inline, Review, check_outcome, fixed_body, open_body, reopened_body, review_of, silenced_body};
pub use markdown::{comment_markdown, coverage_line, report_markdown};
pub use notice::{alarm_subject, alarm_text, log_alarm, question_mail};
pub use state::{
    NotPublished, announcement_body, not_published_body, not_published_check, waiting_check, waiting_for_approval_body,
    waiting_for_maintainer_body,
};
pub use summary::{summary_body, verdict};
