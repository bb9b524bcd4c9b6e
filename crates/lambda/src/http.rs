//! A request's way through an HTTP API: the event in, the answer of `holdfast-web` out.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use holdfast_web::reply::Reply;
use lambda_http::{Body, Response, run, service_fn};

/// A request, as an HTTP API hands it over. Its body is raw: text and base64 are told apart already.
pub type Request = lambda_http::http::Request<Vec<u8>>;

/// Serves requests until Lambda ends the process. Errors: the runtime's interface cannot be reached.
pub async fn serve_http<P, F, R>(ports: P, answer: F) -> Result<(), lambda_runtime::Error>
where
    F: Fn(Request, Arc<P>) -> R,
    R: Future<Output = Reply> + Send,
{
    let ports = Arc::new(ports);
    run(service_fn(|request: lambda_http::Request| {
        let (parts, body) = request.into_parts();
        let answered = answer(Request::from_parts(parts, bytes(body)), Arc::clone(&ports));
        async move { Ok::<_, Infallible>(response(answered.await)) }
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
