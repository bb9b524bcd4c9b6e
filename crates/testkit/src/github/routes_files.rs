//! The GraphQL queries about a repository's files: the entry at each path of a commit, and the texts of blobs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::objects::{Entry, Objects};
use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::State;

/// The maximum length of a text, in bytes.
const MAX_TEXT_BYTES: usize = 512_000;
/// The number of first bytes in which git looks for NUL bytes.
const BINARY_WINDOW: usize = 8_000;

/// Answers a query about `repository(owner, name)`. Each variable beside the repository's is a path or a blob's name,
/// and names a field of the query.
pub(crate) fn query(state: &State, request: &ApiRequest) -> Answered {
    request.identity()?;
    let variables = request.body["variables"].as_object().cloned().unwrap_or_default();
    let text = |name: &str| variables.get(name).and_then(Value::as_str).unwrap_or_default();
    let not_found = |what: &str| {
        let error = json!({ "type": "NOT_FOUND", "path": ["repository"], "message": format!("Could not resolve to a {what}.") });
        Ok(Reply::json(
            200,
            &json!({ "data": { "repository": null }, "errors": [error] }),
        ))
    };
    let (owner, name) = (text("owner"), text("name"));
    let Some(repo) = state.repo_now(owner, name) else {
        return not_found("Repository");
    };
    request.may_read(repo, "contents")?;
    if repo.wants_sign_on {
        let error = json!({ "type": "FORBIDDEN", "path": ["repository"], "message": "Resource protected by organization SAML enforcement." });
        return Ok(Reply::json(
            200,
            &json!({ "data": { "repository": null }, "errors": [error] }),
        ));
    }
    let asked: Vec<(&String, &str)> = variables
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "owner" | "name" | "at"))
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .collect();
    let is_asked = |field: String| request.text("query").is_some_and(|query| query.contains(&field));
    if variables.contains_key("at") {
        if !asked
            .iter()
            .all(|(name, _)| is_asked(format!("{name}:file(path:${name})")))
        {
            return Ok(another_query());
        }
        let Some((commit, objects)) = repo.resolve(text("at")) else {
            return Ok(Reply::json(
                200,
                &json!({ "data": { "repository": { "object": null } } }),
            ));
        };
        let object = entries(objects, &commit, &asked);
        return Ok(Reply::json(
            200,
            &json!({ "data": { "repository": { "object": object } } }),
        ));
    }
    if !asked
        .iter()
        .all(|(name, _)| is_asked(format!("{name}:object(oid:${name})")))
    {
        return Ok(another_query());
    }
    let names: Vec<&str> = asked.iter().map(|(_, blob)| *blob).collect();
    let mut blobs: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for pull in repo.pulls.values() {
        blobs.extend(pull.change.objects.blobs(&names));
    }
    let found: Map<String, Value> = asked
        .iter()
        .map(|(name, blob)| {
            let blob = blobs.get(*blob).map(|bytes| json!({ "text": shown(bytes) }));
            ((*name).clone(), blob.unwrap_or(Value::Null))
        })
        .collect();
    Ok(Reply::json(200, &json!({ "data": { "repository": found } })))
}

/// Returns the answer to any other query.
pub(crate) fn another_query() -> Reply {
    Reply::json(
        200,
        &json!({ "errors": [{ "message": "the fake answers another query" }] }),
    )
}

fn entries(objects: &Objects, commit: &str, asked: &[(&String, &str)]) -> Map<String, Value> {
    let tree = objects.tree(commit);
    let by_path: BTreeMap<&str, &Entry> = tree.iter().map(|entry| (entry.path.as_str(), entry)).collect();
    let names: Vec<&str> = asked
        .iter()
        .filter_map(|(_, path)| by_path.get(path))
        .map(|entry| entry.sha.as_str())
        .collect();
    let blobs = objects.blobs(&names);
    let entry = |path: &str| -> Value {
        let Some(entry) = by_path.get(path) else {
            let is_folder = tree.iter().any(|entry| entry.path.starts_with(&format!("{path}/")));
            return match is_folder.then(|| objects.entry(commit, path)).flatten() {
                Some(folder) => json!({ "mode": 0o040_000, "size": 0, "oid": folder.sha }),
                None => Value::Null,
            };
        };
        let mode = u32::from_str_radix(&entry.mode, 8).unwrap_or_default();
        let size = blobs.get(&entry.sha).map_or(0, Vec::len);
        json!({ "mode": mode, "size": size, "oid": entry.sha })
    };
    asked
        .iter()
        .map(|(name, path)| ((*name).clone(), entry(path)))
        .collect()
}

/// Returns a blob's text: none for a binary one, other encodings as UTF-8, long ones cut off.
fn shown(bytes: &[u8]) -> Option<String> {
    if bytes[..bytes.len().min(BINARY_WINDOW)].contains(&0) {
        return None;
    }
    let text = match String::from_utf8(bytes.to_vec()) {
        Ok(text) => text,
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    Some(text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned())
}
