//! Apps made from a manifest: the web page that accepts it, and the exchange of the code for the App's secrets.

use std::process::Command;

use serde_json::{Value, json};
use url::Url;

use super::FakeGithub;
use super::render::Render;
use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::State;

impl FakeGithub {
    /// The webhook secret of an App that is made here.
    pub const WEBHOOK_SECRET: &'static str = "webhook-secret-of-the-test";

    /// Changes the App's grants: sets a permission (`contents`) to a level or removes it (`None`), and removes events
    /// (`check_run`).
    pub fn set_app_grants(&self, permissions: &[(&str, Option<&str>)], without_events: &[&str]) {
        let mut world = self.shared.world();
        let manifest = &mut world.state.app_manifest;
        for (name, level) in permissions {
            let granted = manifest["default_permissions"].as_object_mut();
            match level {
                Some(level) => granted.and_then(|granted| granted.insert((*name).to_owned(), json!(level))),
                None => granted.and_then(|granted| granted.remove(*name)),
            };
        }
        if let Some(events) = manifest["default_events"].as_array_mut() {
            events.retain(|event| !without_events.iter().any(|name| event == name));
        }
        world.previous = world.state.clone();
    }

    /// Confirms an App of this manifest on the page. Returns the address to which the browser is sent; `None` if the
    /// page would show an error.
    pub fn register_app(&self, page: &Url, manifest: &Value) -> Option<Url> {
        let given = page.query_pairs().find(|(name, _)| name == "state");
        let given = given.map(|(_, state)| state.into_owned());
        registered(&mut self.shared.world().state, manifest, given.as_deref()).ok()
    }
}

/// The fields that GitHub requires in a manifest.
const NEEDED: [&str; 3] = ["url", "hook_attributes", "redirect_url"];

/// Confirms at once: the browser returns with a code.
pub(crate) fn register(state: &mut State, request: &ApiRequest) -> Answered {
    let manifest = request.text("manifest").unwrap_or_default();
    let manifest: Value = serde_json::from_str(manifest).map_err(|_| refused("the manifest is not JSON"))?;
    let to = registered(state, &manifest, request.query("state"))?;
    let mut reply = Reply::no_content();
    reply.status = 302;
    reply.headers.push(("location", to.into()));
    Ok(reply)
}

fn refused(what: &str) -> Reply {
    Reply::error(422, &format!("Invalid GitHub App configuration: {what}"))
}

fn registered(state: &mut State, manifest: &Value, given: Option<&str>) -> Result<Url, Reply> {
    if let Some(missing) = NEEDED.into_iter().find(|field| manifest[*field].is_null()) {
        return Err(refused(missing));
    }
    let hook = manifest["hook_attributes"]["url"].as_str().unwrap_or_default();
    if !hook.starts_with("https://") {
        return Err(refused("Hook url must be https"));
    }
    let redirect = manifest["redirect_url"].as_str().unwrap_or_default();
    let mut to = Url::parse(redirect).map_err(|_| refused("redirect_url"))?;
    let code = format!("{:020x}", state.id());
    to.query_pairs_mut().append_pair("code", &code);
    if let Some(given) = given {
        to.query_pairs_mut().append_pair("state", given);
    }
    state.manifests.insert(code, manifest.clone());
    Ok(to)
}

pub(crate) fn convert(state: &mut State, request: &ApiRequest, code: &str) -> Answered {
    let manifest = state.manifests.remove(code).ok_or_else(Reply::not_found)?;
    state.app_manifest = manifest.clone();
    let key = Command::new("openssl")
        .args(["genrsa", "-traditional", "2048"])
        .output();
    let pem = key
        .map_err(|error| Reply::error(500, &format!("openssl: {error}")))?
        .stdout;
    let mut app = Render { api: &request.api }.app(state);
    let made = json!({
        "name": manifest["name"], "client_id": FakeGithub::CLIENT_ID, "client_secret": FakeGithub::CLIENT_SECRET,
        "webhook_secret": FakeGithub::WEBHOOK_SECRET, "pem": String::from_utf8_lossy(&pem),
    });
    if let (Value::Object(app), Value::Object(made)) = (&mut app, made) {
        app.extend(made);
    }
    let mut reply = Reply::json(201, &app);
    reply.effect = Some("make an App".to_owned());
    Ok(reply)
}
