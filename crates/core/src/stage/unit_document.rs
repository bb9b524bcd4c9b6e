//! The unit document, `units/UNIT/unit.json`: everything that a unit's stages need. GatherContext writes it once. The
//! stages read it and the attempt that they work on, and nothing else of the run.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::diff::{Hunk, render_hunks};
use crate::model::change::Target;
use crate::model::key;
use crate::model::model_id::ModelId;
use crate::model::payer::Payer;
use crate::model::plan::{ContextPack, Tier};
use crate::model::policy::Policy;
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::model::token_limits::TokenLimits;
use crate::port::StoreArtifact;
use crate::prompt::{PROMPT_VERSION, UnitPrompt, answer_schema, shown_path};

use super::{StageError, find_artifact, version_1};

/// Everything that a unit's stages need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitDocument {
    /// The payload version.
    pub version: u32,
    /// The unit's id.
    pub unit: String,
    /// The repository's name in the keys of cached answers.
    pub repository: String,
    /// The parties that the unit's calls count for. Empty in documents of earlier versions.
    #[serde(default)]
    pub payer: Payer,
    /// The main model.
    pub model: ModelId,
    /// The light tier's model.
    pub model_light: ModelId,
    /// The token limits of one call.
    #[serde(default, skip_serializing_if = "TokenLimits::is_default")]
    pub tokens: TokenLimits,
    /// The file.
    pub path: String,
    /// Its path in the base, when renamed or copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_path: Option<String>,
    /// The first attempt's tier.
    pub tier: Tier,
    /// The reason for this tier.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tier_reason: String,
    /// The unit's hunks with secrets replaced: the prompt and the checks both use these.
    pub hunks: Vec<Hunk>,
    /// The repository's instructions for this path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub instructions: Vec<String>,
    /// The code around the hunks, and the findings of static analysis in them.
    pub context: ContextPack,
    /// The dependencies that the change updates and that the file names, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    /// Text of the prompt that isn't part of the question.
    pub ambient: Ambient,
}

/// Text around the change that the prompt shows and that isn't part of the question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ambient {
    /// The change's title.
    pub title: String,
    /// The beginning of the change's description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// The part of a unit document that AggregateFindings reads.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct UnitEvidence {
    /// The code around the hunks, and the findings of static analysis in them.
    pub context: ContextPack,
}

impl UnitDocument {
    /// Returns true if no model reads this unit.
    pub const fn is_rules_only(&self) -> bool {
        self.model.is_rules()
    }

    /// Returns true if the strong tier has another model than the light tier.
    pub fn has_cascade(&self) -> bool {
        self.model != self.model_light
    }

    /// Returns the model of a tier.
    pub fn model_of(&self, tier: Tier) -> &ModelId {
        tier.choose(&self.model, &self.model_light)
    }

    /// Returns the content of the unit's first prompt.
    pub fn prompt(&self) -> UnitPrompt<'_> {
        UnitPrompt {
            title: &self.ambient.title,
            description: &self.ambient.description,
            description_tokens: self.tokens.description(),
            path: &self.path,
            previous_path: self.previous_path.as_deref(),
            hunks: &self.hunks,
            context: &self.context,
            instructions: &self.instructions,
            dependencies: &self.dependencies,
        }
    }

    /// Returns the name of the unit's first question, the key of its cached answer. It covers repository, model, prompt
    /// version, hunks, enclosing scopes, instructions and the reports of rules and tools, each by content. Ambient text (title, description) and
    /// imports are shown but don't change the question. Repositories never share answers.
    pub fn question(&self) -> String {
        let previous_path = self.previous_path.as_deref().map(shown_path);
        let scopes = self.context.scopes.iter();
        let mut question = vec![
            json!("unit"),
            json!(self.repository),
            json!(self.model_of(self.tier)),
            json!(PROMPT_VERSION),
            json!(render_hunks(
                &shown_path(&self.path),
                previous_path.as_deref(),
                &self.hunks
            )),
            scopes
                .map(|scope| json!([&scope.kind, &scope.name, &scope.signature]))
                .collect(),
            json!(self.instructions),
            answer_schema(),
        ];
        if !self.context.claims.is_empty() {
            question.push(json!(self.context.claims));
        }
        if !self.dependencies.is_empty() {
            question.push(json!({ "dependencies": self.dependencies }));
        }
        question_digest(&Value::Array(question))
    }
}

/// Returns the name of a question.
pub(super) fn question_digest(question: &Value) -> String {
    hex::encode(Sha256::digest(question.to_string().as_bytes()))
}

/// Returns the repository's name in the keys of cached answers: GitHub's id, which survives a rename, or the full name;
/// a work tree's path.
pub fn repository_key(run: &Run) -> String {
    match &run.target {
        Target::WorkTree { path, .. } => format!("work-tree {path}"),
        Target::PullRequest {
            repository_id: Some(id),
            ..
        } => format!("github {id}"),
        Target::PullRequest { repository, .. } => format!("github {repository}").to_ascii_lowercase(),
    }
}

/// Returns the parties that a run's model calls count for. A work tree's tenant is no account's name.
pub fn payer_of(run: &Run, author: Option<&str>, policy: &Policy) -> Payer {
    let tenant = match &run.target {
        Target::WorkTree { .. } => "this machine".to_owned(),
        Target::PullRequest { repository, .. } => repository.owner().to_ascii_lowercase(),
    };
    Payer {
        tenant,
        repository: repository_key(run),
        repository_name: run.target.repository(),
        author: author.map(str::to_lowercase),
        urgent: run.urgent,
        batch: policy.batch,
        spend: policy.spend.caps(),
    }
}

/// Reads a unit's document. If version 1 gathered the run's context, makes it from that version's artifacts.
///
/// # Errors
/// It isn't there or has another shape; the store fails.
pub async fn read_unit(run: &RunName, unit: &str, store: &dyn StoreArtifact) -> Result<UnitDocument, StageError> {
    match find_artifact(store, &key::unit(run, unit)).await? {
        Some(document) => Ok(document),
        None => version_1::read_unit(run, unit, store).await,
    }
}

/// Reads a unit's context only.
///
/// # Errors
/// It isn't there or has another shape; the store fails.
pub(super) async fn read_evidence(
    run: &RunName,
    unit: &str,
    store: &dyn StoreArtifact,
) -> Result<UnitEvidence, StageError> {
    match find_artifact(store, &key::unit(run, unit)).await? {
        Some(evidence) => Ok(evidence),
        None => version_1::read_evidence(run, unit, store).await,
    }
}
