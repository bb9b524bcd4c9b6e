//! A replay's writing ports: they note the writes that would be made, and notify nobody.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::ledger::FindingId;
use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{
    Alarm, CheckConclusion, CheckOutcome, CommentRevision, DraftedReview, ExecutionError, Mail, NotifyError,
    NotifyPeople, PublishError, PublishReview, ReviewDraft, StopRun,
};
use serde_json::{Map, Value, json};

use super::replay_notes::ReplayNotes;

/// Notes writes to a pull request.
pub struct RecordedWrites {
    /// The id of the run's check; `None` where the run couldn't create one.
    check: Option<u64>,
    notes: Arc<ReplayNotes>,
}

impl RecordedWrites {
    /// Creates the port for a run that had this check.
    pub fn new(check: Option<u64>, notes: Arc<ReplayNotes>) -> Self {
        Self { check, notes }
    }

    fn note(&self, write: &'static str, what: Value) {
        let what = match what {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        self.notes.write(write, what);
    }
}

#[async_trait]
impl PublishReview for RecordedWrites {
    async fn open_check(&self, _target: &Target, _run: &RunName) -> Result<Option<u64>, PublishError> {
        if self.check.is_some() {
            self.note("open_check", Value::Null);
        }
        Ok(self.check)
    }

    async fn close_check(&self, _target: &Target, _check: u64, outcome: &CheckOutcome) -> Result<(), PublishError> {
        let conclusion = match outcome.conclusion {
            CheckConclusion::Success => "success",
            CheckConclusion::Neutral => "neutral",
            CheckConclusion::ActionRequired => "action_required",
        };
        self.note(
            "close_check",
            json!({ "conclusion": conclusion, "title": outcome.title, "summary": outcome.summary,
                    "annotations": outcome.annotations.len() }),
        );
        Ok(())
    }

    async fn announce(&self, _target: &Target, _run: &RunName, body: &str) -> Result<(), PublishError> {
        self.note("announce", json!({ "body": body }));
        Ok(())
    }

    async fn close_checks(&self, target: &Target, _run: &RunName, outcome: &CheckOutcome) -> Result<(), PublishError> {
        match self.check {
            Some(check) => self.close_check(target, check, outcome).await,
            None => Ok(()),
        }
    }

    async fn await_maintainer(&self, _target: &Target, _body: &str) -> Result<(), PublishError> {
        Ok(())
    }

    async fn withdraw_state(&self, _target: &Target, _run: &RunName) -> Result<(), PublishError> {
        self.note("withdraw_state", Value::Null);
        Ok(())
    }

    async fn withdraw_draft(&self, _target: &Target, _run: &RunName) -> Result<bool, PublishError> {
        self.note("withdraw_draft", Value::Null);
        Ok(false)
    }

    async fn summarize(&self, _target: &Target, _run: &RunName, body: &str) -> Result<(), PublishError> {
        self.note("summarize", json!({ "body": body }));
        Ok(())
    }

    async fn revise_comment(&self, _target: &Target, revision: &CommentRevision) -> Result<(), PublishError> {
        self.note(
            "revise_comment",
            json!({ "comment": revision.comment, "body": revision.body, "is_minimized": revision.is_minimized }),
        );
        Ok(())
    }

    async fn resolve_thread(&self, _target: &Target, _thread: &str, _is_resolved: bool) -> Result<bool, PublishError> {
        // Whether GitHub lets the run do it isn't recorded.
        Ok(false)
    }

    async fn posted_findings(&self, _target: &Target, _review: u64) -> Result<Vec<(FindingId, u64)>, PublishError> {
        Ok(Vec::new())
    }

    async fn answer_command(&self, _target: &Target, _comment: u64, _body: &str) -> Result<(), PublishError> {
        Ok(())
    }

    async fn draft_review(&self, _target: &Target, draft: &ReviewDraft) -> Result<DraftedReview, PublishError> {
        let comments: Vec<Value> = draft
            .comments
            .iter()
            .map(|comment| {
                json!({ "path": comment.path, "side": comment.side, "start_line": comment.start_line,
                        "line": comment.line, "body": comment.body })
            })
            .collect();
        self.note("draft_review", json!({ "body": draft.body, "comments": comments }));
        Ok(DraftedReview {
            review: 0,
            is_submitted: false,
        })
    }

    async fn submit_review(&self, _target: &Target, _review: u64) -> Result<(), PublishError> {
        self.note("submit_review", Value::Null);
        Ok(())
    }
}

/// Stops nothing: a replay has only one run.
pub struct OneRun;

#[async_trait]
impl StopRun for OneRun {
    async fn stop_run(&self, _run: &RunName, _error: ErrorName, _cause: &str) -> Result<(), ExecutionError> {
        Ok(())
    }
}

/// Notifies nobody.
pub struct SilentPeople;

#[async_trait]
impl NotifyPeople for SilentPeople {
    async fn send_mail(&self, _mail: &Mail) -> Result<(), NotifyError> {
        Ok(())
    }

    async fn raise_alarm(&self, _run: &RunName, _alarm: &Alarm) -> Result<(), NotifyError> {
        Ok(())
    }
}
