//! Telling the workflow what was decided, and doing as was decided. A decision that is stored is delivered at last, by whom
//! ever: who took it, or a sweep.

use serde_json::json;

use crate::error::StageError;
use crate::model::approval::Verdict;
use crate::model::error_name::ErrorName;
use crate::model::report::Report;
use crate::port::{AnswerTask, KeepRows, TaskAnswer};
use crate::rows::{self, Update};

use super::audit::write_audit;
use super::{Delivered, Question, question_key};

/// Questions that one sweep looks at.
const MAX_QUESTIONS: usize = 10_000;

/// Tells the workflow what was decided, unless it knows. Done twice, there is one effect. Errors: what the engine and the
/// table say.
pub async fn deliver(rows: &dyn KeepRows, tasks: &dyn AnswerTask, run: &str, round: u32) -> Result<(), StageError> {
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
            TaskAnswer::Taken => Delivered::Yes,
            TaskAnswer::NotWaiting => Delivered::NotWaiting,
        };
        Ok(Update::Write(Question { delivered, ..question }, ()))
    })
    .await
}

/// Delivers every decision that is stored and not known to the workflow; gives the runs. Errors: what the table says; one
/// that cannot be delivered keeps none of the others waiting.
pub async fn deliver_all(
    table: &dyn KeepRows,
    tasks: &dyn AnswerTask,
) -> Result<Vec<(String, Option<StageError>)>, StageError> {
    let mut delivered = Vec::new();
    for (key, row) in table.list("question/", MAX_QUESTIONS).await? {
        let question: Question = rows::parse(&key, &row)?;
        if question.decided.is_none() || question.delivered != Delivered::No {
            continue;
        }
        let approval = question.approval;
        let failure = deliver(table, tasks, &approval.run, approval.round).await.err();
        delivered.push((approval.run, failure));
    }
    Ok(delivered)
}

/// Does as the approvers decided with a report's findings: drops and edits them, and notes by whom.
pub fn apply_decision(question: &Question, report: &mut Report) {
    for vote in &question.votes {
        let ballot = &vote.ballot;
        let before = report.findings.len();
        report
            .findings
            .retain(|finding| !ballot.dropped.contains(&finding.id()));
        let mut edited = 0;
        for finding in &mut report.findings {
            if let Some(edit) = ballot.edited.get(&finding.id()) {
                (finding.title, finding.body) = (edit.title.trim().to_owned(), edit.body.clone());
                // It may say something else than the lines it would put in place.
                finding.suggestion = None;
                edited += 1;
            }
        }
        let dropped = before - report.findings.len();
        if dropped + edited > 0 {
            let what = format!("dropped {dropped} and edited {edited} of the findings before publication");
            // A mail address, or a user of a machine, is nobody's business but the record's.
            report.add_private_note(format!("{} {what}", vote.by.name), format!("a reviewer {what}"));
        }
    }
}
