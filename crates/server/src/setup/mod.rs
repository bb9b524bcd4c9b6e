//! `holdfast setup`: creates the GitHub App from a manifest. A page on this machine sends the manifest to GitHub, a
//! person confirms it there, and GitHub returns a code that is exchanged for the App's secrets. They are stored at
//! once.

mod keep;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use holdfast_console::page::setup::{self, SetupView};
use holdfast_core::model::address::parse_url;
use holdfast_github::{APP_MANIFEST, CreatedApp, GithubAppManifest};
use holdfast_web::assets;
use holdfast_web::form::Form;
use holdfast_web::reply::Reply;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use url::Url;

use crate::local_host::by_address_only;
use crate::serve::respond;
use holdfast_http_server::{BodyLimits, take_body};
use holdfast_ops::data_directory::{DataPlace, Notify};
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;

use keep::Keep;

/// Maximum length of an App's name on GitHub, in characters.
const NAME_CHARS: usize = 34;

/// The options of the setup.
#[derive(Clone, Debug)]
pub struct SetupOptions<'a> {
    /// The address by which people and GitHub reach the deployment.
    pub public_url: Option<&'a str>,
    /// The stack that stores the App's secrets, instead of a data directory.
    pub stack: Option<&'a str>,
    /// The App's name.
    pub name: &'a str,
    /// The organisation that owns the App.
    pub organization: Option<&'a str>,
    /// The address of the page.
    pub listen: SocketAddr,
    /// The place of the data directory.
    pub data: DataPlace,
    /// Receives messages for the operator.
    pub notify: Notify,
}

/// The state that the page's request handlers share.
struct Setup {
    manifest: GithubAppManifest,
    state: String,
    view: SetupView,
    /// The content security policy: it allows pages of this server, and GitHub's page that receives the form.
    content_policy: HeaderValue,
    keep: Keep,
    /// Receives the summary for the terminal once the secrets are stored.
    made: mpsc::Sender<String>,
    /// Allows one exchange at a time: a code is valid once.
    exchange: Mutex<()>,
    notify: Notify,
}

/// Serves the page until the App is created; returns a summary for the operator.
///
/// # Errors
/// A usage error; the address is in use; the secrets can't be stored.
pub async fn run(args: &SetupOptions<'_>) -> Result<String, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "--listen {}: not a loopback address, and the App's secrets pass through this page: use 127.0.0.1:0",
            args.listen
        )));
    }
    if args.name.trim().is_empty() || args.name.chars().count() > NAME_CHARS {
        return Err(Failure::usage(format!(
            "--name {:?}: 1 to {NAME_CHARS} characters are allowed",
            args.name
        )));
    }
    let github = std::env::var("HOLDFAST_GITHUB_URL").ok().filter(|url| !url.is_empty());
    let github = github.map(|url| parse_url(&url)).transpose();
    let github = github.map_err(|problem| Failure::usage(format!("HOLDFAST_GITHUB_URL (environment): {problem}")))?;
    let (keep, public) = Keep::prepare(args).await?;
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| Failure::usage(format!("--listen {}: {error}", args.listen)))?;
    let here = listener.local_addr().map_err(Failure::incomplete)?;
    let here = Url::parse(&format!("http://{here}/")).map_err(Failure::incomplete)?;

    let manifest = GithubAppManifest::new(github).map_err(Failure::usage)?;
    let state = machine::random_hex();
    let page = manifest.page(args.organization, &state);
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        page.origin().ascii_serialization()
    );
    let (made, mut created_summary) = mpsc::channel(1);
    let setup = Arc::new(Setup {
        view: view(args, &page, &public, &here)?,
        manifest,
        state,
        content_policy: HeaderValue::from_str(&policy).map_err(Failure::incomplete)?,
        keep,
        made,
        exchange: Mutex::default(),
        notify: args.notify,
    });
    (args.notify)(&format!(
        "open {here} in a browser on this machine, and confirm the App on GitHub"
    ));
    let routes = Router::new()
        .route("/", get(begin))
        .route("/created", get(created))
        .route("/assets/{name}", get(asset))
        // No request to this page has a body.
        .layer(from_fn(async |request: Request, next: Next| {
            take_body(BodyLimits::of_bytes(1_024), request, next).await
        }))
        .with_state(setup)
        .layer(from_fn(by_address_only));
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let server = tokio::spawn(holdfast_http_server::serve(listener, routes, async move {
        drop(stopped.wait_for(|stop| *stop).await);
    }));
    tokio::select! {
        summary = created_summary.recv() => {
            stop.send_replace(true);
            // Sends the last page, with a limit, because a browser may keep its connection open.
            drop(tokio::time::timeout(std::time::Duration::from_secs(2), server).await);
            Ok(summary.unwrap_or_default())
        }
        _ = tokio::signal::ctrl_c() => Err(Failure::incomplete("stopped before the App was created: rerun holdfast setup")),
    }
}

/// Fills in the manifest and the page around it.
fn view(args: &SetupOptions<'_>, action: &Url, public: &Url, here: &Url) -> Result<SetupView, Failure> {
    let joined = |base: &Url, path: &str| base.join(path).map_err(Failure::usage);
    let webhook = joined(public, "webhooks/github")?;
    let mut manifest: Value = serde_json::from_str(APP_MANIFEST).map_err(Failure::incomplete)?;
    manifest["name"] = json!(args.name);
    manifest["url"] = json!(public);
    manifest["hook_attributes"]["url"] = json!(webhook);
    manifest["redirect_url"] = json!(joined(here, "created")?);
    manifest["callback_urls"] = json!([joined(public, "sign-in/callback")?]);
    let permissions = manifest["default_permissions"].as_object().into_iter().flatten();
    let permissions =
        permissions.map(|(name, level)| format!("{}: {}", name.replace('_', " "), level.as_str().unwrap_or_default()));
    Ok(SetupView {
        action: action.to_string(),
        name: args.name.to_owned(),
        webhook: webhook.to_string(),
        organisation: args.organization.map(str::to_owned),
        permissions: permissions.collect(),
        manifest: manifest.to_string(),
    })
}

async fn begin(State(setup): State<Arc<Setup>>) -> Response {
    page(&setup, StatusCode::OK, setup::begin(&setup.view))
}

/// Handles the browser's return from GitHub with a code.
async fn created(State(setup): State<Arc<Setup>>, RawQuery(query): RawQuery) -> Response {
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let failed = |status, why: &str| page(&setup, status, setup::failed(why));
    let (Some(code), Some(state)) = (query.get("code"), query.get("state")) else {
        return failed(StatusCode::BAD_REQUEST, "GitHub sent no code. Nothing was created");
    };
    if state != setup.state {
        return failed(
            StatusCode::FORBIDDEN,
            "This answer belongs to another setup page. Nothing was created",
        );
    }
    let _one = setup.exchange.lock().await;
    let app = match setup.manifest.convert(code).await {
        Ok(app) => app,
        Err(why) => return failed(StatusCode::BAD_GATEWAY, &why.to_string()),
    };
    match setup.keep.store(&app).await {
        Ok(summary) => {
            let install_at = format!("{}/installations/new", app.html_url.trim_end_matches('/'));
            let summary = format!(
                "{}{summary}  install it on repositories: {install_at}\n",
                summary_of(&app, &setup.view)
            );
            // The receiver takes only one summary.
            drop(setup.made.try_send(summary));
            page(&setup, StatusCode::OK, setup::done(&app.slug, &install_at))
        }
        Err(failure) => {
            (setup.notify)(&failure.message);
            let why = format!(
                "{}. GitHub has created the App, but its secrets are lost: delete it at {}, then rerun holdfast setup",
                failure.message, app.html_url
            );
            failed(StatusCode::INTERNAL_SERVER_ERROR, &why)
        }
    }
}

fn summary_of(app: &CreatedApp, view: &SetupView) -> String {
    format!(
        "GitHub App {} (id {}) created\n  webhook: {}\n",
        app.slug, app.id, view.webhook
    )
}

fn page(setup: &Setup, status: StatusCode, html: String) -> Response {
    let mut reply = Reply::page(status, html);
    reply
        .headers
        .insert(CONTENT_SECURITY_POLICY, setup.content_policy.clone());
    respond(reply)
}

async fn asset(uri: Uri) -> Response {
    respond(assets::answer(uri.path()))
}
