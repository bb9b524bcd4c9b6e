//! Our comments in a pull request's conversation: a run's announcement, which becomes its summary, notices, and answers to
//! commands. Each is found by its signed marker, so that nothing is written twice.

use holdfast_core::model::marker::MarkerKind;
use http::Method;
use serde_json::json;

use super::failure::{Failure, Kind};
use super::own::Own;
use super::wire::{Created, IssueComment};

const COMMENTS: &str = "Pull requests: write";

/// One of our comments.
struct Found {
    id: u64,
    /// What its marker names: a run, or a command's comment.
    of: String,
    body: String,
}

/// Writes the comment of a run or of a command, or edits it where it says something else.
pub(super) async fn put(own: &Own<'_>, kind: MarkerKind, of: &str, body: &str) -> Result<(), Failure> {
    let text = format!("{}\n{}", body.trim_end(), own.marker(kind, of));
    let mut ours = find(own, kind).await?.into_iter().filter(|found| found.of == of);
    let Some(known) = ours.next() else {
        return create(own, kind, of, &text).await;
    };
    // A duplicate that a lost answer left behind.
    for extra in ours {
        delete(own, extra.id).await?;
    }
    if known.body.trim_end() == text {
        return Ok(());
    }
    let id = known.id.to_string();
    let segments = own.request.place().repository(&["issues", "comments", &id]);
    let call = own
        .connection
        .write(Method::PATCH, &segments, json!({ "body": text }), COMMENTS);
    own.connection.send(call).await.map(drop)
}

/// Deletes our comments of a kind whose marker names what `is_it` says.
pub(super) async fn remove(own: &Own<'_>, kind: MarkerKind, is_it: impl Fn(&str) -> bool) -> Result<(), Failure> {
    for found in find(own, kind).await? {
        if is_it(&found.of) {
            delete(own, found.id).await?;
        }
    }
    Ok(())
}

async fn create(own: &Own<'_>, kind: MarkerKind, of: &str, text: &str) -> Result<(), Failure> {
    let segments = own.request.place().issue(&["comments"]);
    let call = own
        .connection
        .write(Method::POST, &segments, json!({ "body": text }), COMMENTS);
    match own.connection.json::<Created>(call).await {
        Ok(_) => Ok(()),
        // The answer is lost, perhaps not the effect.
        Err(failure) if failure.kind == Kind::Unavailable => match find(own, kind).await {
            Ok(found) if found.iter().any(|found| found.of == of) => Ok(()),
            Ok(_) | Err(_) => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

async fn delete(own: &Own<'_>, id: u64) -> Result<(), Failure> {
    let id = id.to_string();
    let segments = own.request.place().repository(&["issues", "comments", &id]);
    own.delete(&segments, COMMENTS).await
}

/// Our own comments of a kind. Others' are passed over: anyone can copy a marker.
async fn find(own: &Own<'_>, kind: MarkerKind) -> Result<Vec<Found>, Failure> {
    let all: Vec<IssueComment> = own.list(&own.request.place().issue(&["comments"]), COMMENTS).await?;
    let mut found = Vec::new();
    for comment in all {
        let body = comment.body.unwrap_or_default();
        if let Some(of) = own.named_by(kind, comment.user.as_ref(), Some(&body)).await? {
            found.push(Found {
                id: comment.id,
                of,
                body,
            });
        }
    }
    Ok(found)
}
