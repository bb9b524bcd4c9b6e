//! Models behind HTTP APIs: Anthropic's and every OpenAI-compatible server. Bedrock's adapter is in `crates/aws`, because it
//! needs AWS's SDK; [`ModelRouter`] takes it as a port.
//!
//! | folder | holds |
//! | --- | --- |
//! | `router` | which adapter a model's name means |
//! | `provider` | the adapters, one file for each API |
//! | `request` | how a request is written: which parameters a server accepts, and which form of JSON Schema |
//! | `http` | one call: addresses, keys, time and size limits |
//! | `reply` | how an answer is read: event streams, usage, failures |
//! | `examine` | one small call that reports what a server supports |
//!
//! Bounds: [`ModelLimits`]; one call, no retry but for a parameter that the server refuses. Errors:
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
