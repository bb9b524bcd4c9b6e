//! `holdfast engine`: serves the Step Functions API over an engine whose functions and objects are reached through the
//! APIs of Lambda and S3.

use std::path::Path;

use holdfast_engine::{Engine, EngineOptions, Naming};
use holdfast_sfn_api::keep_region;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::cli::EngineArgs;
use crate::exit::Exit;
use holdfast_ops::aws::engine_ports;
use holdfast_ops::evaluator;
use holdfast_ops::failure::Failure;
use holdfast_ops::recovery::recovery_notes;
use holdfast_server::step_functions_api::{bind, failure};

/// Runs until a signal stops it.
///
/// # Errors
/// The address or the data directory is in use or unusable.
pub async fn run(args: &EngineArgs) -> Result<Exit, Failure> {
    let server = bind("--listen", args.listen)?;
    let ports = engine_ports(args.lambda.as_ref(), args.s3.as_ref()).await?;
    let directory = args.data.place().for_server()?;
    let data = directory.path.as_path();
    let mut options = EngineOptions::new(data, ports.functions, ports.objects).map_err(Failure::usage)?;
    options.evaluator = evaluator::find();
    options.naming = naming(data, &ports.region)?;
    let (engine, recovered) = Engine::open(options).await.map_err(Failure::of_engine)?;
    let notify = args.log.notify();
    for note in recovery_notes(&recovered, false) {
        notify(&note);
    }
    let server = match server.open(engine.clone(), data, None) {
        Ok(server) => server,
        Err(error) => {
            engine.shutdown().await;
            return Err(failure(error));
        }
    };
    notify(&format!(
        "serving the Step Functions API on http://{} (data: {})",
        server.address(),
        data.display()
    ));
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::incomplete)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        stop.send_replace(true);
    });
    let served = server.serve(stopped).await;
    notify("stopping: open executions resume at the next start");
    engine.shutdown().await;
    served.map(|()| Exit::Clean).map_err(failure)
}

/// Returns the parts of ARNs: the region of the first start, and no state machine, because this engine has none of its
/// own.
fn naming(data: &Path, region: &str) -> Result<Naming, Failure> {
    let kept = keep_region(data, region).map_err(failure)?;
    if kept != region {
        tracing::warn!(kept, region, "ARNs keep the region of the data directory's first start");
    }
    Ok(Naming {
        region: kept,
        state_machine: String::new(),
        ..Naming::default()
    })
}
