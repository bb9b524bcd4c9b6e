//! Holdfast's answers to commands in a pull request's conversation. Each is found by its signed marker, so that none is
//! written twice. `summary_comment` has the one comment with state and summary.

use holdfast_core::model::marker::MarkerKind;
use holdfast_core::port::ANSWER_OF_STARTED;
use http::Method;
use serde_json::json;

use super::bot_client::{BotClient, words};
use super::failure::{Failure, Kind};
use super::wire::{Created, IssueComment};

const COMMENTS_WRITE: &str = "Pull requests: write";

/// One of Holdfast's comments.
struct Found {
    id: u64,
    /// The subject of its marker: the comment of a command.
    subject: String,
    body: String,
}

/// Writes the answer to a command. If the comment exists with another text, edits it.
pub(super) async fn answer(client: &BotClient<'_>, command: u64, body: &str) -> Result<(), Failure> {
    let subject = &command.to_string();
    let text = format!("{}\n{}", body.trim_end(), client.marker(MarkerKind::Answer, subject));
    let mut ours = find(client)
        .await?
        .into_iter()
        .filter(|found| found.subject == *subject);
    let Some(known) = ours.next() else {
        let posted = post(client, &text).await;
        return match posted {
            // The answer is lost; the comment may exist.
            Err(failure) if failure.kind == Kind::Unavailable => match find(client).await {
                Ok(found) if found.iter().any(|found| found.subject == *subject) => Ok(()),
                Ok(_) | Err(_) => Err(failure),
            },
            posted => posted,
        };
    };
    // Duplicates that a lost answer left behind.
    for extra in ours {
        delete(client, extra.id).await?;
    }
    if words(&known.body) == words(&text) {
        return Ok(());
    }
    edit(client, known.id, &text).await
}

/// Deletes the notices of earlier versions, and the answers that only announced a review.
pub(super) async fn remove_outdated(client: &BotClient<'_>) -> Result<(), Failure> {
    for comment in list(client).await? {
        let (user, body) = (comment.user.as_ref(), comment.body.as_deref());
        let is_announcement = body.is_some_and(|body| body.starts_with(ANSWER_OF_STARTED));
        if client.marked_subject(MarkerKind::Notice, user, body).await?.is_some()
            || is_announcement && client.marked_subject(MarkerKind::Answer, user, body).await?.is_some()
        {
            delete(client, comment.id).await?;
        }
    }
    Ok(())
}

/// Posts a comment. After a lost answer it may exist.
pub(super) async fn post(client: &BotClient<'_>, text: &str) -> Result<(), Failure> {
    let segments = client.request.place().issue(&["comments"]);
    let call = client
        .connection
        .write(Method::POST, &segments, json!({ "body": text }), COMMENTS_WRITE);
    client.connection.json::<Created>(call).await.map(drop)
}

/// Replaces a comment's text.
pub(super) async fn edit(client: &BotClient<'_>, id: u64, text: &str) -> Result<(), Failure> {
    let id = id.to_string();
    let segments = client.request.place().repository(&["issues", "comments", &id]);
    let call = client
        .connection
        .write(Method::PATCH, &segments, json!({ "body": text }), COMMENTS_WRITE);
    client.connection.send(call).await.map(drop)
}

/// Deletes a comment; one that is already gone counts as deleted.
pub(super) async fn delete(client: &BotClient<'_>, id: u64) -> Result<(), Failure> {
    let id = id.to_string();
    let segments = client.request.place().repository(&["issues", "comments", &id]);
    client.delete(&segments, COMMENTS_WRITE).await
}

/// Reads all comments of the conversation, oldest first.
pub(super) async fn list(client: &BotClient<'_>) -> Result<Vec<IssueComment>, Failure> {
    let mut all: Vec<IssueComment> = client
        .list(&client.request.place().issue(&["comments"]), COMMENTS_WRITE)
        .await?;
    all.sort_by_key(|comment| comment.id);
    Ok(all)
}

/// Finds Holdfast's answers. Other accounts' comments are ignored: anyone can copy a marker.
async fn find(client: &BotClient<'_>) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for comment in list(client).await? {
        let body = comment.body.unwrap_or_default();
        if let Some(subject) = client
            .marked_subject(MarkerKind::Answer, comment.user.as_ref(), Some(&body))
            .await?
        {
            found.push(Found {
                id: comment.id,
                subject,
                body,
            });
        }
    }
    Ok(found)
}
