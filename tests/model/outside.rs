//! The ports of one run, as single requests. Those to GitHub follow the adapter (`crates/github`): look for the signed
//! marker, then write, then look again if the answer was lost.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use holdfast_core::ledger::FindingId;
use holdfast_core::model::change::{Change, ChangedFile, FileKind, FileStatus, Target};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{
    CheckOutcome, CommentRevision, DraftedReview, ExecutionError, FailedRun, KeepRows, ListFailedRuns, Precondition,
    PublishError, PublishReview, ReadChange, ReadError, ReviewDraft, Row, RowError, StopRun, StoreArtifact, StoreError,
    Written,
};
use serde_json::Value;

use crate::call::{Answer, Call, Comment, Content, Review, Shown};
use crate::replay::{Recorded, Text};

/// The path of the only changed file.
pub const FILE: &str = "a.rs";

/// A part of the protocol that is removed: a check must then find a violated invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// The table shows every run as the holder of the claim.
    Fence,
    /// Undoing does nothing.
    Undo,
    /// A draft is posted without looking for an existing one.
    Marker,
}

/// The ports.
pub struct Outside<'a> {
    pub recorded: &'a Recorded,
    pub run: &'a str,
    pub broken: Option<Broken>,
    /// True once the run has taken its claim.
    pub has_claimed: AtomicBool,
}

/// Returns the commit id of a head of the pull request.
pub fn sha(head: u8) -> CommitSha {
    let digit = char::from(b'a' + head % 6);
    CommitSha::parse(&digit.to_string().repeat(40)).unwrap()
}

/// Returns the only changed file: one new line.
fn a_file() -> ChangedFile {
    ChangedFile {
        path: FILE.to_owned(),
        previous_path: None,
        status: FileStatus::Added,
        kind: FileKind::Text,
        additions: 1,
        deletions: 0,
        patch: Some("@@ -0,0 +1,1 @@\n+x\n".to_owned()),
        omitted: None,
        secrets: Vec::new(),
    }
}

fn head_of(target: &Target) -> u8 {
    (0..6).find(|head| sha(*head) == *target.head()).unwrap()
}

fn strange(call: &str, answer: &Answer) -> ! {
    panic!("{call} is not answered by {answer:?}")
}

impl<'a> Outside<'a> {
    pub fn new(recorded: &'a Recorded, run: &'a str, broken: Option<Broken>, has_claimed: bool) -> Self {
        Self {
            recorded,
            run,
            broken,
            has_claimed: AtomicBool::new(has_claimed),
        }
    }

    /// Sends a request to GitHub.
    async fn request(&self, call: Call) -> Result<Answer, PublishError> {
        let said = format!("{call:?}");
        match self.recorded.ask(call).await {
            Answer::Unavailable => Err(PublishError::Unavailable(said)),
            Answer::Rejected => Err(PublishError::Rejected(said)),
            Answer::NotFound => Err(PublishError::NotFound(said)),
            answer => Ok(answer),
        }
    }

    async fn reviews(&self) -> Result<Vec<Review>, PublishError> {
        match self.request(Call::ListReviews).await? {
            Answer::Reviews(found) => Ok(found),
            other => strange("ListReviews", &other),
        }
    }

    async fn comments(&self) -> Result<Vec<Comment>, PublishError> {
        match self.request(Call::ListComments).await? {
            Answer::Comments(found) => Ok(found),
            other => strange("ListComments", &other),
        }
    }

    async fn open_check_of(&self, run: &Text) -> Result<Option<u64>, PublishError> {
        Ok(self.open_checks_of(run).await?.first().copied())
    }

    async fn open_checks_of(&self, run: &Text) -> Result<Vec<u64>, PublishError> {
        match self.request(Call::ListChecks { run: run.clone() }).await? {
            Answer::Checks(found) => {
                let open = found.into_iter().filter(|known| known.closed_with.is_none());
                Ok(open.map(|known| known.id).collect())
            }
            other => strange("ListChecks", &other),
        }
    }

    async fn is_closed(&self, id: u64, title: &Text) -> Result<bool, PublishError> {
        match self.request(Call::GetCheck { id }).await? {
            Answer::Checks(found) => Ok(found.iter().any(|known| known.closed_with.as_ref() == Some(title))),
            other => strange("GetCheck", &other),
        }
    }

    /// Deletes a comment or a draft; a missing one counts as deleted.
    async fn delete(&self, call: Call) -> Result<(), PublishError> {
        match self.request(call).await {
            Ok(_) | Err(PublishError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes a draft; returns true if it was submitted just before, and so remains.
    async fn delete_draft(&self, id: u64) -> Result<bool, PublishError> {
        match self.delete(Call::DeleteReview { id }).await {
            Ok(()) => Ok(false),
            Err(PublishError::Rejected(_)) if self.is_submitted(id).await => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn is_submitted(&self, id: u64) -> bool {
        match self.request(Call::GetReview { id }).await {
            Ok(Answer::Reviews(found)) => found.iter().any(|known| known.is_submitted),
            _ => false,
        }
    }

    /// Changes a row of the table so that a run which took its claim always sees itself as the holder.
    fn unfenced(&self, key: &str, mut row: Row) -> Row {
        if self.has_claimed.load(Ordering::Relaxed) && key.starts_with("claim/") {
            row.value["run"] = Value::from(self.run);
        }
        if *key == format!("run/{}", self.run) {
            row.value["closed"] = Value::from(false);
        }
        row
    }

    /// Gives the oldest summary comment this content, or posts one. Deletes the others.
    async fn write_summary(&self, found: Vec<Comment>, run: &Text, content: Content) -> Result<(), PublishError> {
        let mut is_written = false;
        for Comment { id, content: known, .. } in found {
            if is_written {
                self.delete(Call::DeleteComment { id }).await?;
            } else {
                is_written = known == content || self.edit(id, content.clone()).await?;
            }
        }
        if is_written {
            return Ok(());
        }
        let post = Call::PostComment {
            run: run.clone(),
            content: content.clone(),
        };
        match self.request(post).await {
            Ok(_) => Ok(()),
            Err(error @ PublishError::Unavailable(_)) => match self.comments().await {
                Ok(found) if found.iter().any(|found| found.content == content) => Ok(()),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Edits a comment; returns false if it is gone.
    async fn edit(&self, id: u64, content: Content) -> Result<bool, PublishError> {
        match self.request(Call::EditComment { id, content }).await {
            Ok(_) => Ok(true),
            Err(PublishError::NotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Returns the run's review; a submitted one takes precedence.
fn take_ours(mut found: Vec<Review>, run: &Text) -> Option<DraftedReview> {
    found.sort_by_key(|review| !review.is_submitted);
    let known = found.into_iter().find(|review| review.run == *run)?;
    Some(DraftedReview {
        review: known.id,
        is_submitted: known.is_submitted,
    })
}

#[async_trait]
impl PublishReview for Outside<'_> {
    async fn open_check(&self, _target: &Target, run: &RunName) -> Result<Option<u64>, PublishError> {
        let run = Text::from(run.as_str());
        if let Some(id) = self.open_check_of(&run).await? {
            return Ok(Some(id));
        }
        match self.request(Call::PostCheck { run: run.clone() }).await {
            Ok(Answer::Created(id)) => Ok(Some(id)),
            Ok(other) => strange("PostCheck", &other),
            Err(error @ PublishError::Unavailable(_)) => match self.open_check_of(&run).await {
                Ok(Some(id)) => Ok(Some(id)),
                _ => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn close_checks(&self, target: &Target, run: &RunName, outcome: &CheckOutcome) -> Result<(), PublishError> {
        if self.broken == Some(Broken::Undo) {
            return Ok(());
        }
        for check in self.open_checks_of(&run.as_str().into()).await? {
            self.close_check(target, check, outcome).await?;
        }
        Ok(())
    }

    async fn close_check(&self, _target: &Target, id: u64, outcome: &CheckOutcome) -> Result<(), PublishError> {
        let title = Text::from(outcome.title.as_str());
        if self.is_closed(id, &title).await? {
            return Ok(());
        }
        match self
            .request(Call::CloseCheck {
                id,
                title: title.clone(),
            })
            .await
        {
            Ok(_) => Ok(()),
            Err(PublishError::Unavailable(_)) if self.is_closed(id, &title).await.is_ok_and(|closed| closed) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn announce(&self, _target: &Target, run: &RunName, body: &str) -> Result<(), PublishError> {
        let found = self.comments().await?;
        let run = Text::from(run.as_str());
        let shown = if body.contains("Nothing of it was published") {
            Shown::NothingPublished
        } else if body.contains("could not complete") {
            Shown::StepsMissing
        } else if body.contains("not approved in time") {
            Shown::Expired
        } else {
            Shown::InProgress
        };
        let content = Content {
            state: Some((run.clone(), shown)),
            summary: found.iter().find_map(|known| known.content.summary.clone()),
        };
        self.write_summary(found, &run, content).await
    }

    async fn await_maintainer(&self, _target: &Target, _body: &str) -> Result<(), PublishError> {
        panic!("no run waits for a maintainer")
    }

    async fn withdraw_state(&self, _target: &Target, run: &RunName) -> Result<(), PublishError> {
        if self.broken == Some(Broken::Undo) {
            return Ok(());
        }
        for Comment { id, content } in self.comments().await? {
            match content.summary {
                _ if content.state.is_none_or(|(of, _)| *run != of.as_str()) => {}
                None => self.delete(Call::DeleteComment { id }).await?,
                summary => {
                    self.edit(id, Content { state: None, summary }).await?;
                }
            }
        }
        Ok(())
    }

    async fn withdraw_draft(&self, _target: &Target, run: &RunName) -> Result<bool, PublishError> {
        if self.broken == Some(Broken::Undo) {
            return Ok(false);
        }
        let run = Text::from(run.as_str());
        let mut is_submitted = false;
        for found in self.reviews().await?.into_iter().filter(|found| found.run == run) {
            is_submitted |= found.is_submitted || self.delete_draft(found.id).await?;
        }
        let is_summary = |known: &Comment| known.content.summary.as_ref() == Some(&run);
        Ok(is_submitted || self.comments().await?.iter().any(is_summary))
    }

    async fn summarize(&self, _target: &Target, run: &RunName, _body: &str) -> Result<(), PublishError> {
        let run = Text::from(run.as_str());
        let content = Content {
            state: None,
            summary: Some(run.clone()),
        };
        let found = self.comments().await?;
        self.write_summary(found, &run, content).await
    }

    async fn revise_comment(&self, _target: &Target, _revision: &CommentRevision) -> Result<(), PublishError> {
        Ok(())
    }

    async fn resolve_thread(&self, _: &Target, _thread: &str, _is_resolved: bool) -> Result<bool, PublishError> {
        Ok(false)
    }

    async fn posted_findings(&self, _: &Target, _review: u64) -> Result<Vec<(FindingId, u64)>, PublishError> {
        Ok(Vec::new())
    }

    async fn answer_command(&self, _target: &Target, _comment: u64, _body: &str) -> Result<(), PublishError> {
        Ok(())
    }

    async fn draft_review(&self, target: &Target, draft: &ReviewDraft) -> Result<DraftedReview, PublishError> {
        let run = Text::from(draft.run.as_str());
        if self.broken != Some(Broken::Marker) {
            let found = self.reviews().await?;
            if let Some(known) = take_ours(found.clone(), &run) {
                return Ok(known);
            }
            for stale in found.into_iter().filter(|review| !review.is_submitted) {
                self.delete_draft(stale.id).await?;
            }
        }
        let post = Call::PostReview {
            run: run.clone(),
            head: head_of(target),
        };
        match self.request(post).await {
            Ok(Answer::Created(review)) => Ok(DraftedReview {
                review,
                is_submitted: false,
            }),
            Ok(other) => strange("PostReview", &other),
            Err(error @ PublishError::Unavailable(_)) => match self.reviews().await {
                Ok(found) => take_ours(found, &run).ok_or(error),
                Err(_) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn submit_review(&self, _target: &Target, review: u64) -> Result<(), PublishError> {
        let Err(error) = self.request(Call::SubmitReview { id: review }).await else {
            return Ok(());
        };
        let may_be_done = matches!(error, PublishError::Unavailable(_) | PublishError::Rejected(_));
        if may_be_done && self.is_submitted(review).await {
            return Ok(());
        }
        Err(error)
    }
}

#[async_trait]
impl ReadChange for Outside<'_> {
    async fn read_change(&self, target: &Target) -> Result<Change, ReadError> {
        Ok(Change {
            base: sha(5),
            base_tip: None,
            is_branch_here: false,
            head: self.current_head(target).await?,
            title: "A change".to_owned(),
            description: String::new(),
            author: None,
            url: None,
            files: vec![a_file()],
            files_total: 1,
            notes: Vec::new(),
        })
    }

    async fn read_file(&self, _: &Target, path: &str, _: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        panic!("no stage of this check reads {path}")
    }

    async fn current_head(&self, _target: &Target) -> Result<CommitSha, ReadError> {
        match self.recorded.ask(Call::ReadHead).await {
            Answer::Head(head) => Ok(sha(head)),
            Answer::Unavailable => Err(ReadError::Unavailable("ReadHead".to_owned())),
            other => strange("ReadHead", &other),
        }
    }
}

#[async_trait]
impl StoreArtifact for Outside<'_> {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let value = std::str::from_utf8(bytes).unwrap().into();
        match self.recorded.ask(Call::PutArtifact { key: key.into(), value }).await {
            Answer::Done => Ok(()),
            _ => Err(StoreError {
                key: key.to_owned(),
                detail: "no answer".to_owned(),
            }),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.recorded.ask(Call::GetArtifact { key: key.into() }).await {
            Answer::Artifact(found) => Ok(found.map(|text| text.as_str().as_bytes().to_vec())),
            _ => Err(StoreError {
                key: key.to_owned(),
                detail: "no answer".to_owned(),
            }),
        }
    }
}

fn row((version, value): (u64, Text)) -> Row {
    Row {
        version,
        value: serde_json::from_str(value.as_str()).unwrap(),
    }
}

fn lost(key: &str) -> RowError {
    RowError {
        key: key.to_owned(),
        detail: "no answer".to_owned(),
    }
}

fn written(key: &str, answer: Answer) -> Result<Written, RowError> {
    match answer {
        Answer::Written(version) => Ok(Written::Done { version }),
        Answer::Conflict(found) => Ok(Written::Conflict { found: found.map(row) }),
        Answer::Unavailable => Err(lost(key)),
        other => strange(key, &other),
    }
}

#[async_trait]
impl KeepRows for Outside<'_> {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        match self.recorded.ask(Call::GetRow { key: key.into() }).await {
            Answer::Row(Some(found)) if self.broken == Some(Broken::Fence) => Ok(Some(self.unfenced(key, row(found)))),
            Answer::Row(found) => Ok(found.map(row)),
            Answer::Unavailable => Err(lost(key)),
            other => strange(key, &other),
        }
    }

    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError> {
        let call = Call::PutRow {
            key: key.into(),
            value: value.to_string().as_str().into(),
            expect: match expect {
                Precondition::Absent => None,
                Precondition::Version(version) => Some(version),
            },
        };
        let written = written(key, self.recorded.ask(call).await);
        self.has_claimed.fetch_or(key.starts_with("run/"), Ordering::Relaxed);
        written
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        written(
            key,
            self.recorded
                .ask(Call::DeleteRow {
                    key: key.into(),
                    version,
                })
                .await,
        )
    }

    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
        match self
            .recorded
            .ask(Call::ListRows {
                prefix: prefix.into(),
                most,
            })
            .await
        {
            Answer::Rows(found) => Ok(found
                .into_iter()
                .map(|(key, version, value)| (key.as_str().to_owned(), row((version, value))))
                .collect()),
            Answer::Unavailable => Err(lost(prefix)),
            other => strange(prefix, &other),
        }
    }
}

#[async_trait]
impl StopRun for Outside<'_> {
    async fn stop_run(&self, run: &RunName, _error: ErrorName, _cause: &str) -> Result<(), ExecutionError> {
        match self
            .recorded
            .ask(Call::StopRun {
                run: run.as_str().into(),
            })
            .await
        {
            Answer::Done => Ok(()),
            _ => Err(ExecutionError {
                run: run.to_string(),
                detail: "no answer".to_owned(),
            }),
        }
    }
}

#[async_trait]
impl ListFailedRuns for Outside<'_> {
    async fn failed_runs(&self, _most: usize) -> Result<Vec<FailedRun>, ExecutionError> {
        match self.recorded.ask(Call::ListFailedRuns).await {
            Answer::Failed(found) => Ok(found
                .into_iter()
                .map(|(run, error)| FailedRun {
                    run: run.as_str().parse().unwrap(),
                    started_with: Value::Null,
                    error: error.as_str().to_owned(),
                    cause: None,
                })
                .collect()),
            other => strange("ListFailedRuns", &other),
        }
    }
}
