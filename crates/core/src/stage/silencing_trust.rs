//! Decides which silencing comments of a change count. PlanReview reads the author's permission, once for each run and
//! only if the change adds such a comment; the later states and a replay read what it stored.

use crate::artifact::find_artifact;
use crate::model::change::Change;
use crate::model::key;
use crate::model::run::Run;
use crate::model::silencing::WritePermissions;
use crate::port::{ReadError, ReadPermission, StoreArtifact};
use crate::silence::{Trust, needs_permission};

use super::{StageError, write_artifact};

/// Returns which comments count. If that depends on the author's permission, reads and stores it. `change` has its
/// patches. A refused read counts as no permission.
pub(super) async fn read_trust(
    run: &Run,
    change: &Change,
    permission: &dyn ReadPermission,
    store: &dyn StoreArtifact,
) -> Result<Trust, StageError> {
    if !needs_permission(&run.target, change) {
        return Ok(Trust::of(&run.target, change, None));
    }
    let key = key::permissions(&run.run);
    let known: Option<WritePermissions> = find_artifact(store, &key).await?;
    let permissions = match known {
        Some(known) => known,
        None => {
            let author_may_write = match (run.target.repository_name(), change.author.as_deref()) {
                (Some(repository), Some(author)) => match permission.permission(repository, author).await {
                    Ok(permission) => permission.may_write(),
                    Err(error @ (ReadError::RateLimited { .. } | ReadError::Unavailable(_))) => {
                        return Err(error.into());
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the author's permission can't be read: added comments silence nothing");
                        false
                    }
                },
                _ => false,
            };
            let read = WritePermissions { author_may_write };
            write_artifact(store, &key, &read).await?;
            read
        }
    };
    Ok(Trust::of(&run.target, change, Some(&permissions)))
}

/// Returns which comments count, by the permission that PlanReview stored. `change` may lack its patches.
pub(super) async fn stored_trust(run: &Run, change: &Change, store: &dyn StoreArtifact) -> Result<Trust, StageError> {
    let permissions: Option<WritePermissions> = match run.target.pull_request().filter(|_| change.is_branch_here) {
        Some(_) => find_artifact(store, &key::permissions(&run.run)).await?,
        None => None,
    };
    Ok(Trust::of(&run.target, change, permissions.as_ref()))
}
