//! Wires this machine's parts: settings, adapters, the engine on its data directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use holdfast_core::evidence::{Evidence, ToolRequest, ToolRuns};
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::policy::nearest;
use holdfast_core::model::setting_name::{SETTINGS, SettingProblem, lines_of, unknown_names};
use holdfast_core::model::settings::Settings;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{
    Ends, NotifyPeople, Pace, ReadChange, ReadError, ReadPermission, ReadPull, RedeliverWebhooks, RootEntry,
};
use holdfast_core::provider::PacedWrites;
use holdfast_core::retry::RetrySettings;
use holdfast_core::stage::request_approval::ApprovalSettings;
use holdfast_git::GitReadChange;
use holdfast_github::{
    GithubConnection, GithubPublishReview, GithubReadChange, GithubReadPermission, GithubReadThreads,
    GithubRedeliverWebhooks,
};
use holdfast_mail::OutboxNotifyPeople;
use holdfast_mail::SmtpNotifyPeople;
use holdfast_rules::TreeSitterSyntax;
use holdfast_stores::files::FilesStoreArtifact;
use holdfast_stores::sqlite::SqliteKeepRows;
use tracing_subscriber::EnvFilter;

use crate::access::{Access, PublishOnly};
use crate::artifact_objects::artifact_objects;
use crate::evaluator;
use crate::executions::EngineExecutions;
use crate::failure::Failure;
use crate::functions::StageFunctions;
use crate::marker_key::marker_key;
use crate::metrics::Metrics;
use crate::model_watch::ModelWatch;
use crate::models;
use crate::pace::LocalPace;
use crate::run_summary::RunSummary;
use crate::tools::{self, Tools};
use holdfast_engine::{Clock, Engine, EngineOptions, Recovered, SystemClock, check_free};

/// The bucket's name in this machine's executions.
pub const BUCKET: &str = "artifacts";

/// Reads the settings from the environment.
///
/// # Errors
/// Lists every invalid, misspelt or missing setting together, including those that would only fail when they are used.
pub fn read_settings() -> Result<Settings, Failure> {
    let lookup = |name: &str| std::env::var(name).ok();
    Settings::read_and_check(&lookup, &|settings| {
        let mut problems = name_problems();
        problems.extend(models::problems(settings));
        problems.extend(GithubConnection::of(settings).err().map(|error| error.problem()));
        problems.extend(
            mail_server(settings)
                .err()
                .map(|failure| SettingProblem::of_line(Some("HOLDFAST_SMTP_URL"), failure)),
        );
        problems
    })
    .map_err(Failure::usage)
}

/// Checks only the names of the environment's settings, for a command that reads none of them.
///
/// # Errors
/// A name is misspelt, or a value isn't UTF-8.
pub fn check_names() -> Result<(), Failure> {
    let problems = name_problems();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(lines_of(&problems))),
    }
}

fn name_problems() -> Vec<SettingProblem> {
    let names: Vec<String> = std::env::vars_os()
        .map(|(name, _)| name.to_string_lossy().into_owned())
        .collect();
    let mut problems = unknown_names(names.iter().map(String::as_str));
    for name in names.iter().filter(|name| SETTINGS.contains(&name.as_str())) {
        if std::env::var_os(name).is_some_and(|value| value.to_str().is_none()) && name != "HOLDFAST_DATA" {
            problems.push(SettingProblem::new(name, "its value is not UTF-8"));
        }
    }
    problems.extend(filter_problem(&std::env::var("HOLDFAST_LOG").unwrap_or_default()));
    problems
}

/// Returns the problem of a log filter. The parser would take a misspelt level for the name of a part of the program.
fn filter_problem(filter: &str) -> Option<SettingProblem> {
    const NAME: &str = "HOLDFAST_LOG";
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    if let Err(error) = EnvFilter::builder().parse(filter) {
        let what =
            format!("{filter:?} is not a valid filter ({error}): expected a level such as info, or TARGET=LEVEL");
        return Some(SettingProblem::new(NAME, what));
    }
    filter.split(',').map(str::trim).find_map(|part| {
        let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(part));
        let near = nearest(part, LEVELS).filter(|_| !is_level)?;
        let what = format!("{part:?} is not a log level; did you mean {near}?");
        Some(SettingProblem::new(NAME, what))
    })
}

/// Checks that the settings' models can be called, before a review starts.
///
/// # Errors
/// Lists every problem together.
pub fn check_models(settings: &Settings) -> Result<(), Failure> {
    let problems = models::model(settings)?.check(&settings.models());
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::usage(lines_of(&problems)))
    }
}

/// Refuses an operation that writes to pull requests, where the settings have no account for it. GitHub would refuse
/// the first write, when decisions are already stored or runs are already stopped.
///
/// # Errors
/// There is neither a token nor a GitHub App; the message names `what` needs it.
pub fn require_account(settings: &Settings, what: &str) -> Result<(), Failure> {
    if settings.github_token.is_some() || settings.github_app.is_some() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{what} needs GITHUB_TOKEN (environment), a token that may write pull requests on the repository, or a GitHub App: \
         HOLDFAST_GITHUB_APP_ID and HOLDFAST_GITHUB_APP_KEY_FILE"
    )))
}

/// Refuses an operation on a run where another process has the data directory, or where the run writes to a pull
/// request and the settings have no account for it.
///
/// # Errors
/// The directory is in use; there is no account.
pub async fn check_writable(data: &Path, settings: &Settings, record: &RunSummary, what: &str) -> Result<(), Failure> {
    let free = check_free(data).await;
    free.map_err(|error| Failure::of_engine_about(error, Some(&record.run)))?;
    match record.publishes() {
        true => require_account(
            settings,
            &format!("{what} of run {}, which writes to its pull request,", record.run),
        ),
        false => Ok(()),
    }
}

/// Returns the port that reads people's permissions from GitHub.
///
/// # Errors
/// The settings are invalid.
pub fn permission(settings: &Settings) -> Result<Arc<dyn ReadPermission>, Failure> {
    Ok(Arc::new(GithubReadPermission::new(github(settings)?)))
}

/// Returns the port that reads the current state of pull requests.
///
/// # Errors
/// The settings are invalid.
pub fn pulls(settings: &Settings) -> Result<Arc<dyn ReadPull>, Failure> {
    Ok(Arc::new(GithubReadChange::new(github(settings)?)))
}

/// Returns 32 random hexadecimal digits.
pub fn random_hex() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        // No secret may be made without randomness.
        Err(error) => {
            tracing::error!(%error, "the operating system provides no random bytes");
            std::process::abort()
        }
    }
}

/// Returns 64 random hexadecimal digits.
pub fn random_key() -> String {
    random_hex() + &random_hex()
}

/// Returns the wall clock's time, in ms since 1970.
pub fn now_ms() -> i64 {
    SystemClock.now().0
}

/// Returns the artifacts of a data directory.
pub fn artifacts(data: &Path) -> FilesStoreArtifact {
    FilesStoreArtifact::new(data.join("artifacts"))
}

/// Returns the port that sends mails: through the configured server, or to the data directory's outbox.
fn people(data: &Path, settings: &Settings) -> Result<Arc<dyn NotifyPeople>, Failure> {
    Ok(match mail_server(settings)? {
        Some(server) => Arc::new(server),
        None => {
            let (from, operators) = (settings.mail_from.clone(), operators(settings));
            Arc::new(OutboxNotifyPeople::new(data, from, operators))
        }
    })
}

fn operators(settings: &Settings) -> Vec<String> {
    let approvers = settings.approvers.iter();
    approvers.map(|approver| approver.address.clone()).collect()
}

/// Returns the mail server of the settings; `None` if they name none.
pub(crate) fn mail_server(settings: &Settings) -> Result<Option<SmtpNotifyPeople>, Failure> {
    let (from, operators) = (settings.mail_from.clone(), operators(settings));
    let server = settings.smtp_url.as_ref();
    let server = server.map(|url| SmtpNotifyPeople::new(url, from, operators));
    server.transpose().map_err(Failure::usage)
}

/// Returns the connection to GitHub that the settings describe.
///
/// # Errors
/// The settings are invalid.
pub fn github(settings: &Settings) -> Result<GithubConnection, Failure> {
    GithubConnection::of(settings).map_err(Failure::usage)
}

/// An engine on its data directory, with the stages that it runs.
pub struct Opened {
    /// The engine.
    pub engine: Engine,
    /// The open executions that it found.
    pub recovered: Recovered,
    /// The stages, with their ports.
    pub stages: Arc<StageFunctions>,
    /// Starts and stops the engine's runs, and answers their tasks.
    pub runs: Arc<EngineExecutions>,
    /// The stages' rows, as an SQLite file.
    pub table: SqliteKeepRows,
    /// Requests missed webhook deliveries from GitHub again.
    pub deliveries: Arc<dyn RedeliverWebhooks>,
    /// The metrics of this process.
    pub metrics: Arc<Metrics>,
}

/// Opens the engine on a data directory and resumes the open executions within `reach`. A `.gitignore` hides the
/// directory from git.
///
/// # Errors
/// The data directory or a setting is unusable.
pub async fn open(data: &Path, settings: &Settings, reach: Access) -> Result<Opened, Failure> {
    let runs = Arc::new(EngineExecutions::default());
    let table = SqliteKeepRows::open(data).await.map_err(Failure::usage)?;
    let metrics = Arc::new(Metrics::default());
    let pace = Arc::new(LocalPace::default());
    let mut stages = stages_on(table.clone(), data, settings, (Arc::clone(&runs), pace, &metrics))?;
    if let Some(writes) = reach.writes {
        stages.publish = Arc::new(PublishOnly::new(stages.publish, writes));
    }
    let stages = Arc::new(stages);
    let objects = Arc::new(artifact_objects(data));
    let functions = Arc::clone(&stages);
    let mut options = EngineOptions::new(data, functions, objects).map_err(Failure::usage)?;
    options.evaluator = evaluator::find();
    options.scope = reach.scope;
    options.note = reach.console;
    let opened = Engine::open(options).await;
    let (engine, recovered) = opened.map_err(|error| Failure::of_engine_about(error, reach.about.as_ref()))?;
    runs.set(&engine);
    hide_from_git(data)?;
    Ok(Opened {
        engine,
        recovered,
        stages,
        runs,
        table,
        deliveries: Arc::new(GithubRedeliverWebhooks::new(github(settings)?)),
        metrics,
    })
}

/// Opens like [`open`], and returns only the engine and the executions that it found.
///
/// # Errors
/// The data directory or a setting can't be used.
pub async fn open_engine(data: &Path, settings: &Settings, reach: Access) -> Result<(Engine, Recovered), Failure> {
    let opened = open(data, settings, reach).await?;
    Ok((opened.engine, opened.recovered))
}

/// Returns the stages with this machine's adapters. The caller sets the engine of `runs`.
///
/// # Errors
/// A setting or the data directory is unusable.
pub async fn stage_functions(
    data: &Path,
    settings: &Settings,
    runs: Arc<EngineExecutions>,
) -> Result<StageFunctions, Failure> {
    paced_stage_functions(data, settings, runs, Arc::new(LocalPace::default())).await
}

/// Returns the stages like [`stage_functions`], with another time for calls to models and for writes to GitHub.
///
/// # Errors
/// A setting or the data directory is unusable.
pub async fn paced_stage_functions(
    data: &Path,
    settings: &Settings,
    runs: Arc<EngineExecutions>,
    pace: Arc<dyn Pace>,
) -> Result<StageFunctions, Failure> {
    let table = SqliteKeepRows::open(data).await.map_err(Failure::usage)?;
    stages_on(table, data, settings, (runs, pace, &Arc::default()))
}

fn stages_on(
    table: SqliteKeepRows,
    data: &Path,
    settings: &Settings,
    (runs, pace, metrics): (Arc<EngineExecutions>, Arc<dyn Pace>, &Arc<Metrics>),
) -> Result<StageFunctions, Failure> {
    let people = people(data, settings)?;
    let watch = ModelWatch::new(Arc::clone(metrics), Arc::clone(&people));
    let model = models::batched_model(settings, Arc::new(table.clone()), Arc::clone(&pace), Arc::new(watch))?;
    let key = marker_key(data, settings)?;
    let turns = PacedWrites::new(Arc::new(table.clone()), pace, settings.github_writes_per_minute);
    let connection = github(settings)?.sharing_turns(Arc::new(turns));
    Ok(StageFunctions {
        read: Arc::new(ReadEither {
            git: GitReadChange::with_snapshots(data.to_owned()),
            github: GithubReadChange::new(connection.clone()),
            tools: Tools::default(),
        }),
        threads: Arc::new(GithubReadThreads::new(connection.clone(), key.clone())),
        permission: Arc::new(GithubReadPermission::new(connection.clone())),
        publish: Arc::new(GithubPublishReview::new(connection, key).with_console(settings.public_url.clone())),
        model: Arc::new(model),
        syntax: Arc::new(TreeSitterSyntax::new()),
        notify: people,
        rows: Arc::new(table),
        runs,
        store: Arc::new(artifacts(data)),
        approval_settings: Arc::new(ApprovalSettings {
            approvers: settings.approvers.clone(),
            public_url: settings.public_url.clone().or_else(|| settings.serve_url.clone()),
            console: settings.public_url.clone(),
            may_sign_in: settings.github_sign_in.is_some(),
        }),
        github_patience: settings.github_patience(),
        // Only a server is there later to retry a run.
        retries: Arc::new(RetrySettings {
            within_ms: settings.serve_url.as_ref().and(settings.retry_within_ms()),
            clock: now_ms,
        }),
    })
}

/// Writes a `.gitignore`, because a directory that `--data` names may lie in the work tree under review.
fn hide_from_git(data: &Path) -> Result<(), Failure> {
    let file: PathBuf = data.join(".gitignore");
    if file.exists() {
        return Ok(());
    }
    std::fs::write(&file, "*\n").map_err(|error| {
        Failure::usage(format!(
            "{} cannot be written: {error}. Choose another directory with --data",
            file.display()
        ))
    })
}

/// Work trees through git, pull requests through GitHub.
struct ReadEither {
    git: GitReadChange,
    github: GithubReadChange,
    tools: Tools,
}

impl ReadEither {
    fn of(&self, target: &Target) -> &dyn ReadChange {
        match target {
            Target::WorkTree { .. } => &self.git,
            Target::PullRequest { .. } => &self.github,
        }
    }
}

#[async_trait]
impl ReadChange for ReadEither {
    async fn read_change(&self, target: &Target) -> Result<Change, ReadError> {
        self.of(target).read_change(target).await
    }

    async fn read_file(&self, target: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        self.of(target).read_file(target, path, at).await
    }

    async fn read_files(
        &self,
        target: &Target,
        paths: &[&str],
        at: &CommitSha,
    ) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        self.of(target).read_files(target, paths, at).await
    }

    async fn read_root(&self, target: &Target, at: &CommitSha) -> Result<Option<Vec<RootEntry>>, ReadError> {
        self.of(target).read_root(target, at).await
    }

    async fn code_scanning(&self, target: &Target, head: &CommitSha) -> Result<Evidence, ReadError> {
        self.of(target).code_scanning(target, head).await
    }

    async fn artifacts(&self, target: &Target, head: &CommitSha, names: &[String]) -> Result<ToolRuns, ReadError> {
        self.of(target).artifacts(target, head, names).await
    }

    async fn run_tools(&self, target: &Target, request: &ToolRequest) -> Result<ToolRuns, ReadError> {
        let is_pull = target.pull_request().is_some();
        let is_stranger = is_pull && !self.tools.is_isolated().await && self.github.is_from_fork(target).await?;
        match is_stranger {
            true => Ok(tools::refused(request)),
            false => self.tools.run(target, request, self.of(target)).await,
        }
    }

    async fn read_folder(
        &self,
        target: &Target,
        name: &str,
        at: &CommitSha,
    ) -> Result<Option<Vec<RootEntry>>, ReadError> {
        self.of(target).read_folder(target, name, at).await
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        self.of(target).current_head(target).await
    }

    async fn current_ends(&self, target: &Target) -> Result<Ends, ReadError> {
        self.of(target).current_ends(target).await
    }
}
