//! What decides the outcome of a pull request's review is pinned before its run is named: repository, merge base, head and
//! the settings of the base branch. A run whose pull request is another one by then publishes nothing.

use sha2::{Digest, Sha256};

use crate::error::StageError;
use crate::model::change::{Change, Pinned, Target};
use crate::model::error_name::ErrorName;
use crate::model::policy::POLICY_PATH;
use crate::model::sha::CommitSha;
use crate::port::{PullNow, ReadChange, ReadError, ReadPull};

/// A pull request's target, with everything that its run's name is derived from.
#[derive(Clone, Debug)]
pub struct Identified {
    /// The target.
    pub target: Target,
    /// The text of `.holdfast.yml` on the base branch, where there is one.
    pub settings: Option<Vec<u8>>,
}

/// The pull request without what is read for its identity: enough to name its rows and to write to it.
pub fn target_of(pull: &PullNow, head: CommitSha) -> Target {
    Target::PullRequest {
        owner: pull.repository.owner().to_owned(),
        repository: pull.repository.name().to_owned(),
        number: pull.number,
        head,
        repository_id: pull.repository_id,
        pinned: None,
    }
}

/// Reads where the diff from the base branch to `head` starts, and the base branch's settings. Errors: what reading says.
pub async fn identify(
    pulls: &dyn ReadPull,
    read: &dyn ReadChange,
    pull: &PullNow,
    head: CommitSha,
) -> Result<Identified, ReadError> {
    let merge_base = pulls.merge_base(&pull.repository, &pull.base, &head).await?;
    let mut target = target_of(pull, head);
    let settings = read.read_file(&target, POLICY_PATH, &pull.base).await?;
    if let Target::PullRequest { pinned, .. } = &mut target {
        let settings = settings_digest(settings.as_deref());
        *pinned = Some(Pinned { merge_base, settings });
    }
    Ok(Identified { target, settings })
}

/// A digest of the settings' text; `none` where there is no file, or nothing in it.
pub fn settings_digest(text: Option<&[u8]>) -> String {
    match text {
        Some(text) if !text.trim_ascii().is_empty() => hex::encode(&Sha256::digest(text)[..16]),
        _ => "none".to_owned(),
    }
}

/// Whether the change that was read is the one that the run is named for. Errors: `PullRequestBaseMoved`.
pub fn check_change(target: &Target, change: &Change) -> Result<(), StageError> {
    match target.pinned() {
        Some(pinned) => crate::claim::check_base(&pinned.merge_base, Some(&change.base)),
        None => Ok(()),
    }
}

/// Whether the settings that were read are those that the run is named for. Errors: `PullRequestBaseMoved`.
pub fn check_settings(target: &Target, text: Option<&[u8]>) -> Result<(), StageError> {
    match target.pinned() {
        Some(pinned) if pinned.settings != settings_digest(text) => Err(StageError::new(
            ErrorName::PullRequestBaseMoved,
            format!("{POLICY_PATH} on the base branch changed since this run was started"),
        )),
        _ => Ok(()),
    }
}
