//! What an actor can ask of the world, one request each, and what it can be answered.

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
    ListComments {
        kind: Kind,
    },
    PostComment {
        kind: Kind,
        run: Text,
        says: Says,
    },
    EditComment {
        id: u64,
        says: Says,
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
    /// Whether it changes something.
    pub const fn is_write(&self) -> bool {
        !matches!(
            self,
            Self::GetRow { .. }
                | Self::ListRows { .. }
                | Self::GetArtifact { .. }
                | Self::ReadHead
                | Self::ListReviews
                | Self::GetReview { .. }
                | Self::ListComments { .. }
                | Self::ListChecks { .. }
                | Self::GetCheck { .. }
                | Self::ListFailedRuns
                | Self::AskClock
        )
    }

    /// Whether only the run that asks ever changes what it is about, or all write the same there: then it does not matter
    /// when it happens, and it is done with the step before.
    pub fn is_private(&self) -> bool {
        const PRIVATE: [&str; 7] = [
            "/run.json",
            "/change.json",
            "/patches/0001.json",
            "/header.json",
            "/policy.json",
            "/plan.json",
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

/// What a comment of ours is, by its marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Announcement,
    Notice,
}

/// What a comment of ours says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Says {
    /// That a review is being made.
    AtWork,
    /// What the review found.
    Summary,
    /// That nothing was published, and why.
    NothingPublished,
    /// That the review was published, and what failed then.
    SummaryMissing,
}

/// What was answered.
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
    /// Runs, and the errors that they ended with.
    Failed(Vec<(Text, Text)>),
    Time(u64),
    Done,
    /// Nobody there, or the answer got lost.
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
    pub run: Text,
    pub kind: Kind,
    pub says: Says,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Check {
    pub id: u64,
    pub run: Text,
    /// None while it is in progress.
    pub closed_with: Option<Text>,
}
