//! AggregateFindings: merges the units' results into one list of findings and one line of coverage for each changed
//! file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::error_name::ErrorName;
use crate::model::failure::{Failure, OtherFailure};
use crate::model::finding::{Finding, Side};
use crate::model::key;
use crate::model::plan::{Plan, Unit};
use crate::model::report::{Coverage, Outcome, Usage};
use crate::model::run::{Aggregate, FileSummary, Readers, RecordedAnswer, UnitResult, UnitStatus, Verdict};
use crate::model::run_name::RunName;
use crate::port::{Deadline, StoreArtifact};
use crate::render::counted;
use crate::silence;

use super::merge_findings::{merge_finding, merge_reworded};
use super::unit_document::{UnitEvidence, read_evidence};
use super::{AT_ONCE, StageError, explain_failure, read_artifact, read_change, write_artifact};
use crate::artifact::find_artifact;

/// The map's results.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The run.
    pub run: RunName,
    /// The units' results as a list; or the place where the map's result writer stored them; or null without units.
    pub results: Value,
}

/// Counts for people who look at the execution.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Findings.
    pub findings: u64,
    /// Files reviewed.
    pub reviewed: u64,
    /// Files that only rules read.
    pub scanned: u64,
    /// Files skipped.
    pub skipped: u64,
    /// Files unreviewed.
    pub unreviewed: u64,
}

/// Merges the units' results into `aggregate.json`. Once its time is over it reads no more results: their files are
/// unreviewed, with that reason.
///
/// # Errors
/// The results have another shape; the store fails; no model has read any file, because its provider refused the calls,
/// is down or limits them.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn aggregate_findings(
    input: &Input,
    store: &dyn StoreArtifact,
    deadline: &dyn Deadline,
) -> Result<Output, StageError> {
    let change = read_change(&input.run, store).await?.header;
    let plan: Plan = read_artifact(store, &key::plan(&input.run)).await?;
    let results: HashMap<String, UnitResult> = read_results(&input.results, store)
        .await?
        .into_iter()
        .map(|result| (result.unit.clone(), result))
        .collect();

    let mut aggregate = Aggregate {
        findings: plan.findings.clone(),
        coverage: Vec::new(),
        summaries: Vec::new(),
        usage: Usage::default(),
        notes: plan.notes.clone(),
        readers: BTreeMap::new(),
        silencing: plan.silencing.clone(),
    };
    let mut dropped_suggestions = 0;
    let mut settled: BTreeMap<String, Coverage> = BTreeMap::new();
    for entry in &plan.settled {
        merge(&mut settled, entry.clone());
    }
    let mut dropped: BTreeMap<&str, u32> = BTreeMap::new();
    let mut no_syntax: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut of_fallback: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let reads: Vec<_> = plan
        .units
        .iter()
        .map(|unit| read_unit(&input.run, unit, results.get(&unit.id), store))
        .collect();
    let mut reads = futures::stream::iter(reads).buffered(AT_ONCE);
    let mut unread = 0;
    for unit in &plan.units {
        let read = if deadline.is_over() { None } else { reads.next().await };
        let result = results.get(&unit.id);
        let Some(read) = read else {
            merge(&mut settled, unread_result(unit, result));
            unread += 1;
            continue;
        };
        let UnitRead {
            evidence: UnitEvidence { context },
            answers,
            verdict,
        } = read?;
        aggregate.findings.extend(context.rule_findings);
        aggregate.silencing.add(context.silencing);
        let is_read = answers.iter().any(RecordedAnswer::is_of_model);
        let readers = Readers {
            model: verdict.is_some() && is_read,
            rules: result.is_some(),
        };
        aggregate.readers.insert(unit.id.clone(), readers);
        for answer in &answers {
            count(&mut aggregate.usage, answer);
        }
        let accepted = result.and_then(|result| usize::try_from(result.accepted_attempt?).ok());
        let accepted = accepted.and_then(|attempt| answers.get(attempt.checked_sub(1)?));
        if let Some(fallback) = accepted.and_then(|answer| answer.fallback.as_ref()) {
            of_fallback.entry(fallback.to_string()).or_default().insert(&unit.path);
        }
        let mut covered = cover(&unit.path, result, is_read, context.language.as_deref());
        if let Some(why) = context.no_syntax.filter(|_| covered.outcome != Outcome::Unreviewed) {
            let reason = covered.reason.take().map_or_else(String::new, |reason| reason + "; ");
            covered.reason = Some(reason + &why);
            no_syntax.entry(why).or_default().insert(&unit.path);
        }
        merge(&mut settled, covered);
        *dropped.entry(&unit.path).or_default() += result.map_or(0, |result| result.dropped);
        if let Some(verdict) = verdict {
            dropped_suggestions += verdict.dropped_suggestions.len();
            aggregate.findings.extend(verdict.accepted);
            if !verdict.summary.trim().is_empty() {
                aggregate.summaries.push(FileSummary {
                    path: unit.path.clone(),
                    text: verdict.summary,
                });
            }
        }
    }
    for (path, number) in dropped.into_iter().filter(|(_, number)| *number > 0) {
        if let Some(entry) = settled.get_mut(path).filter(|entry| entry.outcome == Outcome::Reviewed) {
            let verb = if number == 1 { "was" } else { "were" };
            let remark = format!("{} stayed invalid and {verb} dropped", counted(number, "finding"));
            entry.reason = Some(match entry.reason.take() {
                Some(reason) => format!("{remark}; {reason}"),
                None => remark,
            });
        }
    }
    if unread > 0 {
        let what = counted(unread, "unit");
        aggregate
            .notes
            .push(format!("results of {what} left out: {OUT_OF_TIME}"));
    }
    for (model, files) in of_fallback {
        let what = counted(files.len(), "file");
        aggregate.notes.push(fallback_note(&what, "read", &model));
    }
    for (why, files) in no_syntax {
        aggregate.notes.push(format!("{}: {why}", counted(files.len(), "file")));
    }
    if dropped_suggestions > 0 {
        let what = counted(dropped_suggestions, "suggestion");
        aggregate
            .notes
            .push(format!("{what} left out: not fit to be committed as written"));
    }
    for file in &change.files {
        let unknown = || Coverage {
            path: file.path.clone(),
            outcome: Outcome::Unreviewed,
            reason: Some("it was not planned".to_owned()),
            attempts: 0,
            failure: None,
        };
        aggregate
            .coverage
            .push(settled.remove(file.path.as_str()).unwrap_or_else(unknown));
    }
    aggregate.silencing.settle();
    aggregate.notes.extend(silence::notes(&aggregate.silencing));
    rank(&mut aggregate.findings);
    // The report of a run that fails here reads the coverage.
    write_artifact(store, &key::aggregate(&input.run), &aggregate).await?;
    let in_order = plan.units.iter().filter_map(|unit| results.get(&unit.id));
    if let Some(error) = failure_of_all(&aggregate, in_order) {
        return Err(error);
    }
    let count_of = |outcome| {
        u64::try_from(
            aggregate
                .coverage
                .iter()
                .filter(|entry| entry.outcome == outcome)
                .count(),
        )
        .unwrap_or(u64::MAX)
    };
    Ok(Output {
        findings: u64::try_from(aggregate.findings.len()).unwrap_or(u64::MAX),
        reviewed: count_of(Outcome::Reviewed),
        scanned: count_of(Outcome::Scanned),
        skipped: count_of(Outcome::Skipped),
        unreviewed: count_of(Outcome::Unreviewed),
    })
}

/// Errors that a wait doesn't cure and that every call meets.
const REFUSALS: [ErrorName; 4] = [
    ErrorName::ModelUnauthorized,
    ErrorName::ModelNotFound,
    ErrorName::ModelSpendingLimitReached,
    ErrorName::SpendLimitReached,
];

/// Returns the failure of the model's provider, if it is the reason why no model has read any file: a refusal, or else an
/// outage or a limit. Then the run fails with it: a review by rules alone would hide it, and would replace an earlier
/// review with an empty one.
fn failure_of_all<'a>(aggregate: &Aggregate, results: impl Iterator<Item = &'a UnitResult>) -> Option<StageError> {
    if aggregate.readers.values().any(|readers| readers.model) {
        return None;
    }
    let named = results.filter_map(|result| match result.failure() {
        Failure::Error(name) => Some((name, result)),
        Failure::Other(_) => None,
    });
    let failed: Vec<(ErrorName, &UnitResult)> = named.collect();
    let refused = failed.iter().find(|(name, _)| REFUSALS.contains(name));
    let (name, result) = refused.or_else(|| failed.iter().find(|(name, _)| name.outage_of().is_some()))?;
    let line = explain_failure(name.as_str(), result.cause.as_deref());
    let message = line
        .strip_prefix(name.as_str())
        .map(|rest| rest.trim_start_matches(": "));
    Some(StageError::new(*name, message.unwrap_or(&line)))
}

/// A unit's artifacts.
struct UnitRead {
    evidence: UnitEvidence,
    /// The answers of its attempts, in order.
    answers: Vec<RecordedAnswer>,
    /// The accepted attempt's verdict, if any.
    verdict: Option<Verdict>,
}

/// The reason for a left-out result, in coverage and notes.
const OUT_OF_TIME: &str = "the time to read them ran out; a new review reuses the model's answers";

/// Returns the coverage of a file whose unit's result was left out.
fn unread_result(unit: &Unit, result: Option<&UnitResult>) -> Coverage {
    Coverage {
        path: unit.path.clone(),
        outcome: Outcome::Unreviewed,
        reason: Some(format!("its results were left out: {OUT_OF_TIME}")),
        attempts: result.map_or(0, |result| result.attempts),
        failure: Some(Failure::Other(OtherFailure::Interrupted)),
    }
}

async fn read_unit(
    run: &RunName,
    unit: &Unit,
    result: Option<&UnitResult>,
    store: &dyn StoreArtifact,
) -> Result<UnitRead, StageError> {
    let mut answers = Vec::new();
    for attempt in 1..=result.map_or(MAX_ATTEMPTS, |result| result.attempts.max(1)) {
        match find_artifact(store, &key::answer(run, &unit.id, attempt)).await? {
            Some(answer) => answers.push(answer),
            None => break,
        }
    }
    let verdict = match result.and_then(|result| result.accepted_attempt) {
        Some(attempt) => Some(read_artifact(store, &key::verdict(run, &unit.id, attempt)).await?),
        None => None,
    };
    Ok(UnitRead {
        evidence: read_evidence(run, &unit.id, store).await?,
        answers,
        verdict,
    })
}

/// Maximum number of a unit's attempts, including the one on the strong tier.
const MAX_ATTEMPTS: u32 = super::validate_findings::ATTEMPTS + 1;

/// Returns the note about what the fallback model did.
pub(super) fn fallback_note(what: &str, done: &str, fallback: &impl std::fmt::Display) -> String {
    format!("{what} {done} by {fallback}, because the configured model's provider was down")
}

/// Adds an answer to the run's usage. The empty answer of a run without a model isn't a call.
pub(super) fn count(usage: &mut Usage, answer: &RecordedAnswer) {
    if answer.cached {
        usage.cache_hits += 1;
    } else if answer.is_of_model() {
        usage.model_calls += 1;
        usage.input_tokens += answer.input_tokens;
        usage.output_tokens += answer.output_tokens;
        match answer.cost_usd() {
            Some(cost) => usage.cost_usd += cost,
            None => usage.unpriced_calls += 1,
        }
    }
}

/// Returns the coverage of one unit's file. `is_read` is true if a model read it; otherwise only the rules of
/// `language`, if any, and the search for secrets ran.
fn cover(path: &str, result: Option<&UnitResult>, is_read: bool, language: Option<&str>) -> Coverage {
    let (outcome, reason, attempts, failure) = match result {
        Some(result) if result.status == UnitStatus::Reviewed && !is_read => {
            let ran = language.map_or_else(
                || "secrets only".to_owned(),
                |language| format!("rules for {language}, secrets"),
            );
            (Outcome::Scanned, Some(ran), result.attempts, None)
        }
        Some(result) if result.status == UnitStatus::Reviewed => (Outcome::Reviewed, None, result.attempts, None),
        Some(result) => {
            let reason = result.reason.clone().unwrap_or_else(|| "no reason was kept".to_owned());
            (
                Outcome::Unreviewed,
                Some(explain_failure(&reason, result.cause.as_deref())),
                result.attempts,
                Some(result.failure()),
            )
        }
        None => (
            Outcome::Unreviewed,
            Some("its execution ended without a result".to_owned()),
            0,
            Some(Failure::Other(OtherFailure::Interrupted)),
        ),
    };
    Coverage {
        path: path.to_owned(),
        outcome,
        reason,
        attempts,
        failure,
    }
}

/// Merges the coverage of a file's units: the worst outcome counts.
fn merge(settled: &mut BTreeMap<String, Coverage>, entry: Coverage) {
    match settled.get_mut(&entry.path) {
        None => {
            settled.insert(entry.path.clone(), entry);
        }
        Some(there) => {
            let attempts = there.attempts.max(entry.attempts);
            if entry.outcome > there.outcome || (entry.outcome == there.outcome && there.reason.is_none()) {
                *there = entry;
            }
            there.attempts = attempts;
        }
    }
}

/// Merges duplicates and sorts the worst first. No finding is left out: the gate decides on all of them, and
/// `max_findings` folds afterwards. Findings of the same defect become one: see [`merge_finding`] and
/// [`merge_reworded`].
fn rank(findings: &mut Vec<Finding>) {
    let (by_model, by_rule): (Vec<Finding>, Vec<Finding>) =
        std::mem::take(findings).into_iter().partition(Finding::is_by_model);
    // Only findings on the same line are compared with each other: their number has no bound.
    let mut by_place: BTreeMap<(String, Side, u32), Vec<Finding>> = BTreeMap::new();
    for finding in by_rule.into_iter().chain(by_model) {
        let place = (finding.path.clone(), finding.side, finding.line);
        merge_finding(by_place.entry(place).or_default(), finding);
    }
    let mut by_file: BTreeMap<(String, Side), Vec<Finding>> = BTreeMap::new();
    for ((path, side, _), of_line) in by_place {
        by_file.entry((path, side)).or_default().extend(of_line);
    }
    findings.extend(by_file.into_values().flat_map(merge_reworded));
    findings.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.path.cmp(&b.path))
            .then_with(|| a.line.cmp(&b.line))
            .then_with(|| a.title.cmp(&b.title))
    });
}

/// Reads the map's result: a list, or the result writer's manifest, whose files hold lists (COMPACT) of the units'
/// results.
async fn read_results(results: &Value, store: &dyn StoreArtifact) -> Result<Vec<UnitResult>, StageError> {
    let invalid = |what: String| StageError::new(ErrorName::PayloadInvalid, format!("the map's results: {what}"));
    if results.is_null() {
        return Ok(Vec::new());
    }
    let Some(manifest_key) = results.pointer("/ResultWriterDetails/Key").and_then(Value::as_str) else {
        return Vec::<UnitResult>::deserialize(results).map_err(|error| invalid(error.to_string()));
    };
    let manifest: Manifest = read_artifact(store, manifest_key).await?;
    let files = manifest.result_files.succeeded;
    let reads: Vec<_> = files.iter().map(|file| read_artifact(store, &file.key)).collect();
    let mut reads = futures::stream::iter(reads).buffered(AT_ONCE);
    let mut all = Vec::new();
    while let Some(results) = reads.next().await {
        let results: Vec<UnitResult> = results?;
        all.extend(results);
    }
    Ok(all)
}

/// The result writer's manifest, as AWS writes it. Failed children have no results, so only `SUCCEEDED` is read.
#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "ResultFiles")]
    result_files: ResultFiles,
}

#[derive(Deserialize)]
struct ResultFiles {
    #[serde(rename = "SUCCEEDED", default)]
    succeeded: Vec<ResultFile>,
}

#[derive(Deserialize)]
struct ResultFile {
    #[serde(rename = "Key")]
    key: String,
}
