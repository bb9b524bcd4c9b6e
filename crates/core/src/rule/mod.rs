//! Finds secrets in text: tokens of known formats, values assigned to a secret's name, private keys. Pure; time is
//! linear in the length of the text.

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
pub use place::is_beside_program;
pub use redact::{Redacted, RedactedLog, redact, redact_hunks, redact_value, redacted};
pub use scan::find_secrets;
pub use vendors::secret_examples;

/// One kind of secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretKind {
    /// The rule's id, kebab-case.
    pub rule: &'static str,
    /// Its name, for people.
    pub title: &'static str,
}

/// Confidence that a match is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Name, place and randomness suggest it.
    Guess,
    /// Its position implies it, such as the password in a URL.
    Likely,
    /// It has its vendor's published format, or a marker.
    Known,
}

/// A secret in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMatch {
    /// The rule's id, kebab-case.
    pub rule: &'static str,
    /// The kind of secret, for people.
    pub title: &'static str,
    /// The confidence.
    pub certainty: Certainty,
    /// First byte in the line.
    pub start: usize,
    /// The byte after the last one.
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

/// Returns every kind of secret that the search knows.
pub fn secret_kinds() -> &'static [SecretKind] {
    &KINDS
}
