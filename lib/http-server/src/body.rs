//! Bodies of requests: read completely before the request is handled, within limits of time and size, and within a
//! limit for all bodies of the process together.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Time limit of a body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum size of all bodies in flight together.
pub const MAX_BODIES_BYTES: usize = 128 * 1024 * 1024;
/// The unit in which the limit of all bodies is counted.
const UNIT_BYTES: usize = 1024;
/// Maximum bytes of a too large body that are read before it is refused: a client that is cut off doesn't read the
/// answer.
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;

static BODIES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_BODIES_BYTES / UNIT_BYTES)));

/// The limits of a body.
#[derive(Copy, Clone, Debug)]
pub struct BodyLimits {
    /// Maximum size in bytes.
    pub bytes: usize,
    /// Time limit.
    pub time: Duration,
}

impl BodyLimits {
    /// Returns the limits of at most `bytes` bytes in the default time.
    pub fn of_bytes(bytes: usize) -> Self {
        Self {
            bytes,
            time: BODY_TIMEOUT,
        }
    }
}

/// A body, and its share of the limit of all bodies. Dropping it frees the share.
struct BoundedBody {
    bytes: Bytes,
    _parts: Vec<OwnedSemaphorePermit>,
}

/// The reason why a body is refused.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Refused {
    TooLarge,
    TooSlow,
    NoRoom,
    Broken,
}

/// Reads the body of a request within its limits, then passes the request on.
pub async fn take_body(limits: BodyLimits, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    match read(limits, &head.headers, body).await {
        Ok(BoundedBody { bytes, _parts: parts }) => {
            let response = next.run(Request::from_parts(head, Body::from(bytes))).await;
            drop(parts);
            response
        }
        Err(refused) => refused.response(),
    }
}

async fn read(limits: BodyLimits, headers: &HeaderMap, body: Body) -> Result<BoundedBody, Refused> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    // A client that sends `Expect` waits for permission before it sends the body.
    let asks = headers.contains_key(EXPECT);
    if declared.is_some_and(|length| length > MAX_DRAINED_BYTES || (asks && length > limits.bytes)) {
        return Err(Refused::TooLarge);
    }
    tokio::time::timeout(limits.time, collect(limits.bytes, body))
        .await
        .unwrap_or(Err(Refused::TooSlow))
}

async fn collect(limit: usize, body: Body) -> Result<BoundedBody, Refused> {
    let mut chunks = body.into_data_stream();
    let (mut kept, mut parts, mut paid, mut read) = (Vec::new(), Vec::new(), 0, 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Refused::Broken)?;
        read += chunk.len();
        if read > MAX_DRAINED_BYTES {
            break;
        }
        if read > limit {
            (kept, parts, paid) = (Vec::new(), Vec::new(), 0);
            continue;
        }
        // The buffer doubles as it grows: its capacity counts, not its content.
        let wanted = read.next_power_of_two().min(limit).div_ceil(UNIT_BYTES);
        if wanted > paid {
            let more = u32::try_from(wanted - paid).map_err(|_| Refused::NoRoom)?;
            let part = Arc::clone(&BODIES).try_acquire_many_owned(more);
            parts.push(part.map_err(|_| Refused::NoRoom)?);
            paid = wanted;
        }
        kept.extend_from_slice(&chunk);
    }
    if read > limit {
        return Err(Refused::TooLarge);
    }
    Ok(BoundedBody {
        bytes: Bytes::from(kept),
        _parts: parts,
    })
}

impl Refused {
    fn response(self) -> Response {
        let (status, text) = match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time\n"),
            Self::NoRoom => (
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests are being received: send it again\n",
            ),
            Self::Broken => (StatusCode::BAD_REQUEST, "the body cannot be read\n"),
        };
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if self == Self::NoRoom {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(bytes: usize) -> BodyLimits {
        BodyLimits {
            bytes,
            time: Duration::from_millis(50),
        }
    }

    #[tokio::test]
    async fn a_body_is_read_whole_or_refused() {
        let none = HeaderMap::new();
        let read_bytes = async |limit, sent: usize| {
            let body = Body::from(vec![b'x'; sent]);
            let read = read(limits(limit), &none, body).await;
            read.map(|body| body.bytes.len())
        };
        assert_eq!(read_bytes(10, 10).await, Ok(10));
        assert_eq!(read_bytes(10, 0).await, Ok(0));
        assert_eq!(read_bytes(10, 11).await, Err(Refused::TooLarge));
        let mut huge = HeaderMap::new();
        huge.insert(CONTENT_LENGTH, HeaderValue::from_static("99999999999"));
        let refused = read(limits(10), &huge, Body::from("x")).await.map(|body| body.bytes);
        assert_eq!(refused, Err(Refused::TooLarge));
        let endless = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
        let refused = read(limits(10), &none, endless).await.map(|body| body.bytes);
        assert_eq!(refused, Err(Refused::TooSlow));
    }

    #[tokio::test]
    async fn all_bodies_together_are_bounded() {
        let none = HeaderMap::new();
        let read = async || {
            let limits = BodyLimits::of_bytes(MAX_BODIES_BYTES / 4);
            let body = Body::from(vec![b'x'; MAX_BODIES_BYTES / 4]);
            read(limits, &none, body).await
        };
        let mut held = Vec::new();
        let refused = loop {
            match read().await {
                Ok(body) => held.push(body),
                Err(refused) => break refused,
            }
        };
        assert_eq!((held.len(), refused), (4, Refused::NoRoom));
        held.pop();
        assert!(read().await.is_ok());
    }
}
