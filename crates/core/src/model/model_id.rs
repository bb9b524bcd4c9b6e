//! The name of a model: its provider and the provider's name for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The text of [`ModelId::Rules`].
const RULES: &str = "rules";

/// A model. As text `PROVIDER/NAME`, or `rules` where no model reads the change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ModelId {
    /// No model: static analysis only.
    Rules,
    /// A model of a provider.
    Provided {
        /// The provider: the part before the first slash.
        provider: String,
        /// The provider's name for the model; may have slashes.
        name: String,
    },
}

/// A text that names no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a model: expected PROVIDER/NAME, or {RULES}")]
pub struct InvalidModelId(String);

impl ModelId {
    /// Returns the provider; `rules` where there is no model.
    pub fn provider(&self) -> &str {
        match self {
            Self::Rules => RULES,
            Self::Provided { provider, .. } => provider,
        }
    }

    /// Returns the provider's name for the model; `rules` where there is no model.
    pub fn name(&self) -> &str {
        match self {
            Self::Rules => RULES,
            Self::Provided { name, .. } => name,
        }
    }

    /// Returns whether there is no model.
    pub const fn is_rules(&self) -> bool {
        matches!(self, Self::Rules)
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rules => formatter.write_str(RULES),
            Self::Provided { provider, name } => write!(formatter, "{provider}/{name}"),
        }
    }
}

impl FromStr for ModelId {
    type Err = InvalidModelId;

    fn from_str(text: &str) -> Result<Self, InvalidModelId> {
        match text.split_once('/') {
            None if text == RULES => Ok(Self::Rules),
            Some((provider, name)) if !provider.is_empty() && !name.is_empty() => Ok(Self::Provided {
                provider: provider.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(InvalidModelId(text.to_owned())),
        }
    }
}

impl TryFrom<String> for ModelId {
    type Error = InvalidModelId;

    fn try_from(text: String) -> Result<Self, InvalidModelId> {
        text.parse()
    }
}

impl From<ModelId> for String {
    fn from(model: ModelId) -> Self {
        model.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_is_read_as_it_is_written() {
        for (text, parts) in [
            ("rules", Some(("rules", "rules"))),
            ("openai/gpt-5", Some(("openai", "gpt-5"))),
            ("openai/org/model:7b", Some(("openai", "org/model:7b"))),
            ("openai/rules", Some(("openai", "rules"))),
            ("rules/x", Some(("rules", "x"))),
            ("Rules", None),
            ("gpt-5", None),
            ("openai/", None),
            ("/gpt-5", None),
            ("", None),
        ] {
            let read = serde_json::from_value::<ModelId>(json!(text)).ok();
            assert_eq!(
                read.as_ref().map(|model| (model.provider(), model.name())),
                parts,
                "{text}"
            );
            if let Some(model) = read {
                assert_eq!(model.is_rules(), text == "rules");
                assert_eq!(serde_json::to_value(&model).unwrap(), text);
            }
        }
    }
}
