//! The adapters, one file for each API.

pub(crate) mod anthropic;
mod anthropic_batches;
pub(crate) mod openai;
mod openai_batches;

pub use anthropic::AnthropicAskModel;
pub use openai::OpenaiAskModel;
