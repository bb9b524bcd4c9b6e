//! Threads of review comments: GraphQL's list of them, folding a comment, and what people do in a thread.

use super::FakeGithub;
use super::identity::{Identity, Kind};
use super::reply::{Answered, Reply};
use super::request::{ApiRequest, Caller};
use super::routes_files::another_query;
use super::state::{Conversation, Pull, Review, ReviewComment, State, now};
use crate::error::TestkitError;
use serde_json::{Value, json};
use std::sync::Arc;

/// The ending of a bot's login in the REST API.
const BOT: &str = "[bot]";
/// The parts of the only query about threads that the fake answers.
const FIELDS: [&str; 6] = [
    "pullRequest(number:$number){reviewThreads(first:50,after:$after){pageInfo{hasNextPage endCursor}",
    "nodes{id isResolved isOutdated resolvedBy{__typename login}",
    "finding:comments(first:1){nodes{id fullDatabaseId url isMinimized state body author{__typename login} editor{__typename login}",
    "reactions(content:THUMBS_DOWN,first:50){nodes{user{__typename login}}}",
    "comments(first:51){nodes{state body author{__typename login} editor{__typename login}}}",
    "repository(owner:$owner,name:$name)",
];
/// The number of threads on a page, of comments of a thread, and of reactions to one.
const THREADS: usize = 50;
const COMMENTS: usize = 51;
const REACTIONS: usize = 50;

impl FakeGithub {
    /// Resolves the thread that a review comment began, as the person `by`.
    ///
    /// # Errors
    /// There is no such pull request or comment.
    pub fn resolve_thread(&self, slug: &str, number: u64, comment: u64, by: &str) -> Result<(), TestkitError> {
        self.change_conversation(slug, number, comment, |of| of.resolved_by = Some(by.to_owned()))
    }

    /// Opens a resolved thread again.
    ///
    /// # Errors
    /// There is no such pull request or comment.
    pub fn unresolve_thread(&self, slug: &str, number: u64, comment: u64) -> Result<(), TestkitError> {
        self.change_conversation(slug, number, comment, |of| of.resolved_by = None)
    }

    /// Adds a person's reaction to a review comment: `THUMBS_DOWN`, `THUMBS_UP`, `EYES`, …
    ///
    /// # Errors
    /// There is no such pull request or comment.
    pub fn react(&self, slug: &str, number: u64, comment: u64, by: &str, content: &str) -> Result<(), TestkitError> {
        let reaction = (content.to_owned(), by.to_owned());
        self.change_conversation(slug, number, comment, |of| of.reactions.push(reaction))
    }

    /// Returns true if the thread that a review comment began is resolved.
    pub fn is_resolved(&self, slug: &str, number: u64, comment: u64) -> bool {
        let mut is_resolved = false;
        // Without such a comment nothing is resolved.
        let _ = self.change_conversation(slug, number, comment, |of| is_resolved = of.resolved_by.is_some());
        is_resolved
    }

    /// Returns true if a review comment is folded.
    pub fn is_folded(&self, slug: &str, number: u64, comment: u64) -> bool {
        let mut folded = false;
        // Without such a comment nothing is folded.
        let _ = self.change_conversation(slug, number, comment, |of| folded = of.is_minimized);
        folded
    }

    /// Adds a reply to the thread of a review comment, in a review of its own as GitHub does. Returns the reply's id.
    ///
    /// # Errors
    /// There is no such pull request or comment.
    pub fn reply(&self, slug: &str, number: u64, comment: u64, by: &str, body: &str) -> Result<u64, TestkitError> {
        let (id, review_id) = {
            let state = &mut self.shared.world().state;
            (state.id(), state.id())
        };
        let author = match by.strip_suffix(BOT) {
            Some(slug) => Identity::app(slug),
            None => Identity::user(by),
        };
        self.change_comment(slug, number, comment, |pull, replied_to| {
            let at = now();
            pull.reviews.insert(
                review_id,
                Review {
                    id: review_id,
                    author: author.clone(),
                    body: String::new(),
                    state: "COMMENTED".into(),
                    commit_id: pull.change.head_sha.clone(),
                    submitted_at: Some(at.clone()),
                },
            );
            let reply = ReviewComment {
                id,
                review_id,
                author,
                body: body.to_owned(),
                created_at: at.clone(),
                updated_at: at,
                conversation: Conversation {
                    reply_to: Some(replied_to.conversation.reply_to.unwrap_or(replied_to.id)),
                    ..Conversation::default()
                },
                ..replied_to
            };
            pull.comments.insert(id, reply);
        })?;
        Ok(id)
    }

    fn change_conversation(
        &self,
        slug: &str,
        number: u64,
        comment: u64,
        change: impl FnOnce(&mut Conversation),
    ) -> Result<(), TestkitError> {
        self.change_comment(slug, number, comment, |pull, mut found| {
            change(&mut found.conversation);
            pull.comments.insert(found.id, found);
        })
    }

    /// Calls `change` with the pull request and a copy of one of its review comments.
    fn change_comment(
        &self,
        slug: &str,
        number: u64,
        comment: u64,
        change: impl FnOnce(&mut Pull, ReviewComment),
    ) -> Result<(), TestkitError> {
        let mut changed = Err(TestkitError::NoReviewComment {
            slug: slug.to_owned(),
            number,
            comment,
        });
        self.change(slug, number, |pull| {
            if let Some(found) = pull.comments.get(&comment).cloned() {
                change(pull, found);
                changed = Ok(());
            }
        })?;
        changed
    }
}

/// Answers the query for a page of a pull request's threads.
pub(crate) fn list(state: &State, request: &ApiRequest) -> Answered {
    let identity = request.identity()?;
    let query = request.text("query").unwrap_or_default();
    if !FIELDS.iter().all(|fields| query.contains(fields)) {
        return Ok(another_query());
    }
    let variables = &request.body["variables"];
    let text = |name: &str| variables[name].as_str().unwrap_or_default();
    let (owner, name) = (text("owner"), text("name"));
    let no_repository = json!({ "repository": null });
    let Some(repo) = state.repo_now(owner, name) else {
        let message = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
        return Ok(refused(&no_repository, "NOT_FOUND", &["repository"], &message));
    };
    if repo.wants_sign_on {
        let message = "Resource protected by organization SAML enforcement. You must grant your Personal Access token \
                       access to this organization.";
        return Ok(refused(&no_repository, "FORBIDDEN", &["repository"], message));
    }
    let no_pull = json!({ "repository": { "pullRequest": null } });
    let path = ["repository", "pullRequest"];
    if identity.permission("pull_requests").is_none() {
        return Ok(refused(&no_pull, "FORBIDDEN", &path, identity.refusal()));
    }
    let number = variables["number"].as_u64().unwrap_or_default();
    let Some(pull) = repo.pulls.get(&number) else {
        let message = format!("Could not resolve to a PullRequest with the number of {number}.");
        return Ok(refused(&no_pull, "NOT_FOUND", &path, &message));
    };
    let is_first = |comment: &&ReviewComment| comment.conversation.reply_to.is_none() && sees(request, pull, comment);
    let firsts: Vec<&ReviewComment> = pull.comments.values().filter(is_first).collect();
    let start = text("after").parse().unwrap_or(0);
    let page = firsts.iter().skip(start).take(THREADS);
    let nodes: Vec<Value> = page.map(|first| thread(request, pull, first)).collect();
    let end = start + nodes.len();
    let info = json!({ "hasNextPage": end < firsts.len(), "endCursor": (!nodes.is_empty()).then(|| end.to_string()) });
    let threads = json!({ "pageInfo": info, "nodes": nodes });
    Ok(Reply::json(
        200,
        &json!({ "data": { "repository": { "pullRequest": { "reviewThreads": threads } } } }),
    ))
}

/// Answers the mutations that fold a review comment, and show it again; and those of its thread.
pub(crate) fn fold(state: &mut State, request: &ApiRequest) -> Answered {
    let identity = request.identity()?;
    let query = request.text("query").unwrap_or_default();
    // The name of the first mutation is a part of the other's.
    let (field, payload, is_minimized) = if query.contains("{unminimizeComment(input:{subjectId:$id})") {
        ("unminimizeComment", "unminimizedComment", false)
    } else if query.contains("{minimizeComment(input:{subjectId:$id,classifier:RESOLVED})") {
        ("minimizeComment", "minimizedComment", true)
    } else {
        return resolve(state, request);
    };
    let node = request.body["variables"]["id"].as_str().unwrap_or_default();
    let found = node.strip_prefix("PRRC_").and_then(|id| comment_of(state, id));
    let nothing = json!({ field: null });
    let Some(comment) = found else {
        let message = format!("Could not resolve to a node with the global id of '{node}'");
        return Ok(refused(&nothing, "NOT_FOUND", &[field], &message));
    };
    if identity.permission("pull_requests") != Some("write") {
        return Ok(refused(&nothing, "FORBIDDEN", &[field], identity.refusal()));
    }
    comment.conversation.is_minimized = is_minimized;
    let data = json!({ field: { payload: { "isMinimized": is_minimized } } });
    let reply = Reply::json(200, &json!({ "data": data }));
    Ok(reply.with_effect(format!("{field} {}", comment.id)))
}

/// Answers the mutations that resolve a thread, and open it again. They need the permission to push.
fn resolve(state: &mut State, request: &ApiRequest) -> Answered {
    let identity = request.identity()?;
    let query = request.text("query").unwrap_or_default();
    let (field, is_resolved) = if query.contains("{unresolveReviewThread(input:{threadId:$id}){thread{isResolved}}") {
        ("unresolveReviewThread", false)
    } else if query.contains("{resolveReviewThread(input:{threadId:$id}){thread{isResolved}}") {
        ("resolveReviewThread", true)
    } else {
        return Ok(another_query());
    };
    let node = request.body["variables"]["id"].as_str().unwrap_or_default();
    let nothing = json!({ field: null });
    let Some(comment) = node.strip_prefix("PRRT_").and_then(|id| comment_of(state, id)) else {
        let message = format!("Could not resolve to a node with the global id of '{node}'");
        return Ok(refused(&nothing, "NOT_FOUND", &[field], &message));
    };
    if identity.permission("contents") != Some("write") {
        return Ok(refused(&nothing, "FORBIDDEN", &[field], identity.refusal()));
    }
    comment.conversation.resolved_by = is_resolved.then(|| identity.login.clone());
    let data = json!({ field: { "thread": { "isResolved": is_resolved } } });
    let reply = Reply::json(200, &json!({ "data": data }));
    Ok(reply.with_effect(format!("{field} {}", comment.id)))
}

/// Returns the review comment with an id, to change it.
fn comment_of<'a>(state: &'a mut State, id: &str) -> Option<&'a mut ReviewComment> {
    let id: u64 = id.parse().ok()?;
    let mut pulls = state.repos.values_mut().flat_map(|repo| repo.pulls.values_mut());
    pulls.find_map(|pull| Arc::make_mut(pull).comments.get_mut(&id))
}

/// Returns an answer with one refusal: a permission is missing, or there is no such object.
fn refused(data: &Value, kind: &str, path: &[&str], message: &str) -> Reply {
    let error = json!({
        "type": kind, "path": path, "extensions": { "saml_failure": message.contains("SAML") },
        "locations": [{ "line": 1, "column": 1 }], "message": message,
    });
    Reply::json(200, &json!({ "data": data, "errors": [error] }))
}

fn thread(request: &ApiRequest, pull: &Pull, first: &ReviewComment) -> Value {
    let conversation = &first.conversation;
    let is_in_it = |comment: &&ReviewComment| {
        let is_reply = comment.conversation.reply_to == Some(first.id);
        (comment.id == first.id || is_reply) && sees(request, pull, comment)
    };
    let comments = pull.comments.values().filter(is_in_it).take(COMMENTS);
    let thumbs_down = conversation
        .reactions
        .iter()
        .filter(|(content, _)| content == "THUMBS_DOWN");
    let reactions: Vec<Value> = thumbs_down
        .take(REACTIONS)
        .map(|(_, login)| json!({ "user": person(login) }))
        .collect();
    let change = &pull.change;
    let url = format!(
        "{}/{}/pull/{}#discussion_r{}",
        request.api, change.slug, change.number, first.id
    );
    let mut shown = comment(pull, first);
    shown["id"] = json!(format!("PRRC_{}", first.id));
    shown["fullDatabaseId"] = json!(first.id.to_string());
    shown["url"] = json!(url);
    shown["isMinimized"] = json!(conversation.is_minimized);
    shown["reactions"] = json!({ "nodes": reactions });
    json!({
        "id": format!("PRRT_{}", first.id), "isResolved": conversation.resolved_by.is_some(),
        "isOutdated": first.position.is_none(), "resolvedBy": conversation.resolved_by.as_deref().map(person),
        "finding": { "nodes": [shown] },
        "comments": { "nodes": comments.map(|one| comment(pull, one)).collect::<Vec<_>>() },
    })
}

fn comment(pull: &Pull, comment: &ReviewComment) -> Value {
    let state = if is_pending(pull, comment) {
        "PENDING"
    } else {
        "SUBMITTED"
    };
    let (kind, login) = match comment.author.kind {
        Kind::App => ("Bot", comment.author.login.trim_end_matches(BOT)),
        Kind::User => ("User", comment.author.login.as_str()),
    };
    json!({ "state": state, "body": comment.body, "author": { "__typename": kind, "login": login }, "editor": null })
}

/// Returns an account in a field whose type is `User`: there a bot keeps the ending of its login.
fn person(login: &str) -> Value {
    json!({ "__typename": "User", "login": login })
}

fn is_pending(pull: &Pull, comment: &ReviewComment) -> bool {
    let review = pull.reviews.get(&comment.review_id);
    review.is_some_and(|review| review.state == "PENDING")
}

/// Returns true if the sender may see a comment: only its author sees one of a pending review.
fn sees(request: &ApiRequest, pull: &Pull, comment: &ReviewComment) -> bool {
    let is_own = matches!(&request.caller, Caller::Token(identity) if identity.login == comment.author.login);
    is_own || !is_pending(pull, comment)
}
