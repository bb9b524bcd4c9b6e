//! Reads a unit from the artifacts of payload version 1: the whole change, the plan, the policy and a context pack,
//! instead of one unit document. For runs that were in flight when the program was updated, and for recorded runs.

use crate::diff::parse_patch;
use crate::model::change::Change;
use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::plan::{ContextPack, Plan};
use crate::model::policy::Policy;
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::port::StoreArtifact;
use crate::rule::redact_hunks;

use super::unit_document::{Ambient, UnitDocument, UnitEvidence, payer_of, repository_key};
use super::{StageError, read_artifact};

/// Makes a unit's document from version 1's artifacts.
pub(super) async fn read_unit(
    run: &RunName,
    unit: &str,
    store: &dyn StoreArtifact,
) -> Result<UnitDocument, StageError> {
    let missing = |what: &str| StageError::new(ErrorName::PayloadInvalid, format!("unit {unit}: {what}"));
    let context: ContextPack = read_artifact(store, &key::context(run, unit)).await?;
    let record: Run = read_artifact(store, &key::run(run)).await?;
    let change: Change = read_artifact(store, &key::change(run)).await?;
    let plan: Plan = read_artifact(store, &key::plan(run)).await?;
    let policy: Policy = read_artifact(store, &key::policy(run)).await?;
    let planned = plan.units.iter().find(|planned| planned.id == unit);
    let planned = planned.ok_or_else(|| missing("not in the plan"))?;
    let file = change.files.iter().find(|file| file.path == planned.path);
    let file = file.ok_or_else(|| missing("its file is not in the change"))?;
    let parsed = parse_patch(file.patch.as_deref().unwrap_or_default()).map_err(|error| missing(&error.to_string()))?;
    let hunks: Vec<_> = parsed
        .into_iter()
        .enumerate()
        .filter(|(index, _)| planned.hunks.contains(index))
        .map(|(_, hunk)| hunk)
        .collect();
    let instructions = policy.globs()?.instructions.matches(&planned.path);
    let instructions = instructions
        .into_iter()
        .filter_map(|index| policy.instructions.get(index))
        .map(|entry| entry.text.clone());
    Ok(UnitDocument {
        version: 1,
        unit: unit.to_owned(),
        repository: repository_key(&record),
        payer: payer_of(&record, None, &policy),
        hunks: redact_hunks(&planned.path, &hunks),
        path: planned.path.clone(),
        previous_path: file.previous_path.clone(),
        tier: planned.tier,
        tier_reason: String::new(),
        instructions: instructions.collect(),
        context,
        dependencies: Vec::new(),
        // Version 1 showed no description, and a run doesn't change its prompts halfway.
        ambient: Ambient {
            title: change.title,
            description: String::new(),
        },
        model: record.model,
        model_light: record.model_light,
        tokens: record.tokens,
    })
}

/// Reads a unit's context pack.
pub(super) async fn read_evidence(
    run: &RunName,
    unit: &str,
    store: &dyn StoreArtifact,
) -> Result<UnitEvidence, StageError> {
    let context = read_artifact(store, &key::context(run, unit)).await?;
    Ok(UnitEvidence { context })
}
