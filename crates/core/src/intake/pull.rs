//! Deliveries about a pull request: starts the review of a new head, stops that of a closed pull request, and shows that
//! a pull request waits for a maintainer.

use serde_json::Value;

use crate::announcement;
use crate::artifact::find_artifact;
use crate::claim;
use crate::error::StageError;
use crate::identity::{identify, target_of};
use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::policy::{POLICY_PATH, Policy};
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::port::{FailedRun, Permission, PullNow, ReadError};
use crate::render::waiting_for_maintainer_body;
use crate::sweep;
use crate::webhook::{ReviewAction, ReviewTrigger, StopAction, StopTrigger};

use super::command::is_paused;
use super::delivery::Delivery;
use super::start::{StartAgain, last_start, start};
use super::{Ports, Receipt, RunSettings, done, ignored, read_pull};

/// Starts the review of a pull request's head, unless it is closed, a draft or paused, or waits for a maintainer.
pub(super) async fn review(
    trigger: &ReviewTrigger,
    settings: &RunSettings,
    ports: Ports<'_>,
) -> Result<Receipt, StageError> {
    let pull = read_pull(ports, &trigger.repository, trigger.number).await?;
    // An answer older than the event is stale: then the event's own head counts.
    let is_stale = !pull.updated_at.is_empty() && pull.updated_at < trigger.updated_at;
    if !is_stale {
        if pull.head != trigger.head {
            return Ok(ignored(
                "the pull request has another head now, which has an event of its own",
            ));
        }
        if !pull.is_open {
            return Ok(ignored("the pull request is closed"));
        }
        if pull.is_draft {
            return Ok(ignored("the pull request is a draft"));
        }
    }
    if is_own(trigger, ports).await? {
        return Ok(ignored("Holdfast caused this event"));
    }
    let here = target_of(&pull, trigger.head.clone());
    if is_paused(ports.rows, &here).await? {
        return Ok(ignored("reviews of this pull request are paused: /holdfast resume"));
    }
    let is_bots = pull.author.as_ref().is_some_and(|author| author.is_bot);
    if !is_bots && !is_trusted(&pull, ports).await? {
        return wait_for_maintainer(&here, ports).await;
    }
    let identified = identify(ports.pulls, ports.read, &pull, trigger.head.clone()).await?;
    if is_bots && !is_allowed_bot(&pull, identified.settings.as_deref()) {
        let why = format!("a bot's pull request, and bots in {POLICY_PATH} on the base branch doesn't name it");
        return Ok(ignored(&why));
    }
    let again = match trigger.action {
        ReviewAction::Opened | ReviewAction::Synchronize => StartAgain::AfterAnotherReview,
        ReviewAction::Reopened | ReviewAction::ReadyForReview | ReviewAction::Retargeted => {
            let (action, at) = (trigger.action.as_str(), &trigger.updated_at);
            let name = format!("pull/{}/{action}/{}/{at}", here.place(), trigger.head);
            match Delivery::begin(ports.rows, &name).await? {
                Some(delivery) => StartAgain::WithoutResult(delivery),
                None => StartAgain::AfterAnotherReview,
            }
        }
    };
    let (receipt, delivery) = start(&identified.target, settings, ports, again, None).await?;
    if let Some(delivery) = delivery {
        delivery.finish(ports.rows).await?;
    }
    Ok(receipt)
}

/// Stops the review of a pull request that was closed or became a draft, and undoes its effects.
pub(super) async fn stop(trigger: &StopTrigger, ports: Ports<'_>) -> Result<Receipt, StageError> {
    let pull = read_pull(ports, &trigger.repository, trigger.number).await?;
    let (is_so, cause, otherwise) = match trigger.action {
        StopAction::Closed => (
            !pull.is_open,
            "the pull request was closed",
            "the pull request is open again",
        ),
        StopAction::ConvertedToDraft => (
            pull.is_draft,
            "the pull request was converted to a draft",
            "the pull request is ready for review again",
        ),
    };
    if !is_so {
        return Ok(ignored(otherwise));
    }
    let here = target_of(&pull, pull.head.clone());
    let runs = open_runs(&here, ports).await?;
    end_all(&runs, cause, ports).await?;
    Ok(match runs.is_empty() {
        true => ignored("no review runs there"),
        false => done("stopped"),
    })
}

/// Returns the runs of a pull request that may be in progress: the one that holds it, and the one started last.
pub(super) async fn open_runs(target: &Target, ports: Ports<'_>) -> Result<Vec<RunName>, StageError> {
    let mut runs: Vec<RunName> = claim::holder(ports.rows, target).await?.into_iter().collect();
    if let Some(last) = last_start(ports.rows, target).await?
        && !runs.contains(&last.run)
    {
        runs.push(last.run);
    }
    Ok(runs)
}

/// Ends runs and undoes their effects. The result of a completed run stays.
pub(super) async fn end_all(runs: &[RunName], cause: &str, ports: Ports<'_>) -> Result<(), StageError> {
    let error = ErrorName::RunCancelled;
    for run in runs {
        let cancelled = FailedRun::ended(run.clone(), Value::Null, error, cause);
        sweep::end(&cancelled, error, ports.stop, ports.publish, ports.rows, ports.store).await?;
    }
    Ok(())
}

/// Returns whether Holdfast's own bot account is the sender: its events start no review, but another bot's do. With a
/// person's token Holdfast writes as that person, whose pushes are reviewed.
async fn is_own(trigger: &ReviewTrigger, ports: Ports<'_>) -> Result<bool, StageError> {
    if !trigger.sender.is_bot() {
        return Ok(false);
    }
    let own = ports.pulls.own_login().await?;
    Ok(own.is_some_and(|own| own.eq_ignore_ascii_case(&trigger.sender.login)))
}

/// Returns whether the author's pull request is reviewed without a maintainer's command. Where the association is
/// unclear (a newcomer, or a member whose membership is private), the author's permission decides; in a private
/// repository, read permission is enough.
async fn is_trusted(pull: &PullNow, ports: Ports<'_>) -> Result<bool, StageError> {
    if !pull.association.is_unclear() {
        return Ok(true);
    }
    let Some(author) = &pull.author else { return Ok(false) };
    let permission = ports.permission;
    match permission.permission(&pull.repository, &author.login).await {
        Ok(Permission::None) => Ok(false),
        Ok(Permission::Read) => Ok(pull.is_private),
        Ok(Permission::Triage | Permission::Write | Permission::Maintain | Permission::Admin) => Ok(true),
        // The permission is unknown, which never counts as one.
        Err(ReadError::Forbidden(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Shows that the pull request waits, and how a maintainer starts its review, unless a review of this head is in
/// progress.
async fn wait_for_maintainer(here: &Target, ports: Ports<'_>) -> Result<Receipt, StageError> {
    if !is_in_progress(here, ports).await? {
        let body = waiting_for_maintainer_body(here.head());
        ports.publish.await_maintainer(here, &body).await?;
    }
    let why = "a first-time contributor's pull request is reviewed once a maintainer asks: /holdfast review";
    Ok(ignored(why))
}

/// Returns whether the run that holds the pull request reviews this head and has not ended.
async fn is_in_progress(here: &Target, ports: Ports<'_>) -> Result<bool, StageError> {
    let Some(holder) = claim::holder(ports.rows, here).await? else {
        return Ok(false);
    };
    let run: Option<Run> = find_artifact(ports.store, &key::run(&holder)).await?;
    Ok(run.is_some_and(|run| run.target.head() == here.head())
        && announcement::is_in_progress(&holder, ports.rows, ports.store).await?)
}

fn is_allowed_bot(pull: &PullNow, settings: Option<&[u8]>) -> bool {
    let text = String::from_utf8_lossy(settings.unwrap_or_default());
    let login = pull.author.as_ref().map(|author| author.login.as_str());
    // Invalid settings allow nobody.
    Policy::parse(&text).is_ok_and(|policy| login.is_some_and(|login| policy.allows_bot(login)))
}
