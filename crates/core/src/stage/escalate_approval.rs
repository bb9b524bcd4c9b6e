//! EscalateApproval: the first question was not answered in time; says so to the operators before it is asked once more.

use serde::{Deserialize, Serialize};

use crate::port::NotifyPeople;

use super::StageError;

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: String,
    /// The round that was not answered.
    pub round: u32,
}

/// The next round.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Its number.
    pub round: u32,
}

/// Tells the operators. Errors: nobody could be told.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn escalate_approval(input: &Input, notify: &dyn NotifyPeople) -> Result<Output, StageError> {
    notify
        .raise_alarm(
            &input.run,
            &format!(
                "nobody answered the question for approval number {}; it is asked once more",
                input.round
            ),
        )
        .await?;
    Ok(Output { round: input.round + 1 })
}
