//! Reads people's permissions: a person's role in a repository, and membership in an organisation's team.

use async_trait::async_trait;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::team_name::TeamName;
use holdfast_core::port::{Permission, ReadError, ReadPermission};

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::wire::{Membership, Role};

/// The permission to read a role.
const METADATA_READ: &str = "Metadata: read";
/// The permission to read a team's members.
const MEMBERS_READ: &str = "Organization members: read";

/// Reads people's permissions.
#[derive(Clone, Debug)]
pub struct GithubReadPermission {
    connection: GithubConnection,
}

impl GithubReadPermission {
    /// Uses this connection, which needs a token with push access, or an App. A team is visible to an App that is
    /// installed on its organisation with the permission to read members, and to a member's token.
    pub const fn new(connection: GithubConnection) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl ReadPermission for GithubReadPermission {
    async fn permission(&self, repository: &RepositoryName, login: &str) -> Result<Permission, ReadError> {
        let segments = [
            "repos",
            repository.owner(),
            repository.name(),
            "collaborators",
            login,
            "permission",
        ];
        let call = self.connection.get(&segments, METADATA_READ);
        Ok(found(self.connection.json::<Role>(call).await)?.map_or(Permission::None, |role| permission(&role)))
    }

    async fn is_member(&self, team: &TeamName, login: &str) -> Result<bool, ReadError> {
        let segments = ["orgs", team.organisation(), "teams", team.slug(), "memberships", login];
        let call = self.connection.get(&segments, MEMBERS_READ);
        Ok(found(self.connection.json::<Membership>(call).await)?.is_some_and(|member| member.state == "active"))
    }
}

/// Returns `None` if GitHub doesn't find it.
fn found<T>(read: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.kind == Kind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Returns a role's permission. The role's name counts first: the older field calls `maintain` write and `triage` read.
/// A custom role of an organisation has another name; the older field has its base role.
fn permission(role: &Role) -> Permission {
    let known = |name: &str| match name {
        "admin" => Some(Permission::Admin),
        "maintain" => Some(Permission::Maintain),
        "write" => Some(Permission::Write),
        "triage" => Some(Permission::Triage),
        "read" => Some(Permission::Read),
        "none" => Some(Permission::None),
        _ => None,
    };
    let name = role.role_name.as_deref().and_then(known);
    name.or_else(|| known(&role.permission)).unwrap_or(Permission::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_name_counts_before_the_older_field() {
        for (role_name, older, expected) in [
            (Some("maintain"), "write", Permission::Maintain),
            (Some("triage"), "read", Permission::Triage),
            (Some("admin"), "admin", Permission::Admin),
            (Some("releaser"), "write", Permission::Write),
            (Some("auditor"), "read", Permission::Read),
            (Some(""), "none", Permission::None),
            (None, "write", Permission::Write),
            (None, "owner", Permission::None),
        ] {
            let role = Role {
                permission: older.to_owned(),
                role_name: role_name.map(str::to_owned),
            };
            assert_eq!(permission(&role), expected, "{role_name:?} {older}");
        }
    }
}
