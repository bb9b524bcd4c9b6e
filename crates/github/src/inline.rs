//! Inline comments: each ends in the hidden marker of the finding that it shows, by which it is found again.

use holdfast_core::ledger::FindingMark;
use holdfast_core::model::marker::{MarkerKind, holds_marker};
use holdfast_core::port::CommentRevision;
use http::Method;
use serde_json::{Value, json};

use super::bot_client::BotClient;
use super::failure::{Failure, Kind};
use super::review::PULL_WRITE;

/// Maximum length of a comment, in characters.
const MAX_CHARS: usize = 65_536;
/// Folds a comment, as resolved.
const FOLD: &str =
    "mutation($id:ID!){minimizeComment(input:{subjectId:$id,classifier:RESOLVED}){minimizedComment{isMinimized}}}";
/// Shows a folded comment again.
const UNFOLD: &str = "mutation($id:ID!){unminimizeComment(input:{subjectId:$id}){unminimizedComment{isMinimized}}}";

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
