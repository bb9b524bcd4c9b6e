//! RaiseAlarm: notifies the operators that an undo kept failing and what is left to clean up by hand.

use serde::{Deserialize, Serialize};

use crate::model::run_name::RunName;
use crate::port::{Alarm, NotifyPeople};

use super::StageError;

/// The run and its error.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The run.
    pub run: RunName,
    /// The error that the undo ended with.
    pub error: String,
}

/// The answer to the workflow.
#[derive(Debug, Serialize)]
pub struct Output {
    /// Always true; a failure is an error.
    pub raised: bool,
}

/// Notifies the operators.
///
/// # Errors
/// Every channel failed.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn raise_alarm(input: &Input, notify: &dyn NotifyPeople) -> Result<Output, StageError> {
    let what = format!(
        "the review's announcement could not be withdrawn ({}): close its check by hand",
        input.error
    );
    notify.raise_alarm(&input.run, &Alarm::Cleanup(what)).await?;
    Ok(Output { raised: true })
}
