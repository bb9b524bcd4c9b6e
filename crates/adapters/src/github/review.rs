//! One review with its comments, posted once: found by its marker where it is there already. An answer that is lost
//! is never followed by a second POST here.

use holdfast_core::model::finding::Side;
use holdfast_core::port::{PublishError, Published, ReviewComment, ReviewDraft};
use http::Method;
use serde_json::{Value, json};

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::{PULL_READ, PullRequest, head_of, read_pull};
use super::wire::{Created, Review};

const PULL_WRITE: &str = "Pull requests: write";
const PAGE: usize = 100;
/// More reviews than any pull request has: a server that lists for ever ends here.
const PAGES_MOST: usize = 100;

/// Posts the review, or adopts the one that holds its marker.
pub(super) async fn publish(
    connection: &GithubConnection,
    request: &PullRequest,
    draft: &ReviewDraft,
) -> Result<Published, PublishError> {
    let place = request.place();
    let head = head_of(&read_pull(connection, place).await?)?;
    if head != request.head {
        let line = format!(
            "{}: the head is {} now, the review is of {}",
            place.pull(&[])[1..].join("/"),
            head.short(),
            request.head.short()
        );
        return Err(PublishError::HeadMoved(line));
    }
    if let Some(known) = find(connection, request, &draft.marker).await? {
        return adopt(connection, request, known).await;
    }
    let call = connection.write(
        Method::POST,
        &place.pull(&["reviews"]),
        body(request, draft),
        PULL_WRITE,
    );
    match connection.json::<Created>(call).await {
        Ok(created) => Ok(Published {
            review: created.id,
            adopted: false,
        }),
        // The answer is lost, perhaps not the effect.
        Err(failure) if failure.kind == Kind::Unavailable => match find(connection, request, &draft.marker).await {
            Ok(Some(known)) => adopt(connection, request, known).await,
            Ok(None) | Err(_) => Err(failure.into()),
        },
        Err(mut failure) => {
            if failure.kind == Kind::Rejected && failure.line.to_ascii_lowercase().contains("pending review") {
                failure.line.push_str(" (the token's account has an unfinished review of its own on this pull request: submit or discard it)");
            }
            Err(failure.into())
        }
    }
}

/// Our own review that holds the marker. Others' are passed over: anyone can copy a marker.
async fn find(connection: &GithubConnection, request: &PullRequest, marker: &str) -> Result<Option<Review>, Failure> {
    let mut found: Vec<Review> = Vec::new();
    for number in 1..=PAGES_MOST {
        let call = connection.get(&request.place().pull(&["reviews"]), PULL_READ);
        let call = call
            .query("per_page", &PAGE.to_string())
            .query("page", &number.to_string());
        let page: Vec<Review> = connection.json(call).await?;
        let is_last = page.len() < PAGE;
        found.extend(page.into_iter().filter(|review| has_marker(review, marker)));
        if is_last {
            break;
        }
    }
    if found.is_empty() {
        return Ok(None);
    }
    let own = connection.own_login().await?;
    let is_own = |review: &Review| match (&own, &review.user) {
        (Some(login), Some(user)) => user.login.eq_ignore_ascii_case(login),
        // An App's token may not ask who it is; people cannot post as a bot.
        (None, Some(user)) => user.kind == "Bot",
        (_, None) => false,
    };
    Ok(found.into_iter().find(is_own))
}

fn has_marker(review: &Review, marker: &str) -> bool {
    let marker = marker.trim();
    !marker.is_empty()
        && review
            .body
            .as_deref()
            .is_some_and(|body| body.lines().any(|line| line.trim() == marker))
}

/// A review that was created but not submitted is submitted.
async fn adopt(connection: &GithubConnection, request: &PullRequest, known: Review) -> Result<Published, PublishError> {
    if known.state == "PENDING" {
        let id = known.id.to_string();
        let call = connection.write(
            Method::POST,
            &request.place().pull(&["reviews", &id, "events"]),
            json!({ "event": "COMMENT" }),
            PULL_WRITE,
        );
        connection.send(call).await?;
    }
    Ok(Published {
        review: known.id,
        adopted: true,
    })
}

fn body(request: &PullRequest, draft: &ReviewDraft) -> Value {
    let comments: Vec<Value> = draft.comments.iter().map(comment).collect();
    json!({ "commit_id": request.head.as_str(), "event": "COMMENT", "body": draft.body, "comments": comments })
}

fn comment(comment: &ReviewComment) -> Value {
    let side = match comment.side {
        Side::Left => "LEFT",
        Side::Right => "RIGHT",
    };
    let mut value = json!({ "path": comment.path, "line": comment.line, "side": side, "body": comment.body });
    // GitHub refuses a range of one line.
    if let Some(start) = comment.start_line.filter(|start| *start < comment.line) {
        value["start_line"] = json!(start);
        value["start_side"] = json!(side);
    }
    value
}
