//! Questions and decisions as rows: `question/RUN#ROUND` holds a question with its task token, its votes and what came of
//! it; `link/HASH` leads from a mailed link to it. What is asked is written in `ask`, decided in `decide`, told to the
//! workflow in `deliver`. A decision is stored first, and delivered then.

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
use crate::port::KeepRows;
use crate::rows;

pub use crate::model::approval::Invitation;
pub use ask::ask;
pub use audit::{AuditEntry, list_audit};
pub use bind::{content_now, find_decision};
pub use decide::{Barred, Refusal, check_code, close_question, decide, find_link, find_open, refuse_early};
pub use deliver::{apply_decision, deliver, deliver_all};

/// The form of a question's row.
const QUESTION_VERSION: u32 = 1;

/// A question as its row has it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The row's form.
    version: u32,
    /// What is asked.
    pub approval: Approval,
    /// Credential: whoever holds it decides. Never logged.
    token: String,
    /// Who has answered so far, in order.
    pub votes: Vec<Vote>,
    /// What came of it, once that is settled.
    pub decided: Option<Verdict>,
    /// Whether the workflow has given up waiting: nothing is decided any more.
    #[serde(default)]
    pub closed: bool,
    /// Whether the workflow knows it.
    pub delivered: Delivered,
}

/// Whether the workflow knows a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivered {
    /// Not yet.
    No,
    /// It does.
    Yes,
    /// It does not wait any more: it has heard of it before, or the run has ended.
    NotWaiting,
}

/// Where a mailed link leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The run.
    pub run: String,
    /// The round that it was mailed in.
    pub round: u32,
    /// Whom it was mailed to.
    pub address: String,
    /// Whom its code counts for; none where the address names no login.
    #[serde(default)]
    pub login: Option<String>,
    /// SHA-256 of the code in the same mail, in hex.
    code_sha256: String,
    /// Codes that were wrong so far.
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
    /// The vote that settled it.
    pub fn last_vote(&self) -> Option<&Vote> {
        self.votes.last()
    }
}

/// Names what a person decides on: the findings and the walkthrough of a report.
pub fn content_of(report: &Report) -> String {
    stored_content(&json!(report))
}

/// The same of a report as it is stored. Fields that a later version adds to what it reads don't change the name.
pub fn stored_content(report: &Value) -> String {
    let shown = json!([report["target"]["head"], report["findings"], report["summary"]]);
    sha256(&shown.to_string())
}

/// The newest question of a run, with its row's version. Errors: what the table says.
pub async fn newest_question(table: &dyn KeepRows, run: &str) -> Result<Option<Question>, StageError> {
    // Two rounds, and more should the workflow ever ask so.
    let found = table.list(&format!("question/{run}#"), 100).await?;
    let mut newest = None;
    for (key, row) in found {
        newest = Some(rows::parse::<Question>(&key, &row)?);
    }
    Ok(newest)
}

fn question_key(run: &str, round: u32) -> String {
    format!("question/{run}#{round:02}")
}

fn link_key(id: &str) -> String {
    format!("link/{}", sha256(id))
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
