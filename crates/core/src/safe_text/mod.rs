//! Texts of strangers (a model's, a diff's, a person's) made harmless for Markdown that people read. Each passes through one of
//! four functions: [`title`], [`path`], [`body()`] or [`code`].

mod body;
mod escape;
mod language;
mod links;
mod mute;

pub use body::{body, body_within};
pub use escape::{code, longest_run, path, title};
pub use links::Links;
pub use mute::{is_active_code, plain_line, plain_text};
