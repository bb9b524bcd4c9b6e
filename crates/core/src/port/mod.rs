//! The ports of the stages, each named by the need. Reading is apart from writing.

mod ask_model;
mod batch_model;
mod deadline;
mod executions;
mod keep_logs;
mod keep_rows;
mod notify;
mod pace;
mod pace_writes;
mod publish_review;
mod reach_model;
mod read_change;
mod read_permission;
mod read_pull;
mod read_threads;
mod redeliver_webhooks;
pub mod row_form;
mod sign_in;
mod source_syntax;
mod store_artifact;
mod watch_models;

pub use ask_model::{AskModel, ModelError, ModelRequest, TimeLimit};
pub use batch_model::{BatchId, BatchModel, BatchState, InvalidBatchId, Submitted};
pub use deadline::Deadline;
pub use executions::{
    AnswerTask, ExecutionError, FailedRun, ListFailedRuns, StartRun, StartedRun, StopRun, TaskAnswer,
};
pub use keep_logs::{KeepLogs, Log};
pub use keep_rows::{KeepRows, Precondition, ROW_DAYS, ROWS_KEPT, Row, RowError, Written};
pub use notify::{Alarm, Mail, NotifyError, NotifyPeople};
pub use pace::Pace;
pub use pace_writes::{PaceWrites, WritePaceError, WriteTurn};
pub use publish_review::{
    ANSWER_OF_STARTED, Annotation, CheckConclusion, CheckOutcome, CommentRevision, DraftedReview, PublishError,
    PublishReview, ReviewComment, ReviewDraft,
};
pub use reach_model::{MAX_WAIT_S, ModelCall, ReachModel, Reached, WaitFor, Waiting};
pub use read_change::{Ends, FILES_PER_READ, ReadChange, ReadError, RootEntry, RootKind};
pub use read_permission::{Permission, ReadPermission};
pub use read_pull::{Account, CommentNow, PullNow, ReadPull};
pub use read_threads::{FindingThread, MAX_REPLIES, ReadThreads, Reply};
pub use redeliver_webhooks::RedeliverWebhooks;
pub use sign_in::{SignInError, SignInPeople, SignedIn};
pub use source_syntax::{SourceSyntax, SyntaxAnswer, SyntaxFinding, SyntaxLimit, SyntaxView};
pub use store_artifact::{StoreArtifact, StoreError};
pub use watch_models::{ModelEvent, WatchModels};
