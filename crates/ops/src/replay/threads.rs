//! A replay's ports to what people did on the pull request: nothing. The recorded state of the pull request has it;
//! runs without that state began before there was a ledger.

use async_trait::async_trait;
use holdfast_core::model::change::Target;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::{FindingThread, Permission, ReadError, ReadPermission, ReadThreads};

/// A pull request without threads.
pub struct NoThreads;

#[async_trait]
impl ReadThreads for NoThreads {
    async fn threads(&self, _target: &Target) -> Result<Vec<FindingThread>, ReadError> {
        Ok(Vec::new())
    }
}

/// A repository on which nobody has a permission.
pub struct NoPermission;

#[async_trait]
impl ReadPermission for NoPermission {
    async fn permission(&self, _repository: &RepositoryName, _login: &str) -> Result<Permission, ReadError> {
        Ok(Permission::None)
    }

    async fn is_member(&self, _team: &TeamName, _login: &str) -> Result<bool, ReadError> {
        Ok(false)
    }
}
