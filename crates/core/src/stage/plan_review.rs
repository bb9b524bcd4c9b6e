//! PlanReview: skips noise and divides the rest of the change into units by file, the riskiest first. Lock files give
//! the dependencies that the change updates.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::dependency::dependency_updates;
use crate::diff::{Hunk, parse_patch, render_hunks};
use crate::filter::{Triage, risk_of, triage};
use crate::identity;
use crate::model::change::{Change, ChangedFile};
use crate::model::finding::Finding;
use crate::model::key;
use crate::model::noise::{FileNoise, NoiseFacts};
use crate::model::plan::{Plan, Tier, Unit, UnitItem};
use crate::model::policy::{POLICY_PATH, Policy, PolicyGlobs};
use crate::model::report::{Coverage, Outcome};
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::model::silencing::Silencing;
use crate::policy_file::{Settings, read_policy};
use crate::port::{ReadChange, ReadPermission, StoreArtifact};
use crate::prompt::estimate_tokens;
use crate::render::{counted, is_or_are};
use crate::rule::secret_findings;
use crate::silence::{Silencer, Trust};
use crate::team_rules::TeamRules;

use super::noise_facts::noise_facts;
use super::read_evidence::{notes_of, read_evidence, tools_that_ran};
use super::read_team_rules::read_team_rules;
use super::silencing_trust::read_trust;
use super::stored_change::missing_change;
use super::{StageError, find_whole_change, read_artifact, write_artifact};

/// The lowest risk whose first attempt is on the strong tier.
const STRONG_FROM: u8 = 40;

/// The run to plan.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
}

/// The values for the map.
#[derive(Debug, Serialize)]
pub struct Output {
    /// The number of units.
    pub units: u64,
    /// The bucket of the items.
    pub bucket: String,
    /// The items' key.
    pub items: String,
    /// The prefix of the results' keys.
    pub results: String,
    /// The maximum number of units in review at once.
    pub max_concurrency: u32,
}

/// Plans a run.
///
/// # Errors
/// `.holdfast.yml` or a file of `.holdfast-rules` on the base is invalid, or changed since the run was named; the source
/// or the store fails; GitHub limits requests or doesn't answer.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn plan_review(
    input: &Input,
    read: &dyn ReadChange,
    permission: &dyn ReadPermission,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let change = find_whole_change(&input.run, store)
        .await?
        .ok_or_else(|| missing_change(&input.run))?;
    let at = change.settings_commit();
    if run.target.pinned().is_some() {
        let text = read.read_file(&run.target, POLICY_PATH, at).await?;
        identity::check_settings(&run.target, text.as_deref())?;
    }
    let (settings, trust) = futures::join!(
        read_policy(read, &run.target, at),
        read_trust(&run, &change, permission, store)
    );
    let Settings {
        policy,
        notes,
        has_team_rules,
    } = settings?;
    let trust = trust?;
    let team_rules = match has_team_rules {
        true => read_team_rules(read, &run.target, at).await?,
        false => TeamRules::default(),
    };
    // The limit is for prompts: rules read hunks of any size.
    let max_hunk_tokens = if run.is_rules_only() {
        u64::MAX
    } else {
        run.tokens.hunk()
    };
    // So is the number of units: rules cost no model call.
    let max_units = match run.is_rules_only() {
        true => usize::MAX,
        false => usize::try_from(policy.max_units).unwrap_or(usize::MAX),
    };
    let sizes = (run.tokens.unit(), max_hunk_tokens);
    let globs = policy.globs()?;
    let facts = noise_facts((&input.run, &run.target), &change, (&policy, globs), read, store).await?;
    let mut plan = plan_units(&change, (&policy, globs), &facts, sizes, max_units);
    (plan.findings, plan.silencing) = secrets_outside_of_units(&change, &plan, trust, globs);
    plan.notes.splice(0..0, run.notes.iter().cloned().chain(notes));
    if let Some(evidence) = read_evidence(&run, &change, (&policy, &plan), read).await? {
        plan.notes.extend(notes_of(&evidence, &run, &policy));
        plan.tools = tools_that_ran(&evidence, &change, &policy);
        write_artifact(store, &key::evidence(&input.run), &evidence).await?;
    }
    let items: Vec<UnitItem> = plan
        .units
        .iter()
        .map(|unit| UnitItem {
            unit: unit.id.clone(),
            tier: unit.tier,
        })
        .collect();
    write_artifact(store, &key::policy(&input.run), &policy).await?;
    if !team_rules.is_empty() {
        write_artifact(store, &key::team_rules(&input.run), &team_rules).await?;
    }
    write_artifact(store, &key::plan(&input.run), &plan).await?;
    write_artifact(store, &key::items(&input.run), &items).await?;
    Ok(Output {
        units: u64::try_from(items.len()).unwrap_or(u64::MAX),
        bucket: run.bucket,
        items: key::items(&input.run),
        results: key::results_prefix(&input.run),
        max_concurrency: run.max_concurrency,
    })
}

/// Returns the plan of a change. Every file is in a unit or in `settled`. `sizes` are the maximum tokens of a unit and of
/// a hunk.
fn plan_units(
    change: &Change,
    (policy, globs): (&Policy, &PolicyGlobs),
    facts: &NoiseFacts,
    sizes: (u64, u64),
    max_units: usize,
) -> Plan {
    let mut plan = Plan {
        units: Vec::new(),
        settled: Vec::new(),
        notes: change.notes.iter().chain(&facts.notes).cloned().collect(),
        findings: Vec::new(),
        tools: Vec::new(),
        silencing: Silencing::default(),
        dependencies: dependency_updates(&change.files),
    };
    let unknown = FileNoise::default();
    for file in &change.files {
        let known = facts.files.get(&file.path).unwrap_or(&unknown);
        match triage(file, globs, !policy.include.is_empty(), known) {
            Triage::Skip(rule) => plan.settled.push(settle(file, Outcome::Skipped, rule)),
            Triage::Unreviewed(why) => plan.settled.push(settle(file, Outcome::Unreviewed, why)),
            Triage::Review => plan_file(file, policy, globs, sizes, &mut plan),
        }
    }
    plan.units.sort_by(|a, b| {
        b.risk
            .cmp(&a.risk)
            .then_with(|| a.path.cmp(&b.path))
            .then_with(|| a.hunks.cmp(&b.hunks))
    });
    if plan.units.len() > max_units {
        plan.notes.push(format!(
            "{} of {} left out: max_units in {POLICY_PATH} is {max_units}",
            plan.units.len() - max_units,
            counted(plan.units.len(), "unit")
        ));
        for unit in plan.units.split_off(max_units) {
            let reason = format!("over the limit of {}", counted(max_units, "unit"));
            plan.settled.push(Coverage {
                path: unit.path,
                outcome: Outcome::Unreviewed,
                reason: Some(reason),
                attempts: 0,
                failure: None,
            });
        }
    }
    let unlisted = change.unlisted();
    if unlisted > 0 {
        plan.notes.push(format!(
            "{unlisted} of {} could not be listed and {} unreviewed",
            counted(change.files_total, "changed file"),
            is_or_are(unlisted)
        ));
    }
    for (index, unit) in plan.units.iter_mut().enumerate() {
        unit.id = format!("u{:04}", index + 1);
    }
    plan
}

/// Returns the secrets in the hunks that are in no unit, and those that comments silence. GatherContext searches the
/// units' hunks.
fn secrets_outside_of_units(
    change: &Change,
    plan: &Plan,
    trust: Trust,
    globs: &PolicyGlobs,
) -> (Vec<Finding>, Silencing) {
    let settled: HashSet<&str> = plan.settled.iter().map(|entry| entry.path.as_str()).collect();
    let mut in_units: HashMap<&str, HashSet<usize>> = HashMap::new();
    for unit in &plan.units {
        in_units.entry(&unit.path).or_default().extend(&unit.hunks);
    }
    let (mut findings, mut silencing) = (Vec::new(), Silencing::default());
    for file in change.files.iter().filter(|file| settled.contains(file.path.as_str())) {
        let hunks = file.patch.as_deref().and_then(|patch| parse_patch(patch).ok());
        let known = in_units.get(file.path.as_str());
        let outside = hunks.unwrap_or_default().into_iter().enumerate();
        let outside = outside.filter(|(index, _)| known.is_none_or(|known| !known.contains(index)));
        let outside: Vec<Hunk> = outside.map(|(_, hunk)| hunk).collect();
        let secrets = secret_findings(&file.path, &outside);
        if !secrets.is_empty() {
            let silencer = Silencer::new(&file.path, &outside, trust, globs);
            findings.extend(silencer.apply(secrets, &mut silencing));
        }
        findings.extend(file.secrets.iter().cloned());
    }
    (findings, silencing)
}

fn plan_file(
    file: &ChangedFile,
    policy: &Policy,
    globs: &PolicyGlobs,
    (unit_tokens, max_hunk_tokens): (u64, u64),
    plan: &mut Plan,
) {
    if let Some(reason) = &file.omitted {
        return plan.settled.push(settle(file, Outcome::Unreviewed, reason.clone()));
    }
    let hunks = match file.patch.as_deref().map(parse_patch) {
        Some(Ok(hunks)) if !hunks.is_empty() => hunks,
        Some(Ok(_)) => {
            return plan.settled.push(settle(file, Outcome::Skipped, "empty".to_owned()));
        }
        Some(Err(error)) => {
            return plan.settled.push(settle(
                file,
                Outcome::Unreviewed,
                format!("its patch cannot be read: {error}"),
            ));
        }
        None => {
            let reason = "the source gave no patch".to_owned();
            return plan.settled.push(settle(file, Outcome::Unreviewed, reason));
        }
    };
    let risk = risk_of(file);
    let by_policy = globs
        .tiers
        .matches(&file.path)
        .first()
        .and_then(|index| policy.tiers.get(*index))
        .map(|entry| (entry.tier, format!("tiers in {POLICY_PATH}: {}", entry.path)));
    let (tier, tier_reason) = by_policy.unwrap_or_else(|| (tier_of_risk(risk), reason_of_risk(risk)));
    let mut group: Vec<usize> = Vec::new();
    let mut size = 0;
    let mut close = |group: &mut Vec<usize>| {
        if !group.is_empty() {
            plan.units.push(Unit {
                id: String::new(),
                path: file.path.clone(),
                hunks: std::mem::take(group),
                risk,
                tier,
                tier_reason: tier_reason.clone(),
            });
        }
    };
    let mut too_large = 0;
    for (index, hunk) in hunks.iter().enumerate() {
        let tokens = estimate_tokens(&render_hunks(&file.path, None, [hunk]));
        if tokens > max_hunk_tokens {
            too_large += 1;
            continue;
        }
        if size + tokens > unit_tokens {
            close(&mut group);
            size = 0;
        }
        size += tokens;
        group.push(index);
    }
    close(&mut group);
    if too_large > 0 {
        let reason = format!(
            "{too_large} of {} {} too large for one prompt (over {} tokens)",
            counted(hunks.len(), "hunk"),
            is_or_are(too_large),
            max_hunk_tokens
        );
        plan.settled.push(settle(file, Outcome::Unreviewed, reason));
    }
}

/// Returns the tier of the first attempt if the policy names none.
const fn tier_of_risk(risk: u8) -> Tier {
    if risk >= STRONG_FROM { Tier::Strong } else { Tier::Light }
}

/// Returns the reason that people read for a risk's tier.
fn reason_of_risk(risk: u8) -> String {
    match tier_of_risk(risk) {
        Tier::Strong => format!("risk {risk}, strong from {STRONG_FROM}"),
        Tier::Light => format!("risk {risk}, under {STRONG_FROM}"),
    }
}

fn settle(file: &ChangedFile, outcome: Outcome, reason: String) -> Coverage {
    Coverage {
        path: file.path.clone(),
        outcome,
        reason: Some(reason),
        attempts: 0,
        failure: None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use super::*;
    use crate::model::change::{FileKind, FileStatus};
    use crate::model::sha::CommitSha;

    #[test]
    fn the_strong_tier_starts_at_a_risk_of_40() {
        let tiers = [0, 39, 40, 41, 100].map(tier_of_risk);
        let expected = [Tier::Light, Tier::Light, Tier::Strong, Tier::Strong, Tier::Strong];
        assert_eq!(tiers, expected);
    }

    fn with_patch(patch: String) -> Change {
        let sha = |digit: &str| CommitSha::parse(&digit.repeat(40)).unwrap();
        Change {
            base: sha("a"),
            base_tip: None,
            is_branch_here: false,
            head: sha("b"),
            title: String::new(),
            description: String::new(),
            author: None,
            url: None,
            files: vec![ChangedFile {
                path: "src/a.rs".to_owned(),
                previous_path: None,
                status: FileStatus::Modified,
                kind: FileKind::Text,
                additions: 2,
                deletions: 0,
                patch: Some(patch),
                omitted: None,
                secrets: Vec::new(),
            }],
            files_total: 1,
            notes: Vec::new(),
        }
    }

    #[test]
    fn secrets_are_searched_once_in_each_hunk() {
        let secret = |letter: &str| format!("ghp_{}{}", letter.repeat(3), "4fR7kQ2mZ9xW1cV6bN3tY8pL5sD0hG2jK");
        let long = "x".repeat(4_000);
        let hunk = |line: u32, text: &str| format!("@@ -{line},0 +{line},1 @@\n+{text}\n");
        let change = with_patch(hunk(1, &secret("a")) + &hunk(9, &format!("{} {long}", secret("b"))));
        let policy = Policy::default();
        let lines = |max_hunk_tokens: u64, max_units: usize| {
            let sizes = (1_000, max_hunk_tokens);
            let globs = policy.globs().unwrap();
            let plan = plan_units(&change, (&policy, globs), &NoiseFacts::default(), sizes, max_units);
            let (findings, _) = secrets_outside_of_units(&change, &plan, Trust::All, globs);
            let lines: Vec<u32> = findings.iter().map(|finding| finding.line).collect();
            (plan.units.len(), lines)
        };
        assert_eq!(lines(u64::MAX, 100), (2, vec![]), "GatherContext searches both");
        assert_eq!(lines(500, 100), (1, vec![9]), "the second is too large");
        assert_eq!(
            lines(u64::MAX, 1),
            (1, vec![9]),
            "the second is over the limit of units"
        );
        assert_eq!(lines(1, 100), (0, vec![1, 9]));
    }
}
