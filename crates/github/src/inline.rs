//! Inline comments: each ends in the hidden marker of the finding that it shows, by which it is found again.

use holdfast_core::ledger::{FindingId, FindingMark};
use holdfast_core::model::marker::{MarkerKind, holds_marker};
use holdfast_core::port::CommentRevision;
use http::Method;
use serde_json::{Value, json};

use super::bot_client::BotClient;
use super::failure::{Failure, Kind};
use super::read::PULL_READ;
use super::review::PULL_WRITE;
use super::wire::PostedComment;

/// Maximum length of a comment, in characters.
const MAX_CHARS: usize = 65_536;
/// Folds a comment, as resolved.
const FOLD: &str =
    "mutation($id:ID!){minimizeComment(input:{subjectId:$id,classifier:RESOLVED}){minimizedComment{isMinimized}}}";
/// Shows a folded comment again.
const UNFOLD: &str = "mutation($id:ID!){unminimizeComment(input:{subjectId:$id}){unminimizedComment{isMinimized}}}";

/// Resolves a thread.
const RESOLVE: &str = "mutation($id:ID!){resolveReviewThread(input:{threadId:$id}){thread{isResolved}}}";
/// Opens a resolved thread again.
const UNRESOLVE: &str = "mutation($id:ID!){unresolveReviewThread(input:{threadId:$id}){thread{isResolved}}}";
/// The permission that GitHub requires for that.
const CONTENTS_WRITE: &str = "Contents: write";

/// Returns a comment's text with the marker of its finding. Where the whole marker has no room, it has only the id.
pub(super) fn marked(client: &BotClient<'_>, body: &str, finding: Option<&FindingMark>) -> String {
    let Some(finding) = finding else {
        return body.to_owned();
    };
    let with = |subject: &str| format!("{}\n{}", body.trim_end(), client.marker(MarkerKind::Finding, subject));
    let whole = with(&finding.to_string());
    match whole.chars().count() <= MAX_CHARS {
        true => whole,
        false => with(finding.id.as_str()),
    }
}

/// Returns a comment's text without markers.
pub(super) fn unmarked(body: &str) -> String {
    let lines: Vec<&str> = body.lines().filter(|line| !holds_marker(line)).collect();
    lines.join("\n")
}

/// Changes a comment, and folds it or shows it again. Nothing is left to do for a deleted one. Where GitHub refuses to
/// fold it, its text is enough.
pub(super) async fn revise(client: &BotClient<'_>, revision: &CommentRevision) -> Result<(), Failure> {
    let CommentRevision { comment, body, .. } = revision;
    let id = comment.to_string();
    let segments = client.request.place().repository(&["pulls", "comments", &id]);
    let text = marked(client, body, Some(&revision.finding));
    let call = client
        .connection
        .write(Method::PATCH, &segments, json!({ "body": text }), PULL_WRITE);
    match client.connection.send(call).await {
        Err(failure) if failure.kind == Kind::NotFound => return Ok(()),
        sent => sent?,
    };
    let mutation = if revision.is_minimized { FOLD } else { UNFOLD };
    let repository = client.request.place().repository;
    let call = client
        .connection
        .query(repository, mutation, json!({ "id": revision.node }), PULL_WRITE);
    match client.connection.graphql::<Value>(call).await {
        Err(failure) if matches!(failure.kind, Kind::RateLimited(_) | Kind::Unavailable) => Err(failure),
        Err(failure) => {
            tracing::debug!(error = failure.line, "a comment can't be folded or unfolded");
            Ok(())
        }
        Ok(answer) => {
            if !answer.errors.is_empty() {
                tracing::debug!(comment = id, "GitHub refuses to fold or unfold a comment");
            }
            Ok(())
        }
    }
}

/// Resolves a thread, or opens it again. Returns false if GitHub refuses that to these credentials.
pub(super) async fn resolve(client: &BotClient<'_>, thread: &str, is_resolved: bool) -> Result<bool, Failure> {
    let mutation = if is_resolved { RESOLVE } else { UNRESOLVE };
    let repository = client.request.place().repository;
    let call = client
        .connection
        .query(repository, mutation, json!({ "id": thread }), CONTENTS_WRITE);
    match client.connection.graphql::<Value>(call).await {
        Err(failure) if matches!(failure.kind, Kind::RateLimited(_) | Kind::Unavailable) => Err(failure),
        Err(_) => Ok(false),
        Ok(answer) => Ok(answer.errors.iter().all(|error| error.kind == "NOT_FOUND")),
    }
}

/// Reads the findings of a review with the ids of their comments: the first page.
pub(super) async fn posted(client: &BotClient<'_>, review: u64) -> Result<Vec<(FindingId, u64)>, Failure> {
    let id = review.to_string();
    let call = client
        .connection
        .get(&client.request.place().pull(&["reviews", &id, "comments"]), PULL_READ)
        .query("per_page", "100");
    let comments: Vec<PostedComment> = client.connection.json(call).await?;
    let finding = |comment: &PostedComment| {
        let subject = client.subject(MarkerKind::Finding, comment.body.as_deref()?)?;
        Some((FindingMark::parse(&subject)?.id, comment.id))
    };
    Ok(comments.iter().filter_map(finding).collect())
}
