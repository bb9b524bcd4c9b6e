//! Questions and decisions as rows. `question/RUN#ROUND` has a question with its task token, its votes and its
//! decision; `link/HASH` leads from a mailed link to it. `ask` stores a question, `decide` stores a decision, `audit`
//! records it for good, `deliver` delivers it to the workflow, and `bind` checks it before publication. A decision is
//! stored first and delivered afterwards.

mod ask;
mod audit;
mod bind;
mod decide;
mod deliver;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::error::StageError;
use crate::model::approval::{Approval, Verdict, Vote};
use crate::model::report::Report;
use crate::model::run_name::RunName;
use crate::port::KeepRows;
use crate::rows;

pub use crate::model::approval::Invitation;
pub use ask::ask;
pub use audit::{AuditEntry, list_audit, list_audit_of};
pub use bind::{content_now, find_decision};
pub use decide::{
    Barred, MAX_EDITED_BODY_CHARS, MAX_EDITED_TITLE_CHARS, Refusal, check_code, close_question, decide, find_link,
    find_open, missing_approvals, refuse_early,
};
pub use deliver::{Undelivered, apply_decision, deliver, deliver_all, undelivered_runs};

/// Version of a question's row.
const QUESTION_VERSION: u32 = 1;

/// A stored question.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The row's version.
    version: u32,
    /// The question to the approvers.
    pub approval: Approval,
    /// The task token, a credential: its holder decides. Never logged.
    token: String,
    /// The votes so far, in order.
    pub votes: Vec<Vote>,
    /// The decision, if there is one.
    pub decided: Option<Verdict>,
    /// Whether the workflow has stopped waiting: further votes are refused.
    #[serde(default)]
    pub closed: bool,
    /// Whether the decision was delivered to the workflow.
    pub delivered: Delivered,
}

/// The state of a decision's delivery to the workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivered {
    /// It is not delivered yet.
    No,
    /// It is delivered.
    Yes,
    /// The workflow doesn't wait for it: it has the decision already, or the run has ended.
    NotWaiting,
}

/// A mailed link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The run.
    pub run: RunName,
    /// The question's round.
    pub round: u32,
    /// The recipient's address.
    pub address: String,
    /// The login that its code counts for; none where the address has no login.
    #[serde(default)]
    pub login: Option<String>,
    /// SHA-256 of the code in the same mail, in hex.
    code_sha256: String,
    /// Number of wrong codes so far.
    #[serde(default)]
    pub wrong_codes: u32,
}

impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("approval", &self.approval)
            .field("votes", &self.votes)
            .field("decided", &self.decided)
            .field("delivered", &self.delivered)
            .finish_non_exhaustive()
    }
}

impl Question {
    /// Returns the last vote: the one that decided, if the question is decided.
    pub fn last_vote(&self) -> Option<&Vote> {
        self.votes.last()
    }

    /// Returns whether the question is decided and the decision was not delivered yet.
    fn is_undelivered(&self) -> bool {
        self.decided.is_some() && self.delivered == Delivered::No
    }
}

/// Returns the digest of the content that a person decides on: the findings and the walkthrough of a report.
pub fn content_of(report: &Report) -> String {
    stored_content(&json!(report))
}

/// Returns the same digest of a stored report. Fields that a later version adds don't change it.
pub fn stored_content(report: &Value) -> String {
    let shown = json!([report["target"]["head"], report["findings"], report["summary"]]);
    sha256(&shown.to_string())
}

/// Returns the newest question of a run.
///
/// # Errors
///
/// The table fails.
pub async fn newest_question(table: &dyn KeepRows, run: &RunName) -> Result<Option<Question>, StageError> {
    Ok(questions(table, run).await?.pop())
}

/// Returns the questions of a run, oldest first.
async fn questions(table: &dyn KeepRows, run: &RunName) -> Result<Vec<Question>, StageError> {
    // There are two rounds; the limit allows for more.
    let found = table.list(&format!("question/{run}#"), 100).await?;
    found.iter().map(|(key, row)| rows::parse(key, row)).collect()
}

fn question_key(run: &RunName, round: u32) -> String {
    format!("question/{run}#{round:02}")
}

fn link_key(id: &str) -> String {
    format!("link/{}", sha256(id))
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
