//! ValidateFindings: checks an attempt's answer and says where the unit goes: accepted, corrected, or given up.

use serde::{Deserialize, Serialize};

use crate::model::change::Change;
use crate::model::failure::NO_VALID_ANSWER;
use crate::model::key;
use crate::model::plan::{Plan, Tier};
use crate::model::run::{Prompt, RecordedAnswer, Run, Verdict};
use crate::port::StoreArtifact;
use crate::prompt::shown_path;
use crate::validate::{Shown, check_answer};

use super::review_unit::digest_of;
use super::shown::UnitView;
use super::{StageError, read_artifact, write_artifact};

/// Attempts on the unit's own tier.
pub const ATTEMPTS: u32 = 3;

/// One attempt.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The run.
    pub run: String,
    /// The unit.
    pub unit: String,
    /// From 1.
    pub attempt: u32,
    /// The tier that answered.
    pub tier: Tier,
}

/// Where the unit goes.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "next", rename_all = "snake_case")]
pub enum Output {
    /// Its findings count.
    Accept {
        /// The attempt that counts.
        accepted_attempt: u32,
        /// Findings that stayed wrong and were dropped.
        dropped: u32,
    },
    /// The problems go back to the model.
    Correct,
    /// No attempt gave anything to use.
    GiveUp {
        /// Why, with the last problem.
        reason: String,
    },
}

/// Checks an attempt. Errors: what the store says.
#[tracing::instrument(skip_all, fields(run = %input.run, unit = %input.unit, attempt = input.attempt))]
pub async fn validate_findings(input: &Input, store: &dyn StoreArtifact) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let change: Change = read_artifact(store, &key::change(&input.run)).await?;
    let plan: Plan = read_artifact(store, &key::plan(&input.run)).await?;
    let answer: RecordedAnswer = read_artifact(store, &key::answer(&input.run, &input.unit, input.attempt)).await?;
    let view = UnitView::find(&plan, &change, &input.unit)?;
    // The model names the file as the prompt shows it; from here on it has its own name again.
    let path = shown_path(&view.unit.path);
    let previous_path = view.file.previous_path.as_deref().map(shown_path);
    let mut verdict = check_answer(
        &answer,
        &Shown {
            path: &path,
            previous_path: previous_path.as_deref(),
            hunks: &view.redacted(),
        },
    );
    for finding in &mut verdict.accepted {
        finding.path.clone_from(&view.unit.path);
    }
    write_artifact(store, &key::verdict(&input.run, &input.unit, input.attempt), &verdict).await?;
    if verdict.valid {
        remember(input, &run, &answer, store).await?;
        return Ok(Output::Accept {
            accepted_attempt: input.attempt,
            dropped: 0,
        });
    }
    if next_attempt(input.attempt, input.tier, &run).is_some() {
        return Ok(Output::Correct);
    }
    let mut verdicts = Vec::new();
    for attempt in 1..input.attempt {
        verdicts.push(read_artifact(store, &key::verdict(&input.run, &input.unit, attempt)).await?);
    }
    verdicts.push(verdict);
    Ok(settle(&verdicts))
}

/// The same question, asked again by a later run of this repository, has its answer. One that failed a check is not kept:
/// asked anew, the model may do better.
async fn remember(
    input: &Input,
    run: &Run,
    answer: &RecordedAnswer,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    if run.is_rules_only() || answer.cached {
        return Ok(());
    }
    let prompt: Prompt = read_artifact(store, &key::prompt(&input.run, &input.unit, input.attempt)).await?;
    let asked = digest_of(run, input.tier, &prompt);
    write_artifact(store, &key::cached_answer(&asked), answer).await
}

/// Returns the tier that an attempt was made on: the unit's own for the first three, the strong one after them.
pub const fn tier_of_attempt(planned: Tier, attempt: u32) -> Tier {
    if attempt > ATTEMPTS { Tier::Strong } else { planned }
}

/// Returns the next attempt's number and tier: three on the unit's own tier, then the strong one once, if it is another
/// model.
pub fn next_attempt(attempt: u32, tier: Tier, run: &Run) -> Option<(u32, Tier)> {
    match (attempt, tier) {
        (1.., _) if attempt < ATTEMPTS => Some((attempt + 1, tier_of_attempt(tier, attempt + 1))),
        (ATTEMPTS, Tier::Light) if run.has_cascade() => Some((attempt + 1, tier_of_attempt(tier, attempt + 1))),
        _ => None,
    }
}

/// The last word on a unit: the attempt with most good findings counts, so a bad one costs only itself. Without any good
/// finding nothing is known of the unit.
fn settle(verdicts: &[Verdict]) -> Output {
    let numbered = verdicts
        .iter()
        .zip(1_u32..)
        .filter(|(verdict, _)| !verdict.accepted.is_empty());
    match numbered.max_by_key(|(verdict, attempt)| (verdict.accepted.len(), *attempt)) {
        Some((best, attempt)) => Output::Accept {
            accepted_attempt: attempt,
            dropped: best.rejected,
        },
        None => {
            let last = verdicts
                .last()
                .and_then(|verdict| verdict.problems.first())
                .map_or("", String::as_str);
            Output::GiveUp {
                reason: format!("{NO_VALID_ANSWER}{} attempts; the last problem: {last}", verdicts.len()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_of_the_tier_that_was_asked() {
        for (planned, tiers) in [
            (Tier::Light, [Tier::Light, Tier::Light, Tier::Light, Tier::Strong]),
            (Tier::Strong, [Tier::Strong; 4]),
        ] {
            assert_eq!([1, 2, 3, 4].map(|attempt| tier_of_attempt(planned, attempt)), tiers);
        }
    }
}
