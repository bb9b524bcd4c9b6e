//! Invariants that hold after every fault, checked from outside: on the pull request, in the run's record, in the
//! outbox.

use std::collections::BTreeMap;

use holdfast_asl::Status;
use holdfast_core::model::report::{Outcome, RunStatus};
use holdfast_core::stage::state;
use holdfast_ops::run_summary::{self, LocalRuns, ReadRuns};
use serde_json::Value;

use crate::cell::{Cell, Point, Story};
use crate::scenario::{RUN, SLUG, Stage};

/// Checks a cell's end; the error names the first broken invariant.
pub async fn check(stage: &Stage, cell: &Cell, status: &Status) -> Result<(), String> {
    let runs = LocalRuns::open(stage.data.path())
        .await
        .map_err(|failure| failure.message)?;
    let record = runs
        .read(&RUN.parse().unwrap())
        .await
        .map_err(|failure| failure.message)?;
    let report = run_summary::read_report(&record, runs.store())
        .await
        .map_err(|failure| failure.message)?;
    let page = Page::of(stage);
    let alarmed = alarms(stage) > 0;
    let say = |what: &str| {
        Err(format!(
            "{what}; run {:?}, execution {status:?}, page {page:?}",
            record.status
        ))
    };

    // 0: a limit or an outage that ends costs no review.
    let end = match cell.story {
        Story::Plain | Story::Healing | Story::Approved | Story::WholeApproved => Some(RunStatus::Published),
        Story::Rejected | Story::WholeRejected => Some(RunStatus::Rejected),
        Story::PublishFails | Story::UndoFails => Some(RunStatus::Failed),
        Story::Unanswered => None,
    };
    let is_lost = end.map_or(record.status == RunStatus::Failed, |end| record.status != end);
    if cell.point.ends_by_time() && is_lost {
        return say("the review is lost");
    }
    // Operators are also notified that nobody has decided.
    if cell.point.ends_by_time() && !matches!(cell.story, Story::UndoFails | Story::Unanswered) && alarmed {
        return say("an undo that GitHub only delayed has alarmed");
    }
    // 1: at most one visible review of each part; no draft and no announcement is left behind.
    let in_parts = cell.story.is_grave() && !cell.story.waits_as_a_whole();
    if page.submitted > if in_parts { 2 } else { 1 } {
        return say("there are too many reviews");
    }
    let mut commented: Vec<String> = page.commented.clone();
    commented.dedup();
    if commented != page.commented {
        return say("a finding has two comments");
    }
    // Nobody can undo effects when GitHub refuses permanently: a person is notified.
    let cannot_write = github_is_closed(cell);
    if !cannot_write && !alarmed && page.drafts + page.announcements > 0 {
        return say("something unfinished is left on the pull request");
    }
    if page.summaries > 1 || page.refusals > 1 || page.failures > 1 {
        return say("a comment is there twice");
    }
    if !cannot_write && !alarmed && page.open_checks > 0 {
        return say("a check is left in progress");
    }
    // A review without findings is its summary.
    let findings = report.as_ref().map_or(0, |report| report.findings.len());
    let comments = match (record.status, cell.story) {
        (RunStatus::Published | RunStatus::Partial, Story::Unanswered) => findings - 1,
        _ => findings,
    };
    // What is below the gate stays, whatever is decided about the rest.
    let rest = usize::from(in_parts);
    // 3: the run reaches a final state, and the pull request shows the same.
    match record.status {
        RunStatus::Published | RunStatus::Partial if page.commented.len() != comments || page.summaries != 1 => {
            say("the run is published, the pull request lacks a finding or the summary")
        }
        status if status != RunStatus::Rejected && cell.story != Story::Unanswered && page.refusals > 0 => {
            say("not published, and yet not rejected")
        }
        RunStatus::Rejected if (page.submitted, page.summaries) != (rest, rest) => {
            say("rejected, and yet published, or what was published is gone")
        }
        RunStatus::Failed if page.failures == 0 && !alarmed && !cannot_write && !failure_is_refused(cell) => {
            say("failed, and nobody was told")
        }
        RunStatus::Failed | RunStatus::Superseded if page.summaries > 0 && page.submitted == 0 => {
            say("failed, and a summary stands there")
        }
        RunStatus::Running | RunStatus::AwaitingApproval => say("it is not at an end"),
        _ => Ok(()),
    }?;
    if cell.story == Story::UndoFails && !alarmed {
        return say("the undo failed, and nobody was alarmed");
    }
    // 7: the report lists every file.
    if let Some(report) = &report {
        if report.coverage.len() != 2 && record.header.base.is_some() {
            return say("a file is not accounted for");
        }
        if report
            .coverage
            .iter()
            .any(|entry| entry.outcome != Outcome::Reviewed && entry.reason.is_none())
        {
            return say("a file is left out without a reason");
        }
    }
    // 5: no finished unit's model call is paid twice. A call that was in flight when the process died, or whose answer
    // was lost in the calling state, wasn't finished.
    let most = if cell.state == state::REVIEW_UNIT || cell.state == state::SUMMARIZE_REVIEW {
        usize::MAX
    } else {
        1
    };
    let healing = usize::from(cell.story == Story::Healing);
    let was_killed = matches!(
        cell.point,
        Point::KilledBefore | Point::KilledDuring | Point::KilledAfter
    );
    for (prompt, answered) in answered(stage) {
        if answered > most.saturating_add(healing + usize::from(was_killed)) {
            return say(&format!("{prompt} was paid {answered} times"));
        }
    }
    Ok(())
}

/// The visible content of the pull request.
#[derive(Debug, Default)]
struct Page {
    submitted: usize,
    /// The files of all comments at lines, sorted.
    commented: Vec<String>,
    drafts: usize,
    announcements: usize,
    summaries: usize,
    refusals: usize,
    failures: usize,
    open_checks: usize,
}

impl Page {
    fn of(stage: &Stage) -> Self {
        let mut page = Self::default();
        for review in stage.github.reviews(SLUG, 12) {
            if review["state"] == "PENDING" {
                page.drafts += 1;
            } else {
                page.submitted += 1;
            }
        }
        for comment in stage.github.issue_comments(SLUG, 12) {
            let body = comment["body"].as_str().unwrap_or_default();
            if body.contains("could not complete") {
                page.failures += 1;
            } else if body.contains("is reviewing") || body.contains("waits for an approval") {
                page.announcements += 1;
            } else if body.contains("did not publish") {
                page.refusals += 1;
            }
            page.summaries += usize::from(body.contains("## Holdfast"));
        }
        let commented = stage.github.review_comments(SLUG, 12);
        let path = |comment: &Value| comment["path"].as_str().unwrap_or_default().to_owned();
        page.commented = commented.iter().map(path).collect();
        page.commented.sort();
        let open = |check: &&Value| check["status"] != "completed";
        page.open_checks = stage.github.check_runs(SLUG).iter().filter(open).count();
        page
    }
}

/// Returns whether the cell's fault keeps the undo from reaching GitHub.
fn github_is_closed(cell: &Cell) -> bool {
    let is_lasting = matches!(cell.point, Point::Github { always: true, .. } | Point::AnswerAlwaysLost);
    is_lasting && cell.state == state::WITHDRAW_ANNOUNCEMENT
}

/// Returns whether GitHub may have refused the failed state: then the earlier state is deleted, and the check has the
/// reason.
fn failure_is_refused(cell: &Cell) -> bool {
    cell.state == state::WITHDRAW_ANNOUNCEMENT
        && matches!(
            cell.point,
            Point::Github {
                status: 401 | 403 | 404 | 422,
                ..
            }
        )
}

fn alarms(stage: &Stage) -> usize {
    let outbox = stage.data.path().join("outbox");
    let names = std::fs::read_dir(outbox).into_iter().flatten().flatten();
    names
        .filter(|entry| entry.file_name().to_string_lossy().contains("-alarm-"))
        .count()
}

/// Counts the answers to each unit's prompt.
fn answered(stage: &Stage) -> BTreeMap<String, usize> {
    let mut answered = BTreeMap::new();
    for call in stage.model.journal().calls() {
        if call.status == Some(200) && call.paths.len() == 1 {
            *answered.entry(call.paths[0].clone()).or_default() += 1;
        }
    }
    answered
}
