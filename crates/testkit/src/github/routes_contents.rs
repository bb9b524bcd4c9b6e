//! Reading commits: files and directories, blobs, comparisons.

use super::git_diff::changed_files;
use super::objects::{Entry, Objects};
use super::pull_request::PullRequest;
use super::render::{Render, encode};
use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::{Repo, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

type At<'a> = (&'a str, &'a str);

/// The maximum size of a file's content in an answer, in bytes; a larger file needs the raw media type.
const MAX_INLINE_BYTES: usize = 1_048_576;
/// The maximum number of files in a comparison.
const MAX_COMPARED_FILES: usize = 300;

pub(crate) fn contents(state: &State, request: &ApiRequest, at: At, path: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "contents")?;
    let revision = request.query("ref").unwrap_or(&repo.default_branch);
    let no_commit = || Reply::error(404, &format!("No commit found for the ref {revision}"));
    let (commit, objects) = repo.resolve(revision).ok_or_else(no_commit)?;
    let entry = objects.entry(&commit, path).ok_or_else(Reply::not_found)?;
    if entry.mode == "040000" {
        let list: Vec<Value> = objects
            .directory(&commit, path)
            .iter()
            .map(|entry| describe(request, repo, objects, &commit, entry))
            .collect();
        return Ok(Reply::json(200, &Value::Array(list)));
    }
    // Like GitHub, it follows a link to a file of the repository.
    let entry = follow(objects, &commit, &entry).unwrap_or(entry);
    let mut body = describe(request, repo, objects, &commit, &entry);
    let bytes = objects.blob(&entry.sha).unwrap_or_default();
    match entry.mode.as_str() {
        "160000" => {
            body["submodule_git_url"] = json!("https://github.test/octo/submodule.git");
        }
        _ if request.wants_raw() => return Ok(Reply::raw(bytes)),
        "120000" => body["target"] = json!(String::from_utf8_lossy(&bytes)),
        _ if bytes.len() > MAX_INLINE_BYTES => {
            body["encoding"] = json!("none");
            body["content"] = json!("");
        }
        _ => {
            body["encoding"] = json!("base64");
            body["content"] = json!(base64_lines(&bytes));
        }
    }
    Ok(Reply::json(200, &body))
}

/// Returns the file that a link points to, under the link's path.
fn follow(objects: &Objects, commit: &str, link: &Entry) -> Option<Entry> {
    if link.mode != "120000" {
        return None;
    }
    let target = String::from_utf8(objects.blob(&link.sha)?).ok()?;
    let mut parts: Vec<&str> = link.path.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    let found = objects.entry(commit, &parts.join("/"))?;
    found.mode.starts_with("100").then(|| Entry {
        path: link.path.clone(),
        ..found
    })
}

fn describe(request: &ApiRequest, repo: &Repo, objects: &Objects, commit: &str, entry: &Entry) -> Value {
    let path = encode(&entry.path);
    let base = format!("{}/repos/{}", request.api, repo.slug);
    let url = format!("{base}/contents/{path}?ref={commit}");
    let html = format!("{}/{}/blob/{commit}/{path}", request.api, repo.slug);
    let (kind, git) = match entry.mode.as_str() {
        "040000" => ("dir", Some(format!("{base}/git/trees/{}", entry.sha))),
        "160000" => ("submodule", None),
        "120000" => ("symlink", Some(format!("{base}/git/blobs/{}", entry.sha))),
        _ => ("file", Some(format!("{base}/git/blobs/{}", entry.sha))),
    };
    let is_blob = matches!(kind, "file" | "symlink");
    let size = if is_blob {
        objects.blob(&entry.sha).map_or(0, |bytes| bytes.len())
    } else {
        0
    };
    json!({
        "type": kind, "size": size, "name": entry.path.rsplit('/').next(), "path": entry.path, "sha": entry.sha,
        "url": url, "git_url": git, "html_url": html,
        "download_url": is_blob.then(|| format!("{}/{}/raw/{commit}/{path}", request.api, repo.slug)),
        "_links": { "self": url, "git": git, "html": html },
    })
}

pub(crate) fn blob(state: &State, request: &ApiRequest, at: At, sha: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "contents")?;
    let found = repo.pulls.values().find_map(|pull| pull.change.objects.blob(sha));
    let bytes = found.ok_or_else(Reply::not_found)?;
    if request.wants_raw() {
        return Ok(Reply::raw(bytes));
    }
    Ok(Reply::json(
        200,
        &json!({
            "sha": sha, "node_id": format!("B_{sha}"), "size": bytes.len(), "encoding": "base64",
            "url": format!("{}/repos/{}/git/blobs/{sha}", request.api, repo.slug), "content": base64_lines(&bytes),
        }),
    ))
}

/// Answers with the tree of a commit or of a folder: with `recursive` as a flat list without folders.
pub(crate) fn tree(state: &State, request: &ApiRequest, at: At, revision: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "contents")?;
    let of_folder = || {
        let mut all = repo.pulls.values().map(|pull| &pull.change.objects);
        let objects = all.find(|objects| !objects.directory(revision, "").is_empty())?;
        Some((revision.to_owned(), objects))
    };
    let (commit, objects) = repo.resolve(revision).or_else(of_folder).ok_or_else(Reply::not_found)?;
    let base = format!("{}/repos/{}/git", request.api, repo.slug);
    let entry = |entry: &Entry| {
        if entry.mode == "040000" {
            let url = format!("{base}/trees/{}", entry.sha);
            return json!({ "path": entry.path, "mode": entry.mode, "type": "tree", "sha": entry.sha, "url": url });
        }
        if entry.mode == "160000" {
            return json!({ "path": entry.path, "mode": entry.mode, "type": "commit", "sha": entry.sha });
        }
        let size = objects.blob(&entry.sha).map_or(0, |bytes| bytes.len());
        json!({
            "path": entry.path, "mode": entry.mode, "type": "blob", "sha": entry.sha, "size": size,
            "url": format!("{base}/blobs/{}", entry.sha),
        })
    };
    let listed = match request.query("recursive") {
        Some(_) => objects.tree(&commit),
        None => objects.directory(&commit, ""),
    };
    let entries: Vec<Value> = listed.iter().map(entry).collect();
    Ok(Reply::json(
        200,
        &json!({ "sha": commit, "url": format!("{base}/trees/{commit}"), "tree": entries, "truncated": false }),
    ))
}

pub(crate) fn commit(state: &State, request: &ApiRequest, at: At, revision: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "contents")?;
    let unknown = || Reply::unprocessable(&[&format!("No commit found for SHA: {revision}")]);
    let (sha, objects) = repo.resolve(revision).ok_or_else(unknown)?;
    let commit = objects.commit(&sha).ok_or_else(unknown)?;
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.commit(&repo.slug, &commit),
    ))
}

/// Answers a comparison by three dots: the changes of `head` since its merge base with `base`.
pub(crate) fn compare(state: &State, request: &ApiRequest, at: At, range: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "contents")?;
    let (base, head) = range.split_once("...").ok_or_else(Reply::not_found)?;
    let branch = |end: &str| end.split_once(':').map_or(end, |(_, branch)| branch).to_owned();
    let (base, _) = repo.resolve(&branch(base)).ok_or_else(Reply::not_found)?;
    let (head, objects) = repo.resolve(&branch(head)).ok_or_else(Reply::not_found)?;
    // By the branches of a real repository. One made by hand has no history, only the pull request's own range.
    let Some(directory) = objects.git_directory() else {
        return Err(Reply::not_found());
    };
    let merge_base = objects.merge_base(&base, &head).ok_or_else(Reply::not_found)?;
    let (ahead, behind) = objects.ahead_behind(&base, &head).unwrap_or((0, 0));
    let status = match (ahead, behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let render = Render { api: &request.api };
    let shown = |sha: &str| objects.commit(sha).map(|commit| render.commit(&repo.slug, &commit));
    let files = changed_files(directory, &merge_base, &head).map_err(|error| Reply::error(500, &error.to_string()))?;
    let change = PullRequest {
        base_sha: base.clone(),
        head_sha: head.clone(),
        ..PullRequest::by_hand(&repo.slug, 0, files)
    };
    let files = change
        .files
        .iter()
        .take(MAX_COMPARED_FILES)
        .map(|file| render.file(&change, file, false));
    let commits: Vec<Value> = objects
        .commits(&base, &head)
        .iter()
        .map(|commit| render.commit(&repo.slug, commit))
        .collect();
    let html = format!("{}/{}/compare/{base}...{head}", request.api, repo.slug);
    Ok(Reply::json(
        200,
        &json!({
            "url": format!("{}/repos/{}/compare/{base}...{head}", request.api, repo.slug), "html_url": html,
            "permalink_url": html, "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"),
            "base_commit": shown(&base), "merge_base_commit": shown(&merge_base), "status": status,
            "ahead_by": ahead, "behind_by": behind, "total_commits": commits.len(), "commits": commits,
            "files": files.collect::<Vec<_>>(),
        }),
    ))
}

/// Encodes bytes as GitHub does: Base64 in lines of 60 characters.
fn base64_lines(bytes: &[u8]) -> String {
    let encoded = STANDARD.encode(bytes);
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / 60 + 1);
    for (index, character) in encoded.char_indices() {
        lines.push(character);
        if index % 60 == 59 || index + 1 == encoded.len() {
            lines.push('\n');
        }
    }
    lines
}
