//! A run's check on the head: opened once and completed once, even if answers are lost.

use holdfast_core::model::console_page;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{Annotation, CheckConclusion, CheckOutcome, PublishError};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::PullRequest;
use super::wire::{CheckRun, CheckRuns, Created};

/// The check's name on the pull request.
const NAME: &str = "Holdfast";
const CHECKS_WRITE: &str = "Checks: write";
/// Maximum number of annotations in one request to GitHub.
const MAX_ANNOTATIONS: usize = 50;

/// Opens the check, which links to `page`, or returns the open one with this id; `None` if these credentials may not write checks.
pub(super) async fn open(
    connection: &GithubConnection,
    request: &PullRequest,
    external_id: &RunName,
    page: Option<&Url>,
) -> Result<Option<u64>, PublishError> {
    if connection.is_anonymous() {
        return Ok(None);
    }
    match find_or_create(connection, request, external_id, page).await {
        Ok(id) => Ok(Some(id)),
        // Only Apps write checks: GitHub refuses a person's token, whatever its permissions.
        Err(Failure {
            kind: Kind::Forbidden | Kind::Unauthorized,
            ..
        }) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

async fn find_or_create(
    connection: &GithubConnection,
    request: &PullRequest,
    external_id: &RunName,
    page: Option<&Url>,
) -> Result<u64, Failure> {
    if let Some(id) = find(connection, request, external_id).await? {
        return Ok(id);
    }
    let mut body =
        json!({ "name": NAME, "head_sha": request.head.as_str(), "status": "in_progress", "external_id": external_id });
    if let Some(page) = page {
        body["details_url"] = json!(page);
    }
    let call = connection.write(
        Method::POST,
        &request.place().repository(&["check-runs"]),
        body,
        CHECKS_WRITE,
    );
    match connection.json::<Created>(call).await {
        Ok(created) => Ok(created.id),
        // The answer is lost; the write may have happened.
        Err(failure) if failure.kind == Kind::Unavailable => match find(connection, request, external_id).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) | Err(_) => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

async fn find(
    connection: &GithubConnection,
    request: &PullRequest,
    external_id: &RunName,
) -> Result<Option<u64>, Failure> {
    Ok(find_open(connection, request, external_id).await?.first().copied())
}

/// Returns the checks with this id that are in progress. There are several if the write of a lost answer happened late.
async fn find_open(
    connection: &GithubConnection,
    request: &PullRequest,
    external_id: &RunName,
) -> Result<Vec<u64>, Failure> {
    let found = list(connection, request).await?;
    let is_ours =
        |run: &&CheckRun| run.external_id.as_deref() == Some(external_id.as_str()) && run.status != "completed";
    Ok(found.iter().filter(is_ours).map(|run| run.id).collect())
}

/// Lists Holdfast's checks on a commit.
async fn list(connection: &GithubConnection, request: &PullRequest) -> Result<Vec<CheckRun>, Failure> {
    let segments = ["commits", request.head.as_str(), "check-runs"];
    let call = connection.get(&request.place().repository(&segments), CHECKS_WRITE);
    let call = call
        .query("check_name", NAME)
        .query("filter", "all")
        .query("per_page", "100");
    Ok(connection.json::<CheckRuns>(call).await?.check_runs)
}

/// Completes the checks with this id that are in progress. Credentials that may not read checks have none.
pub(super) async fn close_all(
    connection: &GithubConnection,
    request: &PullRequest,
    external_id: &RunName,
    outcome: &CheckOutcome,
    console: Option<&Url>,
) -> Result<(), PublishError> {
    if connection.is_anonymous() {
        return Ok(());
    }
    let found = match find_open(connection, request, external_id).await {
        Err(Failure {
            kind: Kind::Forbidden | Kind::Unauthorized,
            ..
        }) => return Ok(()),
        found => found?,
    };
    for check in found {
        close(connection, request, check, outcome, console).await?;
    }
    Ok(())
}

/// Completes the check, which links to a page of the console from then on. Each request adds annotations to those that are already there, which are not sent again.
pub(super) async fn close(
    connection: &GithubConnection,
    request: &PullRequest,
    check: u64,
    outcome: &CheckOutcome,
    console: Option<&Url>,
) -> Result<(), PublishError> {
    let id = check.to_string();
    let path = request.place().repository(&["check-runs", &id]);
    let read = || connection.json::<CheckRun>(connection.get(&path, CHECKS_WRITE));
    let known = read().await?;
    if is_closed(&known, outcome) {
        return Ok(());
    }
    let page = page_of(&known, outcome, console);
    let sent = if known.status == "completed" {
        0
    } else {
        known.output.map_or(0, |output| output.annotations_count)
    };
    let rest = outcome
        .annotations
        .get(sent.min(outcome.annotations.len())..)
        .unwrap_or_default();
    let mut chunks: Vec<&[Annotation]> = rest.chunks(MAX_ANNOTATIONS).collect();
    let last = chunks.pop().unwrap_or_default();
    for chunk in chunks {
        let body = json!({ "status": "in_progress", "output": output(outcome, chunk) });
        connection
            .send(connection.write(Method::PATCH, &path, body, CHECKS_WRITE))
            .await?;
    }
    let mut body =
        json!({ "status": "completed", "conclusion": conclusion(outcome.conclusion), "output": output(outcome, last) });
    if let Some(page) = page {
        body["details_url"] = json!(page);
    }
    match connection
        .send(connection.write(Method::PATCH, &path, body, CHECKS_WRITE))
        .await
    {
        Ok(_) => Ok(()),
        // The answer is lost; the write may have happened.
        Err(failure)
            if failure.kind == Kind::Unavailable && read().await.is_ok_and(|known| is_closed(&known, outcome)) =>
        {
            Ok(())
        }
        Err(failure) => Err(failure.into()),
    }
}

/// The external id of a check on a merge queue's commit.
const MERGE_GROUP: &str = "merge-group";

/// Copies the head's verdict to another commit, once. Does nothing if these credentials may not write checks.
pub(super) async fn copy(
    connection: &GithubConnection,
    request: &PullRequest,
    onto: &CommitSha,
) -> Result<(), PublishError> {
    if connection.is_anonymous() {
        return Ok(());
    }
    match copy_verdict(connection, request, onto).await {
        Err(Failure {
            kind: Kind::Forbidden | Kind::Unauthorized,
            ..
        }) => Ok(()),
        copied => Ok(copied?),
    }
}

async fn copy_verdict(connection: &GithubConnection, request: &PullRequest, onto: &CommitSha) -> Result<(), Failure> {
    let mut group = request.clone();
    group.head = onto.clone();
    let is_copy = |run: &CheckRun| run.external_id.as_deref() == Some(MERGE_GROUP);
    if list(connection, &group).await?.iter().any(is_copy) {
        return Ok(());
    }
    let of_head = list(connection, request).await?;
    let verdict = of_head
        .iter()
        .filter(|run| run.status == "completed" && !is_copy(run))
        .max_by_key(|run| run.id);
    let title = verdict.and_then(|run| run.output.as_ref()?.title.clone());
    let conclusion = verdict.and_then(|run| run.conclusion.clone());
    let head = request.head.short();
    let summary =
        format!("The verdict on {head}, the head of the pull request. A merge queue's group has no review of its own.");
    let body = json!({
        "name": NAME, "head_sha": onto.as_str(), "status": "completed", "external_id": MERGE_GROUP,
        "conclusion": conclusion.unwrap_or_else(|| "neutral".to_owned()),
        "output": { "title": title.unwrap_or_else(|| format!("{head} has no verdict")), "summary": summary },
    });
    let segments = group.place().repository(&["check-runs"]);
    let call = connection.write(Method::POST, &segments, body, CHECKS_WRITE);
    connection.send(call).await.map(drop)
}

/// Returns the page in the console that a completed check links to.
fn page_of(check: &CheckRun, outcome: &CheckOutcome, console: Option<&Url>) -> Option<Url> {
    let run: RunName = check.external_id.as_deref()?.parse().ok()?;
    match outcome.awaits_decision {
        true => console_page::of_decision(console?, &run),
        false => console_page::of_run(console?, &run),
    }
}

fn is_closed(run: &CheckRun, outcome: &CheckOutcome) -> bool {
    run.status == "completed"
        && run.conclusion.as_deref() == Some(conclusion(outcome.conclusion))
        && run
            .output
            .as_ref()
            .is_some_and(|output| output.title.as_deref() == Some(&outcome.title))
}

const fn conclusion(conclusion: CheckConclusion) -> &'static str {
    match conclusion {
        CheckConclusion::Success => "success",
        CheckConclusion::Neutral => "neutral",
        CheckConclusion::ActionRequired => "action_required",
    }
}

fn output(outcome: &CheckOutcome, annotations: &[Annotation]) -> Value {
    let annotation = |found: &Annotation| {
        json!({
            "path": found.path, "start_line": found.start_line, "end_line": found.end_line,
            "annotation_level": found.level, "title": found.title, "message": found.message,
        })
    };
    let mut output = json!({ "title": outcome.title, "summary": outcome.summary });
    if !annotations.is_empty() {
        output["annotations"] = annotations.iter().map(annotation).collect();
    }
    output
}
