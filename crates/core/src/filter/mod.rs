//! Noise: which changed files are not worth a review, by which rule. And risk: which are worth it most.

mod noise;
mod risk;
mod tables;

pub use noise::{Triage, is_binary_by_design, triage};
pub use risk::risk_of;
