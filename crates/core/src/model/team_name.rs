//! The name of a team on GitHub.

use std::fmt;
use std::str::FromStr;

/// A team by its organisation's login and its slug. As text `ORGANISATION/TEAM`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TeamName {
    organisation: String,
    slug: String,
}

/// A text that names no team.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a team; expected ORGANISATION/TEAM")]
pub struct InvalidTeamName(String);

impl TeamName {
    /// Returns the organisation's login.
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// Returns the team's slug.
    pub fn slug(&self) -> &str {
        &self.slug
    }
}

impl fmt::Display for TeamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.organisation, self.slug)
    }
}

impl FromStr for TeamName {
    type Err = InvalidTeamName;

    fn from_str(text: &str) -> Result<Self, InvalidTeamName> {
        match text.split_once('/') {
            Some((organisation, slug)) if !organisation.is_empty() && !slug.is_empty() && !slug.contains('/') => {
                Ok(Self {
                    organisation: organisation.to_owned(),
                    slug: slug.to_owned(),
                })
            }
            _ => Err(InvalidTeamName(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_an_organisation_and_a_slug() {
        for (text, parts) in [
            ("octo/leads", Some(("octo", "leads"))),
            ("octo/", None),
            ("/leads", None),
            ("octo/leads/more", None),
            ("leads", None),
            ("", None),
        ] {
            let read = text.parse::<TeamName>().ok();
            assert_eq!(
                read.as_ref().map(|team| (team.organisation(), team.slug())),
                parts,
                "{text}"
            );
            if let Some(team) = read {
                assert_eq!(team.to_string(), text);
            }
        }
    }
}
