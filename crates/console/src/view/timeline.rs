//! When a run was in which state.

/// The states that a run took, in order of entry.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Each stay in a state.
    pub spans: Vec<Span>,
    /// When the run ended; none while it is open, and the view's `now_ms` counts.
    pub ended_ms: Option<i64>,
}

/// One stay in one state.
#[derive(Clone, Debug)]
pub struct Span {
    /// The state's name.
    pub state: String,
    /// When it was entered.
    pub entered_ms: i64,
    /// When it was left; none: the run is in it, or ended there.
    pub left_ms: Option<i64>,
    /// Whether something worked there or only waited.
    pub kind: SpanKind,
    /// How it was left.
    pub end: SpanEnd,
    /// How often it was tried, from 1.
    pub tries: u32,
}

/// What happens in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A function runs.
    Work,
    /// A person or a clock is waited for; nothing runs.
    Wait,
    /// A choice, or an end: takes no time.
    Step,
}

/// How a state was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanEnd {
    /// It is not left yet.
    Open,
    /// It went well.
    Passed,
    /// With an error.
    Failed,
}
