//! A review in each format.

use std::cell::OnceCell;

use holdfast_core::model::change::Change;
use holdfast_core::model::report::Report;
use holdfast_core::render::report_markdown;
use holdfast_ops::failure::Failure;

use super::hunks::Hunks;
use super::style::Style;
use super::text::report_text;
use super::{annotations, code_quality, json, junit, rdjson, sarif};
use crate::cli::{FailOn, ReportFormat};
use crate::verdict::Verdict;

/// A review to print.
#[derive(Clone, Debug)]
pub struct Review<'a> {
    /// The report.
    pub report: &'a Report,
    /// The change, for the lines at which findings are.
    pub change: Option<&'a Change>,
    /// The address of the repository's page, if it has one.
    pub page: Option<&'a str>,
    /// The lowest severity that fails the command.
    pub fail_on: FailOn,
    /// Whether the text lists every file.
    pub list_files: bool,
    /// The exit status and its reason.
    pub verdict: &'a Verdict,
    /// The report for others, once a format needs it.
    pub public: OnceCell<Report>,
}

impl Review<'_> {
    /// Renders the review. Only text and JSON have private details: the others are for a CI's logs and other people.
    ///
    /// # Errors
    /// The document can't be built.
    pub fn render(&self, format: ReportFormat, style: Style) -> Result<String, Failure> {
        let report = self.report;
        let public = || self.public.get_or_init(|| report.redacted());
        match format {
            ReportFormat::Text => Ok(report_text(self, style)),
            ReportFormat::Json => json(report).map_err(Failure::incomplete),
            ReportFormat::Markdown => Ok(report_markdown(public())),
            ReportFormat::Sarif => {
                let hunks = Hunks::of(self.change, &public().findings);
                json(&sarif::report_sarif(public(), &hunks, self.page)).map_err(Failure::incomplete)
            }
            ReportFormat::Github => Ok(annotations::report_annotations(public())),
            ReportFormat::Rdjson => json(&rdjson::report_rdjson(public())).map_err(Failure::incomplete),
            ReportFormat::Gitlab => {
                let hunks = Hunks::of(self.change, &public().findings);
                json(&code_quality::report_code_quality(public(), &hunks)).map_err(Failure::incomplete)
            }
            ReportFormat::Junit => junit::report_junit(public(), self.fail_on.severity()).map_err(Failure::incomplete),
        }
    }
}
