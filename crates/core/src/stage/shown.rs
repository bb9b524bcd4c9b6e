//! What a unit shows of its file: the same hunks for the prompt and for the checks, secrets taken out.

use crate::diff::{Hunk, parse_patch};
use crate::model::change::{Change, ChangedFile};
use crate::model::error_name::ErrorName;
use crate::model::plan::{Plan, Unit};
use crate::rule::redact_hunks;

use super::StageError;

/// A unit, its file and its hunks.
pub(super) struct UnitView<'a> {
    /// The unit.
    pub unit: &'a Unit,
    /// Its file.
    pub file: &'a ChangedFile,
    /// Its hunks as they stand in the change.
    pub hunks: Vec<Hunk>,
}

impl<'a> UnitView<'a> {
    /// Finds a unit. Errors: the plan or the change does not hold it.
    pub fn find(plan: &'a Plan, change: &'a Change, unit: &str) -> Result<Self, StageError> {
        let missing = |what: &str| StageError::new(ErrorName::PayloadInvalid, format!("unit {unit}: {what}"));
        let unit = plan
            .units
            .iter()
            .find(|planned| planned.id == unit)
            .ok_or_else(|| missing("not in the plan"))?;
        let file = change
            .files
            .iter()
            .find(|file| file.path == unit.path)
            .ok_or_else(|| missing("its file is not in the change"))?;
        let parsed =
            parse_patch(file.patch.as_deref().unwrap_or_default()).map_err(|error| missing(&error.to_string()))?;
        let hunks = parsed
            .into_iter()
            .enumerate()
            .filter(|(index, _)| unit.hunks.contains(index))
            .map(|(_, hunk)| hunk)
            .collect();
        Ok(Self { unit, file, hunks })
    }

    /// The hunks with secrets replaced; line numbers hold.
    pub fn redacted(&self) -> Vec<Hunk> {
        redact_hunks(&self.unit.path, &self.hunks)
    }
}
