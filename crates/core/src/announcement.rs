//! A run's effects on a pull request, each beside its undo: the check ([`announce`], [`conclude`]), the comment
//! ([`announce`]) and the draft of the review ([`draft`]). [`withdraw`] undoes all three for a run that failed or was
//! superseded, [`discard`] for one that a person rejected. Every effect is keyed by the run, so that a retry finds it.

use crate::artifact::{find_artifact, write_artifact};
use crate::claim;
use crate::error::StageError;
use crate::model::change::Change;
use crate::model::error_name::ErrorName;
use crate::model::failure::Failure;
use crate::model::key;
use crate::model::report::Report;
use crate::model::run::{Announcement, Run};
use crate::model::run_name::RunName;
use crate::port::{CheckConclusion, CheckOutcome, DraftedReview, KeepRows, PublishError, PublishReview, StoreArtifact};
use crate::render::{Inline, announcement_body, check_outcome, review_draft, summary_body};

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
        settled: false,
        published: false,
    };
    write_artifact(store, &key::announcement(&run.run), &announcement).await?;
    let held = claim::hold(rows, &run.target, &run.run).await;
    withdraw_if_superseded(held, run, publish, store).await?;
    let body = announcement_body(run.target.head(), files);
    publish.announce(&run.target, &run.run, &body).await?;
    let held = claim::hold(rows, &run.target, &run.run).await;
    withdraw_if_superseded(held, run, publish, store).await
}

/// Writes or finds the review's draft, which nobody else sees. [`withdraw`] undoes it.
///
/// # Errors
///
/// GitHub refuses the draft, also without its inline comments, or doesn't answer.
pub async fn draft(
    run: &Run,
    report: &Report,
    change: &Change,
    publish: &dyn PublishReview,
) -> Result<DraftedReview, StageError> {
    let draft = review_draft(report, change, Inline::Comments);
    Ok(match publish.draft_review(&run.target, &draft).await {
        // GitHub doesn't name the comment that it refuses: all findings move into the body.
        Err(PublishError::Rejected(_)) if !draft.comments.is_empty() => {
            let draft = review_draft(report, change, Inline::Body);
            publish.draft_review(&run.target, &draft).await?
        }
        drafted => drafted?,
    })
}

/// Undoes [`announce`] and [`draft`]: deletes the comment and the draft, and closes the checks. A missing effect counts
/// as undone. A submitted review stays, and the check mentions it.
///
/// # Errors
///
/// GitHub refuses a write or doesn't answer; the store fails.
pub async fn withdraw(
    run: &Run,
    error: &str,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let is_published = publish.withdraw(&run.target, &run.run).await?;
    let why = Failure::of_reason(error).sentence();
    let (title, summary) = if is_published {
        (
            "The review was published without its summary",
            format!("It ended after the review was published: {why}."),
        )
    } else {
        (
            "The review could not be completed",
            format!("It ended: {why}. Nothing was published. Push again or ask for a new review."),
        )
    };
    let outcome = CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: title.to_owned(),
        summary,
        annotations: Vec::new(),
    };
    publish.close_checks(&run.target, &run.run, &outcome).await?;
    if is_published {
        // Others have seen it: it is the run's result.
        settle(&run.run, true, store).await?;
    }
    Ok(())
}

/// Returns `held`, the result of a claim check. A superseded run first undoes its effects. None of its later states
/// would: the run that took over has stopped it, and may have cleaned up before its latest writes.
///
/// # Errors
///
/// The error of the claim check; the undo fails.
pub async fn withdraw_if_superseded(
    held: Result<(), StageError>,
    run: &Run,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    if let Err(StageError { name, .. }) = &held
        && *name == ErrorName::RunSuperseded
    {
        withdraw(run, name.as_str(), publish, store).await?;
    }
    held
}

/// Ends the announcement of a submitted review: the comment becomes the summary, and the check gets its conclusion.
/// Others have seen the review, so nothing undoes this.
///
/// # Errors
///
/// GitHub refuses a write or doesn't answer; the store fails.
pub async fn conclude(
    run: &Run,
    report: &Report,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    publish.summarize(&run.target, &run.run, &summary_body(report)).await?;
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    if let Some(check) = announcement.and_then(|announcement| announcement.check_run) {
        publish.close_check(&run.target, check, &check_outcome(report)).await?;
    }
    settle(&run.run, true, store).await
}

/// Undoes [`announce`] and [`draft`] for a review that a person rejected. The rejection is the run's result.
///
/// # Errors
///
/// GitHub refuses a write or doesn't answer; the store fails.
pub async fn discard(
    run: &Run,
    outcome: &CheckOutcome,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    publish.withdraw(&run.target, &run.run).await?;
    publish.close_checks(&run.target, &run.run, outcome).await?;
    settle(&run.run, false, store).await
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
