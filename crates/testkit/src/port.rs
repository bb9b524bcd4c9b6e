//! The domain's ports in memory: rows, artifacts, a fixed change, a pull request's page, its threads, no syntax. Tests
//! that need another behavior, such as a page that loses answers, have their own fakes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::evidence::{Evidence, ToolRequest, ToolRuns};
use holdfast_core::ledger::FindingId;
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{
    CheckOutcome, CommentRevision, DraftedReview, Ends, FindingThread, KeepRows, Precondition, PublishError,
    PublishReview, ReadChange, ReadError, ReadThreads, ReviewComment, ReviewDraft, RootEntry, RootKind, Row, RowError,
    SourceSyntax, StoreArtifact, StoreError, SyntaxAnswer, Written,
};
use serde_json::Value;

/// Returns the name of a run.
#[expect(clippy::unwrap_used, reason = "a test gives a valid name")]
pub fn run_name(text: &str) -> RunName {
    text.parse().unwrap()
}

/// Rows in memory, with the guarantees of the port.
#[derive(Debug, Default)]
pub struct MemoryRows(Mutex<BTreeMap<String, Row>>);

impl MemoryRows {
    /// Returns all rows, by key. A test may change them without the port.
    pub fn all(&self) -> MutexGuard<'_, BTreeMap<String, Row>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<(String, Row)> for MemoryRows {
    fn from_iter<T: IntoIterator<Item = (String, Row)>>(rows: T) -> Self {
        Self(Mutex::new(rows.into_iter().collect()))
    }
}

#[async_trait]
impl KeepRows for MemoryRows {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        Ok(self.all().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError> {
        let mut rows = self.all();
        let found = rows.get(key).cloned();
        let version = found.as_ref().map(|row| row.version);
        let is_as_expected = match expect {
            Precondition::Absent => version.is_none(),
            Precondition::Version(expected) => version == Some(expected),
        };
        if !is_as_expected {
            return Ok(Written::Conflict { found });
        }
        let version = version.unwrap_or(0) + 1;
        let value = value.clone();
        rows.insert(key.to_owned(), Row { version, value });
        Ok(Written::Done { version })
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        let mut rows = self.all();
        let found = rows.get(key).cloned();
        if found.as_ref().is_some_and(|row| row.version != version) {
            return Ok(Written::Conflict { found });
        }
        rows.remove(key);
        Ok(Written::Done { version })
    }

    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
        let rows = self.all();
        let inside = rows.iter().filter(|(key, _)| key.starts_with(prefix)).take(most);
        Ok(inside.map(|(key, row)| (key.clone(), row.clone())).collect())
    }
}

/// Artifacts in memory.
#[derive(Debug, Default)]
pub struct MemoryArtifacts(Mutex<BTreeMap<String, Vec<u8>>>);

impl MemoryArtifacts {
    /// Returns all artifacts, by key.
    pub fn all(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FromIterator<(String, Vec<u8>)> for MemoryArtifacts {
    fn from_iter<T: IntoIterator<Item = (String, Vec<u8>)>>(artifacts: T) -> Self {
        Self(Mutex::new(artifacts.into_iter().collect()))
    }
}

#[async_trait]
impl StoreArtifact for MemoryArtifacts {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.all().insert(key.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.all().get(key).cloned())
    }
}

/// A fixed change. By default it has no change to read, no files, and the target's head.
#[derive(Clone, Debug, Default)]
pub struct FixedChange {
    /// The change; reading fails without one.
    pub change: Option<Change>,
    /// Files by path, the same at every commit.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The current head; the target's if this is none.
    pub head: Option<CommitSha>,
    /// The current merge base, if it is known.
    pub merge_base: Option<CommitSha>,
    /// The reports of code scanning; one that is `missing` is refused with that reason. Its `ran` are those of tools, and
    /// its `artifacts` those of workflows.
    pub scanned: Evidence,
    /// The error of reading artifacts.
    pub artifacts_error: Option<fn() -> ReadError>,
}

#[async_trait]
impl ReadChange for FixedChange {
    async fn read_change(&self, _target: &Target) -> Result<Change, ReadError> {
        let missing = || ReadError::Unavailable("no change is read here".to_owned());
        self.change.clone().ok_or_else(missing)
    }

    async fn read_file(&self, _target: &Target, path: &str, _at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.files.get(path).cloned())
    }

    async fn code_scanning(&self, _target: &Target, _head: &CommitSha) -> Result<Evidence, ReadError> {
        match &self.scanned.missing {
            Some(missing) => Err(ReadError::Forbidden(missing.clone())),
            None => Ok(self.scanned.clone()),
        }
    }

    async fn artifacts(&self, _target: &Target, _head: &CommitSha, _names: &[String]) -> Result<ToolRuns, ReadError> {
        match self.artifacts_error {
            Some(error) => Err(error()),
            None => Ok(self.scanned.artifacts.clone().unwrap_or_default()),
        }
    }

    async fn run_tools(&self, _target: &Target, _request: &ToolRequest) -> Result<ToolRuns, ReadError> {
        Ok(self.scanned.ran.clone().unwrap_or_default())
    }

    async fn read_folder(
        &self,
        _target: &Target,
        name: &str,
        _at: &CommitSha,
    ) -> Result<Option<Vec<RootEntry>>, ReadError> {
        let in_folder = |(path, bytes): (&String, &Vec<u8>)| {
            let name = path.strip_prefix(name)?.strip_prefix('/')?;
            (!name.contains('/')).then(|| RootEntry {
                name: name.to_owned(),
                kind: RootKind::File,
                bytes: u64::try_from(bytes.len()).ok(),
            })
        };
        Ok(Some(self.files.iter().filter_map(in_folder).collect()))
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        Ok(self.head.as_ref().unwrap_or(target.head()).clone())
    }

    async fn current_ends(&self, target: &Target) -> Result<Ends, ReadError> {
        Ok(Ends {
            head: self.current_head(target).await?,
            merge_base: self.merge_base.clone(),
        })
    }
}

/// The id of the one check on a [`PullRequestPage`].
const CHECK: u64 = 7;
/// The id of the first published comment.
const FIRST_COMMENT: u64 = 1;

/// A pull request's page: it accepts each write and keeps what was written, for one run's draft at a time.
#[derive(Debug, Default)]
pub struct PullRequestPage {
    /// The id of its check, if it isn't the usual one.
    pub check: Option<u64>,
    /// Drafts in the order of their writes; a withdrawal removes all of them.
    pub drafts: Mutex<Vec<ReviewDraft>>,
    /// The number of submissions.
    pub submitted: Mutex<usize>,
    /// The subjects of the submitted reviews.
    pub submitted_subjects: Mutex<BTreeSet<String>>,
    /// The outcomes of completed checks.
    pub closed: Mutex<Vec<CheckOutcome>>,
    /// The commits with a copy of the head's check.
    pub copied: Mutex<Vec<CommitSha>>,
    /// The parts of the summary comment, by run: the state of one that is not published, and the last summary. A run
    /// with both has the summary below the state.
    pub comments: Mutex<BTreeMap<String, String>>,
    /// The last summary, with its run.
    pub summary: Mutex<Option<(String, String)>>,
    /// The changes of inline comments.
    pub revised: Mutex<Vec<CommentRevision>>,
    /// The state of a pull request that waits for a maintainer, until a run writes another one.
    pub waiting: Mutex<Option<String>>,
    /// The attempts to resolve a thread, or to open it again.
    pub resolved: Mutex<Vec<(String, bool)>>,
    /// Whether the credentials may resolve threads.
    pub may_resolve: bool,
    /// Whether the published comments can't be read.
    pub hides_comments: bool,
    /// Answers to commands, by the command's comment.
    pub answers: Mutex<BTreeMap<u64, String>>,
    /// Whether drafts with inline comments are refused.
    pub refuses_anchors: bool,
    /// The number of withdrawals that are refused before one is accepted.
    pub refuses_withdrawals: Mutex<u32>,
    /// The time for which writes are limited.
    pub limited_for: Mutex<Duration>,
    /// The number of times that a run's state was deleted.
    pub deleted_states: Mutex<u32>,
}

impl PullRequestPage {
    /// Writes the summary comment: the last summary, below a run's state if there is one.
    fn write(&self, state: Option<(&RunName, &str)>) {
        let mut comments: BTreeMap<String, String> = locked(&self.summary).clone().into_iter().collect();
        if let Some((run, body)) = state {
            let below = comments.remove(run.as_str());
            let parts: Vec<String> = std::iter::once(body.to_owned()).chain(below).collect();
            comments.insert(run.to_string(), parts.join("\n"));
        }
        *locked(&self.comments) = comments;
        *locked(&self.waiting) = None;
    }

    /// Returns the last summary, if it is this run's.
    fn summary_of(&self, run: &RunName) -> Option<String> {
        let published = locked(&self.summary).clone();
        published
            .filter(|(published, _)| run == published.as_str())
            .map(|(_, summary)| summary)
    }

    fn check(&self) -> u64 {
        self.check.unwrap_or(CHECK)
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl PublishReview for PullRequestPage {
    async fn open_check(&self, _target: &Target, _run: &RunName) -> Result<Option<u64>, PublishError> {
        Ok(Some(self.check()))
    }

    async fn close_check(&self, _target: &Target, check: u64, outcome: &CheckOutcome) -> Result<(), PublishError> {
        if check != self.check() {
            return Err(PublishError::NotFound(format!("there is no check {check}")));
        }
        locked(&self.closed).push(outcome.clone());
        Ok(())
    }

    async fn close_checks(&self, target: &Target, _run: &RunName, outcome: &CheckOutcome) -> Result<(), PublishError> {
        self.close_check(target, self.check(), outcome).await
    }

    async fn copy_check(&self, _target: &Target, onto: &CommitSha) -> Result<(), PublishError> {
        locked(&self.copied).push(onto.clone());
        Ok(())
    }

    async fn limited_for(&self, _target: &Target) -> Result<Duration, PublishError> {
        Ok(*locked(&self.limited_for))
    }

    async fn announce(&self, _target: &Target, run: &RunName, body: &str) -> Result<(), PublishError> {
        self.write(Some((run, body)));
        Ok(())
    }

    async fn await_maintainer(&self, _target: &Target, body: &str) -> Result<(), PublishError> {
        self.write(None);
        *locked(&self.waiting) = Some(body.to_owned());
        Ok(())
    }

    async fn withdraw_state(&self, _target: &Target, run: &RunName) -> Result<(), PublishError> {
        // Another run's state stays.
        if locked(&self.comments).get(run.as_str()).cloned() != self.summary_of(run) {
            self.write(None);
            *locked(&self.deleted_states) += 1;
        }
        Ok(())
    }

    async fn withdraw_draft(&self, _target: &Target, run: &RunName) -> Result<bool, PublishError> {
        let mut refusals = locked(&self.refuses_withdrawals);
        if *refusals > 0 {
            *refusals -= 1;
            return Err(PublishError::Unavailable("502".to_owned()));
        }
        locked(&self.drafts).clear();
        Ok(*locked(&self.submitted) > 0 || self.summary_of(run).is_some())
    }

    async fn summarize(&self, _target: &Target, run: &RunName, body: &str) -> Result<(), PublishError> {
        *locked(&self.summary) = Some((run.to_string(), body.to_owned()));
        self.write(None);
        Ok(())
    }

    async fn revise_comment(&self, _target: &Target, revision: &CommentRevision) -> Result<(), PublishError> {
        locked(&self.revised).push(revision.clone());
        Ok(())
    }

    async fn resolve_thread(&self, _target: &Target, thread: &str, is_resolved: bool) -> Result<bool, PublishError> {
        locked(&self.resolved).push((thread.to_owned(), is_resolved));
        Ok(self.may_resolve)
    }

    async fn posted_findings(&self, _target: &Target, _review: u64) -> Result<Vec<(FindingId, u64)>, PublishError> {
        if self.hides_comments {
            return Err(PublishError::Unavailable("502".to_owned()));
        }
        let drafts = locked(&self.drafts);
        let comments = drafts.iter().flat_map(|draft| &draft.comments);
        let findings = comments.filter_map(|comment| comment.finding.as_ref());
        Ok(findings
            .map(|finding| finding.id.clone())
            .zip(FIRST_COMMENT..)
            .collect())
    }

    async fn answer_command(&self, _target: &Target, comment: u64, body: &str) -> Result<(), PublishError> {
        locked(&self.answers).insert(comment, body.to_owned());
        Ok(())
    }

    async fn draft_review(&self, _target: &Target, draft: &ReviewDraft) -> Result<DraftedReview, PublishError> {
        if self.refuses_anchors && !draft.comments.is_empty() {
            return Err(PublishError::Rejected("422".to_owned()));
        }
        let submitted = locked(&self.submitted_subjects);
        let mut drafts = locked(&self.drafts);
        let is_submitted = submitted.contains(&draft.subject());
        let mut draft = draft.clone();
        if !is_submitted {
            // Like the real one: a finding with a comment gets no second one.
            let earlier = drafts.iter().filter(|earlier| submitted.contains(&earlier.subject()));
            let posted: Vec<_> = earlier.flat_map(|earlier| earlier.comments.clone()).collect();
            let is_posted = |comment: &ReviewComment| {
                let id = comment.finding.as_ref().map(|finding| &finding.id);
                id.is_some()
                    && posted
                        .iter()
                        .any(|posted| posted.finding.as_ref().map(|finding| &finding.id) == id)
            };
            draft.comments.retain(|comment| !is_posted(comment));
            if draft.comments.is_empty() && !posted.is_empty() {
                return Ok(DraftedReview {
                    review: 1,
                    is_submitted: true,
                });
            }
        }
        drafts.push(draft);
        Ok(DraftedReview {
            review: 1,
            is_submitted,
        })
    }

    async fn submit_review(&self, _target: &Target, _review: u64) -> Result<(), PublishError> {
        *locked(&self.submitted) += 1;
        let subject = locked(&self.drafts).last().map(ReviewDraft::subject);
        locked(&self.submitted_subjects).extend(subject);
        Ok(())
    }
}

/// Fixed threads of findings, and whether they can't be read. By default there are none.
#[derive(Debug, Default)]
pub struct FixedThreads(pub Mutex<Vec<FindingThread>>, pub bool);

#[async_trait]
impl ReadThreads for FixedThreads {
    async fn threads(&self, _target: &Target) -> Result<Vec<FindingThread>, ReadError> {
        match self.1 {
            true => Err(ReadError::Unavailable("502".to_owned())),
            false => Ok(locked(&self.0).clone()),
        }
    }
}

/// A syntax port that knows no language.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSyntax;

#[async_trait]
impl SourceSyntax for NoSyntax {
    async fn view(&self, _path: &str, _text: &str, _lines: &[u32]) -> SyntaxAnswer {
        SyntaxAnswer::default()
    }
}
