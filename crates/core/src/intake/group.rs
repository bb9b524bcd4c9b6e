//! Merge queues. A queue waits until its group's commit has the required check, so the conclusion of the pull request's
//! head is written there.

use crate::error::StageError;
use crate::identity::target_of;
use crate::webhook::MergeGroupTrigger;

use super::{Ports, Receipt, done, read_pull};

/// Copies the check of the pull request's head to the group's commit.
pub(super) async fn report(trigger: &MergeGroupTrigger, ports: Ports<'_>) -> Result<Receipt, StageError> {
    let pull = read_pull(ports, &trigger.repository, trigger.number).await?;
    let here = target_of(&pull, pull.head.clone());
    ports.publish.copy_check(&here, &trigger.head).await?;
    Ok(done("reported the head's verdict to the merge queue"))
}
