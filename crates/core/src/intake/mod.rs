//! From a delivery of GitHub's to a run. The payload is a hint that says where to look: what stands on GitHub now decides,
//! and a run's name is derived from it, so that a delivery that comes twice starts nothing twice. One file for each kind
//! of delivery: `pull` (pull requests), `command` (comments), `rerun` (checks), `group` (merge queues); `start` names and
//! starts runs, `once` remembers what was done.

mod command;
mod group;
mod once;
mod pull;
mod rerun;
mod start;

use crate::error::StageError;
use crate::model::model_id::ModelId;
use crate::model::settings::Settings;
use crate::model::token_limits::TokenLimits;
use crate::port::{
    KeepRows, PublishReview, PullNow, ReadChange, ReadError, ReadPermission, ReadPull, StartRun, StopRun, StoreArtifact,
};
use crate::webhook::{RepositoryRef, WebhookEvent};

/// Reads of one pull request that failed for a moment are repeated so often.
const MAX_READS: usize = 3;

/// What is answered to the one who delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// A run has begun.
    Started {
        /// Its name.
        run: String,
    },
    /// It was delivered before: this is its run.
    Duplicate {
        /// The run's name.
        run: String,
    },
    /// A command was done.
    Done {
        /// What, in one line.
        what: String,
    },
    /// Nothing is to be done.
    Ignored {
        /// Why, in one line.
        why: String,
    },
    /// The body is not what its event's name says.
    Invalid {
        /// What is wrong and where.
        what: String,
    },
}

/// How runs are started here.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// The artifacts' bucket.
    pub bucket: String,
    /// Units reviewed at once.
    pub max_concurrency: u32,
    /// The main model.
    pub model: ModelId,
    /// The cheap tier's.
    pub model_light: ModelId,
    /// What one call may hold.
    pub tokens: TokenLimits,
}

impl RunSettings {
    /// As a deployment is set.
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

/// What the intake reaches.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Starts runs.
    pub start: &'a dyn StartRun,
    /// Stops runs.
    pub stop: &'a dyn StopRun,
    /// Reads files of the base branch.
    pub read: &'a dyn ReadChange,
    /// Reads pull requests and comments as they are now.
    pub pulls: &'a dyn ReadPull,
    /// Reads what people may do.
    pub permission: &'a dyn ReadPermission,
    /// Writes to pull requests.
    pub publish: &'a dyn PublishReview,
    /// Keeps claims, pauses, and what was done.
    pub rows: &'a dyn KeepRows,
    /// Keeps artifacts.
    pub store: &'a dyn StoreArtifact,
    /// The time, in milliseconds since 1970.
    pub now_ms: i64,
}

/// Does what a delivery asks for. A run that it starts is durable when this returns. Errors: what the ports say; the
/// delivery is to be repeated then.
pub async fn receive(event: &WebhookEvent, how: &RunSettings, ports: Ports<'_>) -> Result<Receipt, StageError> {
    match event {
        WebhookEvent::Review(trigger) => pull::review(trigger, how, ports).await,
        WebhookEvent::Stop(trigger) => pull::stop(trigger, ports).await,
        WebhookEvent::Command(command) => command::obey(command, how, ports).await,
        WebhookEvent::Rerun(trigger) => rerun::rerun(trigger, how, ports).await,
        WebhookEvent::MergeGroup(trigger) => group::report(trigger, ports).await,
        WebhookEvent::Installation(_) => Ok(ignored("nothing is kept of installations")),
        WebhookEvent::Ping => Ok(ignored("the webhook reaches Holdfast")),
        WebhookEvent::Ignored { why } => Ok(ignored(why)),
        WebhookEvent::Invalid { what } => Ok(Receipt::Invalid { what: what.clone() }),
    }
}

/// The pull request as it is now. Nobody delivers again for a repository's own webhook: a read that failed for a moment is
/// repeated. Errors: what reading says.
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
