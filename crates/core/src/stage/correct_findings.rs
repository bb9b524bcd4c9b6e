//! CorrectFindings: writes the next attempt's prompt, with the last answer, its exact problems and the schema. If the
//! model repeats itself, the prompt is a fresh question instead.

use serde::{Deserialize, Serialize};

use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::plan::Tier;
use crate::model::run::{Prompt, RecordedAnswer, Verdict};
use crate::model::run_name::RunName;
use crate::port::StoreArtifact;
use crate::prompt::{correction_prompt, fresh_prompt};

use super::validate_findings::next_attempt;
use super::{StageError, read_artifact, read_unit, write_artifact};

/// The attempt that failed its checks.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The run.
    pub run: RunName,
    /// The unit.
    pub unit: String,
    /// From 1.
    pub attempt: u32,
    /// The tier that answered.
    pub tier: Tier,
}

/// The next attempt.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Its number.
    pub attempt: u32,
    /// Its tier.
    pub tier: Tier,
}

/// Writes the next attempt's prompt.
///
/// # Errors
/// No attempt is left; an artifact is missing or has another shape; the store fails.
#[tracing::instrument(skip_all, fields(run = %input.run, unit = %input.unit, attempt = input.attempt))]
pub async fn correct_findings(input: &Input, store: &dyn StoreArtifact) -> Result<Output, StageError> {
    let Input {
        run,
        unit,
        attempt,
        tier,
    } = input;
    let document = read_unit(run, unit, store).await?;
    let Some((attempt_next, tier_next)) = next_attempt(*attempt, *tier, document.has_cascade()) else {
        return Err(StageError::new(
            ErrorName::PayloadInvalid,
            format!("unit {unit}: there is no attempt after {attempt}"),
        ));
    };
    let first: Prompt = read_artifact(store, &key::prompt(run, unit, 1)).await?;
    let answer: RecordedAnswer = read_artifact(store, &key::answer(run, unit, *attempt)).await?;
    let verdict: Verdict = read_artifact(store, &key::verdict(run, unit, *attempt)).await?;
    let prompt = if is_repeated(input, &answer, store).await? {
        fresh_prompt(&first, &verdict.problems)
    } else {
        correction_prompt(
            &first,
            &answer.text,
            &verdict.problems,
            document.tokens.previous_answer(),
        )
    };
    write_artifact(store, &key::prompt(run, unit, attempt_next), &prompt).await?;
    Ok(Output {
        attempt: attempt_next,
        tier: tier_next,
    })
}

/// Returns true if an earlier attempt of this unit got the same answer, apart from white space.
async fn is_repeated(input: &Input, answer: &RecordedAnswer, store: &dyn StoreArtifact) -> Result<bool, StageError> {
    for attempt in 1..input.attempt {
        let earlier: RecordedAnswer = read_artifact(store, &key::answer(&input.run, &input.unit, attempt)).await?;
        if earlier.text.split_whitespace().eq(answer.text.split_whitespace()) {
            return Ok(true);
        }
    }
    Ok(false)
}
