//! Reads SARIF 2.1.0, the format in which analysers and code scanning exchange reports.

use std::collections::HashMap;

use super::bounded::{self, Short, Words};
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
/// Maximum number of runs of a log. A program that calls many tools writes a run for each.
const MAX_RUNS: usize = 200;

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
    // The error may quote the log.
    let shape = |error: serde_json::Error| InvalidSarif::Shape(line(&error.to_string(), MAX_TITLE_CHARS));
    let log: Log = bounded::read(bytes).map_err(shape)?;
    if &*log.version != "2.1.0" {
        return Err(InvalidSarif::Version(line(&log.version, MAX_NAME_CHARS)));
    }
    if log.runs.len() > MAX_RUNS {
        return Err(InvalidSarif::Shape(format!("more than {MAX_RUNS} runs")));
    }
    let (mut evidence, mut room) = (Evidence::default(), MAX_REPORTS);
    for run in log.runs.iter() {
        let driver = &run.tool.driver;
        let name = tool_name(&driver.name);
        let version = driver.semantic_version.as_ref().or(driver.version.as_ref());
        evidence.tools.push(Tool {
            name: name.clone(),
            version: version.map(|version| line(version, MAX_NAME_CHARS)),
        });
        let rules = rules_by_id(run);
        let results = run.results.iter().flat_map(|results| results.iter());
        for report in results.filter(|report| is_present(report)) {
            let Some((path, lines)) = place_of(run, report, places) else {
                continue;
            };
            // Those that are only counted cost nothing more.
            if room == 0 {
                evidence.left_out += 1;
                continue;
            }
            let rule = rule_of(run, &rules, report);
            evidence.push((path, read_report(&name, rule, report, lines)), &mut room);
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

/// Returns the path of a report in the repository and its lines; none if it has no such place.
fn place_of(run: &Run, report: &Report, places: &Places) -> Option<(String, (u32, u32))> {
    let place = &report.locations.first()?.physical_location;
    let mut location = &place.artifact_location;
    if location.uri.is_none() {
        location = &at(&run.artifacts, location.index)?.location;
    }
    let base = location.uri_base_id.as_ref();
    let base = base.and_then(|id| run.original_uri_base_ids.get(id)?.uri.as_deref());
    let path = places.path_of(location.uri.as_deref()?, base)?;
    let start_line = line_number(&place.region.start_line).filter(|line| *line > 0)?;
    let end_line = line_number(&place.region.end_line).map_or(start_line, |line| line.max(start_line));
    Some((path, (start_line, end_line)))
}

fn line_number(value: &Words) -> Option<u32> {
    value.iter().next()?.trim().parse().ok()
}

fn read_report(tool: &str, rule: Option<&Rule>, report: &Report, (start_line, end_line): (u32, u32)) -> ToolReport {
    let id = (report.rule_id.as_deref())
        .or(report.rule.id.as_deref())
        .or(rule.map(|rule| &*rule.id))
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
    ToolReport {
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
    }
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

/// Descriptions of rules, by their ids.
type Rules<'a> = HashMap<&'a str, &'a Rule>;

/// Returns the rules of a run. Of several with the same id the first one counts, those of extensions before the tool's.
fn rules_by_id(run: &Run) -> Rules<'_> {
    let components = run.tool.extensions.iter().chain([&run.tool.driver]);
    let mut rules = HashMap::new();
    for rule in components.flat_map(|component| component.rules.iter()) {
        rules.entry(&*rule.id).or_insert(rule);
    }
    rules
}

/// Returns the description of a report's rule: by index, in the driver or in an extension, or by its id.
fn rule_of<'a>(run: &'a Run, rules: &Rules<'a>, report: &Report) -> Option<&'a Rule> {
    let component: &Component = match report.rule.tool_component.index {
        Some(_) => at(&run.tool.extensions, report.rule.tool_component.index)?,
        None => &run.tool.driver,
    };
    let index = report.rule.index.or(report.rule_index).filter(|index| *index >= 0);
    if index.is_some() {
        return at(&component.rules, index);
    }
    let id = report.rule_id.as_deref().or(report.rule.id.as_deref())?;
    // `CA1000/1` is a part of the rule `CA1000`.
    let parent = || rules.get(id.split_once('/')?.0);
    rules.get(id).or_else(parent).copied()
}

fn at<T>(items: &[T], index: Option<i64>) -> Option<&T> {
    items.get(usize::try_from(index?).ok()?)
}

/// Returns a report's message; one by its id has the rule's text with the arguments in it.
fn message(report: &Report, rule: Option<&Rule>) -> String {
    let of_rule = |id: &Short| rule.and_then(|rule| rule.message_strings.get(id)?.text.as_deref());
    let text = report
        .message
        .text
        .as_deref()
        .or_else(|| report.message.id.as_ref().and_then(of_rule));
    let filled = text.map(|text| with_arguments(text, &report.message));
    let described = || {
        let rule = rule?;
        let text = rule.full_description.text.as_deref();
        text.or(rule.short_description.text.as_deref()).map(str::to_owned)
    };
    let text = filled
        .filter(|text| !text.trim().is_empty())
        .or_else(described)
        .unwrap_or_default();
    cut(visible(&text).trim(), MAX_MESSAGE_CHARS)
}

/// Replaces `{0}` and the like by the message's arguments, each up to ten times.
fn with_arguments(text: &str, message: &Text) -> String {
    let mut filled = cut(text, MAX_MESSAGE_CHARS);
    for (index, argument) in message.arguments.iter().take(10).enumerate() {
        let argument = cut(argument, MAX_MESSAGE_CHARS);
        filled = cut(
            &filled.replacen(&format!("{{{index}}}"), &argument, 10),
            MAX_MESSAGE_CHARS,
        );
    }
    filled
}

/// Returns the severity that `security-severity` states, as code scanning reads it.
fn stated_severity(properties: &Properties) -> Option<Severity> {
    let score: f64 = properties.security_severity.iter().next()?.trim().parse().ok()?;
    if !(0.0..=10.0).contains(&score) {
        return None;
    }
    Some(match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Info,
    })
}

fn is_about_security(properties: &Properties) -> bool {
    let has_score = properties.security_severity.iter().next().is_some();
    has_score || properties.tags.iter().any(|tag| tag.eq_ignore_ascii_case("security"))
}

/// Returns the weaknesses that tags such as `external/cwe/cwe-079` or `CWE-79: …`, or the property `cwe`, name.
pub(super) fn weaknesses<'a>(properties: impl Iterator<Item = &'a Properties>) -> Vec<u32> {
    let mut found = Vec::new();
    for properties in properties {
        for text in properties.tags.iter().chain(properties.cwe.iter()) {
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
