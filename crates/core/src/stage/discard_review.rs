//! DiscardReview: ends a review that a person rejected or nobody answered for. It publishes nothing and closes the
//! check.

use serde::{Deserialize, Serialize};

use crate::announcement;
use crate::model::key;
use crate::model::report::{Report, RunStatus};
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::port::{CheckConclusion, CheckOutcome, PublishReview, StoreArtifact};
use crate::render::title;

use super::run_header::write_report;
use super::{StageError, read_artifact};

/// The run and the reason.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
    /// The person's reason, or that nobody answered.
    pub reason: Option<String>,
}

/// The run's end.
#[derive(Debug, Serialize)]
pub struct Output {
    /// `rejected`.
    pub status: RunStatus,
}

/// Deletes the comment, closes the check, and marks the report as rejected.
///
/// # Errors
/// GitHub or the store fails; an artifact is missing or has another shape.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn discard_review(
    input: &Input,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let mut report: Report = read_artifact(store, &key::report(&input.run)).await?;
    let reason = input
        .reason
        .clone()
        .filter(|reason| !reason.trim().is_empty())
        .unwrap_or_else(|| "no reason was given".to_owned());
    let outcome = CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: "The review was not published".to_owned(),
        summary: format!("It was not approved: {}", title(&reason)),
        annotations: Vec::new(),
    };
    announcement::discard(&run, &outcome, publish, store).await?;
    report.status = RunStatus::Rejected;
    let note = format!("rejected: {reason}");
    if !report.notes.contains(&note) {
        report.notes.push(note);
    }
    write_report(&input.run, &report, store).await?;
    Ok(Output {
        status: RunStatus::Rejected,
    })
}
