//! Data of a run's page.

use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::plan::Tier;
use holdfast_core::model::report::{Coverage, Outcome, Report, RunStatus};

use super::{FileDiff, Frame, PostForm, PullRequest, Timeline, UnitEnd, UnitSummary};

/// The data of a run's page.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The frame of the page.
    pub frame: Frame,
    /// Data that every run has.
    pub head: RunHead,
    /// The report, as soon as there is one.
    pub report: Option<Report>,
    /// Whether the page refreshes itself.
    pub refresh: Refresh,
    /// The available actions.
    pub actions: RunActions,
    /// The failure, if it failed.
    pub failure: Option<Failure>,
    /// The end of the time in which it is retried by itself, in ms since 1970; `None` if it isn't.
    pub retried_until_ms: Option<i64>,
    /// The picture of the states.
    pub picture: Option<Picture>,
    /// The states with their times.
    pub timeline: Timeline,
    /// The files: see [`file_rows`].
    pub files: Vec<FileRow>,
    /// The findings in their hunks: see [`super::findings_in_diff`].
    pub diffs: Vec<FileDiff>,
    /// Tokens by tier; empty if no model was called.
    pub tiers: Vec<TierUsage>,
    /// Actions of people, oldest first.
    pub audit: Vec<AuditEntry>,
}

/// Whether a run's page refreshes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Never: nothing changes without a person.
    Never,
    /// Every few seconds, because the run is in progress.
    EverySeconds(u32),
    /// The reader has stopped it.
    Stopped,
}

/// Data that every run has.
#[derive(Clone, Debug)]
pub struct RunHead {
    /// Its name.
    pub run: String,
    /// Its status.
    pub status: RunStatus,
    /// `owner/name`, or the work tree's folder.
    pub repository: String,
    /// The pull request, if there is one.
    pub pull_request: Option<PullRequest>,
    /// The full base commit; none before the change was read.
    pub base: Option<String>,
    /// The full commit under review.
    pub head: String,
    /// Login or name of the change's author.
    pub author: Option<String>,
    /// The main model; none if the execution's input can't be read.
    pub model: Option<ModelId>,
    /// Its start, in ms since 1970.
    pub started_ms: i64,
    /// Its end; none while it is open.
    pub ended_ms: Option<i64>,
    /// Whether it ended without undoing its effects, so that a person or a sweep has to clean up.
    pub needs_cleaning: bool,
}

/// The actions that the reader can take on the run now; `None` hides the button.
#[derive(Clone, Debug, Default)]
pub struct RunActions {
    /// Stops it and undoes its effects.
    pub cancel: Option<PostForm>,
    /// Retries a failed cleanup: the run has ended and needs cleaning.
    pub clean: Option<PostForm>,
    /// Starts the next attempt of the review.
    pub redrive: Option<PostForm>,
    /// Replays it from its recorded answers.
    pub replay: Option<PostForm>,
    /// Publishes the pending review.
    pub approve: Option<PostForm>,
    /// Discards the pending review.
    pub reject: Option<PostForm>,
    /// The address of the page that decides finding by finding.
    pub decide_at: Option<String>,
}

/// The failure of a run.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The workflow's name of the error.
    pub error: String,
    /// The cause in one line; may be empty.
    pub cause: String,
}

/// The picture of the states. It is shown as an image, never inlined: its own `<style>` would need a weaker policy.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its address, usually [`crate::href::picture`].
    pub src: String,
    /// In CSS pixels.
    pub width: u32,
    /// In CSS pixels.
    pub height: u32,
}

/// Tokens of one tier.
#[derive(Clone, Debug)]
pub struct TierUsage {
    /// The tier.
    pub tier: Tier,
    /// Its model.
    pub model: String,
    /// Calls that a model answered.
    pub calls: u64,
    /// Answers from the cache.
    pub cache_hits: u64,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// In US dollars; none if no price is known.
    pub cost_usd: Option<f64>,
}

/// An action of a person on the run.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// The time.
    pub at_ms: i64,
    /// The person: a login, a mail address, or the machine's user for the command line.
    pub who: String,
    /// The action in the past tense: `approved`, `rejected`, `cancelled`.
    pub did: String,
    /// The stated reason.
    pub reason: Option<String>,
    /// The proof of identity: `GitHub sign-in`, `code from the mail`, `command line`.
    pub known_by: String,
    /// The SHA-256 of the content that they saw.
    pub page_version: Option<String>,
}

/// One file in the table of coverage.
#[derive(Clone, Debug)]
pub struct FileRow {
    /// The file.
    pub path: String,
    /// Its outcome.
    pub outcome: FileOutcome,
    /// The rule, the reason, or the number of dropped findings.
    pub reason: Option<String>,
    /// Highest number of attempts of one of its units.
    pub attempts: u32,
    /// Its units.
    pub units: Vec<UnitSummary>,
}

/// The outcome of a file, so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileOutcome {
    /// It should have been reviewed and wasn't.
    Unreviewed,
    /// In progress.
    Running,
    /// Queued.
    Queued,
    /// Read by a model, whose answer was accepted.
    Reviewed,
    /// Read by rules only.
    Scanned,
    /// Skipped by a rule.
    Skipped,
}

/// Returns each file once: with its outcome from the report or, before there is one, from its units. Files that need
/// attention come first.
pub fn file_rows(coverage: &[Coverage], units: &[UnitSummary]) -> Vec<FileRow> {
    let mut rows: Vec<FileRow> = coverage
        .iter()
        .map(|entry| FileRow {
            path: entry.path.clone(),
            outcome: match entry.outcome {
                Outcome::Reviewed => FileOutcome::Reviewed,
                Outcome::Scanned => FileOutcome::Scanned,
                Outcome::Skipped => FileOutcome::Skipped,
                Outcome::Unreviewed => FileOutcome::Unreviewed,
            },
            reason: entry.reason.clone(),
            attempts: entry.attempts,
            units: Vec::new(),
        })
        .collect();
    let settled = rows.len();
    let mut places: std::collections::HashMap<String, usize> = rows
        .iter()
        .enumerate()
        .map(|(place, row)| (row.path.clone(), place))
        .collect();
    for unit in units {
        let place = *places.entry(unit.path.clone()).or_insert_with(|| {
            rows.push(FileRow {
                path: unit.path.clone(),
                outcome: FileOutcome::Reviewed,
                reason: None,
                attempts: 0,
                units: Vec::new(),
            });
            rows.len() - 1
        });
        let row = &mut rows[place];
        row.units.push(unit.clone());
        if place >= settled {
            add_open_unit(row, unit);
        }
    }
    rows.sort_by_key(|row| row.outcome);
    rows
}

/// Gives a file without an outcome in the report the most urgent state of its units.
fn add_open_unit(row: &mut FileRow, unit: &UnitSummary) {
    let (outcome, reason) = match &unit.end {
        UnitEnd::Queued => (FileOutcome::Queued, None),
        UnitEnd::Running => (FileOutcome::Running, None),
        UnitEnd::Reviewed => (FileOutcome::Reviewed, None),
        UnitEnd::Unreviewed(reason) => (FileOutcome::Unreviewed, Some(reason.clone())),
    };
    row.attempts = row.attempts.max(unit.attempts);
    row.outcome = row.outcome.min(outcome);
    row.reason = row.reason.take().or(reason);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(id: &str, path: &str, end: UnitEnd) -> UnitSummary {
        UnitSummary {
            id: id.to_owned(),
            path: path.to_owned(),
            end,
            attempts: 1,
            started_ms: None,
            ended_ms: None,
        }
    }

    #[test]
    fn the_report_decides_and_units_fill_the_gaps() {
        let coverage = [Coverage {
            path: "b".to_owned(),
            outcome: Outcome::Reviewed,
            reason: None,
            attempts: 2,
            failure: None,
        }];
        let units = [
            unit("u1", "a", UnitEnd::Reviewed),
            unit("u2", "a", UnitEnd::Running),
            unit("u3", "b", UnitEnd::Unreviewed("no".to_owned())),
            unit("u4", "c", UnitEnd::Unreviewed("no".to_owned())),
        ];
        let rows = file_rows(&coverage, &units);
        let shown: Vec<(&str, FileOutcome, usize)> = rows
            .iter()
            .map(|row| (row.path.as_str(), row.outcome, row.units.len()))
            .collect();
        assert_eq!(
            shown,
            [
                ("c", FileOutcome::Unreviewed, 1),
                ("a", FileOutcome::Running, 2),
                ("b", FileOutcome::Reviewed, 1)
            ]
        );
        assert_eq!(rows[0].reason.as_deref(), Some("no"));
    }
}
