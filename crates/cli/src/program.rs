//! Runs a parsed command line and returns its exit status. Failures are printed once, here.

use std::io::IsTerminal;
use std::process::ExitCode;

use holdfast_core::rule::RedactedLog;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::cli::{Cli, Command, EngineArgs, LogFormat, ServeArgs, SetupArgs};
use crate::command::{
    audit, backup, cancel, check, completions, decide, doctor, engine, fix, init, man, redrive, replay, review, runs,
    show, sweep,
};
use crate::exit::Exit;
use crate::output;
use holdfast_ops::aws::open_deployment;
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_server::serve;
use holdfast_server::setup;

/// Runs one command to its end.
pub fn run(cli: &Cli) -> ExitCode {
    // HOLDFAST_LOG takes tracing's filter syntax. By default a server logs its actions, and a command only errors,
    // except those of the engine and of the run: the command prints their failure itself.
    let (default_filter, format) = match &cli.command {
        Command::Serve(ServeArgs { log, .. }) | Command::Engine(EngineArgs { log, .. }) => ("info", log.log_format),
        _ => ("error,holdfast_engine=off,holdfast_ops::run_log=off", LogFormat::Text),
    };
    let filter = EnvFilter::try_from_env("HOLDFAST_LOG").unwrap_or_else(|_| EnvFilter::new(default_filter));
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    if format == LogFormat::Json {
        log.json()
            .with_span_list(false)
            .with_writer(|| output::JsonLogWriter)
            .init();
    } else {
        let is_terminal = std::io::stderr().is_terminal();
        let writer = match is_terminal {
            true => BoxMakeWriter::new(|| RedactedLog(std::io::stderr())),
            false => BoxMakeWriter::new(|| output::LogWriter),
        };
        let has_color = is_terminal && !output::style::forbids_sequences();
        log.with_ansi(has_color).with_writer(writer).init();
    }
    let exit = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(dispatch(cli)),
        Err(error) => Err(Failure::incomplete(format!("the async runtime can't start: {error}"))),
    };
    let exit = exit.unwrap_or_else(|failure| {
        match format == LogFormat::Json && tracing::enabled!(tracing::Level::ERROR) {
            true => tracing::error!(target: "holdfast", "{}", failure.message),
            false => output::print_to_stderr(&failure.message),
        }
        failure.kind.into()
    });
    ExitCode::from(exit as u8)
}

async fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    match cli.stack.as_deref() {
        // A script whose variable is empty must not work on this machine's data instead.
        Some(name) if name.trim().is_empty() => Err(Failure::usage(
            "--stack: the name is empty; name a stack, or omit the option",
        )),
        Some(name) => on_stack_checked(cli, name)
            .await
            .map_err(|failure| failure.of_stack(name)),
        None => here(cli).await,
    }
}

async fn here(cli: &Cli) -> Result<Exit, Failure> {
    let reads_settings = matches!(
        cli.command,
        Command::Review(_)
            | Command::Serve(_)
            | Command::Approve(_)
            | Command::Reject(_)
            | Command::Cancel(_)
            | Command::Redrive(_)
            | Command::Sweep(_)
    );
    if !reads_settings {
        machine::check_names()?;
    }
    match &cli.command {
        Command::Review(args) => review::run(args).await,
        Command::Init(args) => init::run(args).await,
        Command::Fix(args) => fix::run(args).await,
        Command::Setup(args) => set_up(args, None).await,
        Command::Serve(args) => serve::run(args.options()).await.map(|()| Exit::Clean),
        Command::Engine(args) => engine::run(args).await,
        Command::Runs(args) => runs::here(args).await,
        Command::Show(args) => show::here(args).await,
        Command::Approve(args) => decide::approve(args).await,
        Command::Reject(args) => decide::reject(args).await,
        Command::Cancel(args) => cancel::run(args).await,
        Command::Redrive(args) => redrive::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Sweep(args) => sweep::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Check(args) => check::run(args),
        Command::Doctor(args) => doctor::run(args).await,
        Command::Backup(args) => backup::run(args).await,
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

async fn on_stack_checked(cli: &Cli, name: &str) -> Result<Exit, Failure> {
    machine::check_names()?;
    on_stack(cli, name).await
}

async fn on_stack(cli: &Cli, name: &str) -> Result<Exit, Failure> {
    let not_there = |instead: &str| {
        Err(Failure::usage(format!(
            "{instead}. Omit --stack and HOLDFAST_STACK to work on a data directory"
        )))
    };
    match &cli.command {
        Command::Setup(args) => set_up(args, Some(name)).await,
        Command::Runs(args) => runs::run(args, open_deployment(name).await?.as_ref()).await,
        Command::Show(args) => show::run(args, open_deployment(name).await?.as_ref()).await,
        Command::Approve(args) => decide::approve_on(open_deployment(name).await?.as_ref(), args).await,
        Command::Reject(args) => decide::reject_on(open_deployment(name).await?.as_ref(), args).await,
        Command::Cancel(args) => cancel::run_on(open_deployment(name).await?.as_ref(), args).await,
        Command::Redrive(args) => redrive::run_on(open_deployment(name).await?.as_ref(), args).await,
        Command::Audit(_) => audit::run_on(open_deployment(name).await?.as_ref()).await,
        Command::Sweep(_) => sweep::run_on(open_deployment(name).await?.as_ref()).await,
        Command::Check(args) => check::run(args),
        Command::Init(args) => init::run(args).await,
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
        Command::Review(_) => not_there(
            "a deployment's reviews start with a webhook: push to the pull request, or comment /holdfast review",
        ),
        Command::Replay(_) => {
            not_there("replay reads only a data directory: holdfast --stack NAME show RUN shows the run's states")
        }
        Command::Fix(_) => not_there("fix reads only a data directory: apply suggestions on the pull request's page"),
        Command::Serve(_) | Command::Engine(_) => not_there("a deployment is served by AWS"),
        Command::Doctor(_) => not_there("doctor checks this environment's settings, and not a stack's"),
        Command::Backup(_) => {
            not_there("AWS keeps backups of a deployment's table and bucket: docs/operations.md, Restore")
        }
    }
}

async fn set_up(args: &SetupArgs, stack: Option<&str>) -> Result<Exit, Failure> {
    let summary = setup::run(&args.options(stack)).await?;
    output::print(&summary).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
