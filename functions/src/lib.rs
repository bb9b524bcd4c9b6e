//! The Lambda functions, each a binary in `src/bin`: one for each stage, the webhook, the approval page,
//! the sweep, and the try of models.
//! `main` makes the adapters, the handler translates events, the stage decides. Stages are in `holdfast-core`; each
//! adapter is in the crate for its outside service.

pub mod approval_page;
mod deadline;
mod http;
mod invoke;
mod metrics;
mod model_watch;
mod pace;
pub mod receive_webhook;
mod settings;
mod setup;
pub mod stages;
pub mod sweep;
pub mod try_models;
mod wiring;

pub use lambda_runtime::Error;
