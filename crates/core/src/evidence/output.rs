//! The output of an installed tool, as reports on the files that it got.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::installed::ToolJob;
use super::path::Places;
use super::sarif::{
    MAX_MESSAGE_CHARS, MAX_NAME_CHARS, MAX_TITLE_CHARS, category_of, cut, first_sentence, line, read_sarif, severity_of,
};
use super::{Evidence, InvalidSarif, MAX_REPORTS, Tool, ToolReport};
use crate::count::{counted, is_or_are};
use crate::model::finding::{Category, Severity};
use crate::visible::visible;

/// "Use of hard-coded credentials" in the Common Weakness Enumeration.
const HARD_CODED_CREDENTIALS: u32 = 798;

/// Maximum number of reports on one path that artifacts may have.
const MAX_REPORTS_OF_PATH: usize = 1_000;

/// The form of a tool's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// SARIF 2.1.0.
    Sarif,
    /// SARIF 2.1.0 in which every result is a secret, without a severity.
    Secrets,
    /// JSON of shellcheck's format `json1`.
    Shellcheck,
    /// JSON of actionlint's errors.
    Actionlint,
}

/// The reports of tools that ran on a change: called by Holdfast, or by workflows that keep them in artifacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolRuns {
    /// The tools that ran, also those without a report.
    pub tools: Vec<Tool>,
    /// The reports by path.
    pub reports: BTreeMap<String, Vec<ToolReport>>,
    /// Lines for people: tools that didn't run, and what is left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Deserialize)]
struct Shellcheck {
    comments: Vec<ShellcheckComment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShellcheckComment {
    file: String,
    line: u32,
    end_line: u32,
    level: String,
    code: u32,
    message: String,
}

#[derive(Deserialize)]
struct ActionlintError {
    message: String,
    filepath: String,
    line: u32,
    kind: String,
}

impl ToolRuns {
    /// Adds a run of a tool, whose files were below `folder`. Reports on other files are left out.
    ///
    /// # Errors
    /// The output doesn't have the tool's form.
    pub fn add(&mut self, job: &ToolJob, output: &[u8], folder: &str) -> Result<(), InvalidSarif> {
        let (version, found) = read(job, output, folder)?;
        let name = job.tool.name();
        let mut room = MAX_REPORTS.saturating_sub(self.number());
        let mut left_out = 0_usize;
        for (path, mut report) in found {
            if !job.files.contains(&path) {
                continue;
            }
            if room == 0 {
                left_out += 1;
                continue;
            }
            room -= 1;
            name.clone_into(&mut report.tool);
            let prefix = format!("{}/", folder.trim_end_matches('/'));
            report.message = report.message.replace(&prefix, "");
            report.title = report.title.replace(&prefix, "");
            self.reports.entry(path).or_default().push(report);
        }
        if left_out > 0 {
            self.notes
                .push(format!("{left_out} more reports of {name} are left out"));
        }
        self.tools.push(Tool {
            name: name.to_owned(),
            version,
        });
        Ok(())
    }

    /// Returns the runs whose reports were in artifacts, which a stranger may have written, with lines for people.
    pub fn of_artifacts(mut files: Evidence, mut notes: Vec<String>) -> Self {
        for reports in files.reports.values_mut() {
            files.left_out += reports.len().saturating_sub(MAX_REPORTS_OF_PATH);
            reports.truncate(MAX_REPORTS_OF_PATH);
        }
        if files.left_out > 0 {
            let reports = counted(files.left_out, "more report");
            notes.push(format!("{reports} in artifacts {} left out", is_or_are(files.left_out)));
        }
        Self {
            tools: files.tools,
            reports: files.reports,
            notes,
        }
    }

    /// Adds the runs of other tools.
    pub fn extend(&mut self, other: Self) {
        self.tools.extend(other.tools);
        self.notes.extend(other.notes);
        for (path, reports) in other.reports {
            self.reports.entry(path).or_default().extend(reports);
        }
    }

    /// Returns the number of reports.
    pub fn number(&self) -> usize {
        self.reports.values().map(Vec::len).sum()
    }
}

type Found = (Option<String>, Vec<(String, ToolReport)>);

/// Returns the tool's version, where the output states it, and the reports with their paths.
fn read(job: &ToolJob, output: &[u8], folder: &str) -> Result<Found, InvalidSarif> {
    let places = Places::below([folder]);
    let invalid = |error: serde_json::Error| InvalidSarif::Shape(error.to_string());
    let form = job.tool.command().form;
    match form {
        Form::Sarif | Form::Secrets => {
            let evidence = read_sarif(output, &places)?;
            let version = evidence.tools.into_iter().find_map(|tool| tool.version);
            let reports = evidence.reports.into_iter();
            let mut found: Vec<(String, ToolReport)> = reports
                .flat_map(|(path, reports)| reports.into_iter().map(move |report| (path.clone(), report)))
                .collect();
            if form == Form::Secrets {
                for (_, report) in &mut found {
                    // A pattern may match what is no secret, so alone it requires no approval.
                    report.severity = Severity::Medium;
                    report.category = Category::Security;
                    report.cwe = vec![HARD_CODED_CREDENTIALS];
                }
            }
            Ok((version.map(|version| line(&version, MAX_NAME_CHARS)), found))
        }
        Form::Shellcheck => {
            let read: Shellcheck = serde_json::from_slice(output).map_err(invalid)?;
            let found = read.comments.into_iter().filter_map(|comment| {
                let path = places.path_of(&comment.file, None)?;
                let rule = format!("SC{}", comment.code);
                let lines = (comment.line, comment.end_line);
                Some((path, report(rule, lines, &comment.level, &comment.message)?))
            });
            Ok((None, found.collect()))
        }
        Form::Actionlint => {
            // Without an error it prints `null` or an empty list.
            let read: Option<Vec<ActionlintError>> = serde_json::from_slice(output).map_err(invalid)?;
            let found = read.into_iter().flatten().filter_map(|error| {
                let path = places.path_of(&error.filepath, None)?;
                let lines = (error.line, error.line);
                Some((path, report(error.kind, lines, "error", &error.message)?))
            });
            Ok((None, found.collect()))
        }
    }
}

/// Returns a report of JSON without SARIF; none without a line.
fn report(rule: String, (start_line, end_line): (u32, u32), level: &str, message: &str) -> Option<ToolReport> {
    let message = cut(visible(message).trim(), MAX_MESSAGE_CHARS);
    (start_line > 0).then(|| ToolReport {
        tool: String::new(),
        rule: line(&rule, MAX_NAME_CHARS),
        start_line,
        end_line: end_line.max(start_line),
        severity: severity_of(level),
        category: category_of(false, level),
        cwe: Vec::new(),
        title: first_sentence(&message, MAX_TITLE_CHARS),
        message,
    })
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
