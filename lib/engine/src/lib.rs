//! The durable runner: executions of state machines that survive the process, on one machine.
//!
//! History first, effect second: every event is on the disk before what follows from it is done. One loop takes in
//! what waits, advances the executions and stores all of it in one transaction. What an event means is decided in
//! `holdfast-asl`; what the functions do, and where objects are kept, comes in through the ports.

mod ahead;
mod archive;
mod backup;
mod clock;
mod dispatch;
mod error;
mod evaluator;
mod evaluator_process;
mod journal;
mod listing;
mod live;
mod lock;
mod machines;
mod map_result;
mod map_run;
mod naming;
mod port;
mod read;
mod read_due;
mod recover;
mod redrive;
mod request;
mod request_handler;
mod run_loop;
mod schema;
mod scope;
mod settle;
mod storage_outage;
mod store;
mod time;
mod timer;
mod turn;
mod waiting;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use holdfast_asl::{Entropy, PAYLOAD_LIMIT_BYTES, TaskFailure, is_payload};
use serde_json::Value;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::AbortHandle;

pub use archive::{Archive, ExecutionRecord, ExecutionStatus, MapRunRecord, StatusUnknown};
pub use backup::{BackedUp, back_up};
pub use clock::{SystemClock, SystemEntropy, VirtualClock};
pub use error::EngineError;
pub use evaluator::Evaluator;
pub use evaluator_process::serve_evaluations;
pub use journal::{HistoryOrder, HistoryPlace};
pub use listing::{ExecutionDetails, MapRunDetails, Place, Wanted};
pub use naming::{Naming, OtherMachine};
pub use port::{Clock, FunctionFailure, Functions, Invocation, NoObjects, ObjectFailure, Objects};
pub use recover::Recovered;
pub use request::{Outcome, PendingToken, Started};
pub use schema::has_runs;
pub use scope::Scope;
pub use turn::{ChildEvent, EngineEvent};

use dispatch::Jobs;
use evaluator::Evaluations;
use live::OpenState;
use machines::Machines;
use request::{Answer, Request, TokenAnswer};
use run_loop::Runner;
use store::{Store, StoreThread};
use time::Timekeeper;

/// How many events a slow subscriber may be behind before it misses some.
const EVENTS_KEPT: usize = 4096;
/// How long a process that is just ending may take to release the data directory.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_RETRY: Duration = Duration::from_millis(20);

/// What an engine is opened with.
pub struct EngineOptions {
    /// Where everything durable is. Made if missing, for this user alone.
    pub data_dir: PathBuf,
    /// Runs the functions.
    pub functions: Arc<dyn Functions>,
    /// Reads the items of maps and stores their results.
    pub objects: Arc<dyn Objects>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives task tokens and jitter.
    pub entropy: Box<dyn Entropy + Send + Sync>,
    /// What ARNs are made of.
    pub naming: Naming,
    /// A wait or back-off up to this long, beside a token wait, is sat out by [`Engine::wait`]. Default 60,000 ms.
    pub patience_ms: i64,
    /// The most pages of 4 KiB that the database may grow to; none for no limit.
    pub max_database_pages: Option<u32>,
    /// Evaluates expressions that can cost anything. Default: on threads of this process.
    pub evaluator: Evaluator,
    /// Which open executions are resumed. Default: all.
    pub scope: Scope,
}

impl EngineOptions {
    /// Options with the system's clock and randomness, and no limits.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub fn new(
        data_dir: impl Into<PathBuf>,
        functions: Arc<dyn Functions>,
        objects: Arc<dyn Objects>,
    ) -> Result<Self, EngineError> {
        Ok(Self {
            data_dir: data_dir.into(),
            functions,
            objects,
            clock: Arc::new(SystemClock),
            entropy: Box::new(SystemEntropy::new()?),
            naming: Naming::default(),
            patience_ms: 60_000,
            max_database_pages: None,
            evaluator: Evaluator::in_threads(),
            scope: Scope::All,
        })
    }
}

/// An open engine: a cheap handle, which can be cloned.
///
/// ```
/// # use std::sync::Arc;
/// # use async_trait::async_trait;
/// # use holdfast_engine::{Engine, EngineOptions, FunctionFailure, Functions, Invocation, NoObjects, Outcome};
/// # use serde_json::{Value, json};
/// struct Double;
///
/// #[async_trait]
/// impl Functions for Double {
///     async fn invoke(&self, _function: &str, payload: Value, _: Invocation) -> Result<Value, FunctionFailure> {
///         Ok(json!(payload.as_i64().unwrap_or_default() * 2))
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = tempfile::tempdir()?;
/// # let data = directory.path();
/// let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "Double", "States": { "Double": {
///     "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
///     "Arguments": { "FunctionName": "double", "Payload": "{% $states.input.n %}" },
///     "Output": "{% $states.result.Payload %}", "End": true } } });
///
/// let options = EngineOptions::new(data, Arc::new(Double), Arc::new(NoObjects))?;
/// let (engine, _recovered) = Engine::open(options).await?;
/// engine.start("first", &definition.to_string(), json!({ "n": 21 })).await?;
/// let Outcome::Finished { status } = engine.wait("first").await? else { panic!("it waits for no one") };
/// assert_eq!(status, holdfast_asl::Status::Succeeded { output: json!(42) });
/// engine.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// When the last handle is dropped, the engine ends as by a crash: use
/// [`Engine::shutdown`] to end it in order.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// A handle that does not keep an engine open.
#[derive(Clone)]
pub struct WeakEngine {
    shared: Weak<Shared>,
}

impl WeakEngine {
    /// The engine, while it is open.
    pub fn upgrade(&self) -> Option<Engine> {
        self.shared.upgrade().map(|shared| Engine { shared })
    }
}

struct Shared {
    requests: mpsc::UnboundedSender<Request>,
    events: broadcast::Sender<EngineEvent>,
    health: watch::Receiver<Option<EngineError>>,
    run_loop: AbortHandle,
    machines: Arc<Machines>,
    naming: Naming,
    data_dir: PathBuf,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.run_loop.abort();
    }
}

impl Engine {
    /// Takes the data directory and resumes what is open in it, as far as [`EngineOptions::scope`] holds it.
    ///
    /// # Errors
    /// The directory is in use, unusable, damaged, full or of a newer version.
    pub async fn open(options: EngineOptions) -> Result<(Self, Recovered), EngineError> {
        let (store, thread) = open_store(&options.data_dir, options.max_database_pages).await?;
        let machines = Arc::new(Machines::default());
        let (requests, inbox) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let (health_sender, health) = watch::channel(None);
        let mut runner = Runner {
            jobs: Jobs::new(
                options.functions,
                options.objects,
                store.clone(),
                options.evaluator.clone(),
            ),
            evaluations: Evaluations::new(options.evaluator),
            store,
            thread,
            time: Timekeeper::new(options.clock),
            machines: Arc::clone(&machines),
            entropy: options.entropy,
            naming: options.naming,
            patience_ms: options.patience_ms,
            inbox,
            held: None,
            events: events.clone(),
            health: health_sender,
            scope: options.scope,
            open: OpenState::default(),
            waiters: HashMap::new(),
        };
        let naming = runner.naming.clone();
        let recovered = runner.begin().await?;
        let run_loop = tokio::spawn(runner.run()).abort_handle();
        let shared = Arc::new(Shared {
            requests,
            events,
            health,
            run_loop,
            machines,
            naming,
            data_dir: options.data_dir,
        });
        Ok((Self { shared }, recovered))
    }

    /// A handle that does not keep the engine open.
    pub fn downgrade(&self) -> WeakEngine {
        WeakEngine {
            shared: Arc::downgrade(&self.shared),
        }
    }

    /// Starts an execution; started again with the same name and input, it is the same one. When this returns, it
    /// is on the disk.
    ///
    /// # Errors
    /// The definition or the name is not valid, the input is too large, the name has another input, or nothing can
    /// be stored.
    pub async fn start(&self, name: &str, definition_text: &str, input: Value) -> Result<Started, EngineError> {
        self.start_named(name, None, definition_text, input).await
    }

    /// Starts an execution of another state machine than the engine's own. Each machine's executions have their names for
    /// themselves: the engine knows this one by [`Naming::known_as`].
    ///
    /// # Errors
    /// As with [`Engine::start`].
    pub async fn start_of(
        &self,
        other: OtherMachine,
        name: &str,
        definition_text: &str,
        input: Value,
    ) -> Result<Started, EngineError> {
        self.start_named(name, Some(other), definition_text, input).await
    }

    async fn start_named(
        &self,
        name: &str,
        other: Option<OtherMachine>,
        definition_text: &str,
        input: Value,
    ) -> Result<Started, EngineError> {
        if !naming::is_execution_name(name) {
            return Err(EngineError::NameInvalid { name: name.to_owned() });
        }
        let bytes = input.to_string().len();
        if bytes > PAYLOAD_LIMIT_BYTES {
            return Err(EngineError::InputTooLarge {
                name: name.to_owned(),
                bytes,
                limit: PAYLOAD_LIMIT_BYTES,
            });
        }
        if !is_payload(&input) {
            return Err(EngineError::InputTooDeep { name: name.to_owned() });
        }
        let (sha256, machine) = self.shared.machines.parse(definition_text)?;
        let known_as = other
            .as_ref()
            .map_or_else(|| name.to_owned(), |other| naming::known_as(&other.name, name));
        let of = other.map(|other| (other, name.to_owned()));
        let definition = definition_text.into();
        self.ask(|reply| Request::Start {
            name: known_as,
            of,
            definition,
            sha256,
            machine,
            input,
            reply,
        })
        .await
    }

    /// What ARNs are made of.
    pub fn naming(&self) -> &Naming {
        &self.shared.naming
    }

    /// Waits until an execution has ended, or only someone outside can bring it further.
    ///
    /// # Errors
    /// There is none of that name, or the disk fails meanwhile: the execution is not lost, and can be waited for
    /// again.
    pub async fn wait(&self, name: &str) -> Result<Outcome, EngineError> {
        self.ask(|reply| Request::Wait {
            name: name.to_owned(),
            reply,
        })
        .await
    }

    /// Completes the task of a token.
    ///
    /// # Errors
    /// The token is unknown or closed, or nothing can be stored.
    pub async fn send_task_success(&self, token: &str, output: Value) -> Result<(), EngineError> {
        self.send_token(token, TokenAnswer::Success(output)).await
    }

    /// Fails the task of a token.
    ///
    /// # Errors
    /// The token is unknown or closed, or nothing can be stored.
    pub async fn send_task_failure(&self, token: &str, failure: TaskFailure) -> Result<(), EngineError> {
        self.send_token(token, TokenAnswer::Failure(failure)).await
    }

    /// Says that the task of a token is still being worked on.
    ///
    /// # Errors
    /// The token is unknown or closed, or nothing can be stored.
    pub async fn send_task_heartbeat(&self, token: &str) -> Result<(), EngineError> {
        self.send_token(token, TokenAnswer::Heartbeat).await
    }

    /// Stops an execution and its children. What their functions answer later changes nothing.
    ///
    /// # Errors
    /// There is none of that name, it has ended, or nothing can be stored.
    pub async fn stop(&self, name: &str, error: Option<String>, cause: Option<String>) -> Result<(), EngineError> {
        self.ask(|reply| Request::Stop {
            name: name.to_owned(),
            error,
            cause,
            reply,
        })
        .await
    }

    /// Goes on with an execution that failed, timed out or was stopped, from the states that were not left: the same
    /// execution with the same input. What finished is kept, also among a map's items. When this returns how often
    /// the execution has been redriven, that is on the disk.
    ///
    /// # Errors
    /// There is none of that name, it has not ended, it succeeded, a limit is reached, or nothing can be stored.
    pub async fn redrive(&self, name: &str) -> Result<u64, EngineError> {
        self.ask(|reply| Request::Redrive {
            name: name.to_owned(),
            reply,
        })
        .await
    }

    /// The tasks that an execution and its children wait for now, with their tokens.
    ///
    /// # Errors
    /// There is none of that name, or nothing can be read.
    pub async fn pending_tokens(&self, name: &str) -> Result<Vec<PendingToken>, EngineError> {
        self.ask(|reply| Request::PendingTokens {
            name: name.to_owned(),
            reply,
        })
        .await
    }

    /// Copies the data directory to a new one while the engine goes on; see [`back_up`].
    ///
    /// # Errors
    /// The destination is not empty, or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<BackedUp, EngineError> {
        let (from, to) = (self.shared.data_dir.clone(), to.to_path_buf());
        let copied = tokio::task::spawn_blocking(move || back_up(&from, &to)).await;
        copied.unwrap_or(Err(EngineError::Stopped))
    }

    /// Every event of every execution from now on, once it is stored.
    pub fn subscribe(&self) -> broadcast::Receiver<EngineEvent> {
        self.shared.events.subscribe()
    }

    /// What keeps the engine from storing anything now; none while all is well.
    pub fn health(&self) -> watch::Receiver<Option<EngineError>> {
        self.shared.health.clone()
    }

    /// Stores what is known, ends all functions under way and releases the data directory. What was not finished
    /// goes on when the engine is opened again.
    pub async fn shutdown(self) {
        let (reply, done) = oneshot::channel();
        if self.shared.requests.send(Request::Shutdown { reply }).is_ok() {
            // An error means that the engine has ended before.
            drop(done.await);
        }
    }

    async fn send_token(&self, token: &str, answer: TokenAnswer) -> Result<(), EngineError> {
        self.ask(|reply| Request::Token {
            token: token.to_owned(),
            answer,
            reply,
        })
        .await
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, EngineError> {
        let (reply, answer) = Answer::new();
        self.shared
            .requests
            .send(request(reply))
            .map_err(|_| EngineError::Stopped)?;
        answer.await.map_err(|_| EngineError::Stopped)?
    }
}

/// Opens the database off the async threads; a process that is just ending gets a moment to let go of it.
async fn open_store(directory: &Path, max_pages: Option<u32>) -> Result<(Store, StoreThread), EngineError> {
    let give_up = tokio::time::Instant::now() + LOCK_PATIENCE;
    loop {
        let path = directory.to_path_buf();
        let opened = tokio::task::spawn_blocking(move || Store::open(&path, max_pages)).await;
        match opened.unwrap_or(Err(EngineError::Stopped)) {
            Err(EngineError::DirectoryInUse { .. }) if tokio::time::Instant::now() < give_up => {
                tokio::time::sleep(LOCK_RETRY).await;
            }
            opened => return opened,
        }
    }
}
