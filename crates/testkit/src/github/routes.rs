//! The table of routes. The answers are in the `routes_…` files.

use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::{Repo, State};
use super::{
    routes_app, routes_artifacts, routes_checks, routes_code_scanning, routes_comments, routes_contents,
    routes_deliveries, routes_files, routes_manifest, routes_pages, routes_people, routes_pulls, routes_reviews,
    routes_sign_in, routes_threads,
};
use serde_json::json;

/// Answers a request and applies its changes to `state`.
pub(crate) fn dispatch(state: &mut State, request: &ApiRequest) -> Reply {
    match route(state, request) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn route(state: &mut State, request: &ApiRequest) -> Answered {
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    match (request.method.as_str(), segments.as_slice()) {
        ("GET", ["user"]) => routes_app::user(request),
        ("GET", ["app"]) => routes_app::app(state, request),
        ("GET", ["app", "installations", id]) => routes_app::installation(state, request, id),
        ("POST", ["app", "installations", id, "access_tokens"]) => routes_app::access_token(state, request, id),
        ("GET", ["app", "hook", "deliveries"]) => routes_deliveries::list(state, request),
        ("POST", ["app", "hook", "deliveries", id, "attempts"]) => routes_deliveries::redeliver(state, request, id),
        ("GET", ["orgs", org, "installation"]) => routes_people::organisation_installation(state, request, org),
        ("GET", ["orgs", org, "teams", team, "memberships", login]) => {
            routes_people::team_member(state, request, org, team, login)
        }
        ("GET", ["login", "oauth", "authorize"]) => routes_sign_in::authorize(state, request),
        ("POST", ["login", "oauth", "access_token"]) => routes_sign_in::access_token(state, request),
        ("POST", ["settings", "apps", "new"] | ["organizations", _, "settings", "apps", "new"]) => {
            routes_manifest::register(state, request)
        }
        ("POST", ["app-manifests", code, "conversions"]) => routes_manifest::convert(state, request, code),
        ("POST", ["graphql"]) => match request.text("query").unwrap_or_default() {
            query if query.starts_with("mutation") => routes_threads::fold(state, request),
            query if query.contains("reviewThreads(") => routes_threads::list(state, request),
            query if query.contains("repository(") => routes_files::query(state, request),
            _ => routes_comments::editor(state, request),
        },
        (_, ["repositories", id, rest @ ..]) => {
            let slug = state.repo_of_id(id).ok_or_else(Reply::not_found)?.slug.clone();
            let (owner, name) = slug.split_once('/').unwrap_or((&slug, ""));
            known_repository(state, request, owner, name, rest)
        }
        (_, ["repos", owner, name, rest @ ..]) => {
            if let Some(repo) = state.moved(owner, name) {
                return Err(moved(request, repo));
            }
            known_repository(state, request, owner, name, rest)
        }
        ("GET", [owner, name, "pull", number]) => routes_pages::conversation(state, owner, name, number),
        _ => Err(Reply::not_found()),
    }
}

/// Redirects reads with 301, and writes with 307, which keeps their method.
fn moved(request: &ApiRequest, repo: &Repo) -> Reply {
    let rest = request
        .path
        .splitn(5, '/')
        .nth(4)
        .map_or_else(String::new, |rest| format!("/{rest}"));
    let query = match request.query.is_empty() {
        true => String::new(),
        false => {
            let mut query = url::form_urlencoded::Serializer::new("?".to_owned());
            query.extend_pairs(&request.query).finish()
        }
    };
    let location = format!("{}/repositories/{}{rest}{query}", request.api, repo.id);
    let status = if request.method == "GET" { 301 } else { 307 };
    let message = if status == 301 {
        "Moved Permanently"
    } else {
        "Temporary Redirect"
    };
    let mut reply = Reply::json(
        status,
        &json!({ "message": message, "url": location, "documentation_url": "https://docs.github.com/rest" }),
    );
    reply.headers.push(("location", location));
    reply
}

fn known_repository(state: &mut State, request: &ApiRequest, owner: &str, name: &str, rest: &[&str]) -> Answered {
    // Every request to a missing or hidden repository gets 404.
    let repo = state.repo(owner, name)?;
    request.may_read(repo, "metadata").or_else(|reply| match rest {
        ["installation"] => request.app().map_err(|_| reply),
        _ => Err(reply),
    })?;
    if repo.wants_sign_on && rest != ["installation"] {
        let organisation = owner.to_owned();
        let message = "Resource protected by organization SAML enforcement. You must grant your Personal Access token \
                       access to this organization.";
        let mut reply = Reply::error(403, message);
        let page = format!("https://github.com/orgs/{organisation}/sso?authorization_request=secret");
        reply.headers.push(("x-github-sso", format!("required; url={page}")));
        return Err(reply);
    }
    if repo.is_archived && request.method != "GET" {
        return Err(Reply::error(403, "Repository was archived so is read-only."));
    }
    in_repository(state, request, owner, name, rest)
}

fn in_repository(state: &mut State, request: &ApiRequest, owner: &str, name: &str, rest: &[&str]) -> Answered {
    let at = (owner, name);
    match (request.method.as_str(), rest) {
        ("GET", []) => routes_pulls::repository(state, request, at),
        ("GET", ["installation"]) => routes_app::repository_installation(state, request, at),
        ("GET", ["collaborators", login, "permission"]) => routes_people::collaborator(state, request, at, login),
        ("GET", ["contents"]) => routes_contents::contents(state, request, at, ""),
        ("GET", ["contents", path @ ..]) => routes_contents::contents(state, request, at, &path.join("/")),
        ("GET", ["actions", "artifacts"]) => routes_artifacts::list(state, request, at),
        ("GET", ["actions", "artifacts", id, "zip"]) => routes_artifacts::download(state, request, at, id),
        ("GET", ["code-scanning", what @ ("analyses" | "alerts")]) => {
            routes_code_scanning::list(state, request, at, what)
        }
        ("GET", ["git", "commits", sha]) => routes_code_scanning::commit(state, request, at, sha),
        ("GET", ["git", "blobs", sha]) => routes_contents::blob(state, request, at, sha),
        ("GET", ["git", "trees", revision]) => routes_contents::tree(state, request, at, revision),
        ("GET", ["compare", range @ ..]) => routes_contents::compare(state, request, at, &range.join("/")),
        ("GET", ["pulls"]) => routes_pulls::list(state, request, at),
        ("GET", ["pulls", "comments", id]) => routes_comments::review_comment(state, request, at, id),
        ("PATCH", ["pulls", "comments", id]) => routes_comments::edit_review_comment(state, request, at, id),
        ("DELETE", ["pulls", "comments", id]) => routes_comments::delete_review_comment(state, request, at, id),
        ("GET", ["pulls", number]) => routes_pulls::pull(state, request, at, number),
        ("GET", ["pulls", number, "files"]) => routes_pulls::files(state, request, at, number),
        ("GET", ["pulls", number, "commits"]) => routes_pulls::commits(state, request, at, number),
        ("GET", ["pulls", number, "comments"]) => routes_comments::review_comments(state, request, at, number),
        ("GET", ["pulls", number, "reviews"]) => routes_reviews::list(state, request, at, number),
        ("POST", ["pulls", number, "reviews"]) => routes_reviews::create(state, request, at, number),
        (method, ["pulls", number, "reviews", id, rest @ ..]) => match (method, rest) {
            ("GET", []) => routes_reviews::get(state, request, at, number, id),
            ("PUT", []) => routes_reviews::update(state, request, at, number, id),
            ("DELETE", []) => routes_reviews::delete(state, request, at, number, id),
            ("POST", ["events"]) => routes_reviews::submit(state, request, at, number, id),
            ("PUT", ["dismissals"]) => routes_reviews::dismiss(state, request, at, number, id),
            ("GET", ["comments"]) => routes_reviews::comments(state, request, at, number, id),
            _ => Err(Reply::not_found()),
        },
        ("GET", ["issues", "comments", id]) => routes_comments::issue_comment(state, request, at, id),
        // GitHub accepts POST instead of PATCH, and octocrab uses it here.
        ("PATCH" | "POST", ["issues", "comments", id]) => routes_comments::edit_issue_comment(state, request, at, id),
        ("DELETE", ["issues", "comments", id]) => routes_comments::delete_issue_comment(state, request, at, id),
        ("GET", ["issues", number, "comments"]) => routes_comments::issue_comments(state, request, at, number),
        ("POST", ["issues", number, "comments"]) => routes_comments::create_issue_comment(state, request, at, number),
        ("POST", ["check-runs"]) => routes_checks::create(state, request, at),
        ("GET", ["check-runs", id]) => routes_checks::get(state, request, at, id),
        ("PATCH", ["check-runs", id]) => routes_checks::update(state, request, at, id),
        ("GET", ["check-runs", id, "annotations"]) => routes_checks::annotations(state, request, at, id),
        ("GET", ["commits", commit, "check-runs"]) => routes_checks::of_commit(state, request, at, commit),
        ("GET", ["commits", commit]) => routes_contents::commit(state, request, at, commit),
        _ => Err(Reply::not_found()),
    }
}
