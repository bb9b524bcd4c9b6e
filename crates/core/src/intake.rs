//! From a delivery of GitHub's to a run. The payload is a hint: what a review is of is read again by the run itself, whose
//! name is derived, so that a delivery that comes twice starts nothing twice.

use serde_json::json;

use crate::claim;
use crate::model::change::Target;
use crate::model::error_name::ErrorName;
use crate::model::run::{PAYLOAD_VERSION, Run};
use crate::model::run_name::stem;
use crate::model::settings::Settings;
use crate::model::sha::CommitSha;
use crate::model::token_limits::TokenLimits;
use crate::port::{
    Expect, FailedRun, KeepRows, PublishReview, ReadChange, ReadPermission, StartRun, StartedRun, StopRun,
    StoreArtifact,
};
use crate::stage::StageError;
use crate::sweep;
use crate::webhook::{AuthorAssociation, Command, CommentCommand, RepositoryRef, ReviewTrigger, WebhookEvent};

/// Attempts of one head that are counted through.
const ATTEMPTS_MOST: u32 = 1_000;

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
    pub model: String,
    /// The cheap tier's.
    pub model_light: String,
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
    /// Reads pull requests.
    pub read: &'a dyn ReadChange,
    /// Reads what people may do.
    pub permission: &'a dyn ReadPermission,
    /// Writes to pull requests.
    pub publish: &'a dyn PublishReview,
    /// Keeps claims and pauses.
    pub rows: &'a dyn KeepRows,
    /// Keeps artifacts.
    pub store: &'a dyn StoreArtifact,
}

/// Does what a delivery asks for. A run that it starts is durable when this returns. Errors: what the ports say; the
/// delivery is to be repeated then.
pub async fn receive(event: &WebhookEvent, how: &RunSettings, ports: Ports<'_>) -> Result<Receipt, StageError> {
    match event {
        WebhookEvent::Review(trigger) => review(trigger, how, ports).await,
        WebhookEvent::Command(command) => obey(command, how, ports).await,
        WebhookEvent::Installation(_) => Ok(ignored("nothing is kept of installations")),
        WebhookEvent::Ping => Ok(ignored("the webhook reaches Holdfast")),
        WebhookEvent::Ignored { why } => Ok(ignored(why)),
        WebhookEvent::Invalid { what } => Ok(Receipt::Invalid { what: what.clone() }),
    }
}

async fn review(trigger: &ReviewTrigger, how: &RunSettings, ports: Ports<'_>) -> Result<Receipt, StageError> {
    if is_stranger(trigger.author) {
        let why = "a first-time contributor's pull request is reviewed once a maintainer asks: /holdfast review";
        return Ok(ignored(why));
    }
    let target = target_of(&trigger.repository, trigger.number, trigger.head.clone());
    if ports.rows.get(&pause_key(&target)).await?.is_some() {
        return Ok(ignored("reviews of this pull request are paused: /holdfast resume"));
    }
    start(&target, how, ports, false).await
}

/// Does a command, if its writer may give it, and says so where it was given.
async fn obey(asked: &CommentCommand, how: &RunSettings, ports: Ports<'_>) -> Result<Receipt, StageError> {
    let RepositoryRef { owner, name, .. } = &asked.repository;
    let login = &asked.sender.login;
    if !ports.permission.permission(owner, name, login).await?.may_write() {
        return Ok(ignored("commands are for people with write permission"));
    }
    let nowhere = target_of(&asked.repository, asked.number, CommitSha::zero());
    let (receipt, said) = match asked.command {
        Command::Review | Command::Resume => {
            let head = ports.read.current_head(&nowhere).await?;
            unpause(ports.rows, &nowhere).await?;
            let forced = asked.command == Command::Review;
            let receipt = start(&target_of(&asked.repository, asked.number, head), how, ports, forced).await?;
            let said = match &receipt {
                Receipt::Started { run } => format!("Reviewing (run `{run}`)."),
                _ => "This head is reviewed already, or is being reviewed now.".to_owned(),
            };
            (receipt, said)
        }
        Command::Pause => {
            pause(ports.rows, &nowhere, login).await?;
            let said = "Paused: pushes are not reviewed until `/holdfast resume`. A review that runs goes on.";
            (done("paused"), said.to_owned())
        }
        Command::Cancel => match cancel(&nowhere, login, ports).await? {
            Some(run) => (done("cancelled"), format!("Cancelled (run `{run}`).")),
            None => (done("nothing to cancel"), "No review is running here.".to_owned()),
        },
        Command::Help => (done("helped"), HELP.to_owned()),
    };
    ports.publish.answer_command(&nowhere, asked.comment, &said).await?;
    Ok(receipt)
}

const HELP: &str = "Commands, for people with write permission, each as a comment's first line:\n\n\
    - `/holdfast review`: review the head as it is now, again if need be\n\
    - `/holdfast pause`: review no pushes\n\
    - `/holdfast resume`: review again, beginning with the head as it is now\n\
    - `/holdfast cancel`: stop the review that runs\n\
    - `/holdfast help`: this";

/// Starts the run of a head. One that has ended is not repeated, unless that is asked for, or another head was reviewed
/// since then.
async fn start(target: &Target, how: &RunSettings, ports: Ports<'_>, forced: bool) -> Result<Receipt, StageError> {
    let stem = stem(target, &how.model, &how.model_light, true);
    for attempt in 1..=ATTEMPTS_MOST {
        let name = format!("{stem}-{attempt}");
        let run = Run {
            version: PAYLOAD_VERSION,
            run: name.clone(),
            bucket: how.bucket.clone(),
            target: target.clone(),
            publish: true,
            max_concurrency: how.max_concurrency,
            model: how.model.clone(),
            model_light: how.model_light.clone(),
            tokens: how.tokens,
        };
        match ports.start.start_run(&run).await? {
            StartedRun::New => return Ok(Receipt::Started { run: name }),
            StartedRun::Running => return Ok(Receipt::Duplicate { run: name }),
            StartedRun::Ended if forced => {}
            StartedRun::Ended => {
                let holder = claim::holder(ports.rows, target).await?;
                if holder.is_none_or(|holder| holder == name) {
                    return Ok(Receipt::Duplicate { run: name });
                }
            }
        }
    }
    Err(StageError::new(
        ErrorName::PayloadInvalid,
        format!("this head was reviewed {ATTEMPTS_MOST} times"),
    ))
}

/// Stops the run that holds the pull request and undoes what it did; gives its name, if it was under way.
async fn cancel(target: &Target, login: &str, ports: Ports<'_>) -> Result<Option<String>, StageError> {
    let Some(run) = claim::holder(ports.rows, target).await? else {
        return Ok(None);
    };
    let cause = format!("{login} asked for it in a comment");
    let error = ErrorName::RunCancelled;
    let cancelled = FailedRun::ended(&run, serde_json::Value::Null, error, cause);
    sweep::end(&cancelled, error, ports.stop, ports.publish, ports.rows, ports.store).await?;
    Ok(Some(run))
}

async fn pause(rows: &dyn KeepRows, target: &Target, login: &str) -> Result<(), StageError> {
    // One that is there already says the same.
    rows.put(&pause_key(target), &json!({ "by": login }), Expect::Absent)
        .await?;
    Ok(())
}

async fn unpause(rows: &dyn KeepRows, target: &Target) -> Result<(), StageError> {
    let key = pause_key(target);
    if let Some(row) = rows.get(&key).await? {
        rows.delete(&key, row.version).await?;
    }
    Ok(())
}

fn pause_key(target: &Target) -> String {
    let number = target.pull_request().unwrap_or_default();
    format!("pause/{}#{number}", target.repository().to_ascii_lowercase())
}

fn target_of(repository: &RepositoryRef, number: u64, head: CommitSha) -> Target {
    Target::PullRequest {
        owner: repository.owner.clone(),
        repository: repository.name.clone(),
        number,
        head,
    }
}

const fn is_stranger(author: AuthorAssociation) -> bool {
    matches!(
        author,
        AuthorAssociation::FirstTimeContributor | AuthorAssociation::FirstTimer | AuthorAssociation::None
    )
}

fn ignored(why: &str) -> Receipt {
    Receipt::Ignored { why: why.to_owned() }
}

fn done(what: &str) -> Receipt {
    Receipt::Done { what: what.to_owned() }
}
