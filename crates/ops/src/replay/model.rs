//! A replay's model: returns the recorded answer, or the recorded error, of the same attempt at the same unit. Where
//! there is neither, it notes that a model would be called.

use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::run::RecordedAnswer;
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use holdfast_core::stage::state;
use holdfast_core::stage::summarize_review::TEMPLATE_NOTE;
use serde_json::Value;

use super::history::{End, Visit};
use super::recording::{Recording, failure_message};
use super::replay_notes::{MissingAnswer, ReplayNotes};

/// Answers one question.
pub struct RecordedModel {
    recording: Arc<Recording>,
    notes: Arc<ReplayNotes>,
    question: Question,
}

enum Question {
    Walkthrough,
    Attempt {
        /// The unit's id in the replay's plan.
        unit: String,
        path: String,
        /// The recorded plan's unit with the same hunks.
        twin: Option<String>,
        attempt: u32,
    },
}

impl RecordedModel {
    /// Creates the model for the walkthrough's prompt.
    pub fn of_walkthrough(recording: Arc<Recording>, notes: Arc<ReplayNotes>) -> Self {
        Self {
            recording,
            notes,
            question: Question::Walkthrough,
        }
    }

    /// Creates the model for an attempt at a unit; it answers from the recorded unit `twin`.
    pub fn of_attempt(
        recording: Arc<Recording>,
        notes: Arc<ReplayNotes>,
        unit: (String, String),
        twin: Option<String>,
        attempt: u32,
    ) -> Self {
        let (unit, path) = unit;
        Self {
            recording,
            notes,
            question: Question::Attempt {
                unit,
                path,
                twin,
                attempt,
            },
        }
    }

    fn answer_at(&self, key: &str) -> Result<Option<RecordedAnswer>, ModelError> {
        self.recording
            .store
            .document(key)
            .map_err(|failure| ModelError::Rejected(failure.message))
    }

    fn miss(&self, unit: Option<&str>, path: Option<&str>, attempt: u32) -> ModelError {
        let what = unit.map_or_else(
            || "the walkthrough".to_owned(),
            |unit| format!("unit {unit} attempt {attempt}"),
        );
        let message = format!("no recorded answer for {what}: a model would be called here");
        self.notes.miss(MissingAnswer {
            unit: unit.map(str::to_owned),
            path: path.map(str::to_owned),
            attempt,
            message: message.clone(),
        });
        ModelError::Rejected(message)
    }

    /// Returns the model's error that made the recorded run write the walkthrough from a template.
    fn walkthrough_refused(&self) -> Option<String> {
        let note = self.recording.report.as_ref()?.template_note()?;
        Some(note.strip_prefix(TEMPLATE_NOTE).unwrap_or(note).to_owned())
    }

    /// Returns the error of the recorded attempt, if it failed.
    fn refusal(&self, twin: &str, attempt: u32) -> Option<ModelError> {
        let unit = self.recording.histories.unit(twin)?;
        let of_attempt = |visit: &&Visit| {
            visit.state == state::REVIEW_UNIT && visit.attempt == Some(u64::from(attempt)) && unit.is_final
        };
        match &unit.visits.iter().rev().find(of_attempt)?.end {
            End::Failed { error, cause } => {
                let message = failure_message(cause.as_deref());
                let names = |name: ErrorName| name.as_str() == error;
                Some(match () {
                    () if names(ErrorName::ModelUnavailable) => ModelError::Unavailable(message),
                    () if names(ErrorName::ModelTimedOut) => ModelError::TimedOut(message),
                    () if names(ErrorName::ModelUnauthorized) => ModelError::Unauthorized(message),
                    () if names(ErrorName::ModelRequestRejected) => ModelError::Rejected(message),
                    () if names(ErrorName::ModelRateLimited) => ModelError::LimitedTooLong(message),
                    () if names(ErrorName::ModelNotFound) => ModelError::NotFound(message),
                    () if names(ErrorName::ModelSpendingLimitReached) => ModelError::SpendingLimit(message),
                    () => return None,
                })
            }
            End::Succeeded(output) => {
                let status = output.pointer("/Payload/status").and_then(Value::as_str);
                (status == Some("limited")).then_some(ModelError::RateLimited {
                    retry_after_s: Some(1),
                    observed: None,
                })
            }
            End::Open => None,
        }
    }
}

#[async_trait]
impl AskModel for RecordedModel {
    async fn ask(&self, _request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        let run = self.recording.name();
        match &self.question {
            Question::Walkthrough => match (self.answer_at(&key::summary_answer(run))?, self.walkthrough_refused()) {
                (Some(answer), _) => Ok(answer),
                (None, Some(refusal)) => Err(ModelError::Unavailable(refusal)),
                (None, None) => Err(self.miss(None, None, 1)),
            },
            Question::Attempt {
                unit,
                path,
                twin,
                attempt,
            } => {
                if let Some(twin) = twin {
                    if let Some(answer) = self.answer_at(&key::answer(run, twin, *attempt))? {
                        return Ok(answer);
                    }
                    if let Some(refusal) = self.refusal(twin, *attempt) {
                        return Err(refusal);
                    }
                }
                Err(self.miss(Some(unit), Some(path), *attempt))
            }
        }
    }
}
