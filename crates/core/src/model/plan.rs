//! The plan of a review: its units, and the skipped files with their rules.

use serde::{Deserialize, Serialize};

use super::dependency::DependencyUpdates;
use super::finding::Finding;
use super::model_id::ModelId;
use super::report::Coverage;
use super::silencing::Silencing;

/// The model tier of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The cheap model, for changes with little risk.
    Light,
    /// The deployment's main model.
    Strong,
}

impl Tier {
    /// Returns this tier's model: a deployment's main model or its light one.
    pub const fn choose<'a>(self, model: &'a ModelId, model_light: &'a ModelId) -> &'a ModelId {
        match self {
            Self::Light => model_light,
            Self::Strong => model,
        }
    }
}

/// The part of a change that one model call reviews: one file, or some hunks of a large one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// `u0001`…: stable within a run, in the order of risk, highest first.
    pub id: String,
    /// The file.
    pub path: String,
    /// Indices of the hunks of that file's patch, from 0, ascending.
    pub hunks: Vec<usize>,
    /// Risk from 0 to 100: orders the work and picks the tier.
    pub risk: u8,
    /// The tier of the first attempt.
    pub tier: Tier,
    /// The reason for this tier. Empty in runs of version 1.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tier_reason: String,
}

/// One item of the workflow's map: a reference, never a diff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitItem {
    /// The unit's id.
    pub unit: String,
    /// The tier of the first attempt.
    pub tier: Tier,
}

/// The whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The units, highest risk first.
    pub units: Vec<Unit>,
    /// Files that are not reviewed, each with its rule or its reason.
    pub settled: Vec<Coverage>,
    /// Notes on the whole plan for the summary: a listing that was cut off, a limit that was reached.
    pub notes: Vec<String>,
    /// Secrets in the added lines of the files in `settled`.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The names of the tools that have run for this run, on GitHub or here: their reports are its artifact
    /// `evidence.json`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// What comments silence in those.
    #[serde(default, skip_serializing_if = "Silencing::is_empty")]
    pub silencing: Silencing,
    /// The dependencies that the change updates.
    #[serde(default, skip_serializing_if = "DependencyUpdates::is_empty")]
    pub dependencies: DependencyUpdates,
}

/// The context of a unit's diff in its prompt, and the findings of static analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContextPack {
    /// Enclosing functions and types of the hunks, outermost first.
    pub scopes: Vec<Scope>,
    /// The file's import lines, unchanged.
    pub imports: Vec<String>,
    /// Estimated size of the chosen context, in tokens.
    pub tokens: u64,
    /// Number of scopes left out to stay within the budget.
    pub left_out: u64,
    /// Findings of rules (secrets, syntax, other tools) in this unit.
    pub rule_findings: Vec<Finding>,
    /// What comments in this unit silence: those findings are neither reported nor in the prompt.
    #[serde(default, skip_serializing_if = "Silencing::is_empty")]
    pub silencing: Silencing,
    /// What rules and tools report in this unit, one line each, for the model to confirm or to refute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<String>,
    /// The language whose rules ran, by its name for people; none where the file was only searched for secrets.
    #[serde(default)]
    pub language: Option<String>,
    /// The exceeded limit where syntax is missing or incomplete: rules on the tree did not run, or did not finish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_syntax: Option<String>,
}

/// A named piece of code around a changed line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// `function`, `method`, `type`, `module` and so on.
    pub kind: String,
    /// Its name; empty when it has none.
    pub name: String,
    /// First line in the head, from 1.
    pub start_line: u32,
    /// Last line in the head.
    pub end_line: u32,
    /// Its first line or lines, as written, shortened if they are long.
    pub signature: String,
}
