//! Reads SARIF 2.1.0, the format in which analysers and code scanning exchange reports.

use serde_json::Value;

use super::path::Places;
use super::shape::{Component, Log, Properties, Report, Rule, Run, Text};
use super::{Evidence, MAX_REPORTS, Tool, ToolReport};
use crate::model::finding::{Category, Severity};
use crate::visible::{visible, visible_line};

/// Bounds of a report's texts, in characters.
pub(super) const MAX_NAME_CHARS: usize = 60;
pub(super) const MAX_RULE_CHARS: usize = 120;
pub(super) const MAX_TITLE_CHARS: usize = 120;
pub(super) const MAX_MESSAGE_CHARS: usize = 2_000;

/// Maximum number of weaknesses of one report.
const MAX_CWE: usize = 5;

/// A file that isn't SARIF 2.1.0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSarif {
    /// Not JSON, or not of SARIF's shape.
    #[error("not SARIF: {0}")]
    Shape(String),
    /// Another version.
    #[error("SARIF {0}: only version 2.1.0 is read")]
    Version(String),
}

/// Reads a SARIF log. Left out are reports without a place in the repository, those that a tool suppressed, those of
/// checks that passed, and those that are no longer there.
///
/// # Errors
///
/// It isn't SARIF 2.1.0.
pub fn read_sarif(bytes: &[u8], places: &Places) -> Result<Evidence, InvalidSarif> {
    // Windows tools write a byte order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let log: Log = serde_json::from_slice(bytes).map_err(|error| InvalidSarif::Shape(error.to_string()))?;
    if log.version != "2.1.0" {
        return Err(InvalidSarif::Version(line(&log.version, MAX_NAME_CHARS)));
    }
    let (mut evidence, mut room) = (Evidence::default(), MAX_REPORTS);
    for run in &log.runs {
        let driver = &run.tool.driver;
        let name = tool_name(&driver.name);
        let version = driver.semantic_version.as_ref().or(driver.version.as_ref());
        evidence.tools.push(Tool {
            name: name.clone(),
            version: version.map(|version| line(version, MAX_NAME_CHARS)),
        });
        for report in run.results.iter().flatten().filter(|report| is_present(report)) {
            if let Some(report) = read_report(&name, run, report, places) {
                evidence.push(report, &mut room);
            }
        }
    }
    Ok(evidence)
}

/// Returns whether a result is a fault that is there now and that nobody suppressed.
fn is_present(report: &Report) -> bool {
    let is_fault = report
        .kind
        .as_deref()
        .is_none_or(|kind| matches!(kind, "fail" | "review" | "open"));
    let is_there = report.baseline_state.as_deref() != Some("absent");
    // A suppression that is under review, or rejected, suppresses nothing.
    let is_suppressed = (report.suppressions.iter())
        .any(|suppression| suppression.status.as_deref().is_none_or(|status| status == "accepted"));
    is_fault && is_there && !is_suppressed && report.level.as_deref() != Some("none")
}

fn read_report(tool: &str, run: &Run, report: &Report, places: &Places) -> Option<(String, ToolReport)> {
    let place = &report.locations.first()?.physical_location;
    let mut location = &place.artifact_location;
    if location.uri.is_none() {
        location = &at(&run.artifacts, location.index)?.location;
    }
    let base = location.uri_base_id.as_ref();
    let base = base.and_then(|id| run.original_uri_base_ids.get(id)?.uri.as_deref());
    let path = places.path_of(location.uri.as_deref()?, base)?;
    let start_line = place.region.start_line.filter(|line| *line > 0)?;
    let end_line = place.region.end_line.unwrap_or(start_line).max(start_line);

    let rule = rule_of(run, report);
    let id = (report.rule_id.as_deref())
        .or(report.rule.id.as_deref())
        .or(rule.map(|rule| rule.id.as_str()))
        .unwrap_or_default();
    let message = message(report, rule);
    let properties = [Some(&report.properties), rule.map(|rule| &rule.properties)];
    let cwe = weaknesses(properties.into_iter().flatten());
    let short = rule.and_then(|rule| rule.short_description.text.as_deref().or(rule.help.text.as_deref()));
    let title = short.map(|text| first_sentence(text, MAX_TITLE_CHARS));
    let title = title.filter(|title| !title.is_empty());
    let is_security = !cwe.is_empty() || properties.into_iter().flatten().any(is_about_security);
    let level = (report.level.as_deref())
        .or_else(|| rule?.default_configuration.level.as_deref())
        .unwrap_or("warning");
    let stated = properties.into_iter().flatten().find_map(stated_severity);
    let report = ToolReport {
        tool: tool.to_owned(),
        // zizmor names its rules `zizmor/ID`.
        rule: line(id.strip_prefix(&format!("{tool}/")).unwrap_or(id), MAX_RULE_CHARS),
        start_line,
        end_line,
        severity: stated.unwrap_or_else(|| severity_of(level)),
        category: category_of(is_security, level),
        cwe,
        title: title.unwrap_or_else(|| first_sentence(&message, MAX_TITLE_CHARS)),
        message,
    };
    Some((path, report))
}

/// Returns the severity of a level without a stated one. A level tells how sure a tool is, so a style rule with `error`
/// doesn't gate.
pub(super) fn severity_of(level: &str) -> Severity {
    match level {
        "error" => Severity::Medium,
        "warning" => Severity::Low,
        _ => Severity::Info,
    }
}

/// Returns the category of a report.
pub(super) fn category_of(is_security: bool, level: &str) -> Category {
    match is_security {
        true => Category::Security,
        false if level == "error" => Category::Correctness,
        false => Category::Maintainability,
    }
}

/// Returns the description of a report's rule: by index, in the driver or in an extension, or by its id.
fn rule_of<'a>(run: &'a Run, report: &Report) -> Option<&'a Rule> {
    let component: &Component = match report.rule.tool_component.index {
        Some(_) => at(&run.tool.extensions, report.rule.tool_component.index)?,
        None => &run.tool.driver,
    };
    let index = report.rule.index.or(report.rule_index).filter(|index| *index >= 0);
    if index.is_some() {
        return at(&component.rules, index);
    }
    let id = report.rule_id.as_ref().or(report.rule.id.as_ref())?;
    let all = run
        .tool
        .extensions
        .iter()
        .chain([&run.tool.driver])
        .flat_map(|component| &component.rules);
    // `CA1000/1` is a part of the rule `CA1000`.
    let parent = id.split_once('/').map(|(parent, _)| parent);
    all.clone()
        .find(|rule| rule.id == *id)
        .or_else(|| all.clone().find(|rule| Some(rule.id.as_str()) == parent))
}

fn at<T>(items: &[T], index: Option<i64>) -> Option<&T> {
    items.get(usize::try_from(index?).ok()?)
}

/// Returns a report's message; one by its id has the rule's text with the arguments in it.
fn message(report: &Report, rule: Option<&Rule>) -> String {
    let of_rule = |id: &String| rule.and_then(|rule| rule.message_strings.get(id)?.text.as_deref());
    let text = report
        .message
        .text
        .as_deref()
        .or_else(|| report.message.id.as_ref().and_then(of_rule));
    let filled = text.map(|text| with_arguments(text, &report.message));
    let described = || {
        rule.and_then(|rule| {
            rule.full_description
                .text
                .clone()
                .or_else(|| rule.short_description.text.clone())
        })
    };
    let text = filled
        .filter(|text| !text.trim().is_empty())
        .or_else(described)
        .unwrap_or_default();
    cut(visible(&text).trim(), MAX_MESSAGE_CHARS)
}

/// Replaces `{0}` and the like by the message's arguments.
fn with_arguments(text: &str, message: &Text) -> String {
    let mut filled = cut(text, MAX_MESSAGE_CHARS);
    for (index, argument) in message.arguments.iter().take(10).enumerate() {
        filled = cut(
            &filled.replace(&format!("{{{index}}}"), &cut(argument, MAX_MESSAGE_CHARS)),
            MAX_MESSAGE_CHARS,
        );
    }
    filled
}

/// Returns the severity that `security-severity` states, as code scanning reads it.
fn stated_severity(properties: &Properties) -> Option<Severity> {
    let score = match &properties.security_severity {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let score: f64 = score.filter(|score| (0.0..=10.0).contains(score))?;
    Some(match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Info,
    })
}

fn is_about_security(properties: &Properties) -> bool {
    let has_score = !properties.security_severity.is_null();
    has_score
        || properties
            .tags
            .iter()
            .any(|tag| tag.as_str().is_some_and(|tag| tag.eq_ignore_ascii_case("security")))
}

/// Returns the weaknesses that tags such as `external/cwe/cwe-079` or `CWE-79: …`, or the property `cwe`, name.
pub(super) fn weaknesses<'a>(properties: impl Iterator<Item = &'a Properties>) -> Vec<u32> {
    let mut found = Vec::new();
    for properties in properties {
        let more = match &properties.cwe {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for text in properties.tags.iter().chain(more).filter_map(Value::as_str) {
            let lower = cut(text, MAX_RULE_CHARS).to_ascii_lowercase();
            let digits = lower
                .rsplit("cwe-")
                .next()
                .filter(|_| lower.contains("cwe-"))
                .unwrap_or_default();
            let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
            match digits.parse() {
                Ok(number) if number > 0 && !found.contains(&number) && found.len() < MAX_CWE => found.push(number),
                _ => {}
            }
        }
    }
    found
}

/// Returns a tool's name without characters that separate it from its rule.
pub(super) fn tool_name(name: &str) -> String {
    let name = line(name, MAX_NAME_CHARS).replace(['/', ':'], "-");
    match name.is_empty() {
        true => "unnamed".to_owned(),
        false => name,
    }
}

pub(super) fn line(text: &str, most: usize) -> String {
    cut(visible_line(&cut(text, most)).trim(), most)
}

/// Returns the first sentence of a text, in one line and without its full stop.
pub(super) fn first_sentence(text: &str, most: usize) -> String {
    let first = text.trim().lines().next().unwrap_or_default();
    let end = first.find(". ").unwrap_or(first.len());
    line(first.get(..end).unwrap_or(first).trim_end_matches('.'), most)
}

pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
