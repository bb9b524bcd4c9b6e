//! ReviewUnit: one attempt at one unit: one model call, stored before anything is made of it.

use serde::{Deserialize, Serialize};

use crate::model::key;
use crate::model::plan::Tier;
use crate::model::run::{Prompt, RecordedAnswer};
use crate::port::{AskModel, ModelError, ModelRequest, StoreArtifact};
use crate::prompt::{answer_schema, unit_prompt};

use super::unit_document::{UnitDocument, read_unit};
use super::{StageError, write_artifact};
use crate::artifact::find_artifact;

/// Longest wait that one refusal may ask for, in seconds.
const MAX_WAIT_S: u64 = 3_600;

/// One attempt.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The run.
    pub run: String,
    /// The unit.
    pub unit: String,
    /// From 1.
    pub attempt: u32,
    /// Which model.
    pub tier: Tier,
    /// How often this unit has waited for the model's budget so far.
    pub waits: u32,
}

/// How the call went.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Output {
    /// The answer is stored.
    Answered,
    /// The provider's limit: come again.
    Limited {
        /// In seconds, 1 to 3,600.
        wait_s: u64,
    },
}

/// Asks the model, unless this attempt's answer is there already. Errors: as [`ModelError`], but for a rate limit.
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
    // Only the first question has an answer that was kept: a correction is about an answer of this run.
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

/// What the provider asks for, or doubling from two seconds where it says nothing.
fn wait_for(retry_after_s: Option<u64>, waits: u32) -> u64 {
    retry_after_s
        .unwrap_or_else(|| 2_u64.saturating_pow(waits.saturating_add(1).min(9)))
        .clamp(1, MAX_WAIT_S)
}

/// A correction was written by `CorrectFindings`; the first attempt's prompt is written here.
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
    fn waits_as_told_or_doubles() {
        assert_eq!(
            [wait_for(Some(7), 3), wait_for(Some(0), 0), wait_for(Some(999_999), 0)],
            [7, 1, 3_600]
        );
        assert_eq!([0, 1, 2, 8, 40].map(|waits| wait_for(None, waits)), [2, 4, 8, 512, 512]);
    }
}
