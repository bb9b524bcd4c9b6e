//! EscalateApproval: runs when the workflow's wait for an approval timed out. A decision that is already stored still
//! counts. Otherwise the stage closes the question and notifies the operators.

use serde::{Deserialize, Serialize};

use crate::approval::close_question;
use crate::model::approval::Verdict;
use crate::model::run_name::RunName;
use crate::port::{Alarm, KeepRows, NotifyPeople};

use super::StageError;

/// The maximum number of rounds of one approval.
const MAX_ROUNDS: u32 = 2;

/// The reason of a review that nobody decided on.
pub const NOBODY_DECIDED: &str = "nobody decided in time";

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
    /// The round that timed out.
    pub round: u32,
}

/// The answer to the workflow.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// The next round's number.
    pub round: u32,
    /// `approved` or `rejected` if a decision was stored in time; otherwise `none`.
    pub decision: &'static str,
    /// The reason to show if nothing is published.
    pub reason: String,
}

/// Closes the question, or returns its stored decision.
///
/// # Errors
/// The operators couldn't be notified; the table can't be read or written.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn escalate_approval(
    input: &Input,
    notify: &dyn NotifyPeople,
    rows: &dyn KeepRows,
) -> Result<Output, StageError> {
    let output = |decision, reason: String| Output {
        round: input.round + 1,
        decision,
        reason,
    };
    if let Some((verdict, reason)) = close_question(rows, &input.run, input.round).await? {
        return Ok(match verdict {
            Verdict::Approved => output("approved", String::new()),
            Verdict::Rejected => output("rejected", reason),
        });
    }
    let alarm = Alarm::Unanswered {
        round: input.round,
        is_repeated: input.round < MAX_ROUNDS,
    };
    notify.raise_alarm(&input.run, &alarm).await?;
    Ok(output("none", NOBODY_DECIDED.to_owned()))
}
