//! ValidateFindings: checks an attempt's answer and decides where the unit goes: accepted, corrected, or given up.

use serde::{Deserialize, Serialize};

use crate::model::failure::NO_VALID_ANSWER;
use crate::model::key;
use crate::model::plan::Tier;
use crate::model::run::{RecordedAnswer, Verdict};
use crate::model::run_name::RunName;
use crate::port::StoreArtifact;
use crate::prompt::shown_path;
use crate::validate::{Shown, check_answer};

use super::unit_document::{UnitDocument, read_unit};
use super::{StageError, read_artifact, write_artifact};

/// Attempts on the unit's own tier.
pub const ATTEMPTS: u32 = 3;

/// One attempt.
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

/// The unit's next step.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "next", rename_all = "snake_case")]
pub enum Output {
    /// The answer's findings count.
    Accept {
        /// The attempt that counts.
        accepted_attempt: u32,
        /// Findings that stayed invalid and were dropped.
        dropped: u32,
    },
    /// The problems go back to the model.
    Correct,
    /// No attempt gave a valid finding.
    GiveUp {
        /// The reason, with the last problem.
        reason: String,
    },
}

/// Checks an attempt's answer and stores the verdict.
///
/// # Errors
/// An artifact is missing or has another shape; the store fails.
#[tracing::instrument(skip_all, fields(run = %input.run, unit = %input.unit, attempt = input.attempt))]
pub async fn validate_findings(input: &Input, store: &dyn StoreArtifact) -> Result<Output, StageError> {
    let unit = read_unit(&input.run, &input.unit, store).await?;
    let answer: RecordedAnswer = read_artifact(store, &key::answer(&input.run, &input.unit, input.attempt)).await?;
    // The model names the file as the prompt shows it; the findings get the real name back below.
    let path = shown_path(&unit.path);
    let previous_path = unit.previous_path.as_deref().map(shown_path);
    let mut verdict = check_answer(
        &answer,
        &Shown {
            path: &path,
            previous_path: previous_path.as_deref(),
            hunks: &unit.hunks,
        },
    );
    for finding in &mut verdict.accepted {
        finding.path.clone_from(&unit.path);
    }
    write_artifact(store, &key::verdict(&input.run, &input.unit, input.attempt), &verdict).await?;
    if verdict.valid {
        keep(&unit, &answer, store).await?;
        return Ok(Output::Accept {
            accepted_attempt: input.attempt,
            dropped: 0,
        });
    }
    // A cached answer was accepted by an earlier run, which dropped the same findings.
    if answer.cached && !verdict.accepted.is_empty() {
        return Ok(settle(&[verdict], input.attempt));
    }
    if next_attempt(input.attempt, input.tier, unit.has_cascade()).is_some() {
        return Ok(Output::Correct);
    }
    let mut verdicts = Vec::new();
    for attempt in 1..input.attempt {
        verdicts.push(read_artifact(store, &key::verdict(&input.run, &input.unit, attempt)).await?);
    }
    verdicts.push(verdict);
    let settled = settle(&verdicts, 1);
    if let Output::Accept { accepted_attempt, .. } = settled {
        let accepted = read_artifact(store, &key::answer(&input.run, &input.unit, accepted_attempt)).await?;
        keep(&unit, &accepted, store).await?;
    }
    Ok(settled)
}

/// Caches an accepted answer under the unit's first question, whichever attempt gave it. A later run of this repository
/// with the same question uses it without a call. Without an accepted answer nothing is cached, because the model may
/// do better the next time; nor is a fallback's answer, because another model was asked.
async fn keep(unit: &UnitDocument, answer: &RecordedAnswer, store: &dyn StoreArtifact) -> Result<(), StageError> {
    if unit.is_rules_only() || answer.cached || answer.fallback.is_some() {
        return Ok(());
    }
    write_artifact(store, &key::cached_answer(&unit.question()), answer).await
}

/// Returns the tier of an attempt: the unit's own for the first three, the strong one after them.
pub const fn tier_of_attempt(planned: Tier, attempt: u32) -> Tier {
    if attempt > ATTEMPTS { Tier::Strong } else { planned }
}

/// Returns the next attempt's number and tier: three on the unit's own tier, then the strong one once, if it is another
/// model.
pub fn next_attempt(attempt: u32, tier: Tier, has_cascade: bool) -> Option<(u32, Tier)> {
    match (attempt, tier) {
        (1.., _) if attempt < ATTEMPTS => Some((attempt + 1, tier_of_attempt(tier, attempt + 1))),
        (ATTEMPTS, Tier::Light) if has_cascade => Some((attempt + 1, tier_of_attempt(tier, attempt + 1))),
        _ => None,
    }
}

/// Decides after a unit's last attempt: the attempt with the most valid findings counts, so an invalid finding costs
/// only itself. Without any valid finding the unit is given up. `first` is the number of the first verdict's attempt.
fn settle(verdicts: &[Verdict], first: u32) -> Output {
    let numbered = verdicts
        .iter()
        .zip(first..)
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
    fn the_fourth_attempt_is_of_the_strong_tier() {
        for (planned, tiers) in [
            (Tier::Light, [Tier::Light, Tier::Light, Tier::Light, Tier::Strong]),
            (Tier::Strong, [Tier::Strong; 4]),
        ] {
            assert_eq!([1, 2, 3, 4].map(|attempt| tier_of_attempt(planned, attempt)), tiers);
        }
    }
}
