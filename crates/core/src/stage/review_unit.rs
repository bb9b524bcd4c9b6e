//! ReviewUnit: one attempt at one unit. It makes one model call and stores the answer before anything reads it.

use serde::{Deserialize, Serialize};

use crate::model::key;
use crate::model::plan::Tier;
use crate::model::run::{Prompt, RecordedAnswer};
use crate::model::run_name::RunName;
use crate::port::{ModelCall, ModelRequest, ReachModel, Reached, StoreArtifact, Waiting};
use crate::prompt::{answer_schema, unit_prompt};

use super::unit_document::{UnitDocument, read_unit};
use super::{StageError, write_artifact};
use crate::artifact::find_artifact;

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
    /// What this attempt has waited for so far.
    #[serde(default, deserialize_with = "null_as_default")]
    pub waiting: Waiting,
}

/// Reads null as nothing: the workflow passes it before the first wait.
pub(super) fn null_as_default<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Waiting, D::Error> {
    Option::deserialize(value).map(Option::unwrap_or_default)
}

/// The call's outcome.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Output {
    /// The answer is stored.
    Answered,
    /// The provider limits or is down, or the deployment's other calls come first: try again after a wait.
    Limited {
        /// In seconds, 1 to 3,600.
        wait_s: u64,
        /// Belongs to the next try's payload.
        waiting: Waiting,
    },
}

/// Calls the model, unless this attempt's answer is stored already.
///
/// # Errors
/// The call fails in a way that a wait doesn't cure, or has waited for too long; an artifact is missing or has another
/// shape; the store fails.
#[tracing::instrument(skip_all, fields(run = %input.run, unit = %input.unit, attempt = input.attempt))]
pub async fn review_unit(
    input: &Input,
    model: &dyn ReachModel,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
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
        time_limit: None,
    };
    // The cache has answers to first questions only: a correction is about an answer of this run.
    if input.attempt == 1 {
        let kept = key::cached_answer(&unit.question());
        if let Some(known) = find_artifact::<RecordedAnswer>(store, &kept).await? {
            write_artifact(store, &answer_key, &RecordedAnswer { cached: true, ..known }).await?;
            return Ok(Output::Answered);
        }
    }
    let call = ModelCall {
        run: &input.run,
        payer: &unit.payer,
        part: &input.unit,
        attempt: input.attempt,
        is_risky: input.tier == Tier::Strong,
        may_batch: true,
        waiting: input.waiting,
    };
    match model.reach(&call, &request).await? {
        Reached::Answered(answer) => {
            write_artifact(store, &answer_key, &answer).await?;
            Ok(Output::Answered)
        }
        Reached::Wait { wait_s, waiting } => Ok(Output::Limited { wait_s, waiting }),
    }
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
