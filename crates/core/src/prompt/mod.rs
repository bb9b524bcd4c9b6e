//! The texts of prompts: the instructions, a unit's data, a correction, the summary. Nothing here calls a model.

mod correction;
mod data;
mod probe;
mod redacted;
mod schema;
mod summary;
mod unit;

pub use correction::{correction_prompt, fresh_prompt};
pub use data::without_end_marks;
pub use probe::probe_prompt;
pub use redacted::shown_path;
pub use schema::{answer_schema, summary_schema};
pub use summary::{Described, summary_prompt};
pub use unit::{UnitPrompt, description_text, unit_prompt};

/// The version of all prompt texts together. It is part of a cache key and shown with a run.
pub const PROMPT_VERSION: u32 = 3;

/// Estimates a text's tokens at four bytes each. The estimate is rough: `TokenLimits` leaves a margin for it.
pub fn estimate_tokens(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(4)).unwrap_or(u64::MAX)
}

/// Returns the beginning of a text, at most `max_tokens` by the same estimate.
fn cut_to_tokens(text: &str, max_tokens: u64) -> &str {
    let bytes = usize::try_from(max_tokens.saturating_mul(4)).unwrap_or(usize::MAX);
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
