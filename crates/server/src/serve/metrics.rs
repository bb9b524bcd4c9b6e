//! The metrics: a listener of their own, so that the public address never shows them, and the count of deliveries.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use holdfast_http_server::ReservedAddress;
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::metrics::{Metrics, table};
use holdfast_web::reply::Reply;
use tokio::sync::watch;

use super::respond;

/// Version 0.0.4 of Prometheus's text format.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Number of ports that are tried for the remedy.
const MAX_TRIED_PORTS: u16 = 100;

/// Reserves the address of the metrics. `others` are the addresses of this process's other servers.
///
/// # Errors
/// It is in use, or isn't an address of this machine; the message names a free one.
pub fn reserve(address: SocketAddr, others: &[SocketAddr]) -> Result<ReservedAddress, Failure> {
    let is_own = others.contains(&address) && address.port() != 0;
    let taken = match is_own {
        true => Err(io::Error::from(io::ErrorKind::AddrInUse)),
        false => ReservedAddress::take(address),
    };
    taken.map_err(|error| {
        let ip = match error.kind() {
            io::ErrorKind::AddrNotAvailable => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => address.ip(),
        };
        let example = match free_port(ip, address.port(), others) {
            Some(free) => format!("another address such as {free}"),
            None => "an address with a free port".to_owned(),
        };
        Failure::usage(format!(
            "HOLDFAST_METRICS_LISTEN (environment): the metrics can't listen on {address}: {error}. Set it to {example}, or to \
             off"
        ))
    })
}

/// Returns the next address after a port on which nothing listens.
fn free_port(ip: IpAddr, after: u16, others: &[SocketAddr]) -> Option<SocketAddr> {
    let ports = after.saturating_add(1)..=after.saturating_add(MAX_TRIED_PORTS);
    let mut candidates = ports.map(|port| SocketAddr::new(ip, port));
    candidates.find(|free| !others.contains(free) && TcpListener::bind(free).is_ok())
}

/// Serves the metrics until `stopped` is true.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    reserved: ReservedAddress,
    metrics: Arc<Metrics>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let listener = reserved.listen().map_err(Failure::incomplete)?;
    let stopping = async move { drop(stopped.wait_for(|stop| *stop).await) };
    let served = holdfast_http_server::serve(listener, router(metrics), stopping).await;
    served.map_err(Failure::incomplete)
}

fn router(metrics: Arc<Metrics>) -> Router {
    let text = async |State(metrics): State<Arc<Metrics>>| {
        let text = metrics.text(machine::now_ms());
        respond(Reply::new(StatusCode::OK, CONTENT_TYPE, text))
    };
    Router::new()
        .route("/metrics", get(text))
        .fallback(super::routes::not_found)
        .with_state(metrics)
}

/// Counts a delivery with its answer and its time.
pub async fn count_delivery(metrics: Arc<Metrics>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let response = next.run(request).await;
    metrics.increment(&table::WEBHOOK_DELIVERIES, &[response.status().as_str()]);
    metrics.observe(&table::WEBHOOK_DURATION, &[], begun.elapsed().as_secs_f64());
    response
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_an_error_with_the_setting_and_the_remedy() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = taken.local_addr().unwrap();
        // The next port is another program's.
        let next = SocketAddr::new(address.ip(), address.port() + 1);
        let _other = TcpListener::bind(next);
        for others in [&[][..], &[address]] {
            let message = reserve(address, others).unwrap_err().message;
            for part in ["HOLDFAST_METRICS_LISTEN", &address.to_string(), "in use", "or to off"] {
                assert!(message.contains(part), "{message}");
            }
            let free: SocketAddr = message
                .split("such as ")
                .nth(1)
                .unwrap()
                .split(',')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            assert!(free != address && free != next, "{message}");
            assert!(TcpListener::bind(free).is_ok(), "{message}");
        }
    }
}
