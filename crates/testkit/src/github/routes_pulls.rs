//! Reading repositories and pull requests: the pull request, its files and its commits.

use super::render::Render;
use super::reply::{Answered, Reply, page_of};
use super::request::ApiRequest;
use super::state::State;
use serde_json::Value;

type At<'a> = (&'a str, &'a str);

/// The maximum number of files of a pull request that the API lists.
const MAX_FILES: usize = 3_000;
/// The maximum number of patch lines in one answer; its other files come without counts and patch.
const MAX_PATCH_LINES: usize = 20_000;

pub(crate) fn repository(state: &State, request: &ApiRequest, at: At) -> Answered {
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.repo(state.repo(at.0, at.1)?),
    ))
}

pub(crate) fn list(state: &State, request: &ApiRequest, at: At) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    let wanted = request.query("state").unwrap_or("open");
    let is_wanted = |is_open: bool| wanted == "all" || is_open == (wanted == "open");
    let head = request
        .query("head")
        .map(|head| head.split_once(':').map_or(head, |(_, branch)| branch));
    let pulls = repo.pulls.values().rev().filter(|pull| is_wanted(pull.change.is_open));
    let pulls = pulls.filter(|pull| head.is_none_or(|head| pull.change.head_ref == head));
    let render = Render { api: &request.api };
    Ok(Reply::page(
        request,
        &pulls.map(|pull| render.pull(repo, pull)).collect::<Vec<_>>(),
    ))
}

pub(crate) fn pull(state: &State, request: &ApiRequest, at: At, number: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.pull(repo, repo.pull(number)?),
    ))
}

pub(crate) fn files(state: &State, request: &ApiRequest, at: At, number: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    let change = &repo.pull(number)?.change;
    let listed = &change.files[..change.files.len().min(MAX_FILES)];
    let (range, link) = page_of(request, listed.len());
    let render = Render { api: &request.api };
    let mut lines = 0;
    let page = listed[range].iter().map(|file| {
        let own = file.patch.as_ref().map_or(0, |patch| patch.split('\n').count());
        lines += own;
        render.file(change, file, own > 0 && lines > MAX_PATCH_LINES)
    });
    Ok(Reply::json(200, &Value::Array(page.collect())).linked(link))
}

pub(crate) fn commits(state: &State, request: &ApiRequest, at: At, number: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "pull_requests")?;
    let change = &repo.pull(number)?.change;
    let commits = change.objects.commits(&change.base_sha, &change.head_sha);
    let render = Render { api: &request.api };
    Ok(Reply::page(
        request,
        &commits
            .iter()
            .map(|commit| render.commit(&repo.slug, commit))
            .collect::<Vec<_>>(),
    ))
}
