//! The listener and its shutdown: new requests are refused, and those in flight have a time limit.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{App, routes};
use holdfast_ops::failure::Failure;

/// Time limit for requests in flight during shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves until SIGTERM, SIGINT or `stop`. Sets `stop` when it ends.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: &watch::Sender<bool>) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::incomplete)?;
    let (mut stopped, mut stopped_elsewhere) = (stop.subscribe(), stop.subscribe());
    let stopping = async move { drop(stopped.wait_for(|stop| *stop).await) };
    let server = holdfast_http_server::serve(listener, routes::router(app), stopping);
    tokio::pin!(server);
    tokio::select! {
        served = &mut server => {
            stop.send_replace(true);
            return served.map_err(Failure::incomplete);
        }
        _ = stopped_elsewhere.wait_for(|stop| *stop) => {}
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    stop.send_replace(true);
    match tokio::time::timeout(SHUTDOWN_TIMEOUT, server).await {
        Ok(served) => served.map_err(Failure::incomplete),
        // Clients repeat these requests, and their stored work resumes.
        Err(_) => Ok(()),
    }
}
