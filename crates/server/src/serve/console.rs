//! The console: access control, pages and the actions of the buttons.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::header::REFRESH;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, post};
use holdfast_console::view::{Notice, Refresh, ReplayVerdict, RunActions, RunsFilter};
use holdfast_console::{field, href, page};
use holdfast_core::model::report::RunStatus;
use holdfast_core::model::repository_id::RepositoryId;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run_name::RunName;
use holdfast_web::approval::{self, QuestionRef};
use holdfast_web::assets;
use holdfast_web::form::{Form, MAX_FORM_BYTES};
use holdfast_web::reply::Reply;

use super::App;
use super::routes::respond;
use super::visit::Visit;
use super::{limits_view, pull_view, sign_in, views};
use holdfast_ops::cancel;
use holdfast_ops::failure::Failure;
use holdfast_ops::pull_runs::RepositoryReference;
use holdfast_ops::redrive;
use holdfast_ops::replay;
use holdfast_ops::run_summary::{LocalRuns, ReadRuns};

/// Seconds after which the page of a run in progress is loaded again.
const REFRESH_SECONDS: u32 = 30;

/// Returns the routes of the pages.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(runs))
        .route("/reviews/{run}", get(run))
        .route("/reviews/{run}/picture.svg", get(picture))
        .route("/reviews/{run}/units/{unit}", get(unit))
        .route("/reviews/{run}/decide", get(decide_page).post(decide))
        .route("/reviews/{run}/{action}", post(act))
        .route(href::LIMITS, get(limits))
        .route("/pulls/{id}/{number}", get(pull))
        .route("/pulls/{owner}/{repository}/{number}", get(named_pull))
        .route("/approvals/{id}", get(approval_page).post(approve))
        .route("/assets/{name}", get(asset))
        .merge(sign_in::router())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
}

async fn runs(State(app): State<Arc<App>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let visit = Visit::new(&app, &headers);
    if visit.session.is_none() {
        return visit.notice(visit.sign_in_first());
    }
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let given = |name: &str| query.get(name).map(str::trim).filter(|text| !text.is_empty());
    let filter = RunsFilter {
        status: given(field::FILTER_STATUS)
            .and_then(|status| serde_json::from_value(serde_json::Value::from(status)).ok()),
        repository: given(field::FILTER_REPOSITORY).map(str::to_owned),
        text: given(field::FILTER_TEXT).unwrap_or_default().to_owned(),
    };
    let page = given(field::FILTER_PAGE)
        .and_then(|page| page.parse().ok())
        .unwrap_or(1);
    let mut records = match on_records(&app, async |records| records.list().await).await {
        Ok(records) => records,
        Err(failure) => return visit.failed(&failure),
    };
    // One request for each repository, those with the newest runs first, because requests per login are limited.
    let mut may_see: BTreeMap<Option<RepositoryName>, bool> = BTreeMap::new();
    for repository in records.iter().map(views::repository_name) {
        if let Entry::Vacant(place) = may_see.entry(repository) {
            let may = visit.may_see(place.key().as_ref()).await;
            place.insert(may);
        }
    }
    records.retain(|record| may_see.get(&views::repository_name(record)) == Some(&true));
    visit.page(page::runs::page(&views::runs(&records, visit.frame(), filter, page)))
}

/// Reads the runs' records on a thread that may block, with the rows that the engine's own stages have open.
pub(super) async fn on_records<T: Send + 'static>(
    app: &App,
    read: impl AsyncFnOnce(&LocalRuns) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (data, rows) = (app.data.clone(), Arc::clone(&app.opened.stages.rows));
    views::on_disk(async move || read(&LocalRuns::with_rows(&data, Some(rows))?).await).await
}

async fn run(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let visit = Visit::new(&app, &headers);
    let record = match visit.find(&name).await {
        Ok(record) => record,
        Err(response) => return response,
    };
    let (cookie, _) = app.seal.visit(&headers, &visit.fresh);
    let form = |action: &str| Some(visit.form(&cookie, href::action(&name, action)));
    let is_open = !record.row.status.is_final();
    let waits = record.status == RunStatus::AwaitingApproval;
    let actions = RunActions {
        cancel: form("cancel").filter(|_| is_open),
        clean: form("clean").filter(|_| record.needs_cleaning),
        redrive: form("redrive").filter(|_| redrive::is_redrivable(&record)),
        replay: form("replay").filter(|_| !is_open),
        approve: None,
        reject: None,
        decide_at: waits.then(|| href::action(&name, "decide")),
    };
    let (data, frame, rows) = (app.data.clone(), visit.frame(), Arc::clone(&app.opened.stages.rows));
    let run = record.run.clone();
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let refresh = match query.get(field::REFRESH) {
        _ if record.status != RunStatus::Running => Refresh::Never,
        Some(field::REFRESH_OFF) => Refresh::Stopped,
        _ => Refresh::EverySeconds(REFRESH_SECONDS),
    };
    let read = async move || views::run(&data, rows.as_ref(), frame, record, actions, refresh).await;
    match views::on_disk(read).await {
        Ok((view, picture)) => {
            app.pictures.keep(&run, picture);
            let mut response = visit.page(page::run::page(&view));
            if let Refresh::EverySeconds(seconds) = refresh {
                response.headers_mut().insert(REFRESH, HeaderValue::from(seconds));
            }
            response
        }
        Err(failure) => visit.failed(&failure),
    }
}

/// Shows the providers' state and the money: of the whole deployment, so only to its operators.
async fn limits(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let visit = Visit::new(&app, &headers);
    if visit.session.is_none() {
        return visit.notice(visit.sign_in_first());
    }
    if !visit.is_operator() {
        let what = "page".to_owned();
        return visit.notice(Notice::Unknown { what });
    }
    match limits_view::read(&app, visit.frame()).await {
        Ok(view) => visit.page(page::limits::page(&view)),
        Err(failure) => visit.failed(&failure),
    }
}

async fn pull(app: State<Arc<App>>, headers: HeaderMap, Path((id, number)): Path<(String, String)>) -> Response {
    let repository = id.parse().map(|id| RepositoryReference::Id(RepositoryId::new(id)));
    show_pull(&app, &headers, repository.ok(), &number).await
}

async fn named_pull(
    app: State<Arc<App>>,
    headers: HeaderMap,
    Path((owner, repository, number)): Path<(String, String, String)>,
) -> Response {
    let repository = RepositoryName::new(&owner, &repository).map(RepositoryReference::Name);
    show_pull(&app, &headers, repository.ok(), &number).await
}

/// Shows a pull request's page, if the visitor may see its repository.
async fn show_pull(app: &App, headers: &HeaderMap, repository: Option<RepositoryReference>, number: &str) -> Response {
    let visit = Visit::new(app, headers);
    if visit.session.is_none() {
        return visit.notice(visit.sign_in_first());
    }
    let unknown = || {
        visit.notice(Notice::Unknown {
            what: "pull request".to_owned(),
        })
    };
    let (Some(repository), Ok(number)) = (repository, number.parse::<u64>()) else {
        return unknown();
    };
    let (target, runs) = match on_records(app, async move |runs| runs.list_of_pull(&repository, number).await).await {
        Ok(Some(found)) => found,
        Ok(None) => return unknown(),
        Err(failure) => return visit.failed(&failure),
    };
    if !visit.may_see(target.repository_name()).await {
        return unknown();
    }
    let (data, frame, rows) = (app.data.clone(), visit.frame(), Arc::clone(&app.opened.stages.rows));
    let read = async move || pull_view::pull(&data, rows.as_ref(), frame, &target, &runs).await;
    match views::on_disk(read).await {
        Ok(view) => visit.page(page::pull::page(&view)),
        Err(failure) => visit.failed(&failure),
    }
}

async fn unit(State(app): State<Arc<App>>, headers: HeaderMap, Path((name, unit)): Path<(String, String)>) -> Response {
    let visit = Visit::new(&app, &headers);
    let record = match visit.find(&name).await {
        Ok(record) => record,
        Err(response) => return response,
    };
    let (data, frame) = (app.data.clone(), visit.frame());
    match views::on_disk(async move || views::unit(&data, frame, &record, &unit).await).await {
        Ok(Some(view)) => visit.page(page::unit::page(&view)),
        Ok(None) => visit.notice(Notice::Unknown {
            what: "unit".to_owned(),
        }),
        Err(failure) => visit.failed(&failure),
    }
}

async fn picture(State(app): State<Arc<App>>, headers: HeaderMap, Path(name): Path<String>) -> Response {
    let visit = Visit::new(&app, &headers);
    let record = match visit.find(&name).await {
        Ok(record) => record,
        Err(response) => return response,
    };
    let drawn = match app.pictures.take(&record.run) {
        Some(drawn) => Ok(drawn),
        None => {
            let data = app.data.clone();
            views::on_disk(async move || views::picture(&data, &record).await).await
        }
    };
    match drawn {
        Ok(svg) => {
            let mut reply = Reply::new(StatusCode::OK, "image/svg+xml", svg);
            // An image runs no scripts. It has inline styles.
            reply.headers.insert(
                axum::http::header::CONTENT_SECURITY_POLICY,
                axum::http::HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
            );
            respond(reply)
        }
        Err(failure) => visit.failed(&failure),
    }
}

/// Handles a button of a run's page.
async fn act(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Path((name, action)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let visit = Visit::new(&app, &headers);
    let form = Form::parse(&body);
    if !app
        .seal
        .is_ours(&headers, &form, &href::action(&name, &action), field::CSRF)
    {
        return visit.notice(Notice::FormRefused {
            again_at: href::run(&name),
        });
    }
    let record = match visit.find(&name).await {
        Ok(record) => record,
        Err(response) => return response,
    };
    if action == "replay" {
        return visit.answer(replay(&app, record.run).await);
    }
    let who = visit.name().unwrap_or_default();
    let did = match action.as_str() {
        "cancel" | "clean" => {
            let did = if action == "cancel" {
                "cancelled"
            } else {
                "cleaned up after"
            };
            let cause = format!("{who} {did} it in the console");
            cancel::in_engine(&app.opened, record, cause).await.map(|()| did)
        }
        "redrive" => redrive::start_next(&app.data, &app.opened.engine, record)
            .await
            .map(|_| "redriven"),
        _ => {
            return visit.notice(Notice::Unknown {
                what: "page".to_owned(),
            });
        }
    };
    visit.answer(did.map(|did| {
        tracing::info!(run = name, who, did, "console action");
        Notice::ActionTaken { did: did.to_owned() }
    }))
}

/// Replays a run. Only one replay runs at a time, because it occupies a processor.
async fn replay(app: &App, name: RunName) -> Result<Notice, Failure> {
    let Ok(_one) = app.replays.try_acquire() else {
        return Err(Failure::incomplete("another replay is running: try again in a minute"));
    };
    let data = app.data.clone();
    let replayed = views::on_disk(async move || replay::replay(&data, &name, None).await).await?;
    let verdict = match (replayed.complete, replayed.same) {
        (false, _) => ReplayVerdict::Incomplete,
        (true, true) => ReplayVerdict::Same,
        (true, false) => ReplayVerdict::Differs,
    };
    Ok(Notice::Replayed {
        verdict,
        comparison: replay::text::replay_text(&replayed),
    })
}

fn ports(app: &App) -> approval::Ports<'_> {
    let stages = &app.opened.stages;
    approval::Ports {
        rows: stages.rows.as_ref(),
        tasks: app.opened.runs.as_ref(),
        store: stages.store.as_ref(),
        permission: Some(&app.page_permission),
    }
}

async fn show(app: &App, headers: &HeaderMap, reference: QuestionRef<'_>) -> Response {
    let visit = Visit::new(app, headers);
    respond(approval::show(reference, visit.request(), &app.seal, ports(app)).await)
}

async fn take(app: &App, headers: &HeaderMap, reference: QuestionRef<'_>, body: &[u8]) -> Response {
    let visit = Visit::new(app, headers);
    respond(approval::submit(reference, visit.request(), body, &app.seal, ports(app)).await)
}

async fn approval_page(State(app): State<Arc<App>>, headers: HeaderMap, Path(id): Path<String>) -> Response {
    show(&app, &headers, QuestionRef::Link(&id)).await
}

async fn approve(State(app): State<Arc<App>>, headers: HeaderMap, Path(id): Path<String>, body: Bytes) -> Response {
    take(&app, &headers, QuestionRef::Link(&id), &body).await
}

async fn decide_page(State(app): State<Arc<App>>, headers: HeaderMap, Path(run): Path<String>) -> Response {
    let visit = Visit::new(&app, &headers);
    if visit.session.is_none() {
        // The comment on the pull request links here.
        let sign_in_at = holdfast_web::sign_in::sign_in_at(&href::action(&run, "decide"));
        return visit.notice(visit.sign_in_at(sign_in_at));
    }
    match visit.find(&run).await {
        Ok(record) => show(&app, &headers, QuestionRef::Run(&record.run)).await,
        Err(response) => response,
    }
}

async fn decide(State(app): State<Arc<App>>, headers: HeaderMap, Path(run): Path<String>, body: Bytes) -> Response {
    match Visit::new(&app, &headers).find(&run).await {
        Ok(record) => take(&app, &headers, QuestionRef::Run(&record.run), &body).await,
        Err(response) => response,
    }
}

async fn asset(uri: Uri) -> Response {
    respond(assets::answer(uri.path()))
}
