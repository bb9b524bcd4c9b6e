//! ReviewUnit: one attempt at one unit. It makes one model call and stores the answer before anything reads it.

use serde::{Deserialize, Serialize};

use crate::model::key;
use crate::model::plan::Tier;
use crate::model::run::{Prompt, RecordedAnswer};
use crate::model::run_name::RunName;
use crate::port::{AskModel, ModelError, ModelRequest, StoreArtifact};
use crate::prompt::{answer_schema, unit_prompt};

use super::unit_document::{UnitDocument, read_unit};
use super::{StageError, write_artifact};
use crate::artifact::find_artifact;

/// The longest wait after one rate limit, in seconds.
const MAX_WAIT_S: u64 = 3_600;

/// One attempt.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The run.
    pub run: RunName,
    /// The unit.
    pub unit: String,
    /// From 1.
    pub attempt: u32,
    /// The tier whose model is called.
    pub tier: Tier,
    /// The number of times that this unit has waited for the model's budget.
    pub waits: u32,
}

/// The call's outcome.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Output {
    /// The answer is stored.
    Answered,
    /// The provider limits requests: retry after a wait.
    Limited {
        /// In seconds, 1 to 3,600.
        wait_s: u64,
    },
}

/// Calls the model, unless this attempt's answer is stored already.
///
/// # Errors
/// Every [`ModelError`] except a rate limit; an artifact is missing or has another shape; the store fails.
#[tracing::instrument(skip_all, fields(run = %input.run, unit = %input.unit, attempt = input.attempt))]
pub async fn review_unit(input: &Input, model: &dyn AskModel, store: &dyn StoreArtifact) -> Result<Output, StageError> {
    let answer_key = key::answer(&input.run, &input.unit, input.attempt);
    if store.get(&answer_key).await?.is_some() {
        return Ok(Output::Answered);
    }
    let unit = read_unit(&input.run, &input.unit, store).await?;
    if unit.is_rules_only() {
        write_artifact(store, &answer_key, &RecordedAnswer::of_rules()).await?;
        return Ok(Output::Answered);
    }
    let request = ModelRequest {
        model: unit.model_of(input.tier).clone(),
        prompt: find_prompt(input, &unit, store).await?,
        schema: answer_schema(),
        max_output_tokens: unit.tokens.output(),
    };
    // The cache has answers to first questions only: a correction is about an answer of this run.
    if input.attempt == 1 {
        let kept = key::cached_answer(&unit.question());
        if let Some(known) = find_artifact::<RecordedAnswer>(store, &kept).await? {
            write_artifact(store, &answer_key, &RecordedAnswer { cached: true, ..known }).await?;
            return Ok(Output::Answered);
        }
    }
    match model.ask(&request).await {
        Ok(answer) => {
            write_artifact(store, &answer_key, &answer).await?;
            Ok(Output::Answered)
        }
        Err(ModelError::RateLimited { retry_after_s }) => Ok(Output::Limited {
            wait_s: wait_for(retry_after_s, input.waits),
        }),
        Err(error) => Err(error.into()),
    }
}

/// Returns the provider's wait, or one that doubles from two seconds if the provider names none.
fn wait_for(retry_after_s: Option<u64>, waits: u32) -> u64 {
    retry_after_s
        .unwrap_or_else(|| 2_u64.saturating_pow(waits.saturating_add(1).min(9)))
        .clamp(1, MAX_WAIT_S)
}

/// Returns the attempt's prompt. `CorrectFindings` has written that of a correction; the first attempt's is written
/// here.
async fn find_prompt(input: &Input, unit: &UnitDocument, store: &dyn StoreArtifact) -> Result<Prompt, StageError> {
    let prompt_key = key::prompt(&input.run, &input.unit, input.attempt);
    if let Some(prompt) = find_artifact(store, &prompt_key).await? {
        return Ok(prompt);
    }
    let prompt = unit_prompt(&unit.prompt());
    write_artifact(store, &prompt_key, &prompt).await?;
    Ok(prompt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_the_providers_or_doubles() {
        assert_eq!(
            [wait_for(Some(7), 3), wait_for(Some(0), 0), wait_for(Some(999_999), 0)],
            [7, 1, 3_600]
        );
        assert_eq!([0, 1, 2, 8, 40].map(|waits| wait_for(None, waits)), [2, 4, 8, 512, 512]);
    }
}
