//! Reviews and their rules: all or nothing, one pending review for each person, anchors inside the diff.

use super::diff::{self, Anchor, Side};
use super::identity::Identity;
use super::render::Render;
use super::reply::{Answered, Reply};
use super::request::{ApiRequest, Caller};
use super::state::{Conversation, Pull, Review, ReviewComment, State, now};
use serde_json::Value;

type At<'a> = (&'a str, &'a str);

/// The maximum length of one body, in characters.
pub(crate) const MAX_BODY_CHARS: usize = 65_536;
const TOO_LONG: &str = "Body is too long (maximum is 65536 characters)";

pub(crate) fn list(state: &State, request: &ApiRequest, at: At, number: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    let pull = repo.pull(number)?;
    let render = Render { api: &request.api };
    let seen = pull.reviews.values().filter(|review| sees(request, review));
    Ok(Reply::page(
        request,
        &seen
            .map(|review| render.review(&pull.change, review))
            .collect::<Vec<_>>(),
    ))
}

pub(crate) fn get(state: &State, request: &ApiRequest, at: At, number: &str, id: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    let pull = repo.pull(number)?;
    let review = pull.review(id)?;
    if !sees(request, review) {
        return Err(Reply::not_found());
    }
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.review(&pull.change, review),
    ))
}

pub(crate) fn comments(state: &State, request: &ApiRequest, at: At, number: &str, id: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    let pull = repo.pull(number)?;
    let review = pull.review(id)?;
    if !sees(request, review) {
        return Err(Reply::not_found());
    }
    let render = Render { api: &request.api };
    let own = pull.comments.values().filter(|comment| comment.review_id == review.id);
    Ok(Reply::page(
        request,
        &own.map(|comment| render.review_comment(&pull.change, comment))
            .collect::<Vec<_>>(),
    ))
}

pub(crate) fn create(state: &mut State, request: &ApiRequest, at: At, number: &str) -> Answered {
    let author = request.may_write("pull_requests")?.clone();
    let pull = state.repo(at.0, at.1)?.pull(number)?;
    if pull
        .reviews
        .values()
        .any(|review| review.state == "PENDING" && review.author.login == author.login)
    {
        return Err(Reply::unprocessable(&[
            "User can only have one pending review per pull request",
        ]));
    }
    let commit_id = request.text("commit_id").unwrap_or(&pull.change.head_sha).to_owned();
    if !pull.commits.contains(&commit_id) {
        return Err(Reply::unprocessable(&["commitId is not part of the pull request"]));
    }
    let body = request.text("body").unwrap_or_default().to_owned();
    let comments = match &request.body["comments"] {
        Value::Null => Vec::new(),
        Value::Array(list) => list
            .iter()
            .map(|comment| draft(pull, comment))
            .collect::<Result<Vec<_>, _>>()?,
        _ => {
            return Err(Reply::invalid(
                "PullRequestReview",
                "comments",
                "invalid",
                "comments is not an array",
            ));
        }
    };
    let review_state = match request.text("event").filter(|event| !event.is_empty()) {
        None => "PENDING",
        Some(event) => judged(pull, &author, event, &body, comments.len())?,
    };
    if body.chars().count() > MAX_BODY_CHARS {
        return Err(Reply::unprocessable(&[TOO_LONG]));
    }
    // Nothing has changed so far: with one invalid comment there is no review.
    let id = state.id();
    let ids: Vec<u64> = comments.iter().map(|_| state.id()).collect();
    let pull = state.repo_mut(at.0, at.1)?.pull_mut(number)?;
    let at_time = now();
    for (comment_id, draft) in ids.iter().zip(&comments) {
        let comment = draft.to_comment(*comment_id, id, &author, &commit_id, &at_time);
        pull.comments.insert(*comment_id, comment);
    }
    let submitted_at = (review_state != "PENDING").then_some(at_time);
    let review = Review {
        id,
        author,
        body,
        state: review_state.into(),
        commit_id,
        submitted_at,
    };
    let reply = Reply::json(200, &Render { api: &request.api }.review(&pull.change, &review));
    pull.reviews.insert(id, review);
    Ok(reply.with_effect(format!(
        "create review {id} {review_state} with {} comment(s)",
        comments.len()
    )))
}

pub(crate) fn update(state: &mut State, request: &ApiRequest, at: At, number: &str, id: &str) -> Answered {
    let author = request.may_write("pull_requests")?;
    let pull = state.repo_mut(at.0, at.1)?.pull_mut(number)?;
    let review = own(pull, author, id)?;
    let body = request.text("body").unwrap_or_default();
    if body.chars().count() > MAX_BODY_CHARS {
        return Err(Reply::unprocessable(&[TOO_LONG]));
    }
    if body.is_empty() {
        return Err(Reply::unprocessable(&["Body can't be blank"]));
    }
    review.body = body.to_owned();
    finish(request, pull, id, "update")
}

pub(crate) fn delete(state: &mut State, request: &ApiRequest, at: At, number: &str, id: &str) -> Answered {
    let author = request.may_write("pull_requests")?;
    let pull = state.repo_mut(at.0, at.1)?.pull_mut(number)?;
    if own(pull, author, id)?.state != "PENDING" {
        return Err(Reply::unprocessable(&[
            "Can not delete a non-pending pull request review",
        ]));
    }
    let reply = finish(request, pull, id, "delete")?;
    let review_id = pull.review(id)?.id;
    pull.comments.retain(|_, comment| comment.review_id != review_id);
    pull.reviews.remove(&review_id);
    Ok(reply)
}

pub(crate) fn submit(state: &mut State, request: &ApiRequest, at: At, number: &str, id: &str) -> Answered {
    let author = request.may_write("pull_requests")?;
    let pull = state.repo_mut(at.0, at.1)?.pull_mut(number)?;
    let review = own(pull, author, id)?.clone();
    if review.state != "PENDING" {
        return Err(Reply::unprocessable(&[
            "Pull request review has already been submitted",
        ]));
    }
    let body = request.text("body").unwrap_or(&review.body).to_owned();
    if body.chars().count() > MAX_BODY_CHARS {
        return Err(Reply::unprocessable(&[TOO_LONG]));
    }
    let comments = pull
        .comments
        .values()
        .filter(|comment| comment.review_id == review.id)
        .count();
    let event = request
        .text("event")
        .ok_or_else(|| Reply::invalid("PullRequestReview", "event", "missing_field", "event is required"))?;
    let review_state = judged(pull, author, event, &body, comments)?;
    let review = pull.review_mut(id)?;
    review.state = review_state.into();
    review.body = body;
    review.submitted_at = Some(now());
    finish(request, pull, id, "submit")
}

pub(crate) fn dismiss(state: &mut State, request: &ApiRequest, at: At, number: &str, id: &str) -> Answered {
    request.may_write("pull_requests")?;
    let pull = state.repo_mut(at.0, at.1)?.pull_mut(number)?;
    if request.text("message").is_none_or(str::is_empty) {
        return Err(Reply::invalid(
            "PullRequestReview",
            "message",
            "missing_field",
            "message is required",
        ));
    }
    let review = pull.review_mut(id)?;
    if !matches!(review.state.as_str(), "APPROVED" | "CHANGES_REQUESTED") {
        return Err(Reply::unprocessable(&[
            "Can not dismiss a commented pull request review",
        ]));
    }
    review.state = "DISMISSED".into();
    finish(request, pull, id, "dismiss")
}

/// Returns the review's state after an event (`APPROVE`, `COMMENT`, …), if this author may send it.
fn judged(pull: &Pull, author: &Identity, event: &str, body: &str, comments: usize) -> Result<&'static str, Reply> {
    let is_own = author.login == pull.change.author;
    match event {
        "COMMENT" if body.is_empty() && comments == 0 => Err(Reply::unprocessable(&["Body can't be blank"])),
        "COMMENT" => Ok("COMMENTED"),
        "APPROVE" if is_own => Err(Reply::unprocessable(&["Can not approve your own pull request"])),
        "APPROVE" => Ok("APPROVED"),
        "REQUEST_CHANGES" if is_own => Err(Reply::unprocessable(&[
            "Can not request changes on your own pull request",
        ])),
        "REQUEST_CHANGES" if body.is_empty() => Err(Reply::unprocessable(&["Body can't be blank"])),
        "REQUEST_CHANGES" => Ok("CHANGES_REQUESTED"),
        _ => Err(Reply::invalid(
            "PullRequestReview",
            "event",
            "invalid",
            "event is not one of the allowed values",
        )),
    }
}

/// A valid comment before its creation.
struct Draft {
    path: String,
    body: String,
    anchor: Anchor,
    anchored: diff::Anchored,
}

/// Reads one comment and finds its place. Like GitHub's, the refusal does not name the comment.
fn draft(pull: &Pull, comment: &Value) -> Result<Draft, Reply> {
    let text = |name: &str| comment.get(name).and_then(Value::as_str);
    let line = |name: &str| {
        comment
            .get(name)
            .and_then(Value::as_u64)
            .and_then(|line| u32::try_from(line).ok())
    };
    let missing = |name: &str| Reply::invalid("PullRequestReviewComment", name, "missing_field", "is required");
    let path = text("path").ok_or_else(|| missing("path"))?;
    let body = text("body")
        .filter(|body| !body.is_empty())
        .ok_or_else(|| missing("body"))?;
    if body.chars().count() > MAX_BODY_CHARS {
        return Err(Reply::unprocessable(&[TOO_LONG]));
    }
    let side = |name: &str| match text(name) {
        None => Ok(None),
        Some(text) => {
            let invalid = || Reply::invalid("PullRequestReviewComment", name, "invalid", "must be LEFT or RIGHT");
            Side::parse(text).map(Some).ok_or_else(invalid)
        }
    };
    let (side, start_side) = (side("side")?.unwrap_or(Side::Right), side("start_side")?);
    let no_path = || Reply::unprocessable(&["Pull request review thread path could not be resolved"]);
    let file = pull.change.file(path).ok_or_else(no_path)?;
    let patch = file.patch.as_deref().unwrap_or_default();
    let anchor = match (line("line"), line("position")) {
        (Some(number), _) => {
            let start = line("start_line").map(|start| (start, start_side.unwrap_or(side)));
            Anchor {
                line: number,
                side,
                start,
            }
        }
        (None, Some(position)) => diff::at_position(patch, position)
            .ok_or_else(|| Reply::unprocessable(&["Position could not be resolved"]))?,
        (None, None) => return Err(missing("line")),
    };
    let anchored = diff::find(patch, anchor).map_err(|sentence| Reply::unprocessable(&[sentence]))?;
    Ok(Draft {
        path: path.into(),
        body: body.into(),
        anchor,
        anchored,
    })
}

impl Draft {
    fn to_comment(&self, id: u64, review_id: u64, author: &Identity, commit_id: &str, at: &str) -> ReviewComment {
        ReviewComment {
            id,
            review_id,
            author: author.clone(),
            path: self.path.clone(),
            body: self.body.clone(),
            commit_id: commit_id.into(),
            diff_hunk: self.anchored.diff_hunk.clone(),
            position: Some(self.anchored.position),
            original_position: self.anchored.position,
            original_line: self.anchor.line,
            original_start_line: self.anchor.start.map(|(line, _)| line),
            side: self.anchor.side.name(),
            start_side: self.anchor.start.map(|(_, side)| side.name()),
            created_at: at.into(),
            updated_at: at.into(),
            conversation: Conversation::default(),
        }
    }
}

/// Returns true if the sender may see the review: only its author sees a pending one.
fn sees(request: &ApiRequest, review: &Review) -> bool {
    let is_author = matches!(&request.caller, Caller::Token(identity) if identity.login == review.author.login);
    review.state != "PENDING" || is_author
}

/// Returns the author's own review; another author's is 404 while pending, else 403.
fn own<'a>(pull: &'a mut Pull, author: &Identity, id: &str) -> Result<&'a mut Review, Reply> {
    let review = pull.review_mut(id)?;
    match review.author.login == author.login {
        true => Ok(review),
        false if review.state == "PENDING" => Err(Reply::not_found()),
        false => Err(Reply::error(403, "Must have admin rights to Repository.")),
    }
}

fn finish(request: &ApiRequest, pull: &Pull, id: &str, verb: &str) -> Answered {
    let body = Render { api: &request.api }.review(&pull.change, pull.review(id)?);
    Ok(Reply::json(200, &body).with_effect(format!("{verb} review {id}")))
}
