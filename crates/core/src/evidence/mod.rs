//! Evidence: what the team's own tools report about the code under review, from SARIF files, code scanning, artifacts of
//! workflows and tools that Holdfast runs.
//!
//! A tool's report becomes a finding if it lies on an added line; its source is `tool:NAME/RULE`. A report is a claim of a
//! tool, and its text is a stranger's input: bounded, without invisible characters, and no part of it decides anything
//! but its severity and its place.

mod alert;
mod bounded;
mod installed;
mod output;
mod path;
mod sarif;
mod shape;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::model::installed_tool::InstalledTool;
pub use alert::{CodeScanningAlert, CodeScanningAnalysis, read_code_scanning};
pub use installed::{Reads, Settings, ToolCommand, ToolJob, ToolRequest, is_plain, jobs};
pub use output::{Form, ToolRuns};
pub use path::Places;
pub use sarif::{InvalidSarif, read_sarif};

use crate::count::counted;
use crate::diff::Hunk;
use crate::model::finding::{Category, Finding, Severity, Side};
use crate::model::finding_source::FindingSource;
use crate::rule::redacted;

/// Maximum number of reports of a run. Those beyond are counted.
pub const MAX_REPORTS: usize = 20_000;
/// Maximum size of a SARIF file, in bytes.
pub const MAX_SARIF_BYTES: u64 = 64 * 1024 * 1024;
/// Maximum number of SARIF files that are read together.
pub const MAX_SARIF_FILES: usize = 20;

/// Maximum number of tools that a line for people names.
const MAX_NAMED_TOOLS: usize = 10;

/// Confidence of a tool's report: a rule that may not know the context.
const CONFIDENCE: f64 = 0.7;

/// The reports of all given files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The tools, also those without a report.
    pub tools: Vec<Tool>,
    /// The reports by path, in the order of the files.
    pub reports: BTreeMap<String, Vec<ToolReport>>,
    /// The number of reports that were left out: beyond [`MAX_REPORTS`].
    #[serde(default)]
    pub left_out: usize,
    /// The reason why GitHub's reports couldn't be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The reports of the tools that Holdfast ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran: Option<ToolRuns>,
    /// The reports in artifacts of workflow runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<ToolRuns>,
}

/// A tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version, where it is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl std::fmt::Display for Tool {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            Some(version) => write!(out, "{} {version}", self.name),
            None => out.pad(&self.name),
        }
    }
}

/// One report of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolReport {
    /// The tool's name.
    pub tool: String,
    /// The rule's id; empty if the tool names none.
    pub rule: String,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line.
    pub end_line: u32,
    /// Its severity.
    pub severity: Severity,
    /// Its category.
    pub category: Category,
    /// Numbers of weaknesses in the Common Weakness Enumeration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cwe: Vec<u32>,
    /// One line.
    pub title: String,
    /// The tool's message.
    pub message: String,
}

impl Evidence {
    /// Adds the reports of another file.
    pub fn add(&mut self, other: Self) {
        for tool in other.tools {
            if !self.tools.contains(&tool) {
                self.tools.push(tool);
            }
        }
        self.left_out += other.left_out;
        let mut room = MAX_REPORTS.saturating_sub(self.number());
        for (path, reports) in other.reports {
            let taken = reports.len().min(room);
            room -= taken;
            self.left_out += reports.len() - taken;
            if taken > 0 {
                self.reports
                    .entry(path)
                    .or_default()
                    .extend(reports.into_iter().take(taken));
            }
        }
    }

    /// Adds a report, or counts it if there is no room.
    fn push(&mut self, (path, report): (String, ToolReport), room: &mut usize) {
        if *room == 0 {
            self.left_out += 1;
        } else {
            *room -= 1;
            self.reports.entry(path).or_default().push(report);
        }
    }

    /// Returns the line for people: the tools, and the number of their reports.
    pub fn note(&self, place: &str) -> String {
        let left_out = match self.left_out {
            0 => String::new(),
            number => format!("; {number} more are left out"),
        };
        format!(
            "{} in {place} by {}; those on added lines count{left_out}.",
            counted(self.number(), "report"),
            named(&self.tools)
        )
    }

    /// Returns the names of all tools, without those that only artifacts name.
    pub fn tool_names(&self) -> Vec<String> {
        let ran = self.ran.iter().flat_map(|ran| &ran.tools);
        let mut names: Vec<String> = Vec::new();
        for tool in self.tools.iter().chain(ran) {
            if !names.contains(&tool.name) {
                names.push(tool.name.clone());
            }
        }
        names
    }

    /// Returns the number of reports.
    pub fn number(&self) -> usize {
        self.reports.values().map(Vec::len).sum()
    }

    /// Returns the findings of a file: the reports that touch an added line of these hunks, cut to the hunk. The same
    /// report twice is one finding.
    pub fn findings(&self, path: &str, hunks: &[Hunk]) -> Vec<Finding> {
        let ran = self.ran.as_ref();
        let own = ran.and_then(|ran| ran.reports.get(path)).into_iter().flatten();
        // A tool's own run is newer than what GitHub has of it.
        let has_run = |name: &str| {
            let mut tools = ran.into_iter().flat_map(|ran| &ran.tools);
            tools.any(|tool| tool.name.eq_ignore_ascii_case(name))
        };
        let in_artifacts = self.artifacts.as_ref().and_then(|found| found.reports.get(path));
        let others = [self.reports.get(path), in_artifacts].into_iter().flatten().flatten();
        let others = others.filter(|report| !has_run(&report.tool));
        let reports: Vec<&ToolReport> = others.chain(own).collect();
        let mut findings: Vec<Finding> = Vec::new();
        for hunk in hunks {
            let Some((first, last)) = hunk.range(Side::Right) else {
                continue;
            };
            let touches = |report: &&&ToolReport| {
                let lines = report.start_line..=report.end_line;
                hunk.added()
                    .any(|line| line.new.is_some_and(|line| lines.contains(&line)))
            };
            for report in reports.iter().filter(touches) {
                let finding = report.finding(path, first, last);
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
        findings
    }
}

/// Returns the tools for a line: the first ones, and the number of the others.
pub fn named(tools: &[Tool]) -> String {
    let mut names: Vec<String> = tools.iter().take(MAX_NAMED_TOOLS).map(ToString::to_string).collect();
    let more = tools.len().saturating_sub(MAX_NAMED_TOOLS);
    if more > 0 {
        names.push(counted(more, "more tool"));
    }
    names.join(", ")
}

impl ToolReport {
    fn finding(&self, path: &str, first: u32, last: u32) -> Finding {
        Finding {
            path: path.to_owned(),
            side: Side::Right,
            start_line: self.start_line.clamp(first, last),
            line: self.end_line.clamp(first, last),
            severity: self.severity,
            category: self.category,
            title: redacted(&self.title),
            body: redacted(&self.message),
            suggestion: None,
            confidence: CONFIDENCE,
            source: FindingSource::of_tool(&self.tool, &self.rule),
            gated: false,
            folded: false,
            sources: Vec::new(),
            tracked: None,
            cwe: self.cwe.clone(),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
