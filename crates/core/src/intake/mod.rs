//! The way from a webhook delivery to a run. The payload only shows where to look: the current state on GitHub decides,
//! and the run's name is derived from it, so that a duplicate delivery starts nothing twice. One file for each kind of
//! delivery: `pull` (pull requests), `command` (comments), `rerun` (checks), `group` (merge queues). `start` names and
//! starts runs, `delivery` stores the finished deliveries.

mod command;
mod delivery;
mod group;
mod pull;
mod rerun;
mod start;

use crate::error::StageError;
use crate::model::model_id::ModelId;
use crate::model::run_name::RunName;
use crate::model::settings::Settings;
use crate::model::token_limits::TokenLimits;
use crate::port::{
    KeepRows, PublishReview, PullNow, ReadChange, ReadError, ReadPermission, ReadPull, StartRun, StopRun, StoreArtifact,
};
use crate::webhook::{RepositoryRef, WebhookEvent};

pub use command::is_paused;
pub use start::{LastStart, last_start, store_start};

/// Maximum number of reads of one pull request while GitHub is unavailable.
const MAX_READS: usize = 3;

/// The result of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// A run has started.
    Started {
        /// Its name.
        run: RunName,
    },
    /// It is a duplicate of an earlier delivery, or its review exists: this is its run.
    Duplicate {
        /// The run's name.
        run: RunName,
    },
    /// A command was executed.
    Done {
        /// The effect, in one line.
        what: String,
    },
    /// The delivery needs no action.
    Ignored {
        /// The reason, in one line.
        why: String,
    },
    /// The body doesn't have its event's form.
    Invalid {
        /// The problem and its place.
        what: String,
    },
}

/// The settings of new runs.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The artifacts' bucket.
    pub bucket: String,
    /// Maximum number of units reviewed at once.
    pub max_concurrency: u32,
    /// The main model.
    pub model: ModelId,
    /// The light tier's model.
    pub model_light: ModelId,
    /// Token limits of one model call.
    pub tokens: TokenLimits,
}

impl RunSettings {
    /// Returns a deployment's settings.
    pub fn of(settings: &Settings, bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            max_concurrency: settings.max_concurrency,
            model: settings.model.clone(),
            model_light: settings.model_light.clone(),
            tokens: settings.model_tokens,
        }
    }
}

/// The ports of the intake.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Starts runs.
    pub start: &'a dyn StartRun,
    /// Stops runs.
    pub stop: &'a dyn StopRun,
    /// Reads files of the base branch.
    pub read: &'a dyn ReadChange,
    /// Reads the current state of pull requests and comments.
    pub pulls: &'a dyn ReadPull,
    /// Reads people's permissions.
    pub permission: &'a dyn ReadPermission,
    /// Writes to pull requests.
    pub publish: &'a dyn PublishReview,
    /// Stores claims, pauses and finished deliveries.
    pub rows: &'a dyn KeepRows,
    /// Stores artifacts.
    pub store: &'a dyn StoreArtifact,
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
}

/// Handles a delivery. A run that it starts is durable when this returns.
///
/// # Errors
///
/// A port fails; the sender must repeat the delivery.
pub async fn receive(event: &WebhookEvent, settings: &RunSettings, ports: Ports<'_>) -> Result<Receipt, StageError> {
    match event {
        WebhookEvent::Review(trigger) => pull::review(trigger, settings, ports).await,
        WebhookEvent::Stop(trigger) => pull::stop(trigger, ports).await,
        WebhookEvent::Command(command) => command::run_command(command, settings, ports).await,
        WebhookEvent::Rerun(trigger) => rerun::rerun(trigger, settings, ports).await,
        WebhookEvent::MergeGroup(trigger) => group::report(trigger, ports).await,
        WebhookEvent::Installation(_) => Ok(ignored("installations are not stored")),
        WebhookEvent::Ping => Ok(ignored("the webhook reaches Holdfast")),
        WebhookEvent::Ignored { why } => Ok(ignored(why)),
        WebhookEvent::Invalid { what } => Ok(Receipt::Invalid { what: what.clone() }),
    }
}

/// Reads the pull request's current state. Retries while GitHub is unavailable, because nobody redelivers the events of
/// a repository's own webhook.
async fn read_pull(ports: Ports<'_>, repository: &RepositoryRef, number: u64) -> Result<PullNow, ReadError> {
    let mut tries = 1;
    loop {
        match ports.pulls.pull(&repository.name, number).await {
            Err(ReadError::Unavailable(_)) if tries < MAX_READS => tries += 1,
            read => return read,
        }
    }
}

fn ignored(why: &str) -> Receipt {
    Receipt::Ignored { why: why.to_owned() }
}

fn done(what: &str) -> Receipt {
    Receipt::Done { what: what.to_owned() }
}
