//! A repository's settings: `.holdfast.yml`, read from the base branch only.

mod check;
mod evidence;
mod glob;
mod rule_level;
mod spend;
mod typed_value;

pub use check::{PolicyProblem, nearest};
pub use evidence::EvidencePolicy;
pub use rule_level::{InvalidTeamRules, RuleLevel, unknown_rules};
pub use spend::SpendPolicy;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Deserializer, Serialize};

use super::approver::{Approver, shared_addresses};
use super::finding::Severity;
use super::plan::Tier;
use super::team_name::TeamName;
use check::Part;

/// Maximum number of problems in one message.
const MAX_REPORTED: usize = 10;
/// Maximum number of new comments in one review, where the file sets none.
const DEFAULT_MAX_COMMENTS: u32 = 20;

/// The path of the settings in a repository.
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
    /// The findings that a pull request shows beside their lines.
    #[serde(skip_serializing_if = "CommentsPolicy::is_default")]
    pub comments: CommentsPolicy,
    /// Deprecated: the older name of `comments.max`.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "u32", range(min = 1, max = 1000), extend("deprecated" = true)))]
    pub max_findings: Option<u32>,
    /// Maximum number of units in one review, 1 to 10,000; the riskiest are reviewed. Default 3,000.
    #[cfg_attr(test, schemars(range(min = 1, max = 10000)))]
    pub max_units: u32,
    /// Extra instructions by path.
    pub instructions: Vec<PathInstruction>,
    /// Model tier by path; the first match counts.
    pub tiers: Vec<PathTier>,
    /// Limits of money, in US dollars; lower than the deployment's.
    #[serde(skip_serializing_if = "SpendPolicy::is_default")]
    pub spend: SpendPolicy,
    /// The reviews aren't urgent: with `HOLDFAST_MODEL_BATCH=marked` their model calls cost half and may take a day.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
    /// Logins of bots whose own pull requests are reviewed, with or without `[bot]`, e.g. `dependabot`. Default: none. A
    /// bot's push to a person's pull request is always reviewed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bots: Vec<String>,
    /// The reports of the team's own tools that reviews read.
    #[serde(skip_serializing_if = "EvidencePolicy::is_default")]
    pub evidence: EvidencePolicy,
    /// Rules on the syntax tree by their ids: `off`, or another severity for their findings.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<String, RuleLevel>,
    /// The globs of the lists above, compiled at their first use, which is the parsing.
    #[serde(skip)]
    #[cfg_attr(test, schemars(skip))]
    compiled: CompiledGlobs,
}

/// Globs that are compiled once. They follow from the lists, so a comparison of policies ignores them.
#[derive(Clone, Debug, Default)]
struct CompiledGlobs(OnceLock<PolicyGlobs>);

impl PartialEq for CompiledGlobs {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The findings that a pull request shows beside their lines. The summary has the others, folded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CommentsPolicy {
    /// The lowest severity of a finding with a comment beside its lines. Default `medium`.
    pub min_severity: Severity,
    /// Maximum number of new comments in one review, 1 to 1,000: first those that the gate holds, then the worst.
    /// Default 20.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        test,
        schemars(with = "u32", range(min = 1, max = 1000), extend("default" = DEFAULT_MAX_COMMENTS))
    )]
    pub max: Option<u32>,
}

impl CommentsPolicy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for CommentsPolicy {
    fn default() -> Self {
        Self {
            min_severity: Severity::Medium,
            max: None,
        }
    }
}

/// Reads a value that may be left out, and that is not empty where it is given.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// The conditions under which a person must approve a review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct GatePolicy {
    /// A finding at or above this severity needs approval. Default `high`.
    pub severity: Severity,
    /// Another severity for some paths; the first match counts.
    pub paths: Vec<PathSeverity>,
    /// Number of different people who must approve, 1 to 10. Default 1.
    #[cfg_attr(test, schemars(range(min = 1, max = 10)))]
    pub approvals: u32,
    /// Approvers in addition to the deployment's: `LOGIN=ADDRESS`, or only an address, which needs a sign-in to decide.
    #[cfg_attr(
        test,
        schemars(inner(regex(pattern = "^([A-Za-z0-9_-]{1,39}=)?[^@=\\s]+@[^@\\s]+$")))
    )]
    pub approvers: Vec<String>,
    /// Teams, `ORGANISATION/TEAM`: a person who decides must be in one of them. Empty: anyone with write permission.
    #[cfg_attr(test, schemars(inner(regex(pattern = "^[^/]+/[^/]+$"))))]
    pub teams: Vec<String>,
    /// The part of a review that waits: the `whole` review, or only the `findings` at or above the gate's severity.
    /// Default: `findings` where only the operators of Holdfast can decide, otherwise `whole`.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "GateScope"))]
    pub mode: Option<GateScope>,
    /// What happens to a whole review after the last request without a decision. Default `discard`.
    #[serde(skip_serializing_if = "OnTimeout::is_default")]
    #[cfg_attr(test, schemars(extend("default" = "discard")))]
    pub on_timeout: OnTimeout,
}

/// The part of a review that waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GateScope {
    /// The whole review.
    Whole,
    /// The findings at or above the gate's severity. The rest is published at once.
    Findings,
}

/// The end of a whole review that nobody decided about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// Nothing is published.
    #[default]
    Discard,
    /// The part below the gate's severity is published.
    PublishUngated,
}

impl OnTimeout {
    /// Returns whether it is the default: serde passes a reference.
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
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
    /// The instructions to the reviewer.
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
            mode: None,
            on_timeout: OnTimeout::default(),
        }
    }
}

impl GatePolicy {
    /// Returns the teams. Parsing the policy refuses a text that names no team.
    pub fn team_names(&self) -> Vec<TeamName> {
        self.teams.iter().filter_map(|team| team.parse().ok()).collect()
    }

    /// Returns the part of a review that waits. `others_decide` is whether the deployment lets people decide who don't
    /// operate it.
    pub fn scope(&self, others_decide: bool) -> GateScope {
        let only_operators = !others_decide && self.approvers.is_empty() && self.teams.is_empty();
        self.mode.unwrap_or(if only_operators {
            GateScope::Findings
        } else {
            GateScope::Whole
        })
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            gate: GatePolicy::default(),
            comments: CommentsPolicy::default(),
            max_findings: None,
            max_units: 3_000,
            instructions: Vec::new(),
            tiers: Vec::new(),
            spend: SpendPolicy::default(),
            batch: false,
            bots: Vec::new(),
            evidence: EvidencePolicy::default(),
            rules: BTreeMap::new(),
            compiled: CompiledGlobs::default(),
        }
    }
}

/// The file is invalid: where, and what is allowed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{POLICY_PATH} on the base branch: {0}")]
pub struct InvalidPolicy(pub String);

impl Policy {
    /// Parses the file's text.
    ///
    /// # Errors
    ///
    /// The file is invalid: all problems in one line, see [`Self::problems`].
    pub fn parse(text: &str) -> Result<Self, InvalidPolicy> {
        let problems = Self::problems(text);
        if !problems.is_empty() {
            let more = problems.len().saturating_sub(MAX_REPORTED);
            let mut lines: Vec<String> = problems.iter().take(MAX_REPORTED).map(ToString::to_string).collect();
            if more > 0 {
                lines.push(format!("and {more} more: holdfast check {POLICY_PATH} lists them"));
            }
            return Err(InvalidPolicy(lines.join("; ")));
        }
        let policy: Option<Self> = match text.trim().is_empty() {
            true => None,
            false => serde_norway::from_str(text).map_err(|error| InvalidPolicy(error.to_string()))?,
        };
        let policy = policy.unwrap_or_default();
        policy.globs()?;
        Ok(policy)
    }

    /// Returns whether this bot's own pull requests are reviewed.
    pub fn allows_bot(&self, login: &str) -> bool {
        let bare = |login: &str| login.strip_suffix("[bot]").unwrap_or(login).to_ascii_lowercase();
        self.bots.iter().any(|allowed| bare(allowed.trim()) == bare(login))
    }

    /// Returns all problems with the file's text, in its order: invalid YAML, unknown keys, wrong types and ranges,
    /// globs that can't match, each with line, column and the form to write.
    pub fn problems(text: &str) -> Vec<PolicyProblem> {
        check::problems(text)
    }

    /// Returns the deprecated keys of a file without problems, each with the form to write.
    pub fn warnings(text: &str) -> Vec<PolicyProblem> {
        check::warnings(text)
    }

    /// Returns the maximum number of new comments in one review.
    pub fn max_comments(&self) -> u32 {
        self.comments.max.or(self.max_findings).unwrap_or(DEFAULT_MAX_COMMENTS)
    }

    /// Returns the wrong values that the types accept, by their path in the file.
    fn wrong_values(&self) -> Vec<(Vec<Part>, String)> {
        use Part::{Item, Key};
        let mut wrong = Vec::new();
        for (way, value, most) in [
            (vec![Key("comments"), Key("max")], self.comments.max, 1_000),
            (vec![Key("max_findings")], self.max_findings, 1_000),
            (vec![Key("max_units")], Some(self.max_units), 10_000),
            (vec![Key("gate"), Key("approvals")], Some(self.gate.approvals), 10),
        ] {
            if let Some(value) = value.filter(|value| *value == 0 || *value > most) {
                wrong.push((way, format!("{value} is out of range, allowed are 1 to {most}")));
            }
        }
        wrong.extend(self.spend.wrong_values());
        wrong.extend(self.evidence.wrong_values());
        if self.max_findings.is_some() && self.comments.max.is_some() {
            let what = "is the older name of comments.max, which is set too: remove max_findings";
            wrong.push((vec![Key("max_findings")], what.to_owned()));
        }
        for (index, team) in self.gate.teams.iter().enumerate() {
            if let Err(problem) = team.parse::<TeamName>() {
                wrong.push((vec![Key("gate"), Key("teams"), Item(index)], problem.to_string()));
            }
        }
        let mut approvers = Vec::new();
        for (index, text) in self.gate.approvers.iter().enumerate() {
            match Approver::parse(text) {
                Ok(approver) => approvers.push(approver),
                Err(problem) => wrong.push((vec![Key("gate"), Key("approvers"), Item(index)], problem.to_string())),
            }
        }
        let shared = shared_addresses(&approvers).into_iter();
        wrong.extend(shared.map(|problem| (vec![Key("gate"), Key("approvers")], problem)));
        for (way, globs) in self.glob_lists() {
            for (index, pattern) in globs.into_iter().enumerate() {
                if let Err(problem) = glob::meant(pattern) {
                    let mut way: Vec<Part> = way.iter().copied().map(Key).collect();
                    way.push(Item(index));
                    if !matches!(way.first(), Some(Key("include" | "exclude"))) {
                        way.push(Key("path"));
                    }
                    wrong.push((way, problem.to_string()));
                }
            }
        }
        wrong
    }

    /// Returns every list of globs, by its path in the file.
    fn glob_lists(&self) -> [(&'static [&'static str], Vec<&String>); 5] {
        [
            (&["include"], self.include.iter().collect()),
            (&["exclude"], self.exclude.iter().collect()),
            (
                &["instructions"],
                self.instructions.iter().map(|entry| &entry.path).collect(),
            ),
            (&["tiers"], self.tiers.iter().map(|entry| &entry.path).collect()),
            (
                &["gate", "paths"],
                self.gate.paths.iter().map(|entry| &entry.path).collect(),
            ),
        ]
    }

    /// Returns the compiled globs, each as its author means it. The first call compiles them; later changes to the
    /// lists don't count.
    ///
    /// # Errors
    ///
    /// A glob is invalid; the message names it.
    pub fn globs(&self) -> Result<&PolicyGlobs, InvalidPolicy> {
        if let Some(globs) = self.compiled.0.get() {
            return Ok(globs);
        }
        let [include, exclude, instructions, tiers, gate] = self.glob_lists().map(|(_, globs)| glob::meant_set(globs));
        let globs = PolicyGlobs {
            include: include?,
            exclude: exclude?,
            instructions: instructions?,
            tiers: tiers?,
            gate: gate?,
        };
        Ok(self.compiled.0.get_or_init(|| globs))
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
    /// Returns the lowest severity that needs approval in a file. `globs` are this policy's own.
    pub fn severity_of(&self, path: &str, globs: &PolicyGlobs) -> Severity {
        let first = globs.gate.matches(path).into_iter().min();
        first
            .and_then(|index| self.paths.get(index))
            .map_or(self.severity, |entry| entry.severity)
    }
}

/// Returns whether a text is a plain mail address, without a display name.
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

/// Compiles globs.
///
/// # Errors
///
/// A glob is invalid; the message names it.
pub fn glob_set<'a, I: IntoIterator<Item = &'a String>>(patterns: I) -> Result<GlobSet, InvalidPolicy> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|error| InvalidPolicy(format!("bad glob: {error}")))?);
    }
    set.build().map_err(|error| InvalidPolicy(format!("globs: {error}")))
}

#[cfg(test)]
mod tests;
