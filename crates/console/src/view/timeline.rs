//! Data of a run's timeline.

/// The states that a run entered, in order.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Each stay in a state.
    pub spans: Vec<Span>,
    /// The run's end; none while it is open, then the view's `now_ms` is used.
    pub ended_ms: Option<i64>,
}

/// One stay in one state.
#[derive(Clone, Debug)]
pub struct Span {
    /// The state's name.
    pub state: String,
    /// The time of entry.
    pub entered_ms: i64,
    /// The time of exit; none if the run is in this state or ended in it.
    pub left_ms: Option<i64>,
    /// The end of its wait; none for a state that doesn't wait for a time.
    pub until_ms: Option<i64>,
    /// Whether the state works or waits.
    pub kind: SpanKind,
    /// The way in which it was left.
    pub end: SpanEnd,
    /// Number of tries, from 1.
    pub tries: u32,
}

/// The kind of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A function runs.
    Work,
    /// Waiting for a person or a clock; nothing runs.
    Wait,
    /// A choice or an end: takes no time.
    Step,
}

/// The way in which a state was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanEnd {
    /// It is not left yet.
    Open,
    /// Success.
    Passed,
    /// An error.
    Failed,
}
