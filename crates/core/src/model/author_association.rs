//! The association of a pull request's author with its repository.

/// An account's association with a repository, in GitHub's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorAssociation {
    /// Owns it.
    Owner,
    /// Belongs to the organization that owns it.
    Member,
    /// Was invited to the repository.
    Collaborator,
    /// Has committed before.
    Contributor,
    /// Has never committed here.
    FirstTimeContributor,
    /// Has never committed anywhere.
    FirstTimer,
    /// None, or a word that this version doesn't know. It is the least trusted.
    None,
}

impl AuthorAssociation {
    /// Reads GitHub's word; an unknown one counts as none.
    pub fn parse(word: &str) -> Self {
        match word {
            "OWNER" => Self::Owner,
            "MEMBER" => Self::Member,
            "COLLABORATOR" => Self::Collaborator,
            "CONTRIBUTOR" => Self::Contributor,
            "FIRST_TIME_CONTRIBUTOR" => Self::FirstTimeContributor,
            "FIRST_TIMER" => Self::FirstTimer,
            _ => Self::None,
        }
    }

    /// Returns whether the person's permission must be read to know if they are trusted: it is a newcomer, or a member
    /// whose membership is private.
    pub const fn is_unclear(self) -> bool {
        matches!(self, Self::FirstTimeContributor | Self::FirstTimer | Self::None)
    }
}
