//! Holdfast's comments in a pull request's conversation: a run's announcement, which becomes its summary, notices, and
//! answers to commands. Each is found by its signed marker, so that none is written twice.

use holdfast_core::model::marker::MarkerKind;
use http::Method;
use serde_json::json;

use super::bot_client::BotClient;
use super::failure::{Failure, Kind};
use super::wire::{Created, IssueComment};

const COMMENTS_WRITE: &str = "Pull requests: write";

/// One of Holdfast's comments.
struct Found {
    id: u64,
    /// The subject of its marker: a run, or the comment of a command.
    subject: String,
    body: String,
}

/// Writes the comment of a run or of a command. If the comment exists with another text, edits it.
pub(super) async fn put(client: &BotClient<'_>, kind: MarkerKind, subject: &str, body: &str) -> Result<(), Failure> {
    let text = format!("{}\n{}", body.trim_end(), client.marker(kind, subject));
    let mut ours = find(client, kind)
        .await?
        .into_iter()
        .filter(|found| found.subject == subject);
    let Some(known) = ours.next() else {
        return create(client, kind, subject, &text).await;
    };
    // Duplicates that a lost answer left behind.
    for extra in ours {
        delete(client, extra.id).await?;
    }
    if known.body.trim_end() == text {
        return Ok(());
    }
    let id = known.id.to_string();
    let segments = client.request.place().repository(&["issues", "comments", &id]);
    let call = client
        .connection
        .write(Method::PATCH, &segments, json!({ "body": text }), COMMENTS_WRITE);
    client.connection.send(call).await.map(drop)
}

/// Deletes Holdfast's comments of a kind whose subject `is_removed` selects.
pub(super) async fn remove(
    client: &BotClient<'_>,
    kind: MarkerKind,
    is_removed: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    for found in find(client, kind).await? {
        if is_removed(&found.subject) {
            delete(client, found.id).await?;
        }
    }
    Ok(())
}

async fn create(client: &BotClient<'_>, kind: MarkerKind, subject: &str, text: &str) -> Result<(), Failure> {
    let segments = client.request.place().issue(&["comments"]);
    let call = client
        .connection
        .write(Method::POST, &segments, json!({ "body": text }), COMMENTS_WRITE);
    match client.connection.json::<Created>(call).await {
        Ok(_) => Ok(()),
        // The answer is lost; the comment may exist.
        Err(failure) if failure.kind == Kind::Unavailable => match find(client, kind).await {
            Ok(found) if found.iter().any(|found| found.subject == subject) => Ok(()),
            Ok(_) | Err(_) => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

async fn delete(client: &BotClient<'_>, id: u64) -> Result<(), Failure> {
    let id = id.to_string();
    let segments = client.request.place().repository(&["issues", "comments", &id]);
    client.delete(&segments, COMMENTS_WRITE).await
}

/// Finds Holdfast's comments of a kind. Other accounts' comments are ignored: anyone can copy a marker.
async fn find(client: &BotClient<'_>, kind: MarkerKind) -> Result<Vec<Found>, Failure> {
    let all: Vec<IssueComment> = client
        .list(&client.request.place().issue(&["comments"]), COMMENTS_WRITE)
        .await?;
    let mut found = Vec::new();
    for comment in all {
        let body = comment.body.unwrap_or_default();
        if let Some(subject) = client.marked_subject(kind, comment.user.as_ref(), Some(&body)).await? {
            found.push(Found {
                id: comment.id,
                subject,
                body,
            });
        }
    }
    Ok(found)
}
