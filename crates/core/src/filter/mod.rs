//! Filters noise (changed files that aren't reviewed) and rates risk (which files are reviewed first).

mod noise;
mod risk;
mod tables;

pub use noise::{Triage, is_binary_by_design, triage};
pub use risk::risk_of;
