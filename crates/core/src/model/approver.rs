//! A person who may approve: a GitHub login and a mail address.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::policy::is_mail_address;

/// Maximum length of a GitHub login, in characters.
const LOGIN_CHARS: usize = 39;

/// An approver, written as `login=address` or only as an address. Without a login, the person has to sign in to decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Approver {
    /// The mail address.
    pub address: String,
    /// The login that a mailed code counts for.
    pub login: Option<String>,
}

/// A text that names no approver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApprover {
    /// The part before the `=` is no login.
    #[error("{0:?} is not a GitHub login: write LOGIN=ADDRESS, such as octocat=octocat@example.org")]
    Login(String),
    /// The part after the `=`, or the whole text, is no address.
    #[error("{0:?} is not a mail address: write LOGIN=ADDRESS, such as octocat=octocat@example.org")]
    Address(String),
}

impl Approver {
    /// Parses a configured approver.
    ///
    /// # Errors
    ///
    /// The login or the address is invalid; the message has the form to write, in one line.
    pub fn parse(text: &str) -> Result<Self, InvalidApprover> {
        let (login, address) = match text.split_once('=') {
            Some((login, address)) => (Some(login.trim()), address.trim()),
            None => (None, text.trim()),
        };
        if let Some(login) = login.filter(|login| !is_login(login)) {
            return Err(InvalidApprover::Login(login.to_owned()));
        }
        if !is_mail_address(address) || address.contains('=') {
            return Err(InvalidApprover::Address(address.to_owned()));
        }
        Ok(Self {
            address: address.to_owned(),
            login: login.map(str::to_owned),
        })
    }

    /// Returns whether the approver has this login.
    pub fn is(&self, login: &str) -> bool {
        self.login.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(login))
    }
}

/// Reads a stored text, which was checked before or is from a version that only had addresses.
impl From<String> for Approver {
    fn from(text: String) -> Self {
        Self::parse(&text).unwrap_or(Self {
            address: text,
            login: None,
        })
    }
}

impl From<Approver> for String {
    fn from(approver: Approver) -> Self {
        approver.to_string()
    }
}

impl fmt::Display for Approver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.login {
            Some(login) => write!(out, "{login}={}", self.address),
            None => out.write_str(&self.address),
        }
    }
}

/// Returns whether a text can be a login: ASCII letters, digits, hyphens, and underscores (of managed users).
pub fn is_login(text: &str) -> bool {
    (1..=LOGIN_CHARS).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Returns each address once, in order. An address with one login has that login. An address with two has none, because
/// a code sent there doesn't show which of them typed it.
pub fn by_address<I: IntoIterator<Item = Approver>>(approvers: I) -> Vec<Approver> {
    let mut found: BTreeMap<String, (Approver, bool)> = BTreeMap::new();
    for approver in approvers {
        let (known, is_shared) = found
            .entry(approver.address.to_ascii_lowercase())
            .or_insert_with(|| (approver.clone(), false));
        match (&known.login, &approver.login) {
            (None, Some(_)) => *known = approver,
            (Some(one), Some(other)) if !one.eq_ignore_ascii_case(other) => *is_shared = true,
            _ => {}
        }
    }
    let of_one = found.into_values().map(|(approver, is_shared)| Approver {
        login: approver.login.filter(|_| !is_shared),
        ..approver
    });
    let mut all: Vec<Approver> = of_one.collect();
    all.sort();
    all
}

/// Returns a problem of one line for each address that the list gives to two logins.
pub fn shared_addresses(approvers: &[Approver]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, approver) in approvers.iter().enumerate() {
        let Some(login) = &approver.login else { continue };
        let other = approvers.iter().take(index).find(|other| {
            other.address.eq_ignore_ascii_case(&approver.address) && other.login.is_some() && !other.is(login)
        });
        if let Some(Approver { login: Some(other), .. }) = other {
            problems.push(format!(
                "{} belongs to two logins, {other} and {login}: give each an address of its own",
                approver.address
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approver_is_a_login_with_an_address_or_an_address() {
        for (text, login, address) in [
            ("octocat=o@example.org", Some("octocat"), "o@example.org"),
            (" octo-cat = o@example.org ", Some("octo-cat"), "o@example.org"),
            ("jane_acme=jane@acme.example", Some("jane_acme"), "jane@acme.example"),
            ("o@example.org", None, "o@example.org"),
            (
                format!("{}=o@example.org", "a".repeat(39)).as_str(),
                Some("a".repeat(39).as_str()),
                "o@example.org",
            ),
        ] {
            let approver = Approver::parse(text);
            assert_eq!(
                approver,
                Ok(Approver {
                    address: address.to_owned(),
                    login: login.map(str::to_owned)
                }),
                "{text}"
            );
            let stored = serde_json::to_string(&approver.clone().ok()).unwrap_or_default();
            assert_eq!(serde_json::from_str(&stored).ok(), approver.ok(), "{stored}");
        }
        for text in [
            "",
            "octocat",
            "octocat=",
            "=o@example.org",
            "octo cat=o@example.org",
            "o@x=o@example.org",
            "a=b=c@d",
            format!("{}=o@example.org", "a".repeat(40)).as_str(),
        ] {
            let problem = Approver::parse(text);
            assert!(
                problem
                    .as_ref()
                    .is_err_and(|problem| problem.to_string().contains("LOGIN=ADDRESS")),
                "{text}: {problem:?}"
            );
        }
        assert_eq!(
            Approver::from("not checked".to_owned()).address,
            "not checked",
            "of an earlier version"
        );
    }

    #[test]
    fn one_address_gets_one_request_and_counts_for_one_login() {
        for (given, expected) in [
            (&["a@x", "A@x"][..], &["a@x"][..]),
            (&["a@x", "ada=a@x"], &["ada=a@x"]),
            (&["ada=a@x", "ADA=a@x"], &["ada=a@x"]),
            (&["ada=a@x", "eve=A@x", "a@x"], &["a@x"]),
            (&["ada=b@x", "ada=a@x"], &["ada=a@x", "ada=b@x"]),
        ] {
            let approvers: Vec<Approver> = given.iter().map(|text| Approver::from((*text).to_owned())).collect();
            let merged: Vec<String> = by_address(approvers.clone()).iter().map(ToString::to_string).collect();
            assert_eq!(merged, expected, "{given:?}");
            assert_eq!(
                shared_addresses(&approvers).len(),
                usize::from(given.contains(&"eve=A@x")),
                "{given:?}"
            );
        }
    }
}
