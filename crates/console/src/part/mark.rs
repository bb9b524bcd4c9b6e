//! Badges for statuses, severities and outcomes. Each has a word and a shape; colour is never the only signal.

use holdfast_core::model::finding::Severity;
use holdfast_core::model::report::RunStatus;
use maud::{Markup, html};

use crate::view::{FileOutcome, UnitEnd};

/// Shapes in a 16 by 16 view box, drawn in the text's colour.
mod shape {
    pub const CHECK: &str = "M3.2 8.6l3 3 6.6-7";
    pub const CROSS: &str = "M4 4l8 8M12 4l-8 8";
    pub const CLOCK: &str = "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M8 4.6V8l2.3 1.8";
    pub const TURN: &str = "M13.6 8A5.6 5.6 0 1 1 11.5 3.6M11.6 1.2v2.9H8.7";
    pub const HALF: &str = "M8 2.2a5.8 5.8 0 1 0 0 11.6zM8 2.2a5.8 5.8 0 0 1 0 11.6";
    pub const SKIP: &str = "M3.5 4v8l5-4zM11.5 4v8";
    pub const PERSON: &str = "M8 8.2a2.9 2.9 0 1 0 0-5.8 2.9 2.9 0 0 0 0 5.8M2.6 13.8c.5-2.6 2.7-4 5.4-4s4.9 1.4 5.4 4";
    pub const FORWARD: &str = "M2.5 8h10M8.8 4l4 4-4 4";
    pub const STOP: &str = "M5.3 1.8h5.4l3.5 3.5v5.4l-3.5 3.5H5.3l-3.5-3.5V5.3zM5 8h6";
    pub const DOTS: &str = "M3.4 8h.1M8 8h.1M12.5 8h.1";
    pub const BRUSH: &str = "M8 1.8v5.4M4 7.2h8l1 6.6H3zM6.4 11v2.6M9.6 11v2.6";
    pub const OCTAGON: &str = "M5.3 1.4h5.4l3.9 3.9v5.4l-3.9 3.9H5.3l-3.9-3.9V5.3zM7.1 3.6h1.8l-.3 5.2H7.4zM8 10.3a1 1 0 1 1 0 2 1 1 0 0 1 0-2z";
    pub const TRIANGLE: &str = "M8 1.2l7.2 13H.8zM7.2 5.6h1.6l-.3 4.3h-1zM8 10.9a.9.9 0 1 1 0 1.8.9.9 0 0 1 0-1.8z";
    pub const DIAMOND: &str = "M8 1l7 7-7 7-7-7z";
    pub const DISC: &str = "M8 3.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6z";
    pub const RING: &str =
        "M8 2.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6zm0 1.6a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6z";
}

/// Draws a shape in lines.
fn lines(path: &str) -> Markup {
    html! {
        svg.icon viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" {
            path d=(path) fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

/// Draws a filled shape.
fn solid(path: &str) -> Markup {
    html! {
        svg.icon viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" {
            path d=(path) fill="currentColor" fill-rule="evenodd" {}
        }
    }
}

/// Returns the badge of a run's status.
pub fn status(status: RunStatus) -> Markup {
    let (tone, path) = match status {
        RunStatus::Running => ("now", shape::TURN),
        RunStatus::Reviewed | RunStatus::Published => ("good", shape::CHECK),
        RunStatus::Partial => ("warn", shape::HALF),
        RunStatus::Skipped => ("calm", shape::SKIP),
        RunStatus::AwaitingApproval => ("ask", shape::PERSON),
        RunStatus::Rejected => ("calm", shape::STOP),
        RunStatus::Superseded => ("calm", shape::FORWARD),
        RunStatus::Failed => ("bad", shape::CROSS),
    };
    badge(tone, path, status_word(status))
}

/// Returns a status in readable form.
pub const fn status_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "Running",
        RunStatus::Reviewed => "Reviewed",
        RunStatus::Partial => "Partial",
        RunStatus::Skipped => "Skipped",
        RunStatus::AwaitingApproval => "Awaiting approval",
        RunStatus::Published => "Published",
        RunStatus::Rejected => "Rejected",
        RunStatus::Superseded => "Superseded",
        RunStatus::Failed => "Failed",
    }
}

/// Returns the class that colours a status in charts.
pub const fn status_class(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "is-now",
        RunStatus::Published => "is-good",
        RunStatus::Reviewed => "is-good-2",
        RunStatus::Partial => "is-warn",
        RunStatus::AwaitingApproval => "is-ask",
        RunStatus::Failed => "is-bad",
        RunStatus::Rejected => "is-calm",
        RunStatus::Skipped => "is-calm-2",
        RunStatus::Superseded => "is-calm-3",
    }
}

/// All statuses, in the order of the filter.
pub const STATUSES: [RunStatus; 9] = [
    RunStatus::AwaitingApproval,
    RunStatus::Running,
    RunStatus::Published,
    RunStatus::Reviewed,
    RunStatus::Partial,
    RunStatus::Failed,
    RunStatus::Rejected,
    RunStatus::Skipped,
    RunStatus::Superseded,
];

/// Returns the badge of a severity.
pub fn severity(severity: Severity) -> Markup {
    let (path, word) = match severity {
        Severity::Critical => (shape::OCTAGON, "Critical"),
        Severity::High => (shape::TRIANGLE, "High"),
        Severity::Medium => (shape::DIAMOND, "Medium"),
        Severity::Low => (shape::DISC, "Low"),
        Severity::Info => (shape::RING, "Info"),
    };
    html! { span class={ "severity severity-" (severity.as_str()) } { (solid(path)) (word) } }
}

/// Returns the badge of a file's outcome.
pub fn outcome(outcome: FileOutcome) -> Markup {
    let (tone, path, word) = match outcome {
        FileOutcome::Unreviewed => ("bad", shape::CROSS, "Unreviewed"),
        FileOutcome::Running => ("now", shape::TURN, "Running"),
        FileOutcome::Queued => ("calm", shape::DOTS, "Queued"),
        FileOutcome::Reviewed => ("good", shape::CHECK, "Reviewed"),
        FileOutcome::Scanned => ("calm", shape::CHECK, "Scanned"),
        FileOutcome::Skipped => ("calm", shape::SKIP, "Skipped"),
    };
    badge(tone, path, word)
}

/// Returns the badge of a unit's state.
pub fn unit_end(end: &UnitEnd) -> Markup {
    outcome(match end {
        UnitEnd::Queued => FileOutcome::Queued,
        UnitEnd::Running => FileOutcome::Running,
        UnitEnd::Reviewed => FileOutcome::Reviewed,
        UnitEnd::Unreviewed(_) => FileOutcome::Unreviewed,
    })
}

/// Returns the badge of a run that needs manual cleanup.
pub fn needs_cleaning() -> Markup {
    badge("bad", shape::BRUSH, "Needs cleaning")
}

/// Returns the badge of a verdict: valid or not.
pub fn verdict(valid: bool) -> Markup {
    if valid {
        badge("good", shape::CHECK, "Valid")
    } else {
        badge("warn", shape::CROSS, "Sent back")
    }
}

/// Returns the badge of something that is waiting.
pub fn waiting(word: &str) -> Markup {
    badge("calm", shape::CLOCK, word)
}

/// Returns the badge of a positive fact.
pub fn good(word: &str) -> Markup {
    badge("good", shape::CHECK, word)
}

/// Returns the badge of a bad state.
pub fn bad(word: &str) -> Markup {
    badge("bad", shape::STOP, word)
}

fn badge(tone: &str, path: &str, word: &str) -> Markup {
    html! { span class={ "badge badge-" (tone) } { (lines(path)) (word) } }
}
