//! A repository's settings: `.holdfast.yml`, read from the base branch only.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use super::finding::Severity;
use super::plan::Tier;

/// Where the settings stand in a repository.
pub const POLICY_PATH: &str = ".holdfast.yml";

/// The file's content. Every key may be left out; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Only these paths are reviewed (globs); empty: all.
    pub include: Vec<String>,
    /// These paths are not reviewed (globs).
    pub exclude: Vec<String>,
    /// The gate.
    pub gate: GatePolicy,
    /// Findings in one review at most, 1 to 1,000; the worst are kept. Default 50.
    pub max_findings: u32,
    /// Model calls' units in one review at most, 1 to 10,000; the riskiest are kept. Default 3,000.
    pub max_units: u32,
    /// Extra instructions by path.
    pub instructions: Vec<PathInstruction>,
    /// Model tier by path; the first match counts.
    pub tiers: Vec<PathTier>,
}

/// When a person has to look first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatePolicy {
    /// A finding at or above this severity needs approval. Default `high`.
    pub severity: Severity,
}

/// Extra instructions for some paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathInstruction {
    /// A glob.
    pub path: String,
    /// What the reviewer should mind there.
    pub text: String,
}

/// Model tier for some paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathTier {
    /// A glob.
    pub path: String,
    /// The tier.
    pub tier: Tier,
}

impl Default for GatePolicy {
    fn default() -> Self {
        Self {
            severity: Severity::High,
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            gate: GatePolicy::default(),
            max_findings: 50,
            max_units: 3_000,
            instructions: Vec::new(),
            tiers: Vec::new(),
        }
    }
}

/// The file is wrong; says where and what is allowed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{POLICY_PATH}: {0}")]
pub struct InvalidPolicy(pub String);

impl Policy {
    /// Reads the file's text. Errors: not YAML, an unknown key, a wrong type or range, a bad glob (with line and column).
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let policy: Self = serde_norway::from_str(text).map_err(|error| InvalidPolicy(error.to_string()))?;
        for (name, value, most) in [
            ("max_findings", policy.max_findings, 1_000),
            ("max_units", policy.max_units, 10_000),
        ] {
            if value == 0 || value > most {
                return Err(InvalidPolicy(format!(
                    "{name}: {value} is out of range, allowed are 1 to {most}"
                )));
            }
        }
        policy.globs()?;
        Ok(policy)
    }

    /// Compiles every glob once. Errors: a bad glob, named.
    pub fn globs(&self) -> Result<PolicyGlobs, InvalidPolicy> {
        Ok(PolicyGlobs {
            include: glob_set(&self.include)?,
            exclude: glob_set(&self.exclude)?,
            instructions: glob_set(self.instructions.iter().map(|entry| &entry.path))?,
            tiers: glob_set(self.tiers.iter().map(|entry| &entry.path))?,
        })
    }
}

/// The compiled globs of a [`Policy`]; indices follow its lists.
#[derive(Clone, Debug)]
pub struct PolicyGlobs {
    /// Of `include`.
    pub include: GlobSet,
    /// Of `exclude`.
    pub exclude: GlobSet,
    /// Of `instructions`.
    pub instructions: GlobSet,
    /// Of `tiers`.
    pub tiers: GlobSet,
}

/// Compiles globs. Errors: a bad glob, named.
pub fn glob_set<'a, I: IntoIterator<Item = &'a String>>(patterns: I) -> Result<GlobSet, InvalidPolicy> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| InvalidPolicy(format!("bad glob: {error}")))?);
    }
    set.build().map_err(|error| InvalidPolicy(format!("globs: {error}")))
}
