//! Accounts: the user, the App, its installation and tokens.

use super::identity::{Identity, Kind};
use super::render::Render;
use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::State;
use serde_json::{Value, json};

/// The approximate maximum length of an installation's token.
const TOKEN_LENGTH: usize = 520;

pub(crate) fn user(request: &ApiRequest) -> Answered {
    let identity = request.identity()?;
    if identity.kind == Kind::App {
        return Err(identity.refused());
    }
    let mut user = Render { api: &request.api }.identity(identity);
    let rest = json!({
        "name": identity.login, "company": null, "blog": "", "location": null, "email": null, "hireable": null,
        "bio": null, "twitter_username": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z",
    });
    if let (Value::Object(user), Value::Object(rest)) = (&mut user, rest) {
        user.extend(rest);
    }
    Ok(Reply::json(200, &user))
}

pub(crate) fn app(state: &State, request: &ApiRequest) -> Answered {
    request.app()?;
    Ok(Reply::json(200, &Render { api: &request.api }.app(state)))
}

pub(crate) fn installation(state: &State, request: &ApiRequest, id: &str) -> Answered {
    request.app()?;
    if id != state.installation_id.to_string() {
        return Err(Reply::not_found());
    }
    let owner = state
        .repos
        .values()
        .next()
        .and_then(|repo| repo.slug.split('/').next())
        .unwrap_or("octo");
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.installation(state, owner),
    ))
}

pub(crate) fn repository_installation(state: &State, request: &ApiRequest, at: (&str, &str)) -> Answered {
    request.app()?;
    state.repo(at.0, at.1)?;
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.installation(state, at.0),
    ))
}

pub(crate) fn access_token(state: &mut State, request: &ApiRequest, id: &str) -> Answered {
    request.app()?;
    if id != state.installation_id.to_string() {
        return Err(Reply::not_found());
    }
    let identity = Identity::app(&state.app_slug);
    let mut granted = identity.permissions().clone();
    if let Some(asked) = request.body["permissions"].as_object() {
        for (name, level) in asked {
            let may = identity.permission(name);
            if may.is_none() || (level == "write" && may != Some("write")) {
                return Err(Reply::unprocessable(&[
                    "The permissions requested are not granted to this installation.",
                ]));
            }
        }
        granted.retain(|name, _| asked.contains_key(name) || name == "metadata");
        for (name, level) in asked {
            granted.insert(name.clone(), level.as_str().unwrap_or("read").into());
        }
    }
    let mut minted = identity.clone();
    for name in identity.permissions().keys() {
        minted = minted.with_permission(name, granted.get(name).map(String::as_str));
    }
    let number = state.id();
    let token = format!(
        "ghs_{number}_{}",
        "x".repeat(TOKEN_LENGTH - 5 - number.to_string().len())
    );
    state.tokens.insert(token.clone(), minted);
    let expires_at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let body = json!({
        "token": token, "expires_at": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "permissions": granted,
        "repository_selection": "all",
    });
    Ok(Reply::json(201, &body).with_effect(format!("mint token {number}")))
}
