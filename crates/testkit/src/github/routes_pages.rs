//! The web page of a pull request's conversation: its comments, as GitHub renders them.

use super::reply::{Answered, Reply};
use super::state::State;
use std::fmt::Write;

/// Returns the page with the comments of a conversation, oldest first. It needs no session.
pub(crate) fn conversation(state: &State, owner: &str, name: &str, number: &str) -> Answered {
    let repo = state.repo(owner, name)?;
    let number = repo.pull(number)?.change.number;
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    // GitHub keeps folds, and shows no HTML comment.
    options.render.r#unsafe = true;
    let mut page = "<!doctype html><html lang=\"en\"><title>Pull request</title><body>".to_owned();
    for comment in repo.issue_comments.values().filter(|comment| comment.issue == number) {
        let html = comrak::markdown_to_html(&comment.body, &options);
        let _infallible = write!(page, "<article>{html}</article>");
    }
    let mut reply = Reply::raw(page.into_bytes());
    reply.content_type = "text/html; charset=utf-8";
    Ok(reply)
}
