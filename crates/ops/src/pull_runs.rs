//! The runs of one pull request.

use futures::{StreamExt, TryStreamExt, stream};
use holdfast_core::model::change::Target;
use holdfast_core::model::repository_id::RepositoryId;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::RunName;
use holdfast_engine::ExecutionRecord;
use serde::Deserialize;

use crate::failure::Failure;
use crate::run_summary::{LocalRuns, READS_IN_FLIGHT, RunSummary};

/// The repository in a pull request's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryReference {
    /// By GitHub's id.
    Id(RepositoryId),
    /// By name: runs of version 0.1 have no id.
    Name(RepositoryName),
}

impl RepositoryReference {
    fn is_of(&self, target: &Target) -> bool {
        match (self, target) {
            (Self::Id(wanted), Target::PullRequest { repository_id, .. }) => repository_id.as_ref() == Some(wanted),
            (Self::Name(wanted), Target::PullRequest { repository, .. }) => {
                wanted.to_string().eq_ignore_ascii_case(&repository.to_string())
            }
            (_, Target::WorkTree { .. }) => false,
        }
    }
}

impl LocalRuns {
    /// Lists the runs of a pull request, newest first, and the newest one's target. `None` if there is no run. Runs
    /// without the repository's id belong to the pull request that has their name in its newest run.
    ///
    /// # Errors
    /// A run can't be read.
    pub async fn list_of_pull(
        &self,
        repository: &RepositoryReference,
        number: u64,
    ) -> Result<Option<(Target, Vec<RunSummary>)>, Failure> {
        let of_number = |stored: ExecutionRecord| {
            let target = Run::deserialize(&stored.input).ok()?.target;
            let is_wanted = target.pull_request() == Some(number);
            is_wanted.then_some((target, stored))
        };
        let runs: Vec<(Target, ExecutionRecord)> = self.newest()?.into_iter().filter_map(of_number).collect();
        let Some(newest) = runs
            .iter()
            .map(|(target, _)| target)
            .find(|target| repository.is_of(target))
        else {
            return Ok(None);
        };
        let newest = newest.clone();
        let of_pull = runs.into_iter().filter(|(target, _)| is_same_pull(&newest, target));
        let named = of_pull.filter_map(|(_, stored)| Some((RunName::of_listed(&stored.name)?, stored)));
        let listed = stream::iter(named)
            .map(|(run, stored)| self.record(run, stored))
            .buffered(READS_IN_FLIGHT)
            .try_collect()
            .await?;
        Ok(Some((newest, listed)))
    }
}

/// Returns whether two targets are the same pull request: by id, and by name where one of them has no id.
fn is_same_pull(one: &Target, other: &Target) -> bool {
    let has_id = |target: &Target| target.place() != target.named_place();
    one.place() == other.place() || (one.named_place() == other.named_place() && !(has_id(one) && has_id(other)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use serde_json::json;

    use super::*;

    fn target(owner: &str, id: Option<u64>) -> Target {
        serde_json::from_value(json!({
            "kind": "pull_request", "owner": owner, "repository": "demo", "number": 12, "head": "a".repeat(40),
            "repository_id": id,
        }))
        .unwrap()
    }

    #[test]
    fn a_pull_request_is_recognised_by_id_and_without_one_by_name() {
        for (one, other, is_same) in [
            (target("octo", Some(7)), target("octo", Some(7)), true),
            (target("octo", Some(7)), target("renamed", Some(7)), true),
            (target("octo", Some(7)), target("octo", Some(8)), false),
            (target("octo", Some(7)), target("Octo", None), true),
            (target("octo", Some(7)), target("renamed", None), false),
            (target("octo", None), target("octo", None), true),
        ] {
            assert_eq!(is_same_pull(&one, &other), is_same, "{one:?} {other:?}");
            assert_eq!(is_same_pull(&other, &one), is_same, "{one:?} {other:?}");
        }
    }

    #[test]
    fn an_address_names_its_repository() {
        let id = |number| RepositoryReference::Id(RepositoryId::new(number));
        let name = |owner| RepositoryReference::Name(RepositoryName::new(owner, "demo").unwrap());
        for (reference, of, is_wanted) in [
            (id(7), target("octo", Some(7)), true),
            (id(7), target("octo", Some(8)), false),
            (id(7), target("octo", None), false),
            (name("Octo"), target("octo", None), true),
            (name("octo"), target("octo", Some(7)), true),
            (name("other"), target("octo", Some(7)), false),
        ] {
            assert_eq!(reference.is_of(&of), is_wanted, "{reference:?} {of:?}");
        }
    }
}
