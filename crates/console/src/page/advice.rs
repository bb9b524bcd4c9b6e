//! Explains error names: what happened and what to do.

use holdfast_core::model::error_name::ErrorName;

/// The explanation of an error.
#[derive(Debug, PartialEq, Eq)]
pub struct Advice {
    /// The event.
    pub what: &'static str,
    /// The remedy.
    pub next: &'static str,
}

/// Explains an error name of the workflow or the engine; unknown names have an explanation too.
pub fn advice(error: &str) -> Advice {
    let known = ErrorName::ALL.iter().find(|name| name.as_str() == error);
    let (what, next) = match known {
        Some(name) => of_name(*name),
        None => of_engine(error),
    };
    Advice { what, next }
}

const fn of_name(name: ErrorName) -> (&'static str, &'static str) {
    match name {
        ErrorName::PayloadInvalid => (
            "A step received data that it can't read, perhaps from another version of Holdfast.",
            "Start a new review with /holdfast review. If it happens again, report it with the run's name.",
        ),
        ErrorName::ArtifactUnavailable => (
            "The artifact store, which has the run's files, did not answer.",
            "Check the disk or the bucket, then redrive: finished units are kept.",
        ),
        ErrorName::ArtifactMissing => (
            "A file that an earlier step wrote is missing.",
            "If someone cleaned the data directory or the bucket, start a new review; a run without its files can't be redriven.",
        ),
        ErrorName::RepositoryUnreadable => (
            "The work tree or one of its commits cannot be read.",
            "Check that the path is a git work tree and that both commits exist, then redrive.",
        ),
        ErrorName::RepositoryConfigurationInvalid => (
            ".holdfast.yml on the base branch is invalid; the message shows where.",
            "Fix it on the base branch (holdfast check .holdfast.yml), then start a new review.",
        ),
        ErrorName::GithubUnavailable => (
            "GitHub did not answer, not even after retries.",
            "See githubstatus.com, then redrive: finished units are kept.",
        ),
        ErrorName::GithubRateLimited => (
            "GitHub's rate limit was reached and did not reset in time.",
            "Wait for the limit to reset, usually within an hour, then redrive.",
        ),
        ErrorName::GithubForbidden => (
            "GitHub refused the credentials, or they lack a permission.",
            "Check the token or the app's installation: contents read, pull requests write. Then redrive.",
        ),
        ErrorName::GithubNotFound => (
            "The repository or pull request does not exist, or these credentials have no access to it.",
            "Check that the app is installed on the repository; if the pull request was deleted, cancel the run.",
        ),
        ErrorName::GithubSignOnRequired => (
            "The organisation requires its single sign-on before the token may be used.",
            "Open the token's settings on GitHub, choose Configure SSO and authorize the organisation; or use a GitHub App. Then redrive.",
        ),
        ErrorName::GithubRepositoryArchived => (
            "The repository is archived: nothing can be written to it.",
            "Unarchive the repository in its settings, then redrive; or remove Holdfast from it.",
        ),
        ErrorName::GithubConversationLocked => (
            "The pull request's conversation is locked, so no comment can be written.",
            "Unlock the conversation on the pull request, then start a new review with /holdfast review.",
        ),
        ErrorName::GithubRejected => (
            "GitHub refused the review.",
            "The message has GitHub's reason. Redrive once; if it is refused again, start a new review.",
        ),
        ErrorName::ModelUnavailable => (
            "The model's server did not answer, or is overloaded.",
            "See the provider's status page, then redrive: stored answers are not paid for twice.",
        ),
        ErrorName::ModelTimedOut => (
            "The model exceeded the time limit of one call.",
            "Redrive; if it happens again, choose a faster model for these paths under tiers in .holdfast.yml.",
        ),
        ErrorName::ModelUnauthorized => (
            "The model's provider refused the key.",
            "Renew the key in the deployment's settings, then redrive.",
        ),
        ErrorName::ModelRequestRejected => (
            "The provider refused the request itself: an unknown model, or a prompt that is too long.",
            "Check HOLDFAST_MODEL and HOLDFAST_MODEL_LIGHT, then redrive.",
        ),
        ErrorName::ModelSpendingLimitReached => (
            "The account's spending limit at the model's provider is reached.",
            "Raise the limit or wait until it renews, then redrive. A retry before that fails again.",
        ),
        ErrorName::PullRequestHeadMoved => (
            "The pull request got a new commit while it was reviewed.",
            "Nothing to do: the new commit has a review of its own.",
        ),
        ErrorName::PullRequestBaseMoved => (
            "The pull request was retargeted, or its base branch or settings changed, after the run was started.",
            "A retargeted pull request gets a new review by itself; otherwise start one with /holdfast review.",
        ),
        ErrorName::RunSuperseded => (
            "A newer run has replaced this one.",
            "Nothing to do: the newer run publishes its review.",
        ),
        ErrorName::RunCancelled => (
            "A person stopped the run.",
            "If you still want a review, start a new one with /holdfast review.",
        ),
        ErrorName::ApprovalUndeliverable => (
            "No approver could be notified.",
            "Check HOLDFAST_APPROVERS and the mail settings, then redrive.",
        ),
        ErrorName::ApprovalRejected => (
            "A person decided not to publish the review.",
            "Nothing to do: the reason is in the list of decisions.",
        ),
        ErrorName::ApprovalMismatch => (
            "The review to publish is not the approved one: nobody had approved it, or someone altered it after that.",
            "Find out who altered the stored review or answered in the approvers' place, then start a new review with /holdfast review.",
        ),
    }
}

fn of_engine(error: &str) -> (&'static str, &'static str) {
    match error {
        "States.Timeout" | "States.HeartbeatTimeout" => (
            "A step exceeded its time limit.",
            "Redrive: the run resumes from that step, and finished units are kept.",
        ),
        "States.DataLimitExceeded" => (
            "A step's result was larger than the workflow can carry.",
            "Report it with the run's name: states should refer to large results by file, not carry them.",
        ),
        error if error.starts_with("States.") || error.starts_with("Lambda.") => (
            "The workflow engine itself stopped the run.",
            "Redrive once. If it happens again, report it with the run's name and this message.",
        ),
        _ => (
            "The run stopped for a reason that has no explanation of its own.",
            "Redrive once. If it happens again, report it with the run's name and this message.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_name_has_its_own_explanation() {
        let mut seen: Vec<&str> = Vec::new();
        for name in ErrorName::ALL {
            let Advice { what, next } = advice(name.as_str());
            assert!(what.ends_with('.') && next.ends_with('.'), "{name}");
            assert!(!seen.contains(&what), "{name}: duplicate");
            seen.push(what);
        }
        for error in ["States.Timeout", "States.Runtime", "Lambda.Unknown", "x", ""] {
            assert!(!advice(error).next.is_empty());
        }
    }
}
