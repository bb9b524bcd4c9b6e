//! Check runs and their rules.

use super::render::Render;
use super::reply::{Answered, Reply, page_of};
use super::request::ApiRequest;
use super::state::{CheckRun, Repo, State, now};
use serde_json::{Map, Value, json};
use std::sync::Arc;

type At<'a> = (&'a str, &'a str);

const FIELDS: [&str; 7] = [
    "name",
    "status",
    "conclusion",
    "details_url",
    "external_id",
    "started_at",
    "completed_at",
];
const STATUSES: [&str; 3] = ["queued", "in_progress", "completed"];
const CONCLUSIONS: [&str; 7] = [
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "timed_out",
];
const ANNOTATION_FIELDS: [&str; 5] = ["path", "start_line", "end_line", "annotation_level", "message"];
/// The maximum number of annotations in one request; more need further updates.
const MAX_ANNOTATIONS: usize = 50;
/// The maximum length of an output's `summary` and `text`, in characters.
const MAX_OUTPUT_CHARS: usize = 65_535;

pub(crate) fn create(state: &mut State, request: &ApiRequest, at: At) -> Answered {
    request.may_write_checks()?;
    let repo = state.repo(at.0, at.1)?;
    if request.text("name").is_none_or(str::is_empty) {
        return Err(invalid("name", "name is required"));
    }
    let head_sha = request
        .text("head_sha")
        .ok_or_else(|| invalid("head_sha", "head_sha is required"))?
        .to_owned();
    if !repo.knows_commit(&head_sha) {
        return Err(Reply::error(422, &format!("No commit found for SHA: {head_sha}")));
    }
    let id = state.id();
    let mut run = CheckRun {
        id,
        head_sha,
        fields: Map::new(),
        output: Map::new(),
        annotations: Vec::new(),
    };
    run.fields.insert("status".into(), json!("queued"));
    run.fields.insert("started_at".into(), json!(now()));
    apply(&mut run, request)?;
    finish(state, request, at, run, 201, "create")
}

pub(crate) fn update(state: &mut State, request: &ApiRequest, at: At, id: &str) -> Answered {
    request.may_write_checks()?;
    let mut run = find(state.repo(at.0, at.1)?, id)?.clone();
    apply(&mut run, request)?;
    finish(state, request, at, run, 200, "update")
}

pub(crate) fn get(state: &State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "checks")?;
    Ok(Reply::json(
        200,
        &Render { api: &request.api }.check_run(state, repo, find(repo, id)?),
    ))
}

pub(crate) fn annotations(state: &State, request: &ApiRequest, at: At, id: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "checks")?;
    Ok(Reply::page(request, &find(repo, id)?.annotations))
}

pub(crate) fn of_commit(state: &State, request: &ApiRequest, at: At, commit: &str) -> Answered {
    let repo = state.repo(at.0, at.1)?;
    request.may_read(repo, "checks")?;
    let sha = repo.resolve(commit).map_or(commit.to_owned(), |(sha, _)| sha);
    if !repo.knows_commit(&sha) {
        return Err(Reply::error(422, &format!("No commit found for SHA: {commit}")));
    }
    let is = |run: &CheckRun, field: &str, wanted: Option<&str>| {
        wanted.is_none_or(|wanted| run.fields.get(field).is_some_and(|value| value == wanted))
    };
    let mut runs: Vec<&CheckRun> = repo
        .check_runs
        .values()
        .rev()
        .map(Arc::as_ref)
        .filter(|run| run.head_sha == sha)
        .collect();
    if request.query("filter") != Some("all") {
        let mut names = Vec::new();
        runs.retain(|run| {
            let name = run.fields.get("name");
            let is_latest = !names.contains(&name);
            names.push(name);
            is_latest
        });
    }
    let app_id = request.query("app_id").and_then(|id| id.parse::<u64>().ok());
    runs.retain(|run| {
        is(run, "name", request.query("check_name"))
            && is(run, "status", request.query("status"))
            && app_id.is_none_or(|id| id == state.app_id)
    });
    let render = Render { api: &request.api };
    let (range, link) = page_of(request, runs.len());
    let page: Vec<Value> = runs[range]
        .iter()
        .map(|run| render.check_run(state, repo, run))
        .collect();
    Ok(Reply::json(200, &json!({ "total_count": runs.len(), "check_runs": page })).linked(link))
}

fn find<'a>(repo: &'a Repo, id: &str) -> Result<&'a CheckRun, Reply> {
    id.parse()
        .ok()
        .and_then(|id: u64| repo.check_runs.get(&id))
        .map(Arc::as_ref)
        .ok_or_else(Reply::not_found)
}

/// Applies all of the request's fields, or refuses them.
fn apply(run: &mut CheckRun, request: &ApiRequest) -> Result<(), Reply> {
    let one_of = |field: &str, allowed: &[&str]| match request.text(field) {
        Some(value) if !allowed.contains(&value) => Err(invalid(field, &format!("{value} is not a known {field}"))),
        value => Ok(value),
    };
    let status = one_of("status", &STATUSES)?;
    let conclusion = one_of("conclusion", &CONCLUSIONS)?;
    if status == Some("completed") && conclusion.is_none() {
        return Err(invalid("conclusion", "conclusion is required when status is completed"));
    }
    for field in FIELDS {
        if let Some(value) = request.body.get(field).filter(|value| !value.is_null()) {
            run.fields.insert(field.into(), value.clone());
        }
    }
    if conclusion.is_some() {
        run.fields.insert("status".into(), json!("completed"));
        run.fields.entry("completed_at").or_insert_with(|| json!(now()));
    } else if status.is_some() {
        // It was restarted.
        run.fields.remove("conclusion");
        run.fields.remove("completed_at");
    }
    if let Some(actions) = request.body["actions"].as_array().filter(|actions| actions.len() > 3) {
        return Err(invalid(
            "actions",
            &format!("{} actions; at most 3 are allowed", actions.len()),
        ));
    }
    match &request.body["output"] {
        Value::Null => Ok(()),
        Value::Object(output) => apply_output(run, output),
        _ => Err(invalid("output", "output is not an object")),
    }
}

fn apply_output(run: &mut CheckRun, output: &Map<String, Value>) -> Result<(), Reply> {
    // An update may leave out the title, but not the summary.
    let title = output.get("title").or(run.output.get("title"));
    if !title.is_some_and(Value::is_string) || !output.get("summary").is_some_and(Value::is_string) {
        return Err(invalid("output", "output needs a title and a summary"));
    }
    for field in ["summary", "text"] {
        let length = output
            .get(field)
            .and_then(Value::as_str)
            .map_or(0, |text| text.chars().count());
        if length > MAX_OUTPUT_CHARS {
            return Err(invalid(field, "is too long (maximum is 65535 characters)"));
        }
    }
    let annotations = output
        .get("annotations")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    if annotations.len() > MAX_ANNOTATIONS {
        return Err(invalid("annotations", "at most 50 annotations a request"));
    }
    let is_whole = |annotation: &Value| ANNOTATION_FIELDS.iter().all(|field| !annotation[*field].is_null());
    if !annotations.iter().all(is_whole) {
        return Err(invalid("annotations", "an annotation lacks a required field"));
    }
    for field in ["title", "summary", "text"] {
        if let Some(value) = output.get(field) {
            run.output.insert(field.into(), value.clone());
        }
    }
    run.annotations.extend(annotations);
    Ok(())
}

fn finish(state: &mut State, request: &ApiRequest, at: At, run: CheckRun, status: u16, verb: &str) -> Answered {
    let id = run.id;
    let (run_status, conclusion) = (run.fields.get("status").cloned(), run.fields.get("conclusion").cloned());
    state.repo_mut(at.0, at.1)?.check_runs.insert(id, Arc::new(run));
    let repo = state.repo(at.0, at.1)?;
    let body = Render { api: &request.api }.check_run(state, repo, find(repo, &id.to_string())?);
    let word = |value: Option<Value>| {
        value
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let effect = format!("{verb} check run {id} {} {}", word(run_status), word(conclusion));
    Ok(Reply::json(status, &body).with_effect(effect.trim_end()))
}

fn invalid(field: &str, message: &str) -> Reply {
    Reply::invalid("CheckRun", field, "invalid", message)
}
