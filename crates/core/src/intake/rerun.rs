//! A re-run of Holdfast's check: a review of the head, as after `/holdfast review`.

use crate::artifact::find_artifact;
use crate::error::StageError;
use crate::identity::{identify, target_of};
use crate::model::key;
use crate::model::run::Run;
use crate::webhook::RerunTrigger;

use super::command::is_paused;
use super::delivery::Delivery;
use super::start::{StartAgain, start};
use super::{Ports, Receipt, RunSettings, ignored, read_pull};

/// Starts a review of the head again, if the sender has write permission.
pub(super) async fn rerun(
    trigger: &RerunTrigger,
    settings: &RunSettings,
    ports: Ports<'_>,
) -> Result<Receipt, StageError> {
    let Some(number) = number_of(trigger, ports).await? else {
        return Ok(ignored("the check's pull request is unknown here"));
    };
    let pull = read_pull(ports, &trigger.repository, number).await?;
    let here = target_of(&pull, pull.head.clone());
    if pull.head != trigger.head {
        return Ok(ignored("the check is of an older head"));
    }
    if !pull.is_open {
        return Ok(ignored("the pull request is closed"));
    }
    let login = &trigger.sender.login;
    if !ports.permission.permission(&pull.repository, login).await?.may_write() {
        return Ok(ignored("checks are re-run by people with write permission"));
    }
    if is_paused(ports.rows, &here).await? {
        return Ok(ignored("reviews of this pull request are paused: /holdfast resume"));
    }
    let Some(delivery) = Delivery::begin(ports.rows, &format!("{}/{}", trigger.of, here.place())).await? else {
        return Ok(ignored("this check was re-run before"));
    };
    let identified = identify(ports.pulls, ports.read, &pull, pull.head.clone()).await?;
    let (receipt, delivery) = start(&identified.target, settings, ports, StartAgain::Always(delivery), None).await?;
    if let Some(delivery) = delivery {
        delivery.finish(ports.rows).await?;
    }
    Ok(receipt)
}

/// Returns the pull request's number: that of the check's run, because GitHub leaves it out for forks, or else the
/// event's.
async fn number_of(trigger: &RerunTrigger, ports: Ports<'_>) -> Result<Option<u64>, StageError> {
    if let Some(run) = &trigger.run {
        let run: Option<Run> = find_artifact(ports.store, &key::run(run)).await?;
        if let Some(number) = run.and_then(|run| run.target.pull_request()) {
            return Ok(Some(number));
        }
    }
    Ok(trigger.number)
}
