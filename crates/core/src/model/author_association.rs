//! What the author of a pull request is to its repository.

/// What someone is to a repository, as GitHub says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorAssociation {
    /// Owns it.
    Owner,
    /// Belongs to the organization that owns it.
    Member,
    /// Was invited.
    Collaborator,
    /// Has committed before.
    Contributor,
    /// Has never committed here.
    FirstTimeContributor,
    /// Has never committed anywhere.
    FirstTimer,
    /// Nothing, or what is not known here: trust it the least.
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

    /// Whether it tells nothing of what the person may do: newcomers, and members whose membership is private.
    pub const fn is_unclear(self) -> bool {
        matches!(self, Self::FirstTimeContributor | Self::FirstTimer | Self::None)
    }
}
