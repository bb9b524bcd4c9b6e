//! The calls of an actor to the world, each one request, and their answers.

use crate::replay::Text;

/// One request to the table, the store, GitHub or the engine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    GetRow {
        key: Text,
    },
    PutRow {
        key: Text,
        value: Text,
        expect: Option<u64>,
    },
    DeleteRow {
        key: Text,
        version: u64,
    },
    ListRows {
        prefix: Text,
        most: usize,
    },
    GetArtifact {
        key: Text,
    },
    PutArtifact {
        key: Text,
        value: Text,
    },
    ReadHead,
    ListReviews,
    GetReview {
        id: u64,
    },
    PostReview {
        run: Text,
        head: u8,
    },
    SubmitReview {
        id: u64,
    },
    DeleteReview {
        id: u64,
    },
    ListComments,
    PostComment {
        run: Text,
        content: Content,
    },
    EditComment {
        id: u64,
        content: Content,
    },
    DeleteComment {
        id: u64,
    },
    ListChecks {
        run: Text,
    },
    GetCheck {
        id: u64,
    },
    PostCheck {
        run: Text,
    },
    CloseCheck {
        id: u64,
        title: Text,
    },
    StopRun {
        run: Text,
    },
    ListFailedRuns,
    AskClock,
    SendToken {
        decision: Text,
    },
}

impl Call {
    /// Returns true if it changes something.
    pub const fn is_write(&self) -> bool {
        !matches!(
            self,
            Self::GetRow { .. }
                | Self::ListRows { .. }
                | Self::GetArtifact { .. }
                | Self::ReadHead
                | Self::ListReviews
                | Self::GetReview { .. }
                | Self::ListComments
                | Self::ListChecks { .. }
                | Self::GetCheck { .. }
                | Self::ListFailedRuns
                | Self::AskClock
        )
    }

    /// Returns true if only the calling run ever changes the called object, or if all runs write the same to it. The
    /// time of such a call does not matter, so it belongs to the step before.
    pub fn is_private(&self) -> bool {
        const PRIVATE: [&str; 8] = [
            "/run.json",
            "/change.json",
            "/patches/0001.json",
            "/header.json",
            "/policy.json",
            "/plan.json",
            "/reconciled.json",
            "/report.json",
        ];
        match self {
            Self::GetArtifact { key } | Self::PutArtifact { key, .. } => {
                PRIVATE.iter().any(|end| key.as_str().ends_with(end))
            }
            _ => false,
        }
    }
}

/// The content of the bot's comment: the state of a run, and the run whose findings are below.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Content {
    pub state: Option<(Text, Shown)>,
    pub summary: Option<Text>,
}

/// The state that a comment shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    InProgress,
    /// A part was not published, because nobody decided about it in time.
    Expired,
    /// Nothing was published, with the reason.
    NothingPublished,
    /// The review was published, with the failure after it.
    StepsMissing,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Row(Option<(u64, Text)>),
    Rows(Vec<(Text, u64, Text)>),
    Written(u64),
    Conflict(Option<(u64, Text)>),
    Artifact(Option<Text>),
    Head(u8),
    Reviews(Vec<Review>),
    Comments(Vec<Comment>),
    Checks(Vec<Check>),
    Created(u64),
    /// Runs, with the errors of those that failed.
    Failed(Vec<(Text, Text)>),
    Time(u64),
    Done,
    /// No answer: nobody received the request, or the answer was lost.
    Unavailable,
    /// 422.
    Rejected,
    NotFound,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Review {
    pub id: u64,
    pub run: Text,
    pub head: u8,
    pub is_submitted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Comment {
    pub id: u64,
    pub content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    pub id: u64,
    pub run: Text,
    /// None while it is in progress.
    pub closed_with: Option<Text>,
}
