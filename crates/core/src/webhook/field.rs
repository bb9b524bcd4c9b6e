//! Fields of a payload, each with its path, so that errors can name it. Values are never quoted, because they are
//! untrusted.

use serde_json::Value;

use crate::model::author_association::AuthorAssociation;
use crate::model::repository_id::RepositoryId;
use crate::model::repository_name::{RepositoryName, is_part};
use crate::model::sha::CommitSha;

use super::event::{RepositoryRef, Sender};

/// Maximum length of an accepted login or name, in bytes; GitHub's own limits are 39 and 100.
const MAX_NAME: usize = 100;

/// A field that a payload lacks, or that has an invalid value. It never quotes the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FieldError {
    /// The field is missing.
    #[error("{path}: missing")]
    Missing {
        /// The field's path.
        path: String,
    },
    /// The field has an invalid value.
    #[error("{path}: expected {expected}, found {found}")]
    Invalid {
        /// The field's path.
        path: String,
        /// The expected form.
        expected: &'static str,
        /// The type of the value.
        found: &'static str,
    },
}

/// A place in a payload, which may be missing.
#[derive(Clone)]
pub(super) struct Field<'a> {
    value: Option<&'a Value>,
    path: String,
}

impl<'a> Field<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self {
            value: Some(value),
            path: String::new(),
        }
    }

    /// Returns the field of this name, which may be missing.
    pub fn at(&self, name: &str) -> Self {
        Self {
            value: self.value.and_then(|value| value.get(name)),
            path: if self.path.is_empty() {
                name.to_owned()
            } else {
                format!("{}.{name}", self.path)
            },
        }
    }

    /// Returns whether it is neither missing nor null.
    pub fn is_present(&self) -> bool {
        self.value.is_some_and(|value| !value.is_null())
    }

    /// Returns the text.
    ///
    /// # Errors
    /// It is missing or not a text.
    pub fn text(&self) -> Result<&'a str, FieldError> {
        self.read("text", Value::as_str)
    }

    /// Returns the text; an empty one where it is missing or null.
    ///
    /// # Errors
    /// It is present and not a text.
    pub fn text_or_empty(&self) -> Result<&'a str, FieldError> {
        if self.is_present() { self.text() } else { Ok("") }
    }

    /// Returns the first item of a list, which may be missing.
    pub fn first(&self) -> Self {
        Self {
            value: self.value.and_then(|value| value.get(0)),
            path: format!("{}[0]", self.path),
        }
    }

    /// Returns a whole number from 1, as all of GitHub's counts and ids are.
    ///
    /// # Errors
    /// It is missing or not such a number.
    pub fn number(&self) -> Result<u64, FieldError> {
        self.read("a whole number from 1", |value| {
            value.as_u64().filter(|number| *number > 0)
        })
    }

    /// Returns true or false; false where it is missing or null.
    ///
    /// # Errors
    /// It is present and neither true nor false.
    pub fn flag(&self) -> Result<bool, FieldError> {
        if self.is_present() {
            self.read("true or false", Value::as_bool)
        } else {
            Ok(false)
        }
    }

    /// Returns the commit id.
    ///
    /// # Errors
    /// It is missing or not a commit id.
    pub fn commit(&self) -> Result<CommitSha, FieldError> {
        self.read("a commit id", |value| CommitSha::parse(value.as_str()?).ok())
    }

    fn name(&self) -> Result<&'a str, FieldError> {
        self.read("a name", |value| value.as_str().filter(|text| is_part(text)))
    }

    /// Returns the repository's id and name.
    ///
    /// # Errors
    /// Its id, its name or its owner's login is missing or invalid.
    pub fn repository(&self) -> Result<RepositoryRef, FieldError> {
        let id = RepositoryId::new(self.at("id").number()?);
        let (owner, name) = (self.at("owner").at("login").name()?, self.at("name").name()?);
        let name = RepositoryName::new(owner, name).map_err(|_| FieldError::Missing {
            path: self.at("name").path,
        })?;
        Ok(RepositoryRef { id, name })
    }

    /// Returns an account. The logins of bots have brackets.
    ///
    /// # Errors
    /// Its login or its type is missing, empty, too long or not printable ASCII.
    pub fn sender(&self) -> Result<Sender, FieldError> {
        let short = |value: &'a Value| {
            value
                .as_str()
                .filter(|text| !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(|c| c.is_ascii_graphic()))
        };
        Ok(Sender {
            login: self.at("login").read("a login", short)?.to_owned(),
            kind: self.at("type").read("an account's type", short)?.to_owned(),
        })
    }

    /// Returns an author's association with the repository.
    ///
    /// # Errors
    /// It is missing or not a text.
    pub fn association(&self) -> Result<AuthorAssociation, FieldError> {
        self.text().map(AuthorAssociation::parse)
    }

    /// Returns the installation's id, where the delivery is an App's.
    ///
    /// # Errors
    /// It is present and has no valid id.
    pub fn installation(&self) -> Result<Option<u64>, FieldError> {
        if self.is_present() {
            self.at("id").number().map(Some)
        } else {
            Ok(None)
        }
    }

    fn read<T>(&self, expected: &'static str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<T, FieldError> {
        let Some(value) = self.value else {
            return Err(FieldError::Missing {
                path: self.path.clone(),
            });
        };
        read(value).ok_or_else(|| {
            let found = match value {
                Value::Null => "null",
                Value::Bool(_) => "true or false",
                Value::Number(_) => "a number",
                Value::String(_) => "text",
                Value::Array(_) => "a list",
                Value::Object(_) => "an object",
            };
            FieldError::Invalid {
                path: self.path.clone(),
                expected,
                found,
            }
        })
    }
}
