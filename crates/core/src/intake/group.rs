//! Merge queues: a required check that stays silent on the group's commit stalls the queue, so the verdict of the pull
//! request's head is reported there.

use crate::error::StageError;
use crate::identity::target_of;
use crate::webhook::MergeGroupTrigger;

use super::{Ports, Receipt, done, read_pull};

/// Copies the verdict of the pull request's head to the group's commit.
pub(super) async fn report(trigger: &MergeGroupTrigger, ports: Ports<'_>) -> Result<Receipt, StageError> {
    let pull = read_pull(ports, &trigger.repository, trigger.number).await?;
    let here = target_of(&pull, pull.head.clone());
    ports.publish.copy_check(&here, &trigger.head).await?;
    Ok(done("reported the head's verdict to the merge queue"))
}
