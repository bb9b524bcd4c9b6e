//! The database on its own thread: the async side sends it work and waits without blocking. `write` holds the writes,
//! `read` the queries.

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::EngineError;
use super::lock::DirectoryLock;
use super::schema;
use super::write::{self, Writes};

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
    pub(super) fn open(directory: &Path, max_pages: Option<u32>) -> Result<(Self, StoreThread), EngineError> {
        let lock = DirectoryLock::acquire(directory)?;
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
