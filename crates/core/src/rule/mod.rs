//! Secrets in text: tokens of known forms, values under a secret's name, private keys. Pure; linear in the text's
//! length.

mod address;
mod assignment;
mod carried;
mod finding;
mod hidden;
mod literal;
mod name;
mod place;
mod private_key;
mod redact;
mod report;
mod scan;
mod shape;
mod vendors;

use std::sync::LazyLock;

pub use finding::secret_findings;
pub use redact::{Redacted, RedactedLog, redact, redact_hunks, redact_value, redacted};
pub use scan::find_secrets;
pub use vendors::secret_examples;

/// One kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretKind {
    /// The rule's id, kebab-case.
    pub rule: &'static str,
    /// What it is, for people.
    pub title: &'static str,
}

/// How sure it is that something is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Name, place and randomness suggest it.
    Guess,
    /// Its place says so, such as a password's in an address.
    Likely,
    /// It has the form that its maker publishes, or a marker.
    Known,
}

/// A secret in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMatch {
    /// The rule's id, kebab-case.
    pub rule: &'static str,
    /// What kind of secret, for people.
    pub title: &'static str,
    /// How sure it is.
    pub certainty: Certainty,
    /// First byte in the line.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl SecretMatch {
    const fn new(kind: SecretKind, certainty: Certainty, start: usize, end: usize) -> Self {
        Self {
            rule: kind.rule,
            title: kind.title,
            certainty,
            start,
            end,
        }
    }
}

static KINDS: LazyLock<Vec<SecretKind>> = LazyLock::new(|| {
    let fixed = [
        private_key::PRIVATE_KEY,
        address::URL_PASSWORD,
        address::AUTHORIZATION,
        assignment::ASSIGNED,
    ];
    let mut kinds: Vec<SecretKind> = vendors::table().iter().map(|row| row.kind).chain(fixed).collect();
    kinds.dedup_by_key(|kind| kind.rule);
    kinds
});

/// Returns every kind of secret that is looked for.
pub fn secret_kinds() -> &'static [SecretKind] {
    &KINDS
}
