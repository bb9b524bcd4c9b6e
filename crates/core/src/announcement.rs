//! A run's effects on a pull request, each beside its undo: the check ([`announce`], [`conclude`]), the comment
//! ([`announce`], [`summarize`]) and the draft of the review ([`draft`]). [`withdraw`] undoes all three for a run that
//! failed or was superseded; [`discard`] shows that a review was not approved. Every effect is keyed by the run, so that
//! a retry finds it.

use crate::artifact::{find_artifact, write_artifact};
use crate::claim;
use crate::error::StageError;
use crate::ledger::Ledger;
use crate::model::change::Change;
use crate::model::error_name::ErrorName;
use crate::model::finding::Finding;
use crate::model::key;
use crate::model::report::Report;
use crate::model::run::{Announcement, Run};
use crate::model::run_name::RunName;
use crate::port::{CheckOutcome, DraftedReview, KeepRows, PublishError, PublishReview, StoreArtifact};
use crate::render::{
    Inline, NotPublished, RunEnd, announcement_body, check_outcome, ended_check, failed_body, not_published_body,
    not_published_check, review_of, summary_body,
};
use crate::retry;

/// Opens the check and writes the comment. [`withdraw`] undoes both. The claim is checked before and after, because a
/// newer run may take over at any time.
///
/// # Errors
///
/// `RunSuperseded`; GitHub refuses the check or the comment, or doesn't answer; the table or the store fails.
pub async fn announce(
    run: &Run,
    files: u64,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let announcement = Announcement {
        check_run: publish.open_check(&run.target, &run.run).await?,
        ..Announcement::default()
    };
    write_artifact(store, &key::announcement(&run.run), &announcement).await?;
    show(run, &announcement_body(run.target.head(), files), publish, rows, store).await
}

/// Shows on the pull request that the review waits for an approval. A refusal doesn't fail the review: publishing it
/// meets the same one. [`withdraw`] undoes this.
///
/// # Errors
///
/// `RunSuperseded`; GitHub limits requests or doesn't answer; the table or the store fails.
pub async fn await_approval(
    run: &Run,
    body: &str,
    outcome: &CheckOutcome,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    if announcement.as_ref().is_some_and(|announcement| announcement.settled) {
        // A call that wakes up after the run's end.
        return Ok(());
    }
    may_be_refused(show(run, body, publish, rows, store).await)?;
    let Some((check, announcement)) = announcement.and_then(|found| Some((found.check_run?, found))) else {
        return Ok(());
    };
    let awaiting = Announcement {
        awaiting: true,
        ..announcement
    };
    write_artifact(store, &key::announcement(&run.run), &awaiting).await?;
    let closed = publish.close_check(&run.target, check, outcome).await;
    may_be_refused(closed.map_err(StageError::from))
}

/// Shows a state of the run in the summary comment, while the run holds the claim.
async fn show(
    run: &Run,
    body: &str,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let held = claim::hold(rows, &run.target, &run.run).await;
    withdraw_if_superseded(held, run, publish, rows, store).await?;
    publish.announce(&run.target, &run.run, body).await?;
    let held = claim::hold(rows, &run.target, &run.run).await;
    withdraw_if_superseded(held, run, publish, rows, store).await
}

/// Ignores GitHub's refusals; other failures stay.
///
/// # Errors
///
/// GitHub limits requests or doesn't answer.
pub fn may_be_refused(shown: Result<(), StageError>) -> Result<(), StageError> {
    match shown {
        Err(error) if is_refusal(&error) => {
            tracing::warn!(%error, "the state of the review can't be shown on the pull request");
            Ok(())
        }
        shown => shown,
    }
}

/// Returns whether GitHub refuses a write, and would refuse it again.
const fn is_refusal(error: &StageError) -> bool {
    matches!(
        error.name,
        ErrorName::GithubForbidden
            | ErrorName::GithubSignOnRequired
            | ErrorName::GithubRepositoryArchived
            | ErrorName::GithubConversationLocked
            | ErrorName::GithubNotFound
            | ErrorName::GithubRejected
    )
}

/// Stores that the run publishes what is below the gate apart from the rest. Call it before the first part is published,
/// and again if GitHub refuses its comments.
///
/// # Errors
///
/// The store fails.
pub async fn note_parts(run: &RunName, inline: Inline, store: &dyn StoreArtifact) -> Result<(), StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(run)).await?;
    let in_parts = Announcement {
        in_parts: true,
        uncommented: inline == Inline::Nowhere,
        ..announcement.unwrap_or_default()
    };
    write_artifact(store, &key::announcement(run), &in_parts).await
}

/// Writes or finds the review's draft, which nobody else sees. [`withdraw`] undoes it. Returns no draft for a review
/// without inline comments: its summary is the publication. Also returns the new findings that it doesn't show, and where
/// the comments are.
///
/// # Errors
///
/// GitHub refuses the draft also without its inline comments, or doesn't answer.
pub async fn draft<'a>(
    run: &Run,
    report: &'a Report,
    change: &Change,
    ledger: Option<&Ledger>,
    is_approved_part: bool,
    publish: &dyn PublishReview,
) -> Result<(Option<DraftedReview>, Vec<&'a Finding>, Inline), StageError> {
    let mut review = review_of(report, change, Inline::Comments, ledger);
    review.draft.is_approved_part = is_approved_part;
    if review.draft.comments.is_empty() {
        return Ok((None, review.without_comment, Inline::Comments));
    }
    match publish.draft_review(&run.target, &review.draft).await {
        Ok(drafted) => Ok((Some(drafted), review.without_comment, Inline::Comments)),
        // GitHub doesn't name the comment that it refuses: all findings move into the summary.
        Err(PublishError::Rejected(_)) => {
            let review = review_of(report, change, Inline::Nowhere, ledger);
            Ok((None, review.without_comment, Inline::Nowhere))
        }
        Err(error) => Err(error.into()),
    }
}

/// The run's state in the summary comment after its withdrawal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateAfter {
    /// It is deleted.
    Deleted,
    /// It shows that the run failed.
    Failure,
    /// It shows that again, in other words, and so does the check, which is complete already.
    FailureAgain,
    /// A failure that it shows already stays until the run that takes over writes its own state in its place: a comment
    /// that was deleted might not be written again for a while. Any other state is deleted.
    EarlierFailure,
}

/// Undoes [`announce`] and [`draft`]: deletes the draft, closes the checks, and changes the run's state in the summary
/// comment. A missing effect counts as undone. A submitted review stays, and the check mentions it.
///
/// # Errors
///
/// GitHub refuses a write or doesn't answer; the store fails.
pub async fn withdraw(
    run: &Run,
    end: &RunEnd<'_>,
    state: StateAfter,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let is_published = publish.withdraw_draft(&run.target, &run.run).await?;
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    let announcement = announcement.unwrap_or_default();
    let published = announcement.published_part(is_published);
    let has_failed = announcement.failed.is_some();
    // The check of a failed run is complete already.
    let completed = announcement
        .check_run
        .filter(|_| has_failed && state != StateAfter::Failure && !announcement.awaiting);
    if matches!(state, StateAfter::Failure | StateAfter::FailureAgain) {
        let failed = Announcement {
            failed: Some(end.error.to_owned()),
            ..announcement
        };
        write_artifact(store, &key::announcement(&run.run), &failed).await?;
        let body = failed_body(run.target.head(), end, published);
        let shown = publish.announce(&run.target, &run.run, &body).await;
        or_withdraw_state(shown.map_err(StageError::from), run, publish).await?;
    } else if state == StateAfter::Deleted || !has_failed {
        publish.withdraw_state(&run.target, &run.run).await?;
    }
    let outcome = ended_check(end, published);
    close_checks(run, &outcome, publish, store).await?;
    if let Some(check) = completed {
        let closed = publish.close_check(&run.target, check, &outcome).await;
        may_be_refused(closed.map_err(StageError::from))?;
    }
    if is_published {
        // Others have seen it: it is the run's result.
        settle(&run.run, true, store).await?;
    }
    Ok(())
}

/// Deletes the failure of the run `before`, if `run` took over from it and has ended without a state of its own.
///
/// # Errors
///
/// GitHub refuses a write or doesn't answer; the store fails.
pub async fn withdraw_earlier_failure(
    run: &Run,
    before: &RunName,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(before)).await?;
    if announcement.is_some_and(|announcement| announcement.failed.is_some() && !announcement.settled) {
        publish.withdraw_state(&run.target, before).await?;
    }
    Ok(())
}

/// Returns whether a run's effects on the pull request are neither final nor undone.
///
/// # Errors
///
/// The table or the store fails.
pub async fn is_in_progress(run: &RunName, rows: &dyn KeepRows, store: &dyn StoreArtifact) -> Result<bool, StageError> {
    Ok(!is_settled(run, store).await? && !claim::is_closed(rows, run).await?)
}

/// Returns whether a run's effects on the pull request are final.
///
/// # Errors
///
/// The store fails.
pub async fn is_settled(run: &RunName, store: &dyn StoreArtifact) -> Result<bool, StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(run)).await?;
    Ok(announcement.is_some_and(|announcement| announcement.settled))
}

/// Undoes a failed run's effects as [`withdraw`] does, and shows that it failed as long as no newer run has the pull
/// request.
///
/// # Errors
///
/// GitHub refuses a write or doesn't answer; the table or the store fails.
pub async fn withdraw_failed(
    run: &Run,
    end: &RunEnd<'_>,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    show_failure(run, end, StateAfter::Failure, publish, rows, store).await
}

/// Shows a run's failure as long as no newer run has the pull request.
async fn show_failure(
    run: &Run,
    end: &RunEnd<'_>,
    state: StateAfter,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    withdraw(run, end, state, publish, store).await?;
    if claim::holder(rows, &run.target).await?.as_ref() != Some(&run.run) {
        // A newer run has taken over meanwhile: its state is the one to show.
        withdraw(run, end, StateAfter::Deleted, publish, store).await?;
    }
    Ok(())
}

/// Shows that a failed review isn't retried any more, if its failure is still what the pull request shows. GitHub's
/// refusals are ignored.
///
/// # Errors
///
/// GitHub limits requests or doesn't answer; the table or the store fails.
pub async fn end_retry(
    run: &Run,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    let Some(error) = announcement.and_then(|announcement| announcement.failed) else {
        return Ok(());
    };
    if claim::holder(rows, &run.target).await?.as_ref() != Some(&run.run) {
        return Ok(());
    }
    let end = RunEnd::by(&error);
    may_be_refused(show_failure(run, &end, StateAfter::FailureAgain, publish, rows, store).await)
}

/// Returns `held`, the result of a claim check. A superseded run first undoes its effects. None of its later states
/// would: the run that took over has stopped it, and may have cleaned up before its latest writes. A run that has failed
/// meanwhile shows that again.
///
/// # Errors
///
/// The error of the claim check; the undo fails.
pub async fn withdraw_if_superseded(
    held: Result<(), StageError>,
    run: &Run,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    if let Err(StageError { name, .. }) = &held
        && *name == ErrorName::RunSuperseded
    {
        let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
        let failed = announcement.and_then(|announcement| announcement.failed);
        match failed {
            Some(error) if claim::holder(rows, &run.target).await?.as_ref() == Some(&run.run) => {
                let end = RunEnd {
                    retried_until_ms: retry::find(rows, &run.run).await?.map(|retry| retry.until_ms),
                    ..RunEnd::by(&error)
                };
                withdraw_failed(run, &end, publish, rows, store).await?;
            }
            _ => withdraw(run, &RunEnd::by(name.as_str()), StateAfter::Deleted, publish, store).await?,
        }
    }
    held
}

/// Replaces the announcement with the summary. Others see it, so nothing undoes this.
///
/// # Errors
///
/// GitHub refuses the write or doesn't answer.
pub async fn summarize(
    run: &Run,
    report: &Report,
    without_comment: &[&Finding],
    publish: &dyn PublishReview,
) -> Result<(), StageError> {
    let body = summary_body(report, without_comment);
    Ok(publish.summarize(&run.target, &run.run, &body).await?)
}

/// Ends the run on the pull request: the check gets its conclusion. Call [`summarize`] before.
///
/// # Errors
///
/// GitHub refuses the write or doesn't answer; the store fails.
pub async fn conclude(
    run: &Run,
    report: &Report,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    if let Some(check) = announcement.and_then(|announcement| announcement.check_run) {
        publish.close_check(&run.target, check, &check_outcome(report)).await?;
    }
    settle(&run.run, true, store).await
}

/// Ends the announcement of a review that was not approved, or of `findings` findings if the rest is published: the
/// comment and the check show why. That is the run's result. `summary` replaces the summary of what is published.
///
/// # Errors
///
/// `RunSuperseded`; GitHub limits requests or doesn't answer; the table or the store fails.
pub async fn discard(
    run: &Run,
    why: NotPublished<'_>,
    findings: Option<usize>,
    summary: Option<&str>,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    if let Some(summary) = summary {
        let held = claim::hold(rows, &run.target, &run.run).await;
        withdraw_if_superseded(held, run, publish, rows, store).await?;
        let summarized = publish.summarize(&run.target, &run.run, summary).await;
        may_be_refused(summarized.map_err(StageError::from))?;
    }
    let body = not_published_body(run.target.head(), why, findings);
    let shown = show(run, &body, publish, rows, store).await;
    or_withdraw_state(shown, run, publish).await?;
    close_checks(run, &not_published_check(why, findings), publish, store).await?;
    settle(&run.run, findings.is_some(), store).await
}

/// Deletes the run's earlier state, which is no longer true, where GitHub refuses the last one.
async fn or_withdraw_state(
    shown: Result<(), StageError>,
    run: &Run,
    publish: &dyn PublishReview,
) -> Result<(), StageError> {
    if shown.as_ref().is_err_and(is_refusal) {
        publish.withdraw_state(&run.target, &run.run).await?;
    }
    may_be_refused(shown)
}

/// Completes the run's checks, also the one that shows that a person has to decide.
async fn close_checks(
    run: &Run,
    outcome: &CheckOutcome,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    publish.close_checks(&run.target, &run.run, outcome).await?;
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    let awaiting = announcement.filter(|announcement| announcement.awaiting);
    if let Some(check) = awaiting.and_then(|announcement| announcement.check_run) {
        publish.close_check(&run.target, check, outcome).await?;
    }
    Ok(())
}

/// Stores that the run's effects on the pull request are final, published or not: a later run leaves them unchanged.
async fn settle(run: &RunName, published: bool, store: &dyn StoreArtifact) -> Result<(), StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(run)).await?;
    let settled = Announcement {
        settled: true,
        published,
        ..announcement.unwrap_or_default()
    };
    write_artifact(store, &key::announcement(run), &settled).await
}
