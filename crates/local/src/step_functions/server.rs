//! The server of the API: `holdfast engine` alone, or beside `holdfast serve`.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use holdfast_aws::account;
use holdfast_aws::lambda::LambdaInvoke;
use holdfast_aws::s3::S3Buckets;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::aws_ports::{LambdaFunctions, S3Objects};
use super::store::Store;
use super::{Api, Given, wire};
use crate::cli::EngineArgs;
use crate::command::follow;
use crate::engine::{Engine, EngineOptions, Naming};
use crate::failure::{Exit, Failure};
use crate::http_server;
use crate::output;

/// How long requests under way are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The region where the environment names none.
const REGION: &str = "us-east-1";

/// A server that has its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes the address. Errors: it is taken, or others could reach it.
    pub async fn bind(option: &str, address: SocketAddr) -> Result<Self, Failure> {
        if !address.ip().is_loopback() {
            return Err(Failure::usage(format!(
                "{option} {address}: the Step Functions API has no authentication and is served on this machine alone. Name \
                 127.0.0.1:PORT or [::1]:PORT"
            )));
        }
        let failed = |error: std::io::Error| Failure::usage(format!("{option} {address}: {error}"));
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until told to stop; requests under way are answered, for a while. Errors: the API's file cannot be used; the
    /// listener fails.
    pub async fn serve(
        self,
        engine: Engine,
        data: &Path,
        given: Option<&Given>,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let store = Store::open(data).map_err(Failure::usage)?;
        let api = Api::new(engine, data, store, given).map_err(|error| Failure::usage(error.message))?;
        let mut told = stopped.clone();
        let told = async move { drop(told.wait_for(|stop| *stop).await) };
        let server = http_server::serve(self.listener, wire::router(Arc::new(api)), told);
        let late = async {
            drop(stopped.wait_for(|stop| *stop).await);
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            served = server => served.map_err(Failure::incomplete),
            // They are repeated by who asked, and what they began is stored.
            () = late => Ok(()),
        }
    }
}

/// `holdfast engine`, until it is told to stop. Errors: the address or the data directory is taken or unusable.
pub async fn run(args: &EngineArgs) -> Result<Exit, Failure> {
    let server = Server::bind("--listen", args.listen).await?;
    let config = account::load_or(REGION).await;
    let directory = args.data.for_server()?;
    let data = directory.path.as_path();
    let endpoint = |url: &Option<url::Url>| url.as_ref().map(|url| url.as_str().to_owned());
    let functions = LambdaFunctions(LambdaInvoke::new(&config, endpoint(&args.lambda).as_deref()));
    let objects = S3Objects(S3Buckets::new(&config, endpoint(&args.s3).as_deref()));
    let mut options = EngineOptions::new(data, Arc::new(functions), Arc::new(objects)).map_err(Failure::usage)?;
    options.naming = naming(data, &config)?;
    let (engine, recovered) = Engine::open(options).await.map_err(Failure::usage)?;
    follow::tell_recovered(&recovered, false);
    output::complain(&format!(
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
    let served = server.serve(engine.clone(), data, None, stopped).await;
    output::complain("stopping: what runs goes on at the next start");
    engine.shutdown().await;
    served.map(|()| Exit::Clean)
}

/// What ARNs are made of: the region of the first start. The engine has no state machine of its own here.
fn naming(data: &Path, config: &SdkConfig) -> Result<Naming, Failure> {
    let region = config.region().map_or(REGION, |region| region.as_ref());
    let store = Store::open(data).map_err(Failure::usage)?;
    let kept = store
        .settle("region", region)
        .map_err(|error| Failure::usage(error.message))?;
    if kept != region {
        tracing::warn!(
            kept,
            region,
            "ARNs keep the region that the data directory was begun with"
        );
    }
    Ok(Naming {
        region: kept,
        state_machine: String::new(),
        ..Naming::default()
    })
}
