//! Serves requests from API Gateway's HTTP API with the answers of `holdfast-web`.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use holdfast_web::reply::Reply;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Response, run, service_fn};

use crate::wiring::Wiring;

/// A request of an HTTP API, with its body as bytes.
pub type Request = lambda_http::http::Request<Vec<u8>>;

/// Serves requests until Lambda ends the process.
///
/// # Errors
///
/// The runtime's interface can't be reached.
pub async fn serve_http<P, F, R>(wiring: Wiring<P>, answer: F) -> Result<(), lambda_runtime::Error>
where
    P: Send + Sync,
    F: Fn(Request, Arc<P>) -> R + Sync,
    R: Future<Output = Reply> + Send,
{
    run(service_fn(async |request: lambda_http::Request| {
        let (parts, body) = request.into_parts();
        let ports = wiring.ports().await;
        let reply = answer(Request::from_parts(parts, bytes(body)), ports).await;
        // An invalid signature may come from a secret that is newer than the one this process has read.
        if reply.status == StatusCode::UNAUTHORIZED || reply.status.is_server_error() {
            wiring.reread_secrets_soon().await;
        }
        Ok::<_, Infallible>(response(reply))
    }))
    .await
}

fn bytes(body: Body) -> Vec<u8> {
    match body {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    }
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(match String::from_utf8(reply.body) {
        Ok(text) => Body::Text(text),
        Err(error) => Body::Binary(error.into_bytes()),
    });
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
