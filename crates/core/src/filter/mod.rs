//! Filters noise (changed files that aren't reviewed) and rates risk (which files are reviewed first). What is noise
//! follows linguist's facts.

mod attributes;
mod generated_content;
mod generated_names;
mod noise;
mod pointer;
mod risk;
mod tables;
mod vendored;

pub use attributes::{ATTRIBUTES_NAME, Attributes};
pub use generated_content::generated_by_content;
pub use noise::{Triage, is_binary_by_design, noise_by_path, runs_by_place, triage};
pub use risk::risk_of;
pub use vendored::left;
