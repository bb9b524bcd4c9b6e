//! What people read, written by code from findings: Markdown for a terminal's pipe and for GitHub. Every text of a stranger, a
//! model's, a diff's or a person's, passes through one of four functions: [`title`], [`path`], [`body`] or [`code`].

mod body;
mod escape;
mod folded;
mod github;
mod language;
mod links;
mod markdown;
mod mute;
mod notice;
mod visible;

pub use body::body;
pub use escape::{code, path, title};
pub use github::{Inline, announcement_body, check_outcome, notice_body, review_draft, summary_body, waiting_body};
pub use links::Links;
pub use markdown::{counted, coverage_line, is_or_are, report_markdown};
pub use mute::{is_active_code, plain_line, plain_text};
pub use notice::{alarm_subject, alarm_text, question_mail};
pub use visible::{is_invisible, json_escaped, terminal_line, terminal_name, terminal_text, visible};
