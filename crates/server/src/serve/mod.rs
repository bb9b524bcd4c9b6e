//! `holdfast serve`: webhook, console, approvals and runner in one process. `holdfast-web` computes the answers; this
//! module has the server and its wiring.

mod console;
mod key;
mod limits_view;
mod metrics;
mod permission;
mod pictures;
mod pull_view;
mod routes;
mod server;
mod sign_in;
mod sweeper;
mod views;
mod visit;

pub use routes::respond;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use holdfast_core::intake::RunSettings;
use holdfast_core::model::settings::Settings;
use holdfast_core::port::{ReadPermission, ReadPull};
use holdfast_core::webhook::WebhookSecrets;
use holdfast_github::GithubSignIn;
use holdfast_http_server::ReservedAddress;
use holdfast_sfn_api::ProvidedMachine;
use holdfast_web::form::Seal;
use holdfast_web::sign_in::SignInFlow;
use holdfast_web::sign_out;
use tokio::sync::{Semaphore, watch};
use url::Url;

use self::permission::LimitedPermission;
use self::pictures::Pictures;
use crate::step_functions_api;
use holdfast_ops::data_directory::{DataPlace, Notify};
use holdfast_ops::failure::Failure;
use holdfast_ops::machine::{self, Opened};
use holdfast_ops::metrics::{AfterRun, RunWatch};
use holdfast_ops::model_watch;
use holdfast_ops::otlp::TraceExport;
use holdfast_ops::quality_watch::QualityWatch;
use holdfast_ops::recovery::recovery_notes;
use holdfast_ops::workflow;

use holdfast_ops::access::Access;
use key::{ConsoleKeys, Entry};

/// The Step Functions API shows this text in place of a review's task tokens. A token's holder could decide in place of
/// the approvers, and derive their codes from it.
const TOKEN_MASK: &str = "[withheld: a task token of a review]";

/// The state that request handlers share.
pub struct App {
    /// The data directory.
    data: PathBuf,
    /// The engine and its stages.
    opened: Opened,
    /// The settings of new runs.
    run_settings: RunSettings,
    /// The secrets that sign deliveries.
    secrets: WebhookSecrets,
    /// Reads people's current permissions, for deliveries, which are signed.
    permission: Arc<dyn ReadPermission>,
    /// Reads people's permissions for pages, with a limit on requests.
    page_permission: LimitedPermission,
    /// Reads the current state of pull requests.
    pulls: Arc<dyn ReadPull>,
    /// Seals forms and sessions.
    seal: Seal,
    /// Sign-in with GitHub, where it's configured.
    with_github: Option<SignInFlow>,
    /// Pictures that pages have drawn already.
    pictures: Pictures,
    /// Lets one replay run at a time.
    replays: Semaphore,
    /// The sign-in address of this machine's operator.
    entry: Entry,
    /// The settings that the models were made with.
    settings: Settings,
}

/// The options of the server.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// The address of the Step Functions API, if it's served too.
    pub step_functions: Option<SocketAddr>,
    /// Creates a new sign-in address and ends all sessions.
    pub new_console_key: bool,
    /// The place of the data directory.
    pub data: DataPlace,
    /// Receives messages for the operator.
    pub notify: Notify,
    /// The version of the program.
    pub version: &'static str,
}

/// Serves until a signal stops it.
///
/// # Errors
/// A setting is missing; the address or the data directory is in use.
pub async fn run(options: ServeOptions) -> Result<(), Failure> {
    let notify = options.notify;
    let mut settings = machine::read_settings()?;
    machine::check_models(&settings)?;
    let secrets = check(&settings)?;
    for line in [settings.approvers_without_a_way(), settings.limits_without_a_price()].concat() {
        notify(&line);
    }
    let reserved = ReservedAddress::take(options.listen)
        .map_err(|error| Failure::usage(format!("--listen {}: {error}", options.listen)))?;
    let address = reserved.address();
    let step_functions = match options.step_functions {
        None => None,
        Some(address) => Some(step_functions_api::bind("--step-functions", address)?),
    };
    let traces = TraceExport::of(&settings, options.version)?;
    let others: Vec<SocketAddr> = [Some(address), options.step_functions].into_iter().flatten().collect();
    let metrics_listener = settings.metrics_listen;
    let metrics_listener = metrics_listener.map(|address| metrics::reserve(address, &others));
    let metrics_listener = metrics_listener.transpose()?;
    let own = own_url(address)?;
    let public = settings.public_url.clone().unwrap_or_else(|| own.clone());
    settings.serve_url = Some(own);
    let directory = options.data.for_server()?;
    let data = directory.path.as_path();
    let opened = machine::open(data, &settings, Access::all(public.as_str())).await?;
    let metrics = Arc::clone(&opened.metrics);
    metrics.set_version(options.version);
    model_watch::load_health(&metrics, &opened.table, &settings).await;
    let quality = QualityWatch::new(Arc::new(opened.table.clone()), Arc::clone(&opened.stages.notify));
    let run_watch = RunWatch::start(&opened.engine, data, &metrics, AfterRun { quality, traces });
    for note in recovery_notes(&opened.recovered, false) {
        notify(&note);
    }
    let ConsoleKeys { seal, entry } = key::console_keys(data, &public, options.new_console_key)?;
    sign_out::load_ended(&seal, opened.stages.rows.as_ref(), machine::now_ms())
        .await
        .map_err(Failure::usage)?;
    let with_github = match &settings.github_sign_in {
        None => None,
        Some(given) => {
            let sign_in = GithubSignIn::new(given, settings.github_url.clone()).map_err(Failure::usage)?;
            Some(SignInFlow::new(Arc::new(sign_in), &public, false).map_err(Failure::usage)?)
        }
    };
    let permission = machine::permission(&settings)?;
    let app = Arc::new(App {
        with_github,
        seal,
        entry,
        data: data.to_path_buf(),
        pictures: Pictures::default(),
        replays: Semaphore::new(1),
        run_settings: RunSettings::of(&settings, machine::BUCKET),
        page_permission: LimitedPermission::new(Arc::clone(&permission)),
        permission,
        pulls: machine::pulls(&settings)?,
        secrets,
        opened,
        settings,
    });
    let step_functions = match step_functions {
        None => None,
        Some(server) => {
            let provided = ProvidedMachine {
                name: app.opened.engine.naming().state_machine.clone(),
                definition: workflow::definition().to_owned(),
                token_mask: Some(TOKEN_MASK.to_owned()),
            };
            let opened = server.open(app.opened.engine.clone(), data, Some(provided));
            Some(opened.map_err(step_functions_api::failure)?)
        }
    };
    // Connections are accepted only after the database was checked.
    let listener = reserved.listen().map_err(Failure::incomplete)?;
    let console = match app.entry.is_open() {
        true => format!("the address in {}", data.join(key::FILE).display()),
        false => "its sign-in address was used, --new-console-key creates a new one".to_owned(),
    };
    notify(&format!(
        "serving {public} (listening on {address}); webhook: {public}webhooks/github; console: {console}"
    ));
    let sweeper = tokio::spawn(sweeper::sweep_periodically(Arc::clone(&app)));
    let retrier = tokio::spawn(sweeper::retry_periodically(Arc::clone(&app)));
    let (stop, stopped) = watch::channel(false);
    let scraped = {
        let (metrics, stopped) = (Arc::clone(&app.opened.metrics), stopped.clone());
        async move {
            let Some(reserved) = metrics_listener else {
                return Ok(());
            };
            notify(&format!("metrics: http://{}/metrics", reserved.address()));
            metrics::serve(reserved, metrics, stopped).await
        }
    };
    let beside = async {
        let Some(server) = step_functions else { return Ok(()) };
        notify(&format!("Step Functions API: http://{}", server.address()));
        let served = server.serve(stopped).await.map_err(step_functions_api::failure);
        // Stop the other server too: clients of this API would otherwise fail without any sign to the operator.
        stop.send_replace(true);
        served
    };
    let (served, beside, scraped) = tokio::join!(server::serve(listener, Arc::clone(&app), &stop), beside, scraped);
    sweeper.abort();
    retrier.abort();
    notify("stopping: open reviews resume at the next start");
    app.opened.engine.clone().shutdown().await;
    run_watch.finish().await;
    served.and(beside).and(scraped)
}

/// Checks the settings that a server requires.
///
/// # Errors
/// Lists every missing setting.
fn check(settings: &Settings) -> Result<WebhookSecrets, Failure> {
    let mut missing = Vec::new();
    if settings.webhook_secrets.is_none() {
        missing.push("HOLDFAST_WEBHOOK_SECRET (environment): not set; it verifies GitHub's deliveries");
    }
    if settings.github_token.is_none() && settings.github_app.is_none() {
        missing.push(
            "GITHUB_TOKEN, or HOLDFAST_GITHUB_APP_ID and HOLDFAST_GITHUB_APP_KEY_FILE (environment): not set; one of them \
             is required to write reviews",
        );
    }
    match &settings.webhook_secrets {
        Some(secrets) if missing.is_empty() => Ok(secrets.clone()),
        _ => Err(Failure::usage(missing.join("\n"))),
    }
}

fn own_url(address: SocketAddr) -> Result<Url, Failure> {
    Url::parse(&format!("http://{address}/")).map_err(Failure::usage)
}
