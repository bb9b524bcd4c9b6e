//! What a model is asked: the instructions, a unit's data, a correction, the summary. Text only; no call is made here.

mod correction;
mod data;
mod redacted;
mod schema;
mod summary;
mod unit;

pub use correction::{correction_prompt, fresh_prompt};
pub use data::without_end_marks;
pub use redacted::shown_path;
pub use schema::{answer_schema, summary_schema};
pub use summary::{Described, summary_prompt};
pub use unit::{UnitPrompt, description_text, unit_prompt};

/// Version of all prompt texts together: part of a cache key, and shown with a run.
pub const PROMPT_VERSION: u32 = 3;

/// Rough count of tokens: four bytes each. Errs high for code, which is the safe side of a budget.
pub fn estimate_tokens(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(4)).unwrap_or(u64::MAX)
}

/// The beginning of a text, at most so many tokens by the same count.
fn cut_to_tokens(text: &str, most: u64) -> &str {
    let bytes = usize::try_from(most.saturating_mul(4)).unwrap_or(usize::MAX);
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
