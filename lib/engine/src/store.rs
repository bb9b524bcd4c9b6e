//! The database on its own thread: the async side sends it work and waits without blocking. `write` holds the writes,
//! `read` the queries.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::EngineError;
use super::lock::{self, DirectoryLock};
use super::schema;
use super::write::{self, Writes};

/// Maximum wait for another process to release the data directory: it may be about to end.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between two attempts to lock the data directory.
const LOCK_RETRY_PAUSE: Duration = Duration::from_millis(20);

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the database; all clones reach the same thread.
#[derive(Clone)]
pub(super) struct Store {
    file: Arc<PathBuf>,
    max_pages: Option<u32>,
    work: mpsc::Sender<Work>,
}

/// The database's thread, to join at the end.
pub(super) struct StoreThread(JoinHandle<()>);

impl StoreThread {
    /// Waits until all handles are gone and the data directory is released.
    pub(super) async fn finished(self) {
        // A thread that panicked has released the directory, too.
        drop(tokio::task::spawn_blocking(move || self.0.join()).await);
    }
}

impl Store {
    /// Locks the data directory and opens its database. Blocks: call it on a thread that may block.
    pub(super) fn open(
        directory: &Path,
        note: Option<&str>,
        max_pages: Option<u32>,
    ) -> Result<(Self, StoreThread), EngineError> {
        let lock = DirectoryLock::acquire(directory, note)?;
        let (mut connection, file) = schema::open_writable(directory, max_pages)?;
        let (work, inbox) = mpsc::channel::<Work>();
        let thread = std::thread::Builder::new()
            .name("holdfast-store".to_owned())
            .spawn(move || {
                while let Ok(work) = inbox.recv() {
                    work(&mut connection);
                }
                drop(connection);
                drop(lock);
            })
            .map_err(|error| EngineError::DirectoryUnusable {
                directory: directory.to_path_buf(),
                detail: format!("no thread for the database: {error}"),
            })?;
        Ok((
            Self {
                file: Arc::new(file),
                max_pages,
                work,
            },
            StoreThread(thread),
        ))
    }

    /// Stores a turn: when the future is done, the turn is on the disk as a whole, or not at all. The work is queued at
    /// once: later work of the store runs after it.
    pub(super) fn commit(&self, writes: Writes) -> impl Future<Output = Result<(), EngineError>> + Send + use<> {
        self.run(move |connection| write::commit(connection, &writes))
    }

    /// Reopens the file and writes a little, to find out whether the disk works again.
    pub(super) async fn probe(&self) -> Result<(), EngineError> {
        let (file, max_pages) = (Arc::clone(&self.file), self.max_pages);
        self.run(move |connection| {
            *connection = schema::connect(&file, max_pages)?;
            write::probe(connection)
        })
        .await
    }

    /// Runs work on the database's thread, after all work that was queued before.
    pub(super) fn run<T: Send + 'static, W>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<T, EngineError>> + Send + use<T, W>
    where
        W: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Work = Box::new(move |connection| drop(reply.send(work(connection))));
        let sent = self.work.send(job);
        let file = Arc::clone(&self.file);
        async move {
            sent.map_err(|_| EngineError::Stopped)?;
            let result = answer.await.map_err(|_| EngineError::Stopped)?;
            result.map_err(|error| EngineError::of_sqlite(&file, &error))
        }
    }
}

/// Opens the database off the async threads. A process that is about to end gets a moment to release it.
pub(super) async fn open(
    directory: &Path,
    note: Option<String>,
    max_pages: Option<u32>,
) -> Result<(Store, StoreThread), EngineError> {
    let directory = directory.to_path_buf();
    patiently(move || Store::open(&directory, note.as_deref(), max_pages)).await
}

/// Checks that no other process writes to a data directory, before an operation that can't be undone if it does. A
/// process that is about to end gets a moment. Another one may begin right after the check.
///
/// # Errors
/// A process holds the directory, or its lock can't be read.
pub async fn check_free(data_dir: &Path) -> Result<(), EngineError> {
    let directory = data_dir.to_path_buf();
    patiently(move || lock::check_free(&directory)).await
}

/// Runs `work` off the async threads, again and again for a moment while the directory is in use.
async fn patiently<T, W>(work: W) -> Result<T, EngineError>
where
    T: Send + 'static,
    W: Fn() -> Result<T, EngineError> + Send + Sync + 'static,
{
    let give_up = tokio::time::Instant::now() + LOCK_TIMEOUT;
    let work = Arc::new(work);
    loop {
        let again = Arc::clone(&work);
        let done = tokio::task::spawn_blocking(move || again()).await;
        match done.unwrap_or(Err(EngineError::Stopped)) {
            Err(EngineError::DirectoryInUse { .. }) if tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(LOCK_RETRY_PAUSE).await;
            }
            done => return done,
        }
    }
}
