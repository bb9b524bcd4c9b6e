//! The metrics: a listener of their own, so that the public address never shows them, and the count of deliveries.

use std::net::SocketAddr;
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

/// Reserves the address of the metrics.
///
/// # Errors
/// It is in use, or isn't an address of this machine.
pub fn reserve(address: SocketAddr) -> Result<ReservedAddress, Failure> {
    ReservedAddress::take(address).map_err(|error| {
        Failure::usage(format!(
            "HOLDFAST_METRICS_LISTEN (environment): the metrics can't listen on {address}: {error}. Set it to another address \
             such as 127.0.0.1:9465, or to off"
        ))
    })
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
        let taken = reserve(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let message = reserve(taken.address()).unwrap_err().message;
        let address = taken.address().to_string();
        for part in ["HOLDFAST_METRICS_LISTEN", &address, "in use", "or to off"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
