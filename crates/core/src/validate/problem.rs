//! The problem of an invalid answer.

/// An answer's problem, in the words that go back to the model and that people read. It quotes nothing of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AnswerProblem(pub(super) String);

impl From<&str> for AnswerProblem {
    fn from(words: &str) -> Self {
        Self(words.to_owned())
    }
}
