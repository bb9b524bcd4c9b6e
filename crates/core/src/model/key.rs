//! Names of artifacts: derived, never random, so that a state that runs twice writes the same place twice.

/// The run's own record: [`super::run::Run`].
pub fn run(run: &str) -> String {
    format!("runs/{run}/run.json")
}

/// The change as it was read once: [`super::change::Change`].
pub fn change(run: &str) -> String {
    format!("runs/{run}/change.json")
}

/// What is reviewed and what is skipped: [`super::plan::Plan`].
pub fn plan(run: &str) -> String {
    format!("runs/{run}/plan.json")
}

/// The repository's settings as the base had them: [`super::policy::Policy`].
pub fn policy(run: &str) -> String {
    format!("runs/{run}/policy.json")
}

/// The items of the workflow's map: an array of [`super::plan::UnitItem`].
pub fn items(run: &str) -> String {
    format!("runs/{run}/items.json")
}

/// Where the map's results are written.
pub fn results_prefix(run: &str) -> String {
    format!("runs/{run}/results")
}

/// A unit's context: [`super::plan::ContextPack`].
pub fn context(run: &str, unit: &str) -> String {
    format!("runs/{run}/units/{unit}/context.json")
}

/// What was asked in an attempt: [`super::run::Prompt`].
pub fn prompt(run: &str, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/prompt.json")
}

/// What was answered: [`super::run::RecordedAnswer`].
pub fn answer(run: &str, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/answer.json")
}

/// An answer that passed its checks, by what was asked: [`super::run::RecordedAnswer`]. Outlives its run.
pub fn cached_answer(asked: &str) -> String {
    format!("cache/answers/{asked}.json")
}

/// What the checks said: [`super::run::Verdict`].
pub fn verdict(run: &str, unit: &str, attempt: u32) -> String {
    format!("runs/{run}/units/{unit}/attempt-{attempt}/verdict.json")
}

/// Findings and coverage, merged: [`super::run::Aggregate`].
pub fn aggregate(run: &str) -> String {
    format!("runs/{run}/aggregate.json")
}

/// The answer to the summary's prompt: [`super::run::RecordedAnswer`].
pub fn summary_answer(run: &str) -> String {
    format!("runs/{run}/summary/answer.json")
}

/// The finished review: [`super::report::Report`].
pub fn report(run: &str) -> String {
    format!("runs/{run}/report.json")
}

/// What was asked of a person: [`super::approval::Approval`].
pub fn approval(run: &str, round: u32) -> String {
    format!("runs/{run}/approval-{round}.json")
}

/// What an effect outside left behind (ids to undo it by): [`super::run::Announcement`].
pub fn announcement(run: &str) -> String {
    format!("runs/{run}/announcement.json")
}
