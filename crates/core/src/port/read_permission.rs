//! Asking what a person may do in a repository, and who is in a team. Never writes.

use async_trait::async_trait;

use crate::model::repository_name::RepositoryName;
use crate::model::team_name::TeamName;

use super::ReadError;

/// What a person may do in a repository, most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Everything.
    Admin,
    /// Write, and settings that destroy nothing.
    Maintain,
    /// Push.
    Write,
    /// Sort issues and pull requests.
    Triage,
    /// Look.
    Read,
    /// Nothing; the person may not even exist.
    None,
}

impl Permission {
    /// Whether the person may push.
    pub const fn may_write(self) -> bool {
        matches!(self, Self::Admin | Self::Maintain | Self::Write)
    }
}

/// Asks about people.
#[async_trait]
pub trait ReadPermission: Send + Sync {
    /// What a login may do in a repository as of now. An unknown login may do nothing, nor may anyone where the repository
    /// is not to be seen. Errors: nothing is known; that is never a permission.
    async fn permission(&self, repository: &RepositoryName, login: &str) -> Result<Permission, ReadError>;
    /// Whether a login is an active member of an organisation's team, or of one below it; who is only invited is not. A
    /// team that is not there, or not to be seen, has no members.
    async fn is_member(&self, team: &TeamName, login: &str) -> Result<bool, ReadError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_push_may_write() {
        for (permission, may_write) in [
            (Permission::Admin, true),
            (Permission::Maintain, true),
            (Permission::Write, true),
            (Permission::Triage, false),
            (Permission::Read, false),
            (Permission::None, false),
        ] {
            assert_eq!(permission.may_write(), may_write, "{permission:?}");
        }
    }
}
