//! Renders the end of a run without its result: it failed, a person cancelled it, or a newer run took over. No text here
//! has the content of a finding.

use crate::model::error_name::ErrorName;
use crate::model::failure::{Failure, is_superseded};
use crate::model::run::PublishedPart;
use crate::model::sha::CommitSha;
use crate::port::{CheckConclusion, CheckOutcome};
use crate::safe_text::title;

use super::state::{NEXT, time};

/// The result of a run that failed after it had published what is below the gate.
const BELOW_GATE_PUBLISHED: &str = "Findings below the gate's severity were published; those that waited for an approval \
                                    may be missing.";

/// The end of a run without its result.
#[derive(Clone, Copy, Debug)]
pub struct RunEnd<'a> {
    /// The error's name.
    pub error: &'a str,
    /// Who cancelled it and where, or the event that did.
    pub cancelled_by: Option<&'a str>,
    /// The end of the time in which it is retried by itself, in milliseconds since 1970; none if it is not retried.
    pub retried_until_ms: Option<i64>,
}

impl<'a> RunEnd<'a> {
    /// Returns the end by this error, without a retry.
    pub const fn by(error: &'a str) -> Self {
        Self {
            error,
            cancelled_by: None,
            retried_until_ms: None,
        }
    }

    fn is_cancelled(&self) -> bool {
        self.error == ErrorName::RunCancelled.as_str()
    }

    /// Returns the reason, without a full stop.
    fn why(&self) -> String {
        match self.cancelled_by.map(str::trim) {
            Some(by) if self.is_cancelled() && !by.is_empty() => title(by),
            _ => Failure::of_reason(self.error).sentence().to_owned(),
        }
    }

    /// Returns what happens next.
    fn next(&self) -> String {
        match self.retried_until_ms {
            Some(until_ms) => format!(
                "It is retried by itself once that is over, until {}. {NEXT}",
                time(until_ms)
            ),
            None => NEXT.to_owned(),
        }
    }
}

/// Returns the state of a review that failed, before or after it was published.
pub fn failed_body(head: &CommitSha, end: &RunEnd<'_>, published: PublishedPart) -> String {
    let published = match published {
        PublishedPart::Nothing => "Nothing of it was published.",
        PublishedPart::BelowGate => BELOW_GATE_PUBLISHED,
        PublishedPart::Review => "The review was published, but its last steps are missing.",
    };
    format!(
        "**Holdfast could not complete the review** of {}: {}.\n\n{published} {}\n",
        head.short(),
        end.why(),
        end.next()
    )
}

/// Returns the check of a run that ended without its result.
pub fn ended_check(end: &RunEnd<'_>, published: PublishedPart) -> CheckOutcome {
    let why = end.why();
    let is_superseded = is_superseded(end.error);
    let (title, summary) = match published {
        PublishedPart::BelowGate => {
            let title = match (is_superseded, end.is_cancelled()) {
                (true, _) => "A newer review takes over",
                (_, true) => "A part of the review was published, and then it was cancelled",
                _ => "A part of the review was published, and then it failed",
            };
            (title, format!("This review ended: {why}. {BELOW_GATE_PUBLISHED}"))
        }
        PublishedPart::Review => (
            "The review was published, and then it failed",
            format!("Its last steps are missing: {why}."),
        ),
        PublishedPart::Nothing if is_superseded => ("A newer review takes over", format!("This one ended: {why}.")),
        PublishedPart::Nothing if end.is_cancelled() => (
            "The review was cancelled",
            format!("This review ended: {why}. Nothing of it was published. {NEXT}"),
        ),
        PublishedPart::Nothing => (
            "The review could not be completed",
            format!("It ended: {why}. Nothing was published. {}", end.next()),
        ),
    };
    CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: title.to_owned(),
        summary,
        annotations: Vec::new(),
        awaits_decision: false,
    }
}
