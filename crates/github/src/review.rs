//! One review with its comments: drafted where only Holdfast's account sees it, found by its signed marker, then
//! submitted. After a lost answer nothing here sends a second POST.

use holdfast_core::ledger::FindingMark;
use holdfast_core::model::change::Target;
use holdfast_core::model::finding::Side;
use holdfast_core::model::marker::MarkerKind;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{DraftedReview, PublishError, ReviewComment, ReviewDraft};
use http::Method;
use serde_json::{Value, json};

use super::bot_client::{BotClient, words};
use super::failure::{Failure, Kind};
use super::inline;
use super::read::PULL_READ;
use super::wire::{Created, PostedComment, Review};

/// The permission to write reviews and their comments.
pub(super) const PULL_WRITE: &str = "Pull requests: write";

/// Posts the draft, or returns the run's review if there is one.
pub(super) async fn draft(client: &BotClient<'_>, draft: &ReviewDraft) -> Result<DraftedReview, PublishError> {
    let mut found = find(client).await?;
    if let Some(known) = take_ours(&mut found, &draft.subject()) {
        return Ok(known);
    }
    let is_submitted = |(_, review): &&(String, DraftedReview)| review.is_submitted;
    let submitted: Vec<u64> = found
        .iter()
        .filter(is_submitted)
        .map(|(_, review)| review.review)
        .collect();
    // GitHub allows one draft: another run's would block this one.
    for (_, stale) in found.into_iter().filter(|(_, review)| !review.is_submitted) {
        delete_draft(client, stale.review).await?;
    }
    let last = submitted.iter().max().copied();
    let draft = without_posted(client, submitted, draft).await?;
    if let (Some(review), true) = (last, draft.comments.is_empty()) {
        // Each comment is in an earlier review: an empty one would only notify people.
        return Ok(DraftedReview {
            review,
            is_submitted: true,
        });
    }
    let segments = client.request.place().pull(&["reviews"]);
    let call = client
        .connection
        .write(Method::POST, &segments, body(client, &draft), PULL_WRITE);
    match client.connection.json::<Created>(call).await {
        Ok(created) => Ok(DraftedReview {
            review: created.id,
            is_submitted: false,
        }),
        // The answer is lost; the draft may exist.
        Err(failure) if failure.kind == Kind::Unavailable => match find(client).await {
            Ok(mut found) => take_ours(&mut found, &draft.subject()).ok_or_else(|| failure.into()),
            Err(_) => Err(failure.into()),
        },
        Err(failure) => Err(failure.into()),
    }
}

/// Returns the draft without the comments that one of Holdfast's submitted reviews already has: about the same finding,
/// or in the same words at the same lines of the current diff.
async fn without_posted(
    client: &BotClient<'_>,
    submitted: Vec<u64>,
    draft: &ReviewDraft,
) -> Result<ReviewDraft, Failure> {
    let mut draft = draft.clone();
    if submitted.is_empty() || draft.comments.is_empty() {
        return Ok(draft);
    }
    let posted: Vec<PostedComment> = client
        .list(&client.request.place().pull(&["comments"]), PULL_READ)
        .await?;
    let is_own = |posted: &&PostedComment| posted.pull_request_review_id.is_some_and(|id| submitted.contains(&id));
    let own: Vec<&PostedComment> = posted.iter().filter(is_own).collect();
    draft.comments.retain(|comment| {
        !own.iter()
            .any(|posted| is_same_finding(client, posted, comment) || is_same(posted, comment))
    });
    Ok(draft)
}

fn is_same_finding(client: &BotClient<'_>, posted: &PostedComment, comment: &ReviewComment) -> bool {
    let Some(wanted) = &comment.finding else { return false };
    let body = posted.body.as_deref().unwrap_or_default();
    let posted = client.subject(MarkerKind::Finding, body);
    posted.is_some_and(|posted| FindingMark::parse(&posted).is_some_and(|posted| posted.id == wanted.id))
}

fn is_same(posted: &PostedComment, comment: &ReviewComment) -> bool {
    let start = comment.start_line.filter(|start| *start < comment.line);
    (posted.path.as_str(), posted.line, posted.start_line) == (comment.path.as_str(), Some(comment.line), start)
        && posted.side.as_deref() == Some(side_name(comment.side))
        && words(unsigned(&inline::unmarked(posted.body.as_deref().unwrap_or_default())))
            == words(unsigned(&comment.body))
}

/// Returns a comment without the sign of its severity, which comments of earlier versions don't have.
fn unsigned(body: &str) -> &str {
    body.trim_start_matches(|char: char| !char.is_ascii()).trim_start()
}

/// Shows the draft to everyone. Succeeds for a review that an earlier call submitted and whose answer was lost.
pub(super) async fn submit(client: &BotClient<'_>, review: u64) -> Result<(), PublishError> {
    let id = review.to_string();
    let segments = client.request.place().pull(&["reviews", &id, "events"]);
    let call = client
        .connection
        .write(Method::POST, &segments, json!({ "event": "COMMENT" }), PULL_WRITE);
    let Err(failure) = client.connection.send(call).await else {
        return Ok(());
    };
    if matches!(failure.kind, Kind::Unavailable | Kind::Rejected) && is_submitted(client, review).await {
        return Ok(());
    }
    Err(failure.into())
}

/// Deletes the run's drafts. Returns true if the run has a submitted review, which stays.
pub(super) async fn withdraw_draft(client: &BotClient<'_>, run: &RunName) -> Result<bool, PublishError> {
    let mut is_submitted = false;
    let subjects = ReviewDraft::subjects(run);
    for (_, found) in find(client)
        .await?
        .into_iter()
        .filter(|(subject, _)| subjects.contains(subject))
    {
        is_submitted |= found.is_submitted || delete_draft(client, found.review).await? == Deleted::WasSubmitted;
    }
    Ok(is_submitted)
}

/// The result of deleting a draft.
#[derive(PartialEq, Eq)]
enum Deleted {
    /// It is gone.
    Gone,
    /// It was submitted just before, and stays.
    WasSubmitted,
}

async fn delete_draft(client: &BotClient<'_>, review: u64) -> Result<Deleted, Failure> {
    let id = review.to_string();
    match client
        .delete(&client.request.place().pull(&["reviews", &id]), PULL_WRITE)
        .await
    {
        Ok(()) => Ok(Deleted::Gone),
        Err(failure) if failure.kind == Kind::Rejected && is_submitted(client, review).await => {
            Ok(Deleted::WasSubmitted)
        }
        Err(failure) => Err(failure),
    }
}

async fn is_submitted(client: &BotClient<'_>, review: u64) -> bool {
    let id = review.to_string();
    let segments = client.request.place().pull(&["reviews", &id]);
    let call = client.connection.get(&segments, PULL_READ);
    let now = client.connection.json::<Review>(call).await;
    now.is_ok_and(|review| review.state != "PENDING")
}

/// Finds Holdfast's own reviews, with their subjects. Other accounts' reviews are ignored: anyone can copy a marker.
async fn find(client: &BotClient<'_>) -> Result<Vec<(String, DraftedReview)>, Failure> {
    let all: Vec<Review> = client
        .list(&client.request.place().pull(&["reviews"]), PULL_READ)
        .await?;
    let mut found = Vec::new();
    for review in all {
        let Some(subject) = client
            .marked_subject(MarkerKind::Review, review.user.as_ref(), review.body.as_deref())
            .await?
        else {
            continue;
        };
        let drafted = DraftedReview {
            review: review.id,
            is_submitted: review.state != "PENDING",
        };
        found.push((subject, drafted));
    }
    Ok(found)
}

/// Returns the review with this subject, preferably a submitted one.
fn take_ours(found: &mut [(String, DraftedReview)], wanted: &str) -> Option<DraftedReview> {
    found.sort_by_key(|(_, review)| !review.is_submitted);
    found
        .iter()
        .find(|(subject, _)| subject == wanted)
        .map(|(_, review)| *review)
}

fn body(client: &BotClient<'_>, draft: &ReviewDraft) -> Value {
    let comments: Vec<Value> = draft
        .comments
        .iter()
        .map(|shown| comment(shown, &inline::marked(client, &shown.body, shown.finding.as_ref())))
        .collect();
    let marker = client.marker(MarkerKind::Review, &draft.subject());
    let body = format!("{}\n{marker}", draft.body.trim_end());
    json!({ "commit_id": Target::head(client.target).as_str(), "body": body, "comments": comments })
}

const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Left => "LEFT",
        Side::Right => "RIGHT",
    }
}

fn comment(comment: &ReviewComment, body: &str) -> Value {
    let side = side_name(comment.side);
    let mut value = json!({ "path": comment.path, "line": comment.line, "side": side, "body": body });
    // GitHub refuses a range of one line.
    if let Some(start) = comment.start_line.filter(|start| *start < comment.line) {
        value["start_line"] = json!(start);
        value["start_side"] = json!(side);
    }
    value
}
