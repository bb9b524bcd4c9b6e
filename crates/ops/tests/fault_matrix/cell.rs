//! The cells: which fault in which state, and which story leads there.

use std::fmt;

use holdfast_core::stage::state;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The call fails before it does anything, once.
    NotSent,
    /// The effect is done, the answer is lost, once.
    AnswerLost,
    /// Each call's answer is lost.
    AnswerAlwaysLost,
    /// The state times out, and the effect comes afterwards.
    LateEffect,
    /// The call is delivered twice.
    Duplicate,
    /// The process dies before the call does anything.
    KilledBefore,
    /// The process dies while the call is under way.
    KilledDuring,
    /// The process dies when the effect is done and its result not stored.
    KilledAfter,
    /// GitHub refuses: the state's first request, or all of them.
    Github { status: u16, always: bool },
    /// GitHub does what it is asked, and its answer to the state's first write is lost.
    GithubAnswerLost,
    /// GitHub's first answer cannot be read.
    GithubMalformed,
    /// GitHub answers the first request from how things stood before.
    GithubStale,
    /// The model's server refuses: once, or always.
    Model { status: u16, always: bool },
    /// The model's server answers with what is no answer.
    ModelMalformed,
}

/// What happens besides the fault, so that the state is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// Findings of little weight: published.
    Plain,
    /// The first answer is prose.
    Healing,
    /// A grave finding, approved.
    Approved,
    /// A grave finding, rejected.
    Rejected,
    /// A grave finding, and nobody answers.
    Unanswered,
    /// GitHub takes no review.
    PublishFails,
    /// GitHub takes no review, and the announcement cannot be withdrawn.
    UndoFails,
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

/// States that ask GitHub.
const ON_GITHUB: [&str; 7] = [
    state::OPEN_REVIEW,
    state::PLAN_REVIEW,
    state::GATHER_CONTEXT,
    state::PUBLISH_REVIEW,
    state::DISCARD_REVIEW,
    state::WITHDRAW_ANNOUNCEMENT,
    state::REPORT_FAILURE,
];
/// States that write to GitHub.
const WRITES: [&str; 5] = [
    state::OPEN_REVIEW,
    state::PUBLISH_REVIEW,
    state::DISCARD_REVIEW,
    state::WITHDRAW_ANNOUNCEMENT,
    state::REPORT_FAILURE,
];

impl Cell {
    pub fn new(state: &str, point: Point) -> Self {
        let story = match state {
            state::CORRECT_FINDINGS => Story::Healing,
            state::REQUEST_APPROVAL => Story::Approved,
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

    /// All cells of a state.
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
        if ON_GITHUB.contains(&state) {
            for status in [401, 403, 404, 422, 429, 502] {
                points.extend([false, true].map(|always| Point::Github { status, always }));
            }
            points.extend([Point::GithubMalformed, Point::GithubStale]);
        }
        if WRITES.contains(&state) {
            points.push(Point::GithubAnswerLost);
        }
        if matches!(state, state::REVIEW_UNIT | state::SUMMARIZE_REVIEW) {
            for status in [401, 429, 500] {
                points.extend([false, true].map(|always| Point::Model { status, always }));
            }
            points.push(Point::ModelMalformed);
        }
        points.into_iter().map(|point| Self::new(state, point)).collect()
    }
}
