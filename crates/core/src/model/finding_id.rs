//! The id of a finding within its pull request.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The number of hexadecimal digits in an id.
const ID_DIGITS: usize = 32;

/// The id of a finding within its pull request: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FindingId(String);

/// A text that isn't the id of a finding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid finding id: expected {ID_DIGITS} lowercase hexadecimal digits, as in the marker of its comment")]
pub struct InvalidFindingId;

impl FindingId {
    /// Parses an id.
    ///
    /// # Errors
    /// It has another length, or a character that isn't a lowercase hexadecimal digit.
    pub fn parse(text: &str) -> Result<Self, InvalidFindingId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == ID_DIGITS && text.bytes().all(is_digit))
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidFindingId)
    }

    /// Derives the id of everything that identifies a finding.
    pub(crate) fn derive(identity: &str) -> Self {
        let digest = hex::encode(Sha256::digest(identity.as_bytes()));
        Self(digest.chars().take(ID_DIGITS).collect())
    }

    /// Returns its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for FindingId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(&self.0)
    }
}

impl TryFrom<String> for FindingId {
    type Error = InvalidFindingId;
    fn try_from(text: String) -> Result<Self, InvalidFindingId> {
        Self::parse(&text)
    }
}

impl From<FindingId> for String {
    fn from(id: FindingId) -> Self {
        id.0
    }
}
