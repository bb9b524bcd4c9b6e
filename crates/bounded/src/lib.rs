//! Runs work that may take long or never end (a search in a tree; reading a file that is a pipe) on threads of its own:
//! at most a given number at the same time, each abandoned at a time limit.
//!
//! The threads are not the async runtime's: a runtime that ends waits for its own blocking threads, and one that reads
//! from a pipe never ends. An abandoned thread occupies its place until its work returns, so that hostile input can't
//! pile threads up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

/// The work gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenUp {
    /// It took longer than its limit, or no thread became free within it.
    TimeUp,
    /// It panicked, or no thread could be started.
    Broken,
}

/// A maximum number of threads that run at the same time.
#[derive(Debug)]
pub struct Threads {
    free: Arc<Semaphore>,
}

impl Threads {
    /// Permits `count` threads at the same time.
    pub fn new(count: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(count)),
        }
    }

    /// Runs the work on a new thread.
    ///
    /// # Errors
    ///
    /// No thread became free within the limit, the work took longer than the limit, or it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, GivenUp> {
        let place = timeout(limit, Arc::clone(&self.free).acquire_owned())
            .await
            .map_err(|_| GivenUp::TimeUp)?
            .map_err(|_| GivenUp::Broken)?;
        let (send, receive) = oneshot::channel();
        std::thread::Builder::new()
            .name("bounded".to_owned())
            .spawn(move || {
                let result = work();
                // Before the result is sent, so that the place is free when the caller has it.
                drop(place);
                // Without a receiver, the caller has given up and doesn't need the result.
                drop(send.send(result));
            })
            .map_err(|_| GivenUp::Broken)?;
        timeout(limit, receive)
            .await
            .map_err(|_| GivenUp::TimeUp)?
            .map_err(|_| GivenUp::Broken)
    }
}

/// Runs the work on a new thread, for a caller that isn't async, and blocks up to the limit.
///
/// # Errors
///
/// The work took longer than the limit, or it panicked.
pub fn run_blocking<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GivenUp> {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::Builder::new()
        .name("bounded".to_owned())
        .spawn(move || drop(send.send(work())))
        .map_err(|_| GivenUp::Broken)?;
    receive.recv_timeout(limit).map_err(|error| match error {
        std::sync::mpsc::RecvTimeoutError::Timeout => GivenUp::TimeUp,
        std::sync::mpsc::RecvTimeoutError::Disconnected => GivenUp::Broken,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "work that breaks is one of the cases")]
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn work_that_never_ends_costs_only_its_caller_the_time_limit() {
        let threads = Threads::new(2);
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let stuck = threads
            .run(Duration::from_millis(50), move || stopped.recv().is_ok())
            .await;
        assert_eq!(stuck, Err(GivenUp::TimeUp));
        assert_eq!(threads.run(LONG, || 1).await, Ok(1), "the other thread is free");
        assert_eq!(threads.free.available_permits(), 1, "the stuck thread keeps its place");
        drop(stop);
        let both = tokio::time::timeout(LONG, threads.free.acquire_many(2)).await;
        assert!(
            both.is_ok_and(|both| both.is_ok()),
            "its place is free once its work returns"
        );
    }

    #[tokio::test]
    async fn without_a_free_thread_the_caller_gives_up_in_time() {
        let threads = Threads::new(0);
        assert_eq!(threads.run(Duration::from_millis(20), || 1).await, Err(GivenUp::TimeUp));
    }

    #[tokio::test]
    async fn work_that_panics_is_reported() {
        let threads = Threads::new(1);
        assert_eq!(
            threads.run(LONG, || panic!("broken")).await,
            Err::<(), _>(GivenUp::Broken)
        );
        assert_eq!(threads.run(LONG, || 1).await, Ok(1));
    }
}
