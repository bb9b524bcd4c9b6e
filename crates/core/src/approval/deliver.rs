//! Delivers decisions to the workflow, and applies them to the report. Every stored decision is delivered eventually,
//! by the process that stored it or by a sweep.

use std::collections::BTreeSet;

use serde_json::json;

use crate::error::StageError;
use crate::model::approval::{Approval, Verdict};
use crate::model::error_name::ErrorName;
use crate::model::finding::Finding;
use crate::model::report::Report;
use crate::model::run_name::RunName;
use crate::port::{AnswerTask, Deadline, KeepRows, TaskAnswer};
use crate::rows::{self, Update};

use super::audit::write_audit;
use super::{Delivered, Question, question_key};

/// Maximum number of questions in one sweep.
const MAX_QUESTIONS: usize = 10_000;

/// Delivers a decision to the workflow, unless it was delivered before. A repeated call has no second effect.
///
/// # Errors
///
/// The engine or the table fails.
pub async fn deliver(rows: &dyn KeepRows, tasks: &dyn AnswerTask, run: &RunName, round: u32) -> Result<(), StageError> {
    rows::update(rows, &question_key(run, round), |found: Option<Question>| async move {
        let Some(question) = found else {
            return Ok(Update::Keep(()));
        };
        write_audit(rows, &question).await?;
        let Some(verdict) = question.decided.filter(|_| question.delivered == Delivered::No) else {
            return Ok(Update::Keep(()));
        };
        let taken = match verdict {
            Verdict::Approved => {
                let output = json!({ "decision": verdict.as_str() });
                tasks.succeed_task(&question.token, output).await?
            }
            Verdict::Rejected => {
                let reason = question.last_vote().and_then(|vote| vote.ballot.reason.as_deref());
                let reason = reason.unwrap_or_default();
                tasks
                    .fail_task(&question.token, ErrorName::ApprovalRejected, reason)
                    .await?
            }
        };
        let delivered = match taken {
            TaskAnswer::Accepted => Delivered::Yes,
            TaskAnswer::NotWaiting => Delivered::NotWaiting,
        };
        Ok(Update::Write(Question { delivered, ..question }, ()))
    })
    .await
}

/// A decision that did not reach its run.
#[derive(Debug)]
pub struct Undelivered {
    /// The run's name, for people; the row's key where the row has another shape.
    pub run: String,
    /// The reason; the next sweep retries it.
    pub failure: StageError,
}

/// Delivers every stored decision that was not delivered before, and returns their runs, or why one was not delivered.
/// Stops at the deadline.
///
/// # Errors
/// The table can't be read.
pub async fn deliver_all(
    table: &dyn KeepRows,
    tasks: &dyn AnswerTask,
    deadline: &dyn Deadline,
) -> Result<Vec<Result<RunName, Undelivered>>, StageError> {
    let mut delivered = Vec::new();
    for (key, row) in table.list("question/", MAX_QUESTIONS).await? {
        if deadline.is_over() {
            break;
        }
        let question = match rows::parse::<Question>(&key, &row) {
            Ok(question) => question,
            Err(failure) => {
                // One damaged row must not keep the other decisions from their runs.
                delivered.push(Err(Undelivered { run: key, failure }));
                continue;
            }
        };
        if !question.is_undelivered() {
            continue;
        }
        let Approval { run, round, .. } = question.approval;
        delivered.push(match deliver(table, tasks, &run, round).await {
            Ok(()) => Ok(run),
            Err(failure) => Err(Undelivered {
                run: run.into(),
                failure,
            }),
        });
    }
    Ok(delivered)
}

/// Returns the runs with a stored decision that was not delivered yet. A damaged row is left out.
///
/// # Errors
/// The table can't be read.
pub async fn undelivered_runs(table: &dyn KeepRows) -> Result<BTreeSet<RunName>, StageError> {
    let listed = table.list("question/", MAX_QUESTIONS).await?;
    let questions = listed
        .iter()
        .filter_map(|(key, row)| rows::parse::<Question>(key, row).ok());
    Ok(questions
        .filter(Question::is_undelivered)
        .map(|question| question.approval.run)
        .collect())
}

/// Applies the approvers' decision to a report: drops and edits findings, and notes who did. If the rest is published
/// already, the decision is only about the findings that need an approval.
pub fn apply_decision(question: &Question, report: &mut Report) {
    for vote in &question.votes {
        let ballot = &vote.ballot;
        let is_decided = |finding: &Finding| !question.approval.rest_is_published || finding.needs_approval();
        let mut dropped = 0;
        report.findings.retain_mut(|finding| {
            let is_dropped = is_decided(finding) && ballot.dropped.contains(&finding.id());
            dropped += usize::from(is_dropped);
            // A published finding keeps its severity and its words.
            !is_dropped || finding.restore_published()
        });
        let mut edited = 0;
        for finding in report.findings.iter_mut().filter(|finding| is_decided(finding)) {
            if let Some(edit) = ballot.edited.get(&finding.id()) {
                (finding.title, finding.body) = (edit.title.trim().to_owned(), edit.body.clone());
                // The suggestion may contradict the edited text.
                finding.suggestion = None;
                edited += 1;
            }
        }
        if dropped + edited > 0 {
            let what = format!("dropped {dropped} and edited {edited} of the findings before publication");
            // A mail address or a user of a machine belongs only in the run's own record.
            report.add_private_note(format!("{} {what}", vote.by.name), format!("a reviewer {what}"));
        }
    }
}
