//! Noise: which changed files are not worth a review, by which rule. And risk: which are worth it most.

mod noise;
mod risk;

pub use noise::{Triage, triage};
pub use risk::risk_of;
