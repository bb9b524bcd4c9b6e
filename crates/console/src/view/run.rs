//! One run.

use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::plan::Tier;
use holdfast_core::model::report::{Coverage, Outcome, Report, RunStatus};

use super::{FileDiff, Frame, PostForm, PullRequest, Timeline, UnitEnd, UnitSummary};

/// What one run's page is told.
#[derive(Clone, Debug)]
pub struct RunView {
    /// Around it.
    pub frame: Frame,
    /// What is known of every run.
    pub head: RunHead,
    /// The report, as soon as one was written.
    pub report: Option<Report>,
    /// What can be done.
    pub actions: RunActions,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// The states as a picture.
    pub picture: Option<Picture>,
    /// The states with their times.
    pub timeline: Timeline,
    /// Each file: see [`file_rows`].
    pub files: Vec<FileRow>,
    /// The findings in their hunks: see [`super::findings_in_diff`].
    pub diffs: Vec<FileDiff>,
    /// Tokens by tier; empty where no model was asked.
    pub tiers: Vec<TierUsage>,
    /// Who did what, oldest first.
    pub audit: Vec<AuditEntry>,
}

/// What is known of every run.
#[derive(Clone, Debug)]
pub struct RunHead {
    /// Its name.
    pub run: String,
    /// How it stands.
    pub status: RunStatus,
    /// `owner/name`, or the work tree's folder.
    pub repository: String,
    /// The pull request, if it is one.
    pub pull_request: Option<PullRequest>,
    /// Where the diff starts, in full; none before the change was read.
    pub base: Option<String>,
    /// The commit that is reviewed, in full.
    pub head: String,
    /// Login or name of the change's author.
    pub author: Option<String>,
    /// The main model; none where the execution's input can't be read.
    pub model: Option<ModelId>,
    /// When it began.
    pub started_ms: i64,
    /// When it ended; none while it is open.
    pub ended_ms: Option<i64>,
    /// Whether it could not undo what it did.
    pub needs_cleaning: bool,
}

/// What can be done with the run now by who looks at it; none: the button is not there.
#[derive(Clone, Debug, Default)]
pub struct RunActions {
    /// Stop it and undo what it did.
    pub cancel: Option<PostForm>,
    /// Undo again what could not be undone: the run has ended and needs cleaning.
    pub clean: Option<PostForm>,
    /// Go on from the failed state.
    pub redrive: Option<PostForm>,
    /// Run it again from its record.
    pub replay: Option<PostForm>,
    /// Publish the review that waits.
    pub approve: Option<PostForm>,
    /// Discard the review that waits.
    pub reject: Option<PostForm>,
    /// The page to decide on finding by finding.
    pub decide_at: Option<String>,
}

/// Why a run failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The workflow's name of the error.
    pub error: String,
    /// One line of more; may be empty.
    pub cause: String,
}

/// The picture of the states. It is shown as an image, never inlined: its own `<style>` would need a weaker policy.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Where it is served, as a rule [`crate::href::picture`].
    pub src: String,
    /// In pixels of CSS.
    pub width: u32,
    /// In pixels of CSS.
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
    /// In US dollars; none where no price is known.
    pub cost_usd: Option<f64>,
}

/// Something that a person did with the run.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// When.
    pub at_ms: i64,
    /// Who: a login, a mail address, or the machine's user for the command line.
    pub who: String,
    /// What, in the past tense: `approved`, `rejected`, `cancelled`.
    pub did: String,
    /// The reason that was given.
    pub reason: Option<String>,
    /// How they were known: `GitHub sign-in`, `code from the mail`, `command line`.
    pub known_by: String,
    /// The content's hash that they saw.
    pub page_version: Option<String>,
}

/// One file in the table of coverage.
#[derive(Clone, Debug)]
pub struct FileRow {
    /// The file.
    pub path: String,
    /// How it stands.
    pub outcome: FileOutcome,
    /// The rule, the reason, or what was dropped.
    pub reason: Option<String>,
    /// Most attempts that one of its units took.
    pub attempts: u32,
    /// Its units.
    pub units: Vec<UnitSummary>,
}

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileOutcome {
    /// Should have been read and was not.
    Unreviewed,
    /// At work.
    Running,
    /// Waits for its turn.
    Queued,
    /// Read by a model, and answered for.
    Reviewed,
    /// Read by rules only.
    Scanned,
    /// Left out by a rule.
    Skipped,
}

/// Each file once: as the report says, or, while there is none, as its units stand; what needs a look first.
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

/// A file without a word from the report stands as its unit that needs most.
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
    fn the_report_has_the_last_word_and_units_fill_in() {
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
