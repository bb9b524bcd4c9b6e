//! The cells of the matrix: a fault, the state that it strikes, and a story that reaches the state.

use std::fmt;

use holdfast_core::stage::{stage_of, state};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The call fails before it does anything, once.
    NotSent,
    /// The call takes effect and its answer is lost, once.
    AnswerLost,
    /// Each call's answer is lost.
    AnswerAlwaysLost,
    /// The state times out, and the call takes effect afterwards.
    LateEffect,
    /// The call is delivered twice.
    Duplicate,
    /// The process dies before the call does anything.
    KilledBefore,
    /// The process dies while the call is in flight.
    KilledDuring,
    /// The process dies after the call took effect and before its result is stored.
    KilledAfter,
    /// GitHub refuses: the state's first request, or all of them.
    Github { status: u16, always: bool },
    /// GitHub limits requests from the state's first one on, and names the seconds.
    GithubLimited { seconds: u32 },
    /// GitHub is down from the state's first request on, for all states.
    GithubOutage { seconds: u32 },
    /// GitHub executes the state's first write, and its answer is lost.
    GithubAnswerLost,
    /// GitHub's first answer is unreadable.
    GithubMalformed,
    /// GitHub answers the first query with an error of this type.
    GithubQuery { kind: &'static str },
    /// GitHub answers the first request with outdated data.
    GithubStale,
    /// The model's server refuses: once, or always.
    Model { status: u16, always: bool },
    /// The model's server returns an invalid answer.
    ModelMalformed,
}

/// The events besides the fault that make the run reach the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Minor findings: the review is published.
    Plain,
    /// The first answer is prose.
    Healing,
    /// A severe finding beside a minor one, approved. Only the severe one waits.
    Approved,
    /// The same, rejected.
    Rejected,
    /// The same, and nobody decides.
    Unanswered,
    /// The same, approved. The whole review waits.
    WholeApproved,
    /// The same, rejected.
    WholeRejected,
    /// GitHub refuses the review.
    PublishFails,
    /// GitHub refuses the review, and the announcement can't be withdrawn.
    UndoFails,
}

impl Point {
    /// Returns whether the fault ends by time, so that no review is lost to it.
    pub const fn ends_by_time(self) -> bool {
        matches!(self, Self::GithubLimited { .. } | Self::GithubOutage { .. })
    }
}

impl Story {
    /// Returns whether there is a severe finding, which waits for a person.
    pub const fn is_grave(self) -> bool {
        matches!(self, Self::Approved | Self::Rejected | Self::Unanswered) || self.waits_as_a_whole()
    }

    /// Returns whether the whole review waits.
    pub const fn waits_as_a_whole(self) -> bool {
        matches!(self, Self::WholeApproved | Self::WholeRejected)
    }
}

/// One fault in one state.
#[derive(Clone, Debug)]
pub struct Cell {
    pub state: String,
    pub point: Point,
    pub story: Story,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {:?} ({:?})", self.state, self.point, self.story)
    }
}

/// Returns true if the state's stage takes this port.
fn reaches(state: &str, port: &str) -> bool {
    stage_of(state).is_some_and(|stage| stage.reaches(port))
}

impl Cell {
    pub fn new(state: &str, point: Point) -> Self {
        let story = match state {
            state::CORRECT_FINDINGS => Story::Healing,
            state::REQUEST_APPROVAL | state::PUBLISH_UNGATED => Story::Approved,
            state::ESCALATE_APPROVAL => Story::Unanswered,
            state::DISCARD_REVIEW => Story::Rejected,
            state::WITHDRAW_ANNOUNCEMENT | state::REPORT_FAILURE => Story::PublishFails,
            state::RAISE_ALARM => Story::UndoFails,
            _ => Story::Plain,
        };
        Self {
            state: state.to_owned(),
            point,
            story,
        }
    }

    /// Returns all cells of a state.
    pub fn all_of(state: &str) -> Vec<Self> {
        let mut points = vec![
            Point::NotSent,
            Point::AnswerLost,
            Point::AnswerAlwaysLost,
            Point::LateEffect,
            Point::Duplicate,
            Point::KilledBefore,
            Point::KilledDuring,
            Point::KilledAfter,
        ];
        if ["read", "threads", "publish"].iter().any(|port| reaches(state, port)) {
            for status in [401, 403, 404, 422, 429, 502] {
                points.extend([false, true].map(|always| Point::Github { status, always }));
            }
            points.extend([Point::GithubMalformed, Point::GithubStale]);
            points.push(Point::GithubLimited { seconds: 3_000 });
            points.extend([30, 600, 7_200].map(|seconds| Point::GithubOutage { seconds }));
        }
        if reaches(state, "threads") {
            points.extend(["RATE_LIMITED", "FORBIDDEN", "NOT_FOUND"].map(|kind| Point::GithubQuery { kind }));
        }
        if reaches(state, "publish") {
            points.push(Point::GithubAnswerLost);
        }
        if reaches(state, "model") {
            for status in [401, 429, 500] {
                points.extend([false, true].map(|always| Point::Model { status, always }));
            }
            points.push(Point::ModelMalformed);
        }
        let mut cells: Vec<Self> = points.iter().map(|point| Self::new(state, *point)).collect();
        // States of which another story makes another use.
        let more: &[Story] = match state {
            state::PUBLISH_REVIEW => &[Story::Approved, Story::WholeApproved],
            state::PUBLISH_UNGATED => &[Story::Unanswered],
            state::DISCARD_REVIEW => &[Story::WholeRejected],
            _ => &[],
        };
        cells.extend(more.iter().flat_map(|story| {
            points.iter().map(|point| Self {
                story: *story,
                ..Self::new(state, *point)
            })
        }));
        cells
    }
}
