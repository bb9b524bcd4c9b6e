//! The HTTP server under every listener of the program. Every resource that a stranger can hold is bounded: connections
//! in total and per address, and the time and size of a request's head. [`take_body`] bounds the time and size of a
//! body, and the size of all bodies together; a router whose handlers read bodies themselves has to bound them.
//! HTTP/1.1 only.

mod address;
mod body;

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

pub use address::ReservedAddress;
pub use body::{BodyLimits, take_body};

/// The limits of a server.
#[derive(Copy, Clone, Debug)]
pub struct Limits {
    /// Maximum number of connections; further ones wait until one ends.
    pub connections: usize,
    /// Maximum number of connections from one address. Loopback has no such limit: a proxy on this machine connects for
    /// everybody.
    pub connections_per_address: usize,
    /// Time limit of a request's head, and of an idle connection.
    pub head_time: Duration,
    /// Time after which a connection accepts no further requests, even if it is busy.
    pub connection_time: Duration,
    /// Time that an answer in flight gets after that.
    pub last_answer_time: Duration,
}

impl Limits {
    /// The limits of every server of the program. docs/serve.md documents the numbers.
    pub const USUAL: Self = Self {
        connections: 256,
        connections_per_address: 128,
        head_time: Duration::from_secs(10),
        connection_time: Duration::from_secs(300),
        last_answer_time: Duration::from_secs(30),
    };
}

/// Maximum size of a request's head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Pause of the listener when the system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connections of each address.
#[derive(Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

/// One connection's place. Dropping it frees the place.
struct Place {
    addresses: Arc<Addresses>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Addresses {
    /// Returns a place for a connection from an address, or `None` if the address has too many connections.
    fn place(self: &Arc<Self>, address: IpAddr, limit: usize, permit: OwnedSemaphorePermit) -> Option<Place> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= limit && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Place {
            addresses: Arc::clone(self),
            address,
            _permit: permit,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Serves until `stopped` is ready, then until the requests in flight are answered.
///
/// # Errors
/// None at present: an error of the listener is logged, and accepting is retried.
pub async fn serve(listener: TcpListener, router: Router, stopped: impl Future<Output = ()>) -> io::Result<()> {
    serve_within(Limits::USUAL, listener, router, stopped).await
}

/// Serves like [`serve`], with other limits.
///
/// # Errors
/// The same as [`serve`].
pub async fn serve_within(
    limits: Limits,
    listener: TcpListener,
    router: Router,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let addresses = Arc::new(Addresses::default());
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stopped);
    loop {
        let accepted = async {
            // The permit comes before the connection: connections without one wait in the system's queue.
            let permit = Arc::clone(&permits).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, peer)| (stream, peer, permit))
        };
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = &mut stopped => break,
            Some(_) = connections.join_next() => continue,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_of_one_connection(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted; trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        match addresses.place(peer.ip().to_canonical(), limits.connections_per_address, permit) {
            Some(place) => {
                let connection = serve_connection(limits, stream, router.clone(), stopping.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            None => tracing::warn!(address = %peer.ip(), "too many connections from one address: one was closed"),
        }
    }
    drop(listener);
    stop.send_replace(true);
    while connections.join_next().await.is_some() {}
    Ok(())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

async fn serve_connection(limits: Limits, stream: TcpStream, router: Router, mut stopping: watch::Receiver<bool>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection delays small packets");
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = async { drop(stopping.wait_for(|stop| *stop).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = tokio::time::sleep(limits.connection_time) => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(limits.last_answer_time, connection).await {
                Ok(served) => served,
                Err(_) => return tracing::debug!("a connection lasted too long"),
            }
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const QUICK: Limits = Limits {
        connections: 3,
        connections_per_address: 2,
        head_time: Duration::from_millis(300),
        connection_time: Duration::from_millis(1_500),
        last_answer_time: Duration::from_millis(300),
    };

    async fn server() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endless = async || {
            tokio::time::sleep(Duration::from_secs(60)).await;
            "late"
        };
        let router = Router::new()
            .route("/", get(async || "here"))
            .route("/endless", get(endless));
        tokio::spawn(serve_within(QUICK, listener, router, std::future::pending()));
        address
    }

    /// Sends bytes and returns the server's answer until it closes the connection.
    async fn answer(address: SocketAddr, sent: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
        drop(read.unwrap());
        String::from_utf8_lossy(&answer).into_owned()
    }

    const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    #[tokio::test]
    async fn connections_end_whatever_strangers_send() {
        let address = server().await;
        assert!(answer(address, GET).await.ends_with("here"));
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100_000));
        for sent in [
            "",
            "GET / HT",
            "GET / HTTP/1.1\r\nX: y\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "\u{0}\u{1}\u{2}",
            &long,
        ] {
            let begun = std::time::Instant::now();
            let answer = answer(address, sent).await;
            assert!(begun.elapsed() < Duration::from_secs(5), "{sent:?}: {answer}");
        }
    }

    #[tokio::test]
    async fn idle_connections_do_not_block_others() {
        let address = server().await;
        let mut idle = Vec::new();
        for _ in 0..40 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
            idle.push(stream);
        }
        // The server ends three at a time, after 0.3 s each.
        assert!(answer(address, GET).await.ends_with("here"));
    }

    #[test]
    fn an_address_has_its_share_of_the_connections() {
        let permits = Arc::new(Semaphore::new(10));
        let addresses = Arc::new(Addresses::default());
        let place = |address: &str| {
            let permit = Arc::clone(&permits).try_acquire_owned().unwrap();
            addresses.place(address.parse().unwrap(), QUICK.connections_per_address, permit)
        };
        let first = place("192.0.2.1");
        let second = place("192.0.2.1");
        assert!(first.is_some() && second.is_some());
        assert!(place("192.0.2.1").is_none());
        let other = place("192.0.2.2");
        assert!(other.is_some());
        let proxied: Vec<_> = (0..5).map(|_| place("127.0.0.1")).collect();
        assert!(proxied.iter().all(Option::is_some));
        drop(first);
        assert!(place("192.0.2.1").is_some());
        drop((second, other, proxied));
        assert_eq!(permits.available_permits(), 10);
        assert!(addresses.0.lock().unwrap().is_empty());
    }
}
