//! A failure's name in plain words, and what to do about it.

use holdfast_core::model::error_name::ErrorName;

/// What a failure means.
#[derive(Debug, PartialEq, Eq)]
pub struct Advice {
    /// What happened.
    pub what: &'static str,
    /// What helps.
    pub next: &'static str,
}

/// The words for a name of the workflow; names of the engine and unknown ones have words too.
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
            "A step got data that it cannot read, perhaps from another version of Holdfast.",
            "Start a new review with /holdfast review. If it happens again, report it with the run's name.",
        ),
        ErrorName::ArtifactUnavailable => (
            "The store of the run's files did not answer.",
            "Check the disk or the bucket, then redrive: finished units are kept.",
        ),
        ErrorName::ArtifactMissing => (
            "A file that an earlier step wrote is gone.",
            "If someone cleaned the data directory or the bucket, start a new review; what is gone cannot be redriven.",
        ),
        ErrorName::RepositoryUnreadable => (
            "The work tree or one of its commits cannot be read.",
            "Check that the path is a git work tree and that both commits are there, then redrive.",
        ),
        ErrorName::RepositoryConfigurationInvalid => (
            ".holdfast.yml on the base branch is wrong; the message says where.",
            "Mend it on the base branch (holdfast check .holdfast.yml), then start a new review.",
        ),
        ErrorName::GithubUnavailable => (
            "GitHub did not answer, and went on not answering.",
            "See githubstatus.com, then redrive: finished units are kept.",
        ),
        ErrorName::GithubRateLimited => (
            "GitHub's rate limit was reached and did not free up in time.",
            "Wait for the limit to reset, usually within an hour, then redrive.",
        ),
        ErrorName::GithubForbidden => (
            "GitHub refused the credentials, or they lack a permission.",
            "Check the token or the app's installation: contents read, pull requests write. Then redrive.",
        ),
        ErrorName::GithubNotFound => (
            "The repository or pull request is not there, or these credentials may not see it.",
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
            "GitHub refused what was to be published.",
            "The message has GitHub's reason. Redrive once; if it is refused again, start a new review.",
        ),
        ErrorName::ModelUnavailable => (
            "The model's server did not answer, or is overloaded.",
            "See the provider's status page, then redrive: answers that were given are not paid for twice.",
        ),
        ErrorName::ModelTimedOut => (
            "The model took longer than one call may.",
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
            "Raise the limit or wait until it renews, then redrive. Another try before that gains nothing.",
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
            "A newer run has taken the pull request over.",
            "Nothing to do: the newer run publishes.",
        ),
        ErrorName::RunCancelled => (
            "A person stopped the run.",
            "Start a new review with /holdfast review, if one is wanted.",
        ),
        ErrorName::ApprovalUndeliverable => (
            "Nobody could be asked for approval.",
            "Check HOLDFAST_APPROVERS and the mail settings, then redrive.",
        ),
        ErrorName::ApprovalRejected => (
            "A person decided not to publish the review.",
            "Nothing to do: the reason is in the list of decisions.",
        ),
        ErrorName::ApprovalMismatch => (
            "What would have been published is not what was approved: nobody had approved it, or it was altered while it waited.",
            "Find out who altered the stored review or answered in the approvers' place, then start a new review with /holdfast review.",
        ),
    }
}

fn of_engine(error: &str) -> (&'static str, &'static str) {
    match error {
        "States.Timeout" | "States.HeartbeatTimeout" => (
            "A step took longer than it may.",
            "Redrive: it goes on from that step, and finished units are kept.",
        ),
        "States.DataLimitExceeded" => (
            "A step's result was larger than the workflow can carry.",
            "Report it with the run's name: results are meant to be files that states only name.",
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
    fn every_name_has_words_of_its_own() {
        let mut seen: Vec<&str> = Vec::new();
        for name in ErrorName::ALL {
            let Advice { what, next } = advice(name.as_str());
            assert!(what.ends_with('.') && next.ends_with('.'), "{name}");
            assert!(!seen.contains(&what), "{name}: said twice");
            seen.push(what);
        }
        for error in ["States.Timeout", "States.Runtime", "Lambda.Unknown", "x", ""] {
            assert!(!advice(error).next.is_empty());
        }
    }
}
