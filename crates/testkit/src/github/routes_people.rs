//! Collaborators' permissions and teams' members.

use super::FakeGithub;
use super::render::Render;
use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::{Repo, State};
use serde_json::json;

impl FakeGithub {
    /// Sets a person's role in a repository: `admin`, `maintain`, `write`, `triage`, `read` or `none`. Any other name
    /// is an organisation's own role, based on `write`. Default: `read`, in a private repository `none`.
    pub fn set_permission(&self, slug: &str, login: &str, role: &str) {
        if let Some(repo) = self.shared.world().state.repos.get_mut(slug) {
            repo.collaborators.insert(login.into(), role.into());
        }
    }

    /// Adds a person to an organisation's team, as `active` or `pending` (invited), or removes the person.
    pub fn set_team_member(&self, organisation: &str, team: &str, login: &str, state: Option<&'static str>) {
        let key = (organisation.to_owned(), team.to_owned(), login.to_owned());
        let members = &mut self.shared.world().state.team_members;
        match state {
            Some(state) => members.insert(key, state),
            None => members.remove(&key),
        };
    }
}

pub(crate) fn collaborator(state: &State, request: &ApiRequest, at: (&str, &str), login: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    let identity = request.identity()?;
    if identity.permission("metadata").is_none() {
        return Err(identity.refused());
    }
    let role = role(repo, login);
    // The older field has four levels.
    let permission = match role {
        "admin" | "write" | "read" | "none" => role,
        "triage" => "read",
        _ => "write",
    };
    let mut user = Render { api: &request.api }.account(login, "User");
    user["role_name"] = json!(role);
    Ok(Reply::json(
        200,
        &json!({ "permission": permission, "role_name": role, "user": user }),
    ))
}

fn role<'a>(repo: &'a Repo, login: &str) -> &'a str {
    let mut known = repo.collaborators.iter();
    let known = known.find(|(known, _)| known.eq_ignore_ascii_case(login));
    let default = if repo.is_private() { "none" } else { "read" };
    known.map_or(default, |(_, role)| role)
}

pub(crate) fn team_member(state: &State, request: &ApiRequest, org: &str, team: &str, login: &str) -> Answered {
    let identity = request.identity()?;
    if identity.permission("members").is_none() {
        return Err(identity.refused());
    }
    let mut members = state.team_members.iter();
    let is_it = |known: &str, asked: &str| known.eq_ignore_ascii_case(asked);
    let found = members
        .find(|((in_org, in_team, who), _)| is_it(in_org, org) && is_it(in_team, team) && is_it(who, login))
        .ok_or_else(Reply::not_found)?;
    let url = format!("{}{}", request.api, request.path);
    Ok(Reply::json(
        200,
        &json!({ "url": url, "role": "member", "state": found.1 }),
    ))
}

pub(crate) fn organisation_installation(state: &State, request: &ApiRequest, org: &str) -> Answered {
    request.app()?;
    let is_it = |known: &str| known.eq_ignore_ascii_case(org);
    let mut repos = state.repos.keys().filter_map(|slug| slug.split('/').next());
    if !repos.any(is_it) && !state.team_members.keys().any(|(known, _, _)| is_it(known)) {
        return Err(Reply::not_found());
    }
    let installation = Render { api: &request.api }.installation(state, org);
    Ok(Reply::json(200, &installation))
}
