//! Keys of artifacts: derived, never random, so that a repeated state writes the same key again.

use super::change::Target;
use super::run_name::RunName;

/// Returns the key of the run, a [`super::run::Run`].
pub fn run(run: &RunName) -> String {
    format!("runs/{run}/run.json")
}

/// Returns the key of the change's header, a [`crate::stage::StoredChange`].
pub fn change(run: &RunName) -> String {
    format!("runs/{run}/change.json")
}

/// Returns the key of the patches of one chunk of files, a [`crate::stage::PatchChunk`]. `chunk` counts from 0.
pub fn patches(run: &RunName, chunk: usize) -> String {
    format!("runs/{run}/patches/{:04}.json", chunk + 1)
}

/// Returns the key of what the base tells about files that may not be worth a review, a [`super::noise::NoiseFacts`].
pub fn noise(run: &RunName) -> String {
    format!("runs/{run}/noise.json")
}

/// Returns the key of the plan with units and skipped files, a [`super::plan::Plan`].
pub fn plan(run: &RunName) -> String {
    format!("runs/{run}/plan.json")
}

/// Returns the key of the repository's settings on the base, a [`super::policy::Policy`].
pub fn policy(run: &RunName) -> String {
    format!("runs/{run}/policy.json")
}

/// Returns the key of the items of the workflow's map, an array of [`super::plan::UnitItem`].
pub fn items(run: &RunName) -> String {
    format!("runs/{run}/items.json")
}

/// Returns the prefix of the keys of the map's results.
pub fn results_prefix(run: &RunName) -> String {
    format!("runs/{run}/results")
}

/// Returns the key of the reports of the team's own tools, an [`crate::evidence::Evidence`].
pub fn evidence(run: &RunName) -> String {
    format!("runs/{run}/evidence.json")
}

/// Returns the key of the team's own rules, a [`crate::team_rules::TeamRules`]. A run without any has none.
pub fn team_rules(run: &RunName) -> String {
    format!("runs/{run}/team-rules.json")
}

/// Returns the key of a unit's document, a [`crate::stage::UnitDocument`].
pub fn unit(run: &RunName, unit: &str) -> String {
    format!("runs/{run}/units/{unit}/unit.json")
}

/// Returns the key of a unit's context in runs of version 1, a [`super::plan::ContextPack`].
pub fn context(run: &RunName, unit: &str) -> String {
    format!("runs/{run}/units/{unit}/context.json")
}

/// Returns the key of an attempt's prompt, a [`super::run::Prompt`].
pub fn prompt(run: &RunName, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/prompt.json")
}

/// Returns the key of an attempt's answer, a [`super::run::RecordedAnswer`].
pub fn answer(run: &RunName, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/answer.json")
}

/// Returns the key of an accepted answer, a [`super::run::RecordedAnswer`], by the digest of its question. The answer
/// outlives its run.
pub fn cached_answer(asked: &str) -> String {
    format!("cache/answers/{asked}.json")
}

/// Returns the key of the result of an answer's checks, a [`super::run::Verdict`].
pub fn verdict(run: &RunName, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/verdict.json")
}

/// Returns the key of the merged findings and coverage, a [`super::run::Aggregate`].
pub fn aggregate(run: &RunName) -> String {
    format!("runs/{run}/aggregate.json")
}

/// Returns the key of the walkthrough's prompt, a [`super::run::Prompt`].
pub fn summary_prompt(run: &RunName) -> String {
    format!("runs/{run}/summary/prompt.json")
}

/// Returns the key of the answer to the walkthrough's prompt, a [`super::run::RecordedAnswer`].
pub fn summary_answer(run: &RunName) -> String {
    format!("runs/{run}/summary/answer.json")
}

/// Returns the key of the finished review, a [`super::report::Report`].
pub fn report(run: &RunName) -> String {
    format!("runs/{run}/report.json")
}

/// Returns the key of the fields that lists of runs show, a [`crate::stage::RunHeader`].
pub fn header(run: &RunName) -> String {
    format!("runs/{run}/header.json")
}

/// Returns the key of the question to the approvers, a [`super::approval::Approval`]. `round` is 1 or 2.
pub fn approval(run: &RunName, round: u32) -> String {
    format!("runs/{run}/approval-{round}.json")
}

/// Returns the key of the run's effects on the pull request, a [`super::run::Announcement`].
pub fn announcement(run: &RunName) -> String {
    format!("runs/{run}/announcement.json")
}

/// Returns the key of the pull request's state before the run's findings, a [`crate::stage::PullState`].
pub fn pull_state(run: &RunName) -> String {
    format!("runs/{run}/pull.json")
}

/// Returns the key of the permissions that decide whether the change's silencing comments count, a
/// [`super::silencing::WritePermissions`].
pub fn permissions(run: &RunName) -> String {
    format!("runs/{run}/permissions.json")
}

/// Returns the key of the findings' places in the ledger, a [`crate::stage::Reconciliation`].
pub fn reconciled(run: &RunName) -> String {
    format!("runs/{run}/reconciled.json")
}

/// Returns the key of a pull request's ledger, a [`crate::ledger::Ledger`], by its number and the run that wrote it.
/// The ledger outlives its run.
pub fn ledger(target: &Target, number: u64, run: &RunName) -> String {
    let pull = target.place().replace('#', "/");
    format!("pull/{pull}/ledger/{number:06}-{run}.json")
}
