//! The identity of a pull request's review: repository, merge base, head and the settings of the base branch, pinned
//! before the run is named. A run publishes nothing if one of them has changed.

use sha2::{Digest, Sha256};

use crate::error::StageError;
use crate::model::change::{Change, Pinned, Target};
use crate::model::error_name::ErrorName;
use crate::model::policy::POLICY_PATH;
use crate::model::sha::CommitSha;
use crate::port::{PullNow, ReadChange, ReadError, ReadPull};

/// A pull request's target with its whole identity, from which the run's name is derived.
#[derive(Clone, Debug)]
pub struct Identified {
    /// The target.
    pub target: Target,
    /// The text of `.holdfast.yml` on the base branch, where there is one.
    pub settings: Option<Vec<u8>>,
}

/// Returns a pull request's target without the pinned part: enough to name its rows and to write to it.
pub fn target_of(pull: &PullNow, head: CommitSha) -> Target {
    Target::PullRequest {
        repository: pull.repository.clone(),
        number: pull.number,
        head,
        repository_id: pull.repository_id,
        pinned: None,
    }
}

/// Reads the merge base of the base branch and `head`, and the base branch's settings.
///
/// # Errors
///
/// A read fails.
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

/// Returns a digest of the settings' text; `none` where the file is missing or empty.
pub fn settings_digest(text: Option<&[u8]>) -> String {
    match text {
        Some(text) if !text.trim_ascii().is_empty() => hex::encode(&Sha256::digest(text)[..16]),
        _ => "none".to_owned(),
    }
}

/// Checks that a change has the run's merge base.
///
/// # Errors
///
/// `PullRequestBaseMoved`.
pub fn check_change(target: &Target, change: &Change) -> Result<(), StageError> {
    match target.pinned() {
        Some(pinned) => crate::claim::check_base(&pinned.merge_base, Some(&change.base)),
        None => Ok(()),
    }
}

/// Checks that the base branch's settings are the run's.
///
/// # Errors
///
/// `PullRequestBaseMoved`.
pub fn check_settings(target: &Target, text: Option<&[u8]>) -> Result<(), StageError> {
    match target.pinned() {
        Some(pinned) if pinned.settings != settings_digest(text) => Err(StageError::new(
            ErrorName::PullRequestBaseMoved,
            format!("{POLICY_PATH} on the base branch changed since this run was started"),
        )),
        _ => Ok(()),
    }
}
