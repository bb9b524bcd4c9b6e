//! The analyses and alerts of GitHub's code scanning, as its API lists them.

use serde::Deserialize;
use serde_json::Value;

use super::path::Places;
use super::sarif::{
    MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_RULE_CHARS, MAX_TITLE_CHARS, category_of, cut, first_sentence, line,
    severity_of, tool_name, weaknesses,
};
use super::shape::Properties;
use super::{Evidence, MAX_REPORTS, Tool, ToolReport};
use crate::model::finding::Severity;
use crate::visible::visible;

/// A tool's analysis of a commit: whatever it found. Fields that aren't read are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CodeScanningAnalysis {
    /// The commit.
    pub commit_sha: String,
    tool: AlertTool,
}

/// An alert. Fields that aren't read are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CodeScanningAlert {
    #[serde(default)]
    rule: AlertRule,
    #[serde(default)]
    tool: AlertTool,
    #[serde(default)]
    most_recent_instance: Instance,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AlertRule {
    id: Option<String>,
    severity: Option<String>,
    security_severity_level: Option<String>,
    description: Option<String>,
    tags: Option<Vec<Value>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct AlertTool {
    name: Option<String>,
    version: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Instance {
    commit_sha: Option<String>,
    location: Location,
    message: Message,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Location {
    path: Option<String>,
    start_line: Option<u32>,
    end_line: Option<u32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    text: Option<String>,
}

impl AlertTool {
    fn read(self) -> Tool {
        Tool {
            name: tool_name(self.name.as_deref().unwrap_or_default()),
            version: self.version.map(|version| line(&version, MAX_NAME_CHARS)),
        }
    }
}

impl CodeScanningAlert {
    /// Returns the commit where the tool saw it last; empty if GitHub names none.
    pub fn commit(&self) -> &str {
        self.most_recent_instance.commit_sha.as_deref().unwrap_or_default()
    }

    /// Returns the tool, and the report with its path; `None` for the report if it has no place in the repository.
    fn read(self) -> (Tool, Option<(String, ToolReport)>) {
        let tool = self.tool.read();
        let place = self.most_recent_instance.location;
        let report = || {
            let path = Places::default().path_of(place.path.as_deref()?, None)?;
            let start_line = place.start_line.filter(|line| *line > 0)?;
            let text = self.most_recent_instance.message.text.unwrap_or_default();
            let message = cut(visible(&text).trim(), MAX_MESSAGE_CHARS);
            let rule = self.rule;
            let properties = Properties {
                tags: rule.tags.iter().flatten().filter_map(Value::as_str).collect(),
                ..Properties::default()
            };
            let cwe = weaknesses(std::iter::once(&properties));
            let stated = rule.security_severity_level.as_deref().and_then(stated_severity);
            let level = rule.severity.as_deref().unwrap_or("warning");
            let title = first_sentence(rule.description.as_deref().unwrap_or(&message), MAX_TITLE_CHARS);
            let report = ToolReport {
                tool: tool.name.clone(),
                rule: line(rule.id.as_deref().unwrap_or_default(), MAX_RULE_CHARS),
                start_line,
                end_line: place.end_line.unwrap_or(start_line).max(start_line),
                severity: stated.unwrap_or_else(|| severity_of(level)),
                category: category_of(!cwe.is_empty() || stated.is_some(), level),
                cwe,
                title,
                message,
            };
            Some((path, report))
        };
        let report = report();
        (tool, report)
    }
}

/// Returns a severity of GitHub's four for security alerts.
fn stated_severity(level: &str) -> Option<Severity> {
    Some(match level {
        "critical" => Severity::Critical,
        "high" => Severity::High,
        "medium" => Severity::Medium,
        "low" => Severity::Low,
        _ => return None,
    })
}

/// Returns the tools of analyses and the reports of alerts. Their lines are those of the reviewed head: the caller leaves
/// out the others.
pub fn read_code_scanning(analyses: Vec<CodeScanningAnalysis>, alerts: Vec<CodeScanningAlert>) -> Evidence {
    let (mut evidence, mut room) = (Evidence::default(), MAX_REPORTS);
    let add_tool = |evidence: &mut Evidence, tool: Tool| {
        // Alerts may name another version of a tool than its analysis.
        if !evidence.tools.iter().any(|known| known.name == tool.name) {
            evidence.tools.push(tool);
        }
    };
    for analysis in analyses {
        add_tool(&mut evidence, analysis.tool.read());
    }
    for (tool, report) in alerts.into_iter().map(CodeScanningAlert::read) {
        add_tool(&mut evidence, tool);
        if let Some(report) = report {
            evidence.push(report, &mut room);
        }
    }
    evidence
}

#[cfg(test)]
#[path = "alert_tests.rs"]
mod tests;
