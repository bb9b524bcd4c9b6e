//! The port that reads a person's permission on a repository and the members of a team. It never writes.

use async_trait::async_trait;

use crate::model::repository_name::RepositoryName;
use crate::model::team_name::TeamName;

use super::ReadError;

/// A person's permission on a repository, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Everything.
    Admin,
    /// Write, and change settings that destroy nothing.
    Maintain,
    /// Push.
    Write,
    /// Manage issues and pull requests.
    Triage,
    /// Read.
    Read,
    /// Nothing; the login may not exist.
    None,
}

impl Permission {
    /// Returns whether the person may push.
    pub const fn may_write(self) -> bool {
        matches!(self, Self::Admin | Self::Maintain | Self::Write)
    }
}

/// Reads permissions.
#[async_trait]
pub trait ReadPermission: Send + Sync {
    /// Returns a login's current permission on a repository: none for an unknown login, and for everyone where the
    /// repository isn't visible.
    ///
    /// # Errors
    ///
    /// The permission is unknown; callers treat it as no permission.
    async fn permission(&self, repository: &RepositoryName, login: &str) -> Result<Permission, ReadError>;
    /// Returns whether a login is an active member of a team or of a team below it; an invited login is not. A team
    /// that is missing or not visible has no members.
    ///
    /// # Errors
    ///
    /// The membership is unknown.
    async fn is_member(&self, team: &TeamName, login: &str) -> Result<bool, ReadError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_to_push_is_a_permission_to_write() {
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
