//! The shares of accounts in a provider's calls in flight.

use std::collections::BTreeMap;

/// Maximum number of an account's shares.
pub const MAX_SHARES: u8 = 100;

/// The shares of each account; one if it isn't named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountShares(BTreeMap<String, u8>);

/// An entry that names no account's shares.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShares {
    /// The entry has another form.
    #[error(
        "{0:?} is not allowed: OWNER=SHARES, a whole number from 1 to {MAX_SHARES}, comma-separated, such as acme=4"
    )]
    Form(String),
    /// Two entries are about the same account.
    #[error("{0} is named twice: keep one entry")]
    Twice(String),
}

impl AccountShares {
    /// Parses `OWNER=SHARES`, comma-separated. Owners are compared without regard to case, as on GitHub.
    ///
    /// # Errors
    ///
    /// An entry has another form, or names an account that another one names.
    pub fn parse(text: &str) -> Result<Self, InvalidShares> {
        let mut shares = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (owner, number) = read_entry(entry).ok_or_else(|| InvalidShares::Form(entry.to_owned()))?;
            if shares.insert(owner.clone(), number).is_some() {
                return Err(InvalidShares::Twice(owner));
            }
        }
        Ok(Self(shares))
    }

    /// Returns an account's shares, at least 1.
    pub fn of(&self, account: &str) -> u8 {
        self.0.get(&account.to_ascii_lowercase()).copied().unwrap_or(1)
    }
}

fn read_entry(entry: &str) -> Option<(String, u8)> {
    let (owner, number) = entry.split_once('=')?;
    let owner = owner.trim();
    // A GitHub login: letters, digits and hyphens; managed users have an underscore.
    let is_login = !owner.is_empty()
        && owner.len() <= 100
        && (owner.chars()).all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_'));
    let number = number
        .trim()
        .parse()
        .ok()
        .filter(|number| (1..=MAX_SHARES).contains(number))?;
    is_login.then(|| (owner.to_ascii_lowercase(), number))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

    use super::*;

    #[test]
    fn an_account_has_one_share_unless_it_is_named() {
        let shares = AccountShares::parse(" Acme=4, big-team = 100 ,").unwrap();
        assert_eq!(
            ["ACME", "acme", "big-team", "other"].map(|account| shares.of(account)),
            [4, 4, 100, 1]
        );
        assert_eq!(AccountShares::parse("").unwrap(), AccountShares::default());
    }

    #[test]
    fn an_entry_of_another_form_is_named() {
        for wrong in ["acme", "acme=0", "acme=101", "acme=1.5", "=2", "acme/web=2", "acme=-1"] {
            let problem = AccountShares::parse(&format!("other=2,{wrong}")).unwrap_err();
            assert_eq!(problem, InvalidShares::Form(wrong.to_owned()));
            assert!(problem.to_string().contains("OWNER=SHARES"), "{problem}");
        }
        let twice = AccountShares::parse("acme=1,ACME=2").unwrap_err();
        assert_eq!(twice, InvalidShares::Twice("acme".to_owned()));
    }
}
