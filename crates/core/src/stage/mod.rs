//! The stages: one file for each task state of the workflow. A stage takes a payload and ports and returns a payload.
//! The names of states, functions and spans, and the ports of each stage, are in one table: [`STAGES`].

mod artifact;
mod call;
mod error;
mod merge_findings;

pub mod aggregate_findings;
pub mod correct_findings;
pub mod discard_review;
pub mod escalate_approval;
pub mod gather_context;
pub mod open_review;
pub mod plan_review;
pub mod publish_review;
pub mod raise_alarm;
pub mod report_failure;
pub mod request_approval;
pub mod review_unit;
pub mod summarize_review;
pub mod validate_findings;
pub mod withdraw_announcement;

mod shown;
pub mod state;
mod supersede;
mod table;

pub use artifact::{find_artifact, read_artifact, write_artifact};
pub use call::call;
pub use error::{StageError, explain_failure};
pub use table::{STAGES, StageRow};
