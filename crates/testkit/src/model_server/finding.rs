//! Findings of a scripted model: on a given line, or on a line that the prompt adds.

use super::prompt::{Prompt, ShownFile};
use serde_json::{Value, json};

/// A finding to report. An answer leaves it out if the prompt does not show its file, unless it is `unchecked`.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    path: Option<String>,
    place: Place,
    start_line: Option<u32>,
    severity: String,
    category: String,
    title: String,
    body: String,
    quote: Option<String>,
    suggestion: Option<String>,
    confidence: f64,
    is_unchecked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Line(u32),
    FirstAdded,
}

impl Finding {
    /// Creates a finding on `line` (from 1, in the head) of `path`.
    pub fn at(path: impl Into<String>, line: u32) -> Self {
        Self::new(Some(path.into()), Place::Line(line))
    }

    /// Creates a finding on the prompt's first added line with text.
    pub fn first_added_line() -> Self {
        Self::new(None, Place::FirstAdded)
    }

    /// Creates a finding on the first line with text that `path` adds.
    pub fn first_added_line_of(path: impl Into<String>) -> Self {
        Self::new(Some(path.into()), Place::FirstAdded)
    }

    fn new(path: Option<String>, place: Place) -> Self {
        Self {
            path,
            place,
            start_line: None,
            severity: "medium".into(),
            category: "correctness".into(),
            title: "Scripted finding".into(),
            body: "This line was picked by the test's script.".into(),
            quote: None,
            suggestion: None,
            confidence: 0.9,
            is_unchecked: false,
        }
    }

    /// Sets the severity: `critical`, `high`, `medium` (default), `low` or `info`. Anything else is sent unchanged.
    pub fn severity(mut self, severity: impl Into<String>) -> Self {
        self.severity = severity.into();
        self
    }

    /// Sets the category; anything is sent unchanged. Default `correctness`.
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.category = category.into();
        self
    }

    /// Sets the title.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the text.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the quoted line. Default: the line's text in the prompt.
    pub fn quote(mut self, quote: impl Into<String>) -> Self {
        self.quote = Some(quote.into());
        self
    }

    /// Sets a replacement for the lines.
    pub fn suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Sets the first line of a range.
    pub fn start_line(mut self, start_line: u32) -> Self {
        self.start_line = Some(start_line);
        self
    }

    /// Sets the confidence; 0..=1 is valid. Default 0.9.
    pub fn confidence(mut self, confidence: f64) -> Self {
        self.confidence = confidence;
        self
    }

    /// Reports the finding in every answer, also if the prompt does not show its file.
    pub fn unchecked(mut self) -> Self {
        self.is_unchecked = true;
        self
    }

    /// Returns the finding for `prompt`: `None` if the prompt shows neither its file nor an added line to choose.
    pub fn to_json(&self, prompt: &Prompt) -> Option<Value> {
        // A blank line has no text to quote.
        let first = |file: &ShownFile| file.added.iter().find(|(_, text)| !text.trim().is_empty()).cloned();
        let has_added = |file: &&ShownFile| self.place != Place::FirstAdded || first(file).is_some();
        let file = match &self.path {
            Some(path) => prompt.file(path).filter(has_added),
            None => prompt.files.iter().find(has_added),
        };
        if file.is_none() && !self.is_unchecked {
            return None;
        }
        let first_added = file.and_then(first).map_or(1, |(number, _)| number);
        let line = match self.place {
            Place::Line(line) => line,
            Place::FirstAdded => first_added,
        };
        let shown = file.and_then(|file| file.added.iter().find(|(number, _)| *number == line));
        let quote = self
            .quote
            .clone()
            .unwrap_or_else(|| shown.map(|(_, text)| text.clone()).unwrap_or_default());
        let path = self.path.clone().or_else(|| file.map(|file| file.path.clone()))?;
        let mut finding = json!({ "path": path, "side": "RIGHT" });
        if let Some(start_line) = self.start_line {
            finding["start_line"] = json!(start_line);
        }
        finding["line"] = json!(line);
        finding["severity"] = json!(self.severity);
        finding["category"] = json!(self.category);
        finding["title"] = json!(self.title);
        finding["body"] = json!(self.body);
        finding["quote"] = json!(quote);
        finding["suggestion"] = json!(self.suggestion);
        finding["confidence"] = json!(self.confidence);
        Some(finding)
    }
}

/// Returns the answer's JSON with the findings that `prompt` allows.
pub fn answer_text(findings: &[Finding], prompt: &Prompt) -> String {
    let findings: Vec<Value> = findings.iter().filter_map(|finding| finding.to_json(prompt)).collect();
    let files = prompt.files.len();
    let summary = format!("Read {files} file(s); {} finding(s).", findings.len());
    json!({ "summary": summary, "findings": findings }).to_string()
}
