//! Event's name and body become a `WebhookEvent`. Which deliveries are GitHub's own is decided before, in `signature`.

use serde_json::Value;

use super::command::Command;
use super::event::{
    CommentCommand, InstallationAction, InstallationChange, ReviewAction, ReviewTrigger, Sender, WebhookEvent,
};
use super::field::{Field, Wrong};

/// Longest name of an event or action that a reason repeats, in characters.
const SHOWN_MOST: usize = 40;

/// Reads a delivery: `event` is the `X-GitHub-Event` header, which is not signed, so the body has to have that event's
/// shape. `own_login` is the login that our own writes carry, where it is known: what we did ourselves asks for nothing,
/// and neither does what a bot did.
pub fn parse(event: &str, body: &[u8], own_login: Option<&str>) -> WebhookEvent {
    let payload: Value = match serde_json::from_slice(body) {
        Ok(payload) => payload,
        Err(_) if body.starts_with(b"payload=") => {
            return invalid("the body is a form: set the webhook's content type to application/json");
        }
        Err(error) => {
            return invalid(&format!(
                "the body is no JSON (line {}, column {})",
                error.line(),
                error.column()
            ));
        }
    };
    if !payload.is_object() {
        return invalid("the body is no JSON object");
    }
    let root = Field::root(&payload);
    let read = match event {
        "pull_request" => pull_request(&root, own_login),
        "issue_comment" => issue_comment(&root, own_login),
        "installation" => installation(&root),
        "installation_repositories" => installation_repositories(&root),
        "ping" => root.at("hook_id").number().map(|_| WebhookEvent::Ping),
        other => Ok(ignored(&format!("nothing is done for the event {}", shown(other)))),
    };
    read.unwrap_or_else(|what| WebhookEvent::Invalid { what })
}

fn pull_request(root: &Field<'_>, own_login: Option<&str>) -> Result<WebhookEvent, Wrong> {
    let name = root.at("action").text()?;
    let pull = root.at("pull_request");
    let trigger = ReviewTrigger {
        action: match name {
            "opened" => ReviewAction::Opened,
            "synchronize" => ReviewAction::Synchronize,
            "reopened" => ReviewAction::Reopened,
            "ready_for_review" => ReviewAction::ReadyForReview,
            _ => return Ok(ignored(&format!("nothing to review after the action {}", shown(name)))),
        },
        repository: root.at("repository").repository()?,
        number: pull.at("number").number()?,
        head: pull.at("head").at("sha").commit()?,
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
    if let Some(why) = not_for_us(&trigger.sender, own_login) {
        return Ok(ignored(why));
    }
    Ok(WebhookEvent::Review(trigger))
}

fn issue_comment(root: &Field<'_>, own_login: Option<&str>) -> Result<WebhookEvent, Wrong> {
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
    let author = comment.at("author_association").association()?;
    let installation = root.at("installation").installation()?;
    let is_open = issue.at("state").text()? == "open";
    if !issue.at("pull_request").is_there() {
        return Ok(ignored("the comment is on an issue, not on a pull request"));
    }
    let command = match Command::parse(body) {
        None => return Ok(ignored("the comment holds no command")),
        Some(Err(unknown)) => return Ok(ignored(&unknown.to_string())),
        Some(Ok(command)) => command,
    };
    if let Some(why) = not_for_us(&sender, own_login).or_else(|| not_for_us(&writer, own_login)) {
        return Ok(ignored(why));
    }
    if !is_open {
        return Ok(ignored("the pull request is closed"));
    }
    Ok(WebhookEvent::Command(CommentCommand {
        command,
        repository,
        number,
        comment: id,
        body: body.to_owned(),
        sender,
        author,
        installation,
    }))
}

fn installation(root: &Field<'_>) -> Result<WebhookEvent, Wrong> {
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
                "nothing is done for an installation's action {}",
                shown(name)
            )));
        }
    };
    Ok(WebhookEvent::Installation(InstallationChange { action, installation }))
}

fn installation_repositories(root: &Field<'_>) -> Result<WebhookEvent, Wrong> {
    root.at("action").text()?;
    Ok(WebhookEvent::Installation(InstallationChange {
        action: InstallationAction::RepositoriesChanged,
        installation: root.at("installation").at("id").number()?,
    }))
}

fn not_for_us(sender: &Sender, own_login: Option<&str>) -> Option<&'static str> {
    if own_login.is_some_and(|own| own.eq_ignore_ascii_case(&sender.login)) {
        Some("we did this ourselves")
    } else if sender.kind == "Bot" {
        Some("a bot did this")
    } else {
        None
    }
}

fn ignored(why: &str) -> WebhookEvent {
    WebhookEvent::Ignored { why: why.to_owned() }
}

fn invalid(what: &str) -> WebhookEvent {
    WebhookEvent::Invalid { what: what.to_owned() }
}

/// A name from outside, fit for a line of a log.
fn shown(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '?' };
    name.chars().take(SHOWN_MOST).map(plain).collect()
}
