//! Models behind HTTP APIs: Anthropic's and all OpenAI-compatible servers. Bedrock's adapter is in `crates/aws`,
//! because it needs AWS's SDK; [`ModelRouter`] takes it as a port.
//!
//! | folder | holds |
//! | --- | --- |
//! | `router` | chooses the adapter by a model's name |
//! | `provider` | the adapters, one file for each API, and one for its batches |
//! | `request` | writes requests: the parameters that a server accepts, and the forms of the JSON Schema |
//! | `http` | one call: addresses, keys, time and size limits |
//! | `reply` | reads answers: event streams, usage, files of batches, failures |
//! | `examine` | reports what a server supports, with one small call |
//!
//! Bounds: [`ModelLimits`]; one call, no retry except without a parameter that the server refuses. Errors:
//! `holdfast_core::port::ModelError` for a call, [`ModelSettingsError`] at start. None shows a key or a prompt.

mod examine;
mod http;
mod provider;
mod reply;
mod request;
mod router;

pub use examine::ModelReport;
pub use http::{ModelLimits, ModelSettingsError};
pub use provider::{AnthropicAskModel, OpenaiAskModel};
pub use router::{INSTALL_WITH_AWS, ModelRouter, ModelSettings};
