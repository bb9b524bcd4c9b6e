//! Makes foreign text (from a model, a diff or a person) harmless in Markdown. Each text passes through one of four
//! functions: [`title`], [`path`], [`body()`] or [`code`].

mod body;
mod escape;
mod language;
mod links;
mod mute;

pub use body::{body, body_within};
pub use escape::{code, longest_run, path, title};
pub use links::Links;
pub use mute::{is_active_code, plain_line, plain_text};
