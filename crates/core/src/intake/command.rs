//! Commands in comments. The command is read from the comment's current state on GitHub and runs once, however often
//! the comment is delivered.

use serde_json::json;

use crate::error::StageError;
use crate::identity::{identify, target_of};
use crate::model::change::Target;
use crate::model::marker::holds_marker;
use crate::port::{ANSWER_OF_STARTED, CommentNow, KeepRows, Precondition, PullNow};
use crate::webhook::{Command, CommentCommand};

use super::delivery::{Delivery, NotStored, Progress};
use super::pull::{end_all, open_runs};
use super::start::{StartAgain, last_start, start};
use super::{Ports, Receipt, RunSettings, done, ignored, read_pull};

/// Older comments are ignored: GitHub delivers nothing again after three days.
const MAX_COMMENT_AGE_MS: i64 = 7 * 86_400_000;
/// Maximum difference between GitHub's clock, which dates comments, and Holdfast's, which dates runs.
const CLOCK_SLACK_MS: i64 = 5_000;

const HELP: &str = "Commands, for people with write permission, each as a comment's first line:\n\n\
    - `/holdfast review`: review the current head, again if necessary\n\
    - `/holdfast pause`: review no pushes\n\
    - `/holdfast resume`: review pushes again, beginning with the current head\n\
    - `/holdfast cancel`: stop the running review\n\
    - `/holdfast help`: this";

/// Runs a command, if its writer may give it, and answers it on the pull request.
pub(super) async fn run_command(
    asked: &CommentCommand,
    settings: &RunSettings,
    ports: Ports<'_>,
) -> Result<Receipt, StageError> {
    let pull = read_pull(ports, &asked.repository, asked.number).await?;
    let here = target_of(&pull, pull.head.clone());
    let Some(comment) = ports.pulls.comment(&pull.repository, asked.comment).await? else {
        return Ok(ignored("the comment was deleted"));
    };
    let (command, login) = match read_command(&comment, asked.number, ports.now_ms) {
        Ok(read) => read,
        Err(why) => return Ok(ignored(why)),
    };
    if !pull.is_open {
        return Ok(ignored("the pull request is closed"));
    }
    let permission = ports.permission.permission(&pull.repository, login).await?;
    if !permission.may_write() {
        return Ok(ignored("commands are for people with write permission"));
    }
    let name = format!("comment/{}/{}", here.place(), asked.comment);
    let Some(delivery) = Delivery::begin(ports.rows, &name).await? else {
        return Ok(ignored("this command was run before"));
    };
    let given = GivenCommand {
        command,
        login,
        comment: asked.comment,
        created_ms: comment.created_ms,
    };
    let (receipt, answer, delivery) = execute(&given, &pull, &here, delivery, settings, ports).await?;
    if let Some(answer) = answer {
        ports.publish.answer_command(&here, asked.comment, &answer).await?;
    }
    if let Some(delivery) = delivery {
        delivery.finish(ports.rows).await?;
    }
    Ok(receipt)
}

/// A command with its writer and its comment.
struct GivenCommand<'a> {
    command: Command,
    login: &'a str,
    comment: u64,
    created_ms: i64,
}

/// Returns the command and its writer's login. Fails with the reason why there is none.
fn read_command(comment: &CommentNow, number: u64, now_ms: i64) -> Result<(Command, &str), &'static str> {
    if comment.number != number {
        return Err("the comment is on another pull request");
    }
    if comment.is_edited_by_others {
        return Err("somebody else edited the comment: its writer has to write it again");
    }
    if now_ms - comment.created_ms > MAX_COMMENT_AGE_MS {
        return Err("the comment is older than what GitHub delivers again");
    }
    // With a person's token Holdfast writes as that person, who may give commands. The marker identifies Holdfast's
    // comments.
    if holds_marker(&comment.body) {
        return Err("Holdfast wrote this comment");
    }
    let command = match Command::parse(&comment.body) {
        Some(Ok(command)) => command,
        Some(Err(_)) => return Err("no such command: /holdfast review, pause, resume, cancel or help"),
        None => return Err("the comment no longer has a command"),
    };
    match &comment.author {
        Some(author) if author.is_bot => Err("a bot wrote the comment"),
        Some(author) => Ok((command, &author.login)),
        None => Err("the account that wrote the comment was deleted"),
    }
}

/// Runs the command. Returns the receipt, the answer's text, and the row to finish after the answer.
async fn execute(
    given: &GivenCommand<'_>,
    pull: &PullNow,
    here: &Target,
    delivery: Delivery,
    settings: &RunSettings,
    ports: Ports<'_>,
) -> Result<(Receipt, Option<String>, Option<Delivery>), StageError> {
    let (receipt, answer) = match given.command {
        Command::Review | Command::Resume => {
            let identified = identify(ports.pulls, ports.read, pull, pull.head.clone()).await?;
            unpause(ports.rows, here).await?;
            let again = match given.command {
                Command::Review => StartAgain::Always(delivery),
                _ => StartAgain::WithoutResult(delivery),
            };
            let (receipt, delivery) = start(&identified.target, settings, ports, again, Some(given.comment)).await?;
            let answer = match &receipt {
                Receipt::Started { run } => Some(format!("{ANSWER_OF_STARTED}`{run}`).")),
                // Another delivery answers.
                Receipt::Ignored { .. } => None,
                _ => Some("This head is reviewed already, or is being reviewed now.".to_owned()),
            };
            return Ok((receipt, answer, delivery));
        }
        Command::Pause => {
            pause(ports.rows, here, given.login).await?;
            let answer = "Paused: pushes are not reviewed until `/holdfast resume`. A running review continues.";
            (done("paused"), answer.to_owned())
        }
        Command::Cancel => return cancel(given, here, delivery, ports).await,
        Command::Help => (done("helped"), HELP.to_owned()),
    };
    Ok((receipt, Some(answer), Some(delivery)))
}

/// Stops the runs that were in progress when the comment was first read, and no newer ones, and undoes their effects.
async fn cancel(
    given: &GivenCommand<'_>,
    here: &Target,
    mut delivery: Delivery,
    ports: Ports<'_>,
) -> Result<(Receipt, Option<String>, Option<Delivery>), StageError> {
    if delivery.progress.runs.is_empty() {
        let last = last_start(ports.rows, here).await?;
        let is_newer = last.is_some_and(|last| match last.comment {
            Some(comment) => comment > given.comment,
            None => last.at_ms > given.created_ms + CLOCK_SLACK_MS,
        });
        if is_newer {
            let answer = "A newer review began after this comment was written: it continues.";
            return Ok((done("nothing to cancel"), Some(answer.to_owned()), Some(delivery)));
        }
        let progress = Progress {
            runs: open_runs(here, ports).await?,
            ..Progress::default()
        };
        match delivery.store(ports.rows, progress).await {
            Ok(()) => {}
            Err(NotStored::ChangedByDuplicate) => {
                return Ok((ignored("a duplicate delivery runs it"), None, None));
            }
            Err(NotStored::Failed(error)) => return Err(error),
        }
    }
    let runs = delivery.progress.runs.clone();
    end_all(&runs, &format!("{} cancelled it in a comment", given.login), ports).await?;
    let (receipt, answer) = match runs.first() {
        Some(run) => (done("cancelled"), format!("Cancelled (run `{run}`).")),
        None => (done("nothing to cancel"), "No review is running here.".to_owned()),
    };
    Ok((receipt, Some(answer), Some(delivery)))
}

/// Returns whether a person has paused the reviews of a pull request.
///
/// # Errors
///
/// The table fails.
pub async fn is_paused(rows: &dyn KeepRows, target: &Target) -> Result<bool, StageError> {
    for key in pause_keys(target) {
        if rows.get(&key).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn pause(rows: &dyn KeepRows, target: &Target, login: &str) -> Result<(), StageError> {
    let [key, _] = pause_keys(target);
    // An existing row means the same.
    rows.put(&key, &json!({ "by": login }), Precondition::Absent).await?;
    Ok(())
}

async fn unpause(rows: &dyn KeepRows, target: &Target) -> Result<(), StageError> {
    for key in pause_keys(target) {
        if let Some(row) = rows.get(&key).await? {
            rows.delete(&key, row.version).await?;
        }
    }
    Ok(())
}

/// Returns the current key and that of version 0.1, which may still exist.
fn pause_keys(target: &Target) -> [String; 2] {
    [target.place(), target.named_place()].map(|place| format!("pause/{place}"))
}
