//! A repository's settings: `.holdfast.yml`, read from the base branch only.

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use super::approver::{Approver, shared_addresses};
use super::finding::Severity;
use super::plan::Tier;

/// Where the settings stand in a repository.
pub const POLICY_PATH: &str = ".holdfast.yml";

/// The file's content. Every key may be left out; unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Only these paths are reviewed (globs); empty: all.
    pub include: Vec<String>,
    /// These paths are not reviewed (globs).
    pub exclude: Vec<String>,
    /// The gate.
    pub gate: GatePolicy,
    /// Findings shown beside their lines in one review at most, 1 to 1,000: first those that the gate holds, then the worst.
    /// The others are listed folded. Default 50.
    #[cfg_attr(test, schemars(range(min = 1, max = 1000)))]
    pub max_findings: u32,
    /// Model calls' units in one review at most, 1 to 10,000; the riskiest are kept. Default 3,000.
    #[cfg_attr(test, schemars(range(min = 1, max = 10000)))]
    pub max_units: u32,
    /// Extra instructions by path.
    pub instructions: Vec<PathInstruction>,
    /// Model tier by path; the first match counts.
    pub tiers: Vec<PathTier>,
    /// Logins of bots whose own pull requests are reviewed, with or without `[bot]`, e.g. `dependabot`. Default: none. A
    /// bot's push to a person's pull request is always reviewed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bots: Vec<String>,
}

/// When a person has to look first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GatePolicy {
    /// A finding at or above this severity needs approval. Default `high`.
    pub severity: Severity,
    /// Another severity for some paths; the first match counts.
    pub paths: Vec<PathSeverity>,
    /// How many different people have to approve, 1 to 10. Default 1.
    #[cfg_attr(test, schemars(range(min = 1, max = 10)))]
    pub approvals: u32,
    /// People who are asked besides the deployment's: `LOGIN=ADDRESS`, or an address alone, which needs a sign-in to decide.
    #[cfg_attr(
        test,
        schemars(inner(regex(pattern = "^([A-Za-z0-9_-]{1,39}=)?[^@=\\s]+@[^@\\s]+$")))
    )]
    pub approvers: Vec<String>,
    /// Teams, `ORGANISATION/TEAM`: who decides after signing in has to be in one of them. Empty: whoever may write.
    #[cfg_attr(test, schemars(inner(regex(pattern = "^[^/]+/[^/]+$"))))]
    pub teams: Vec<String>,
}

/// The gate's severity for some paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PathSeverity {
    /// A glob.
    pub path: String,
    /// A finding there at or above this severity needs approval.
    pub severity: Severity,
}

/// Extra instructions for some paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PathInstruction {
    /// A glob.
    pub path: String,
    /// What the reviewer should mind there.
    pub text: String,
}

/// Model tier for some paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
            paths: Vec::new(),
            approvals: 1,
            approvers: Vec::new(),
            teams: Vec::new(),
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
            bots: Vec::new(),
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
            ("gate.approvals", policy.gate.approvals, 10),
        ] {
            if value == 0 || value > most {
                return Err(InvalidPolicy(format!(
                    "{name}: {value} is out of range, allowed are 1 to {most}"
                )));
            }
        }
        for team in &policy.gate.teams {
            let is_team = team.split_once('/').is_some_and(|(organisation, name)| {
                !organisation.is_empty() && !name.is_empty() && !name.contains('/')
            });
            if !is_team {
                return Err(InvalidPolicy(format!(
                    "gate.teams: {team:?} is no team; expected ORGANISATION/TEAM"
                )));
            }
        }
        let mut approvers = Vec::new();
        for text in &policy.gate.approvers {
            let problem = |problem| InvalidPolicy(format!("gate.approvers: {problem}"));
            approvers.push(Approver::parse(text).map_err(problem)?);
        }
        if let Some(problem) = shared_addresses(&approvers).first() {
            return Err(InvalidPolicy(format!("gate.approvers: {problem}")));
        }
        policy.globs()?;
        Ok(policy)
    }

    /// Whether the own pull requests of this bot are reviewed.
    pub fn allows_bot(&self, login: &str) -> bool {
        let bare = |login: &str| login.strip_suffix("[bot]").unwrap_or(login).to_ascii_lowercase();
        self.bots.iter().any(|allowed| bare(allowed.trim()) == bare(login))
    }

    /// Compiles every glob once. Errors: a bad glob, named.
    pub fn globs(&self) -> Result<PolicyGlobs, InvalidPolicy> {
        Ok(PolicyGlobs {
            include: glob_set(&self.include)?,
            exclude: glob_set(&self.exclude)?,
            instructions: glob_set(self.instructions.iter().map(|entry| &entry.path))?,
            tiers: glob_set(self.tiers.iter().map(|entry| &entry.path))?,
            gate: glob_set(self.gate.paths.iter().map(|entry| &entry.path))?,
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
    /// Of `gate.paths`.
    pub gate: GlobSet,
}

impl GatePolicy {
    /// From which severity on a finding in a file needs approval. `globs` are this policy's own.
    pub fn severity_of(&self, path: &str, globs: &PolicyGlobs) -> Severity {
        let first = globs.gate.matches(path).into_iter().min();
        first
            .and_then(|index| self.paths.get(index))
            .map_or(self.severity, |entry| entry.severity)
    }
}

/// Whether a text is a plain mail address, without a display name.
pub fn is_mail_address(text: &str) -> bool {
    let plain = text
        .chars()
        .all(|char| char.is_ascii_graphic() && !matches!(char, ',' | ';' | '<' | '>' | '"' | '(' | ')' | ':'));
    plain
        && text.len() <= 254
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// Compiles globs. Errors: a bad glob, named.
pub fn glob_set<'a, I: IntoIterator<Item = &'a String>>(patterns: I) -> Result<GlobSet, InvalidPolicy> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| InvalidPolicy(format!("bad glob: {error}")))?);
    }
    set.build().map_err(|error| InvalidPolicy(format!("globs: {error}")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use expect_test::expect_file;
    use serde_json::Value;

    use super::*;

    const GUIDE: &str = include_str!("../../../../docs/configuration.md");

    fn schema() -> Value {
        let mut schema = schemars::schema_for!(Policy);
        schema.insert("title".to_owned(), POLICY_PATH.into());
        schema.to_value()
    }

    /// `UPDATE_EXPECT=1 cargo test -p holdfast-core schema` writes the file anew.
    #[test]
    fn the_schema_for_editors_is_that_of_the_types() {
        let text = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        expect_file!["../../../../docs/holdfast.schema.json"].assert_eq(&text);
    }

    #[test]
    fn the_schema_takes_what_is_read_and_refuses_what_is_not() {
        let validator = jsonschema::validator_for(&schema()).unwrap();
        let example = GUIDE.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        for (text, is_right) in [
            (example, true),
            ("{}", true),
            ("max_findings: 1000", true),
            ("max_findings: 1001", false),
            ("max_units: 0", false),
            ("gate: { approvals: 11 }", false),
            ("gate: { severity: bad }", false),
            ("gate: { teams: [octo] }", false),
            ("gate: { approvers: ['ada=ada@example.org', 'team@example.org'] }", true),
            ("gate: { approvers: [ada] }", false),
            ("gate: { approvers: ['a da=ada@example.org'] }", false),
            ("gate: { unknown: 1 }", false),
            ("unknown: 1", false),
            ("tiers: [{ path: '**' }]", false),
            ("include: '**'", false),
        ] {
            let value: Value = serde_norway::from_str(text).unwrap();
            assert_eq!(validator.is_valid(&value), is_right, "{text}");
            assert_eq!(Policy::parse(text).is_ok(), is_right, "{text}");
        }
    }
}
