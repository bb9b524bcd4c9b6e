//! The stages: one file for each task state of the workflow. A stage takes a payload and ports and returns a payload.
//! The names of states, functions and spans, and the ports of each stage, are in one table: [`STAGES`].

mod call;
mod finding_threads;
mod line_maps;
mod merge_findings;
mod next_ledger;
mod noise_facts;
mod read_evidence;
mod read_team_rules;
mod rule_findings;
mod run_header;
mod stored_change;
mod unit_document;
mod version_1;

pub mod aggregate_findings;
pub mod clean_up;
pub mod correct_findings;
pub mod discard_review;
pub mod escalate_approval;
pub mod gather_context;
pub mod open_review;
pub mod plan_review;
pub mod publish_review;
pub mod raise_alarm;
pub mod reconcile_findings;
pub mod report_failure;
pub mod request_approval;
pub mod review_unit;
pub mod summarize_review;
pub mod validate_findings;
pub mod withdraw_announcement;

mod silencing_trust;
pub mod state;
mod supersede;
mod table;

pub use crate::artifact::{find_artifact, read_artifact, write_artifact};
pub use crate::error::{StageError, explain_failure};
pub use call::call;
pub use reconcile_findings::{PullState, Reconciliation, Revision};
pub use run_header::{ReportHeader, RunHeader};
pub use stored_change::{
    MAX_CHUNK_FILES, PatchChunk, StoredChange, find_change_of, find_whole_change, read_change, write_change,
};
pub use table::{SECOND_STATES, STAGES, StageRow, stage_of};
pub use unit_document::{Ambient, UnitDocument, payer_of, read_unit};

/// Artifacts that one stage reads or writes at a time.
const AT_ONCE: usize = 16;
