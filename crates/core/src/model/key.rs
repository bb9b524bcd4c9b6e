//! Keys of artifacts: derived, never random, so that a repeated state writes the same key again.

/// The run: [`super::run::Run`].
pub fn run(run: &str) -> String {
    format!("runs/{run}/run.json")
}

/// The header of the change, which is read once: [`crate::stage::StoredChange`].
pub fn change(run: &str) -> String {
    format!("runs/{run}/change.json")
}

/// The patches of a chunk of the change's files, from 0: [`crate::stage::PatchChunk`].
pub fn patches(run: &str, chunk: usize) -> String {
    format!("runs/{run}/patches/{:04}.json", chunk + 1)
}

/// The units, and the skipped files: [`super::plan::Plan`].
pub fn plan(run: &str) -> String {
    format!("runs/{run}/plan.json")
}

/// The repository's settings on the base: [`super::policy::Policy`].
pub fn policy(run: &str) -> String {
    format!("runs/{run}/policy.json")
}

/// The items of the workflow's map: an array of [`super::plan::UnitItem`].
pub fn items(run: &str) -> String {
    format!("runs/{run}/items.json")
}

/// The prefix of the map's results.
pub fn results_prefix(run: &str) -> String {
    format!("runs/{run}/results")
}

/// Everything that a unit's stages need: [`crate::stage::UnitDocument`].
pub fn unit(run: &str, unit: &str) -> String {
    format!("runs/{run}/units/{unit}/unit.json")
}

/// A unit's context in runs of version 1: [`super::plan::ContextPack`].
pub fn context(run: &str, unit: &str) -> String {
    format!("runs/{run}/units/{unit}/context.json")
}

/// The prompt of an attempt: [`super::run::Prompt`].
pub fn prompt(run: &str, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/prompt.json")
}

/// The answer of an attempt: [`super::run::RecordedAnswer`].
pub fn answer(run: &str, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/answer.json")
}

/// An accepted answer, by the digest of the first question: [`super::run::RecordedAnswer`]. It outlives its run.
pub fn cached_answer(asked: &str) -> String {
    format!("cache/answers/{asked}.json")
}

/// The result of the checks: [`super::run::Verdict`].
pub fn verdict(run: &str, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/verdict.json")
}

/// Findings and coverage, merged: [`super::run::Aggregate`].
pub fn aggregate(run: &str) -> String {
    format!("runs/{run}/aggregate.json")
}

/// The walkthrough's prompt: [`super::run::Prompt`].
pub fn summary_prompt(run: &str) -> String {
    format!("runs/{run}/summary/prompt.json")
}

/// The answer to the summary's prompt: [`super::run::RecordedAnswer`].
pub fn summary_answer(run: &str) -> String {
    format!("runs/{run}/summary/answer.json")
}

/// The finished review: [`super::report::Report`].
pub fn report(run: &str) -> String {
    format!("runs/{run}/report.json")
}

/// The fields of the run that lists show: [`crate::stage::RunHeader`].
pub fn header(run: &str) -> String {
    format!("runs/{run}/header.json")
}

/// The question to the approvers: [`super::approval::Approval`].
pub fn approval(run: &str, round: u32) -> String {
    format!("runs/{run}/approval-{round}.json")
}

/// The effects on the pull request, by the ids that undo them: [`super::run::Announcement`].
pub fn announcement(run: &str) -> String {
    format!("runs/{run}/announcement.json")
}
