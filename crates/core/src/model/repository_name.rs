//! The name of a repository on GitHub.

use serde::{Deserialize, Serialize};

/// Maximum length of an owner or a name, in characters.
const MAX_CHARS: usize = 100;

/// A repository by its current owner and name; its id survives a rename. As text `owner/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName {
    owner: String,
    name: String,
}

/// A text that names no repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of a repository: expected OWNER/NAME, each of letters, digits, `-`, `_` and `.`, at most {MAX_CHARS} characters"
)]
pub struct InvalidRepositoryName(String);

impl RepositoryName {
    /// Returns the name.
    ///
    /// # Errors
    ///
    /// A part is empty, `.` or `..`, too long, or has a character that can't be part of an address.
    pub fn new(owner: &str, name: &str) -> Result<Self, InvalidRepositoryName> {
        if is_part(owner) && is_part(name) {
            Ok(Self {
                owner: owner.to_owned(),
                name: name.to_owned(),
            })
        } else {
            Err(InvalidRepositoryName(format!("{owner}/{name}")))
        }
    }

    /// Returns the owner's login.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the name below the owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Returns whether a text can be an owner or a repository's own name.
pub fn is_part(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() <= MAX_CHARS && !matches!(text, "." | "..") && text.bytes().all(is_plain)
}

impl std::fmt::Display for RepositoryName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}/{}", self.owner, self.name)
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = InvalidRepositoryName;

    fn try_from(text: String) -> Result<Self, InvalidRepositoryName> {
        match text.split_once('/') {
            Some((owner, name)) => Self::new(owner, name),
            None => Err(InvalidRepositoryName(text)),
        }
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> Self {
        name.to_string()
    }
}

/// Reads and writes a name as the fields `owner` and `repository` of a larger object.
pub mod as_two_fields {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::RepositoryName;

    #[derive(Serialize, Deserialize)]
    struct Fields<T> {
        owner: T,
        repository: T,
    }

    /// Writes both fields.
    ///
    /// # Errors
    ///
    /// What the format returns.
    pub fn serialize<S: Serializer>(name: &RepositoryName, to: S) -> Result<S::Ok, S::Error> {
        let (owner, repository) = (name.owner(), name.name());
        Fields { owner, repository }.serialize(to)
    }

    /// Reads both fields.
    ///
    /// # Errors
    ///
    /// A field is missing, or they name no repository.
    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<RepositoryName, D::Error> {
        let Fields { owner, repository } = Fields::<String>::deserialize(from)?;
        RepositoryName::new(&owner, &repository).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for (text, parts) in [
            ("octo/demo", Some(("octo", "demo"))),
            ("octo-org/demo.rs", Some(("octo-org", "demo.rs"))),
            ("octo/.github", Some(("octo", ".github"))),
            ("octo", None),
            ("octo/", None),
            ("/demo", None),
            ("octo/demo/x", None),
            ("octo/..", None),
            ("octo/de mo", None),
            ("octo/d\u{e9}mo", None),
            ("", None),
        ] {
            let read = serde_json::from_value::<RepositoryName>(json!(text)).ok();
            assert_eq!(read.as_ref().map(|name| (name.owner(), name.name())), parts, "{text}");
            if let Some(name) = read {
                assert_eq!(serde_json::to_value(&name).unwrap(), text);
            }
        }
        assert!(RepositoryName::new(&"o".repeat(101), "demo").is_err());
    }
}
