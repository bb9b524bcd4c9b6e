//! The adapters, one file for each API.

pub(crate) mod anthropic;
pub(crate) mod openai;

pub use anthropic::AnthropicAskModel;
pub use openai::OpenaiAskModel;
