//! The source of a finding: the model, or a rule by its id.

use serde::{Deserialize, Serialize};

/// The source of a finding. As JSON `model`, or `rule:ID`. Any other text is stored unchanged, because a later version
/// may know more sources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FindingSource {
    /// The model.
    Model,
    /// The rule of this id.
    Rule(String),
    /// A source that this version doesn't know.
    Unknown(String),
}

impl FindingSource {
    /// The text before a rule's id.
    const RULE: &str = "rule:";

    /// Returns the source of this rule.
    pub fn of_rule(id: impl Into<String>) -> Self {
        Self::Rule(id.into())
    }

    /// Returns the rule's id, if the source is a rule.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Model | Self::Unknown(_) => None,
            Self::Rule(id) => Some(id),
        }
    }
}

impl std::fmt::Display for FindingSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Model => out.pad("model"),
            Self::Rule(id) => write!(out, "{}{id}", Self::RULE),
            Self::Unknown(text) => out.pad(text),
        }
    }
}

impl From<String> for FindingSource {
    fn from(text: String) -> Self {
        match text.strip_prefix(Self::RULE) {
            Some(id) if !id.is_empty() => Self::of_rule(id),
            None if text == "model" => Self::Model,
            _ => Self::Unknown(text),
        }
    }
}

impl From<FindingSource> for String {
    fn from(source: FindingSource) -> Self {
        source.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_source_is_read_as_it_is_written() {
        let unknown = |text: &str| FindingSource::Unknown(text.to_owned());
        for (text, source) in [
            ("model", FindingSource::Model),
            ("rule:shell-true", FindingSource::of_rule("shell-true")),
            ("rule:model", FindingSource::of_rule("model")),
            ("rule:a:b", FindingSource::of_rule("a:b")),
            ("rule:", unknown("rule:")),
            ("Model", unknown("Model")),
            ("tool:ruff", unknown("tool:ruff")),
            ("", unknown("")),
        ] {
            let read: FindingSource = serde_json::from_value(json!(text)).unwrap();
            assert_eq!(read, source, "{text}");
            assert_eq!(serde_json::to_value(&source).unwrap(), text);
            let rule = text.strip_prefix("rule:").filter(|id| !id.is_empty());
            assert_eq!(source.rule(), rule, "{text}");
        }
    }
}
