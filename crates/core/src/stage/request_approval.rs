//! RequestApproval: asks a person and returns; the workflow waits for the answer with nothing running.

use serde::{Deserialize, Serialize};

use crate::model::approval::Approval;
use crate::model::finding::Severity;
use crate::model::key;
use crate::model::report::Report;
use crate::port::{NotifyPeople, StoreArtifact};

use super::{StageError, read_artifact, write_artifact};

/// The question.
#[derive(Deserialize)]
pub struct Input {
    /// The run.
    pub run: String,
    /// 1, or 2 after the escalation.
    pub round: u32,
    /// Credential: whoever holds it decides. Never logged.
    pub token: String,
}

/// That people were asked.
#[derive(Debug, Serialize)]
pub struct Output {
    /// Which time.
    pub round: u32,
}

/// Asks. Errors: nobody could be asked; what the store says.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn request_approval(
    input: &Input,
    notify: &dyn NotifyPeople,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let report: Report = read_artifact(store, &key::report(&input.run)).await?;
    let approval = Approval {
        run: input.run.clone(),
        round: input.round,
        subject: match report.target.pull_request {
            Some(number) => format!("{}#{number}", report.target.repository),
            None => report.target.repository.clone(),
        },
        worst: report.gate.worst.unwrap_or(Severity::Info),
        findings: u64::try_from(report.findings.len()).unwrap_or(u64::MAX),
    };
    write_artifact(store, &key::approval(&input.run, input.round), &approval).await?;
    notify.ask_approval(&approval, &input.token).await?;
    Ok(Output { round: input.round })
}
