//! Comments of reviews and of the conversation.

use super::identity::Identity;
use super::render::Render;
use super::reply::{Answered, Reply};
use super::request::{ApiRequest, Caller};
use super::routes_files::another_query;
use super::routes_reviews::MAX_BODY_CHARS;
use super::state::{IssueComment, Pull, Repo, ReviewComment, State, now};
use serde_json::json;
use std::sync::Arc;

type At<'a> = (&'a str, &'a str);

pub(crate) fn review_comments(state: &State, request: &ApiRequest, at: At, number: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    let pull = repo.pull(number)?;
    let render = Render { api: &request.api };
    let shown = pull.comments.values().filter(|comment| is_submitted(pull, comment));
    Ok(Reply::page(
        request,
        &shown
            .map(|comment| render.review_comment(&pull.change, comment))
            .collect::<Vec<_>>(),
    ))
}

pub(crate) fn review_comment(state: &State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    let number = pull_of_comment(repo, request, id)?;
    show_review_comment(repo, request, number, id)
}

pub(crate) fn edit_review_comment(state: &mut State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let identity = request.may_write("pull_requests")?;
    let body = body(request, "PullRequestReviewComment")?;
    let repo = state.repo_mut(at.0, at.1)?;
    let number = pull_of_comment(repo, request, id)?;
    let comment = comment_mut(repo, number, id)?;
    require_own(&comment.author, identity)?;
    comment.body = body;
    comment.updated_at = now();
    Ok(show_review_comment(repo, request, number, id)?.with_effect(format!("update review comment {id}")))
}

pub(crate) fn delete_review_comment(state: &mut State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let identity = request.may_write("pull_requests")?;
    let repo = state.repo_mut(at.0, at.1)?;
    let number = pull_of_comment(repo, request, id)?;
    let comment = comment_mut(repo, number, id)?;
    require_own(&comment.author, identity)?;
    let comment_id = comment.id;
    if let Some(pull) = repo.pulls.get_mut(&number).map(Arc::make_mut) {
        pull.comments.remove(&comment_id);
    }
    Ok(Reply::no_content().with_effect(format!("delete review comment {id}")))
}

pub(crate) fn issue_comments(state: &State, request: &ApiRequest, at: At, number: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "issues")?;
    let issue = repo.pull(number)?.change.number;
    let render = Render { api: &request.api };
    let shown = repo.issue_comments.values().filter(|comment| comment.issue == issue);
    Ok(Reply::page(
        request,
        &shown
            .map(|comment| render.issue_comment(repo, comment))
            .collect::<Vec<_>>(),
    ))
}

pub(crate) fn create_issue_comment(state: &mut State, request: &ApiRequest, at: At, number: &str) -> Answered {
    let author = request.may_write("issues")?.clone();
    let repo = state.repo(at.0, at.1)?;
    let issue = repo.pull(number)?.change.number;
    if repo.locked.contains(&issue) {
        return Err(Reply::error(403, "Unable to create comment because issue is locked."));
    }
    let body = body(request, "IssueComment")?;
    let id = state.id();
    let repo = state.repo_mut(at.0, at.1)?;
    let at_time = now();
    let comment = IssueComment {
        id,
        issue,
        author,
        body,
        created_at: at_time.clone(),
        updated_at: at_time,
        editor: None,
    };
    let reply = Reply::json(201, &Render { api: &request.api }.issue_comment(repo, &comment));
    repo.issue_comments.insert(id, Arc::new(comment));
    Ok(reply.with_effect(format!("create issue comment {id}")))
}

pub(crate) fn issue_comment(state: &State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "issues")?;
    let comment = key(id)
        .and_then(|id| repo.issue_comments.get(&id))
        .ok_or_else(Reply::not_found)?;
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.issue_comment(repo, comment),
    ))
}

pub(crate) fn edit_issue_comment(state: &mut State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let identity = request.may_write("issues")?;
    let body = body(request, "IssueComment")?;
    let repo = state.repo_mut(at.0, at.1)?;
    let comment = key(id)
        .and_then(|id| repo.issue_comments.get_mut(&id))
        .map(Arc::make_mut)
        .ok_or_else(Reply::not_found)?;
    require_own(&comment.author, identity)?;
    comment.body = body;
    comment.updated_at = now();
    comment.editor = Some(identity.login.clone());
    let comment = comment.clone();
    let shown = Render { api: &request.api }.issue_comment(repo, &comment);
    Ok(Reply::json(200, &shown).with_effect(format!("update issue comment {id}")))
}

pub(crate) fn delete_issue_comment(state: &mut State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let identity = request.may_write("issues")?;
    let repo = state.repo_mut(at.0, at.1)?;
    let comment = key(id)
        .and_then(|id| repo.issue_comments.get(&id))
        .ok_or_else(Reply::not_found)?;
    require_own(&comment.author, identity)?;
    let comment_id = comment.id;
    repo.issue_comments.remove(&comment_id);
    Ok(Reply::no_content().with_effect(format!("delete issue comment {id}")))
}

fn key(id: &str) -> Option<u64> {
    id.parse().ok()
}

fn is_submitted(pull: &Pull, comment: &ReviewComment) -> bool {
    pull.reviews
        .get(&comment.review_id)
        .is_none_or(|review| review.state != "PENDING")
}

/// Returns the number of the pull request with the comment, if the sender may see it.
fn pull_of_comment(repo: &Repo, request: &ApiRequest, id: &str) -> Result<u64, Reply> {
    let id = key(id).ok_or_else(Reply::not_found)?;
    let is_own =
        |author: &Identity| matches!(&request.caller, Caller::Token(identity) if identity.login == author.login);
    let has = |pull: &&Arc<Pull>| {
        pull.comments
            .get(&id)
            .is_some_and(|comment| is_submitted(pull, comment) || is_own(&comment.author))
    };
    repo.pulls
        .values()
        .find(has)
        .map(|pull| pull.change.number)
        .ok_or_else(Reply::not_found)
}

fn comment_mut<'a>(repo: &'a mut Repo, number: u64, id: &str) -> Result<&'a mut ReviewComment, Reply> {
    let comments = repo
        .pulls
        .get_mut(&number)
        .map(|pull| &mut Arc::make_mut(pull).comments);
    key(id)
        .zip(comments)
        .and_then(|(id, comments)| comments.get_mut(&id))
        .ok_or_else(Reply::not_found)
}

fn show_review_comment(repo: &Repo, request: &ApiRequest, number: u64, id: &str) -> Answered {
    let pull = repo.pulls.get(&number).ok_or_else(Reply::not_found)?;
    let comment = key(id)
        .and_then(|id| pull.comments.get(&id))
        .ok_or_else(Reply::not_found)?;
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.review_comment(&pull.change, comment),
    ))
}

fn require_own(author: &Identity, identity: &Identity) -> Result<(), Reply> {
    if author.login == identity.login {
        Ok(())
    } else {
        Err(identity.refused())
    }
}

fn body(request: &ApiRequest, resource: &str) -> Result<String, Reply> {
    let body = request.text("body").unwrap_or_default();
    if body.is_empty() {
        return Err(Reply::invalid(resource, "body", "missing_field", "Body can't be blank"));
    }
    if body.chars().count() > MAX_BODY_CHARS {
        let message = "Body is too long (maximum is 65536 characters)";
        return Err(Reply::invalid(resource, "data", "unprocessable", message));
    }
    Ok(body.to_owned())
}

/// Answers the GraphQL query for the last editor of a comment.
pub(crate) fn editor(state: &State, request: &ApiRequest) -> Answered {
    let identity = request.identity()?;
    if identity.permission("issues").is_none() {
        return Err(identity.refused());
    }
    let asked = ["IssueComment", "lastEditedAt", "editor"];
    if !asked
        .iter()
        .all(|field| request.text("query").is_some_and(|query| query.contains(field)))
    {
        return Ok(another_query());
    }
    let id = request.body["variables"]["id"]
        .as_str()
        .and_then(|id| key(id.strip_prefix("IC_")?));
    let comment = id.and_then(|id| state.repos.values().find_map(|repo| repo.issue_comments.get(&id)));
    let node = comment.map(|comment| {
        json!({
            "lastEditedAt": comment.editor.as_ref().map(|_| &comment.updated_at),
            "editor": comment.editor.as_ref().map(|login| json!({ "login": login })),
        })
    });
    Ok(Reply::json(200, &json!({ "data": { "node": node } })))
}
