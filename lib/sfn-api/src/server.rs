//! The server of the API, on loopback addresses only.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holdfast_engine::Engine;
use holdfast_http_server::ReservedAddress;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::store::Store;
use super::{Api, ProvidedMachine, wire};

/// Time that requests in flight get after a stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A server with a reserved address. It listens once the stored data is checked.
///
/// ```
/// # use std::sync::Arc;
/// # use async_trait::async_trait;
/// # use holdfast_engine::{Engine, EngineOptions, FunctionFailure, Functions, Invocation, NoObjects};
/// # use holdfast_sfn_api::Server;
/// # use serde_json::Value;
/// # struct Echo;
/// # #[async_trait]
/// # impl Functions for Echo {
/// #     async fn invoke(&self, _: &str, payload: Value, _: Invocation) -> Result<Value, FunctionFailure> {
/// #         Ok(payload)
/// #     }
/// # }
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let data = directory.path();
/// let server = Server::bind("127.0.0.1:0".parse()?)?;
/// let options = EngineOptions::new(data, Arc::new(Echo), Arc::new(NoObjects))?;
/// let (engine, _recovered) = Engine::open(options).await?;
/// let server = server.open(engine.clone(), data, None)?;
/// println!("http://{}", server.address());
///
/// let (stop, stopped) = tokio::sync::watch::channel(false);
/// # stop.send_replace(true);
/// server.serve(stopped).await?;
/// engine.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    address: ReservedAddress,
}

/// The reason why the API isn't served.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address can be reached from other machines.
    #[error(
        "{address}: the Step Functions API has no authentication and is served on this machine only. Name \
         127.0.0.1:PORT or [::1]:PORT"
    )]
    AddressNotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("{address}: {source}")]
    AddressUnusable {
        /// The address.
        address: SocketAddr,
        /// The system's message.
        source: std::io::Error,
    },
    /// The API's own file cannot be made.
    #[error(transparent)]
    FileNotCreated(holdfast_storage::file::FileError),
    /// The API's own file cannot be read or written.
    #[error(
        "{} cannot be used: {detail}. Make it writable for this user, restore it from a backup, or move it away to create \
         the state machines again",
        .file.display()
    )]
    FileUnusable {
        /// The file.
        file: PathBuf,
        /// SQLite's message.
        detail: String,
    },
    /// The API's own file was written by a newer version.
    #[error(
        "{} has version {found}, and this program knows versions up to {known}. Use the newer program that wrote it",
        .file.display()
    )]
    FileNewer {
        /// The file.
        file: PathBuf,
        /// The version found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The stored data cannot be used.
    #[error("{detail}")]
    Stored {
        /// The problem and its remedy.
        detail: String,
    },
    /// The listener failed.
    #[error("the listener failed: {0}")]
    Listener(#[source] std::io::Error),
}

impl ServerError {
    /// Returns true if another data directory would help: a remedy that the program can name, with its option for the
    /// directory.
    pub fn is_about_directory(&self) -> bool {
        matches!(self, Self::FileNotCreated { .. } | Self::FileNewer { .. })
    }
}

impl Server {
    /// Reserves the address. Connections are refused until [`Server::open`] has checked the stored data.
    ///
    /// # Errors
    /// The address is in use, or other machines could reach it.
    pub fn bind(address: SocketAddr) -> Result<Self, ServerError> {
        if !address.ip().is_loopback() {
            return Err(ServerError::AddressNotLoopback { address });
        }
        let address =
            ReservedAddress::take(address).map_err(|source| ServerError::AddressUnusable { address, source })?;
        Ok(Self { address })
    }

    /// Returns the server's address.
    pub fn address(&self) -> SocketAddr {
        self.address.address()
    }

    /// Checks the stored data in the engine's data directory, and opens the address.
    ///
    /// # Errors
    /// The API's file cannot be used, or the system refuses the address.
    pub fn open(
        self,
        engine: Engine,
        data: &Path,
        provided: Option<ProvidedMachine>,
    ) -> Result<OpenServer, ServerError> {
        let store = Store::open(data)?;
        let api =
            Api::new(engine, data, store, provided).map_err(|error| ServerError::Stored { detail: error.message })?;
        let address = self.address();
        let listener = self.address.listen().map_err(ServerError::Listener)?;
        Ok(OpenServer { listener, address, api })
    }
}

/// A server that clients can connect to.
pub struct OpenServer {
    listener: TcpListener,
    address: SocketAddr,
    api: Api,
}

impl OpenServer {
    /// Returns the server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stopped` holds true. Requests in flight then get some time for their answers.
    ///
    /// # Errors
    /// The listener fails.
    pub async fn serve(self, mut stopped: watch::Receiver<bool>) -> Result<(), ServerError> {
        let mut stopping = stopped.clone();
        let stopping = async move { drop(stopping.wait_for(|stop| *stop).await) };
        let server = holdfast_http_server::serve(self.listener, wire::router(Arc::new(self.api)), stopping);
        let late = async {
            drop(stopped.wait_for(|stop| *stop).await);
            tokio::time::sleep(STOP_TIMEOUT).await;
        };
        tokio::select! {
            served = server => served.map_err(ServerError::Listener),
            // Clients repeat unanswered requests, and what these requests began is stored.
            () = late => Ok(()),
        }
    }
}

/// Returns the region of this data directory's ARNs. The first call stores `region`; later calls return the stored one.
///
/// # Errors
/// The API's file cannot be used.
pub fn keep_region(data: &Path, region: &str) -> Result<String, ServerError> {
    let kept = Store::open(data)?.get_or_store("region", region);
    kept.map_err(|error| ServerError::Stored { detail: error.message })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed step fails the test")]
mod tests {
    use async_trait::async_trait;
    use holdfast_engine::{EngineOptions, FunctionFailure, Functions, Invocation, NoObjects};
    use serde_json::Value;
    use tokio::net::TcpStream;

    use super::super::store::FILE;
    use super::*;

    struct Echo;

    #[async_trait]
    impl Functions for Echo {
        async fn invoke(&self, _: &str, payload: Value, _: Invocation) -> Result<Value, FunctionFailure> {
            Ok(payload)
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn connections_are_refused_before_the_stored_data_is_checked() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path();
        let options = EngineOptions::new(data, Arc::new(Echo), Arc::new(NoObjects)).unwrap();
        let (engine, _) = Engine::open(options).await.unwrap();
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        std::fs::write(data.join(FILE), "not a database".repeat(1_000)).unwrap();
        let server = Server::bind(loopback).unwrap();
        let address = server.address();
        assert!(TcpStream::connect(address).await.is_err());
        let refused = server.open(engine.clone(), data, None).err().unwrap();
        assert!(matches!(refused, ServerError::FileUnusable { .. }), "{refused}");
        assert!(TcpStream::connect(address).await.is_err());

        std::fs::remove_file(data.join(FILE)).unwrap();
        let server = Server::bind(loopback).unwrap();
        let server = server.open(engine.clone(), data, None).unwrap();
        assert!(TcpStream::connect(server.address()).await.is_ok());
        let everyone = Server::bind(SocketAddr::from(([0, 0, 0, 0], 0))).err().unwrap();
        assert!(matches!(everyone, ServerError::AddressNotLoopback { .. }), "{everyone}");
        engine.shutdown().await;
    }
}
