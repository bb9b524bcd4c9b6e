//! Turns an event's name and body into a `WebhookEvent`. The signature was checked before, in `model::webhook_secrets`.

use crate::model::run_name::RunName;

use serde_json::Value;

use super::command::Command;
use super::event::{
    CommentCommand, InstallationAction, InstallationChange, MergeGroupTrigger, RerunTrigger, ReviewAction,
    ReviewTrigger, StopAction, StopTrigger, WebhookEvent,
};
use super::field::{Field, FieldError};

/// Maximum length of a name in a reason, in characters, and of a time, in bytes.
const MAX_SHOWN: usize = 40;

/// Parses a delivery. `event` is the `X-GitHub-Event` header, which is not signed, so the body must have that event's
/// form. Only people give commands; a push is reviewed whoever made it. `intake` recognises events that Holdfast itself
/// caused, because only it can read Holdfast's login.
pub fn parse(event: &str, body: &[u8]) -> WebhookEvent {
    let payload: Value = match serde_json::from_slice(body) {
        Ok(payload) => payload,
        Err(_) if body.starts_with(b"payload=") => {
            return invalid("the body is a form: set the webhook's content type to application/json");
        }
        Err(error) => {
            return invalid(&format!(
                "the body isn't valid JSON (line {}, column {})",
                error.line(),
                error.column()
            ));
        }
    };
    if !payload.is_object() {
        return invalid("the body isn't a JSON object");
    }
    let root = Field::root(&payload);
    let read = match event {
        "pull_request" => pull_request(&root),
        "issue_comment" => issue_comment(&root),
        "check_run" => check_run(&root),
        "check_suite" => check_suite(&root),
        "merge_group" => merge_group(&root),
        "installation" => installation(&root),
        "installation_repositories" => installation_repositories(&root),
        "ping" => root.at("hook_id").number().map(|_| WebhookEvent::Ping),
        other => Ok(ignored(&format!("nothing to do for the event {}", shown(other)))),
    };
    read.unwrap_or_else(|error| invalid(&error.to_string()))
}

fn pull_request(root: &Field<'_>) -> Result<WebhookEvent, FieldError> {
    let name = root.at("action").text()?;
    let pull = root.at("pull_request");
    let action = match name {
        "opened" => ReviewAction::Opened,
        "synchronize" => ReviewAction::Synchronize,
        "reopened" => ReviewAction::Reopened,
        "ready_for_review" => ReviewAction::ReadyForReview,
        "edited" if root.at("changes").at("base").is_present() => ReviewAction::Retargeted,
        "edited" => {
            return Ok(ignored(
                "title and description are not reviewed: nothing changed in the diff",
            ));
        }
        "closed" => return stop(root, StopAction::Closed),
        "converted_to_draft" => return stop(root, StopAction::ConvertedToDraft),
        _ => return Ok(ignored(&format!("nothing to review after the action {}", shown(name)))),
    };
    let trigger = ReviewTrigger {
        action,
        repository: root.at("repository").repository()?,
        number: pull.at("number").number()?,
        head: pull.at("head").at("sha").commit()?,
        updated_at: time(pull.at("updated_at").text_or_empty()?),
        sender: root.at("sender").sender()?,
        author: pull.at("author_association").association()?,
        installation: root.at("installation").installation()?,
    };
    if pull.at("state").text()? != "open" {
        return Ok(ignored("the pull request is closed"));
    }
    if pull.at("draft").flag()? {
        return Ok(ignored("the pull request is a draft"));
    }
    Ok(WebhookEvent::Review(trigger))
}

fn stop(root: &Field<'_>, action: StopAction) -> Result<WebhookEvent, FieldError> {
    Ok(WebhookEvent::Stop(StopTrigger {
        action,
        repository: root.at("repository").repository()?,
        number: root.at("pull_request").at("number").number()?,
    }))
}

/// Parses a check's event. GitHub sends `rerequested` to the check's own App.
fn check_run(root: &Field<'_>) -> Result<WebhookEvent, FieldError> {
    let (action, check) = (root.at("action").text()?, root.at("check_run"));
    if action != "rerequested" {
        return Ok(ignored(&format!(
            "nothing to do for a check's action {}",
            shown(action)
        )));
    }
    let id = check.at("id").number()?;
    let run = check.at("external_id").text_or_empty()?;
    rerun(root, &check, format!("check_run/{id}"), run.parse().ok())
}

fn check_suite(root: &Field<'_>) -> Result<WebhookEvent, FieldError> {
    let (action, suite) = (root.at("action").text()?, root.at("check_suite"));
    if action != "rerequested" {
        return Ok(ignored(&format!(
            "nothing to do for a suite's action {}",
            shown(action)
        )));
    }
    // A suite keeps its id, however often it runs again.
    let (id, updated) = (suite.at("id").number()?, time(suite.at("updated_at").text_or_empty()?));
    rerun(root, &suite, format!("check_suite/{id}/{updated}"), None)
}

fn rerun(root: &Field<'_>, check: &Field<'_>, of: String, run: Option<RunName>) -> Result<WebhookEvent, FieldError> {
    let pull = check.at("pull_requests").first();
    Ok(WebhookEvent::Rerun(RerunTrigger {
        repository: root.at("repository").repository()?,
        of,
        head: check.at("head_sha").commit()?,
        run,
        number: if pull.is_present() {
            Some(pull.at("number").number()?)
        } else {
            None
        },
        sender: root.at("sender").sender()?,
    }))
}

fn merge_group(root: &Field<'_>) -> Result<WebhookEvent, FieldError> {
    let (action, group) = (root.at("action").text()?, root.at("merge_group"));
    if action != "checks_requested" {
        return Ok(ignored(&format!(
            "nothing to do for a merge group's action {}",
            shown(action)
        )));
    }
    let repository = root.at("repository").repository()?;
    let head = group.at("head_sha").commit()?;
    // `refs/heads/gh-readonly-queue/BASE/pr-NUMBER-SHA`
    let name = group.at("head_ref").text()?;
    let number = name
        .rsplit('/')
        .next()
        .and_then(|last| last.strip_prefix("pr-")?.split('-').next()?.parse().ok());
    let Some(number) = number.filter(|number: &u64| *number > 0) else {
        return Err(FieldError::Invalid {
            path: "merge_group.head_ref".to_owned(),
            expected: "refs/heads/gh-readonly-queue/BASE/pr-NUMBER-SHA",
            found: "another text",
        });
    };
    Ok(WebhookEvent::MergeGroup(MergeGroupTrigger {
        repository,
        head,
        number,
    }))
}

/// Returns GitHub's time, which becomes part of a key; empty if the text can't be a time.
fn time(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-:.+".contains(&byte);
    Some(text)
        .filter(|text| text.len() <= MAX_SHOWN && text.bytes().all(is_plain))
        .unwrap_or_default()
        .to_owned()
}

fn issue_comment(root: &Field<'_>) -> Result<WebhookEvent, FieldError> {
    let action = root.at("action").text()?;
    if action != "created" {
        return Ok(ignored(&format!(
            "commands are read from new comments, not after the action {}",
            shown(action)
        )));
    }
    let (issue, comment) = (root.at("issue"), root.at("comment"));
    let body = comment.at("body").text()?;
    let number = issue.at("number").number()?;
    let repository = root.at("repository").repository()?;
    let id = comment.at("id").number()?;
    let (sender, writer) = (root.at("sender").sender()?, comment.at("user").sender()?);
    let is_open = issue.at("state").text()? == "open";
    if !issue.at("pull_request").is_present() {
        return Ok(ignored("the comment is on an issue, not on a pull request"));
    }
    let command = match Command::parse(body) {
        None => return Ok(ignored("the comment has no command")),
        Some(Err(unknown)) => return Ok(ignored(&unknown.to_string())),
        Some(Ok(command)) => command,
    };
    if sender.is_bot() || writer.is_bot() {
        return Ok(ignored("a bot wrote the comment"));
    }
    if !is_open {
        return Ok(ignored("the pull request is closed"));
    }
    Ok(WebhookEvent::Command(CommentCommand {
        command,
        repository,
        number,
        comment: id,
    }))
}

fn installation(root: &Field<'_>) -> Result<WebhookEvent, FieldError> {
    let name = root.at("action").text()?;
    let installation = root.at("installation").at("id").number()?;
    let action = match name {
        "created" => InstallationAction::Created,
        "deleted" => InstallationAction::Deleted,
        "suspend" => InstallationAction::Suspended,
        "unsuspend" => InstallationAction::Unsuspended,
        "new_permissions_accepted" => InstallationAction::PermissionsAccepted,
        _ => {
            return Ok(ignored(&format!(
                "nothing to do for an installation's action {}",
                shown(name)
            )));
        }
    };
    Ok(WebhookEvent::Installation(InstallationChange { action, installation }))
}

fn installation_repositories(root: &Field<'_>) -> Result<WebhookEvent, FieldError> {
    root.at("action").text()?;
    Ok(WebhookEvent::Installation(InstallationChange {
        action: InstallationAction::RepositoriesChanged,
        installation: root.at("installation").at("id").number()?,
    }))
}

fn ignored(why: &str) -> WebhookEvent {
    WebhookEvent::Ignored { why: why.to_owned() }
}

fn invalid(what: &str) -> WebhookEvent {
    WebhookEvent::Invalid { what: what.to_owned() }
}

/// Returns an untrusted name, made safe for a line of a log.
fn shown(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '?' };
    name.chars().take(MAX_SHOWN).map(plain).collect()
}
