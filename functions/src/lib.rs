//! The Lambda functions, each a binary in `src/bin`: one for each stage, the webhook, the page to decide on, and the sweep.
//! `main` wires, the handler translates, the stage thinks: what a stage does is in `holdfast-core`, what an adapter does in the
//! crate of its outside thing.

pub mod approval_page;
mod http;
mod invoke;
mod metrics;
pub mod receive_webhook;
mod settings;
mod setup;
pub mod stages;
pub mod sweep;
mod wiring;

pub use lambda_runtime::Error;
