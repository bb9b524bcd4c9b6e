//! The source of a finding: the model, a rule by its id, or a rule of another tool.

use serde::{Deserialize, Serialize};

/// The source of a finding. As JSON `model`, `rule:ID` or `tool:NAME/ID`. Any other text is stored unchanged, because a later version
/// may know more sources.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum FindingSource {
    /// The model.
    Model,
    /// The rule of this id.
    Rule(String),
    /// A rule of one of the team's own tools.
    Tool {
        /// The tool's name, without `/`.
        name: String,
        /// The rule's id; empty if the tool names none.
        rule: String,
    },
    /// A source that this version doesn't know.
    Unknown(String),
}

impl FindingSource {
    /// The text before a rule's id.
    const RULE: &str = "rule:";

    /// The text before a tool's name.
    const TOOL: &str = "tool:";

    /// Returns the source of a tool's rule.
    pub fn of_tool(name: &str, rule: &str) -> Self {
        Self::Tool {
            name: name.replace('/', "-"),
            rule: rule.to_owned(),
        }
    }

    /// Returns the source of this rule.
    pub fn of_rule(id: impl Into<String>) -> Self {
        Self::Rule(id.into())
    }

    /// Returns whether it is a rule, of Holdfast or of another tool: it reports the same words for the same code.
    pub const fn is_rule(&self) -> bool {
        matches!(self, Self::Rule(_) | Self::Tool { .. })
    }

    /// Returns the rule's name for other programs: its id, or the tool's name before it; none if it is no rule's.
    pub fn rule_name(&self) -> Option<String> {
        match self {
            Self::Rule(id) => Some(id.clone()),
            Self::Tool { name, rule } if rule.is_empty() => Some(name.clone()),
            Self::Tool { name, rule } => Some(format!("{name}/{rule}")),
            Self::Model | Self::Unknown(_) => None,
        }
    }

    /// Returns the rule's id, if the source is a rule of Holdfast.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Model | Self::Tool { .. } | Self::Unknown(_) => None,
            Self::Rule(id) => Some(id),
        }
    }
}

impl std::fmt::Display for FindingSource {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Model => out.pad("model"),
            Self::Rule(id) => write!(out, "{}{id}", Self::RULE),
            Self::Tool { name, rule } if rule.is_empty() => write!(out, "{}{name}", Self::TOOL),
            Self::Tool { name, rule } => write!(out, "{}{name}/{rule}", Self::TOOL),
            Self::Unknown(text) => out.pad(text),
        }
    }
}

impl From<String> for FindingSource {
    fn from(text: String) -> Self {
        if let Some(tool) = text.strip_prefix(Self::TOOL) {
            let (name, rule) = tool.split_once('/').unwrap_or((tool, ""));
            if !name.is_empty() {
                return Self::of_tool(name, rule);
            }
        }
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
            ("tool:ruff", FindingSource::of_tool("ruff", "")),
            ("tool:ruff/S608", FindingSource::of_tool("ruff", "S608")),
            (
                "tool:eslint/security/detect-eval",
                FindingSource::of_tool("eslint", "security/detect-eval"),
            ),
            ("tool:", unknown("tool:")),
            ("tool:/S608", unknown("tool:/S608")),
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
