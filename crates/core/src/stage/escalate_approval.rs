//! EscalateApproval: the question was not answered in time, as far as the workflow knows. A decision that is stored counts
//! all the same; else the question is closed, and the operators are told.

use serde::{Deserialize, Serialize};

use crate::approval::close_question;
use crate::model::approval::Verdict;
use crate::port::{KeepRows, NotifyPeople};

use super::StageError;

/// Times that are asked at most.
const MAX_ROUNDS: u32 = 2;

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: String,
    /// The round that was not answered.
    pub round: u32,
}

/// What follows.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// The next round's number.
    pub round: u32,
    /// `approved` or `rejected`, where that was decided in time; else `none`.
    pub decision: &'static str,
    /// Why nothing is published, should it come to that.
    pub reason: String,
}

/// Closes the question, or finds its decision. Errors: nobody could be told; what the table says.
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
    let follows = if input.round < MAX_ROUNDS {
        "it is asked once more"
    } else {
        "nothing is published"
    };
    let what = format!(
        "nobody answered the question for approval number {}; {follows}",
        input.round
    );
    notify.raise_alarm(&input.run, &what).await?;
    Ok(output("none", "nobody answered in time".to_owned()))
}
