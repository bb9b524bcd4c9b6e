//! What people are told apart from the review: a question for approval, an alarm. Plain text; how to decide depends on
//! where it runs, so the teller says that.

use crate::model::approval::Approval;

/// The text of a question.
pub fn question_text(approval: &Approval, how_to_decide: &str) -> String {
    let Approval {
        run, subject, findings, ..
    } = approval;
    let (repository, pull_request) = match subject.rsplit_once('#') {
        Some((repository, number)) => (repository, format!("Pull request: {number}\n")),
        None => (subject.as_str(), String::new()),
    };
    format!(
        "A review waits for a decision before it is published.\n\n\
         Repository: {repository}\n{pull_request}Worst severity: {worst}\nFindings: {findings}\nRun: {run}\n\n\
         {how_to_decide}\n",
        worst = approval.worst.as_str(),
    )
}

/// The subject of a question: one line.
pub fn question_subject(approval: &Approval) -> String {
    let again = if approval.round > 1 { " (asked again)" } else { "" };
    format!("Holdfast: approval needed for {}{again}", approval.subject)
}

/// The text of an alarm.
pub fn alarm_text(run: &str, what: &str) -> String {
    format!("Holdfast could not clean up after the run {run}. A person has to.\n\n{what}\n")
}

/// The subject of an alarm: one line.
pub fn alarm_subject(run: &str) -> String {
    format!("Holdfast: {run} needs cleaning by hand")
}
