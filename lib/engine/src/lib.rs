//! The durable engine: executions of state machines that survive the process, on one machine.
//!
//! History first, effect second: the engine acts on an event only once the event is on the disk. One loop takes in
//! requests, results and timers, advances the executions and stores all changes in one transaction. `holdfast-asl`
//! decides what an event means. Functions and object storage are ports that the caller implements.

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
mod map_limits;
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
mod test_state;
mod time;
mod timer;
mod turn;
mod waiting;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

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
pub use listing::{ExecutionDetails, ExecutionFilter, ListPosition, MapRunDetails};
pub use map_limits::MapRunLimits;
pub use naming::{Naming, OtherMachine};
pub use port::{Clock, FunctionFailure, Functions, Invocation, NoObjects, ObjectFailure, Objects};
pub use recover::Recovered;
pub use request::{Outcome, PendingToken, Started};
pub use schema::has_runs;
pub use scope::Scope;
pub use store::check_free;
pub use test_state::{StateTest, TestStatus, TestedState};
pub use turn::{ChildEvent, EngineEvent};

use dispatch::Jobs;
use evaluator::Evaluations;
use live::OpenState;
use machines::Machines;
use request::{Answer, Request, TokenAnswer};
use run_loop::Runner;
use time::Timekeeper;

/// Maximum number of events that a slow subscriber may lag behind before it misses some.
const MAX_QUEUED_EVENTS: usize = 4096;

/// The options of [`Engine::open`].
pub struct EngineOptions {
    /// The directory of everything durable. Created if missing, with access for this user only.
    pub data_dir: PathBuf,
    /// Runs the functions.
    pub functions: Arc<dyn Functions>,
    /// Reads the items of maps and stores their results.
    pub objects: Arc<dyn Objects>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness for task tokens and jitter.
    pub entropy: Box<dyn Entropy + Send + Sync>,
    /// The parts of ARNs.
    pub naming: Naming,
    /// While an execution waits for a token, [`Engine::wait`] also waits for its Wait states and retries that are due
    /// within this time; beyond it, the call returns. Default 60,000 ms.
    pub max_timer_wait_ms: i64,
    /// Maximum size of the database in pages of 4 KiB; `None` for no limit.
    pub max_database_pages: Option<u32>,
    /// Evaluates expressions of unknown cost. Default: on threads of this process.
    pub evaluator: Evaluator,
    /// The open executions that the engine resumes. Default: all.
    pub scope: Scope,
    /// One line for others who try to open the directory meanwhile, such as this process's address:
    /// [`EngineError::DirectoryInUse`] has it. Default: none.
    pub note: Option<String>,
}

impl EngineOptions {
    /// Returns options with the system's clock and randomness, and without limits.
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
            max_timer_wait_ms: 60_000,
            max_database_pages: None,
            evaluator: Evaluator::in_threads(),
            scope: Scope::All,
            note: None,
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
/// When the last handle is dropped, the engine ends abruptly, like in a crash. Use [`Engine::shutdown`] for an orderly
/// end.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// A handle that doesn't keep an engine open.
#[derive(Clone)]
pub struct WeakEngine {
    shared: Weak<Shared>,
}

impl WeakEngine {
    /// Returns the engine while it is open.
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
    functions: Arc<dyn Functions>,
    evaluator: Evaluator,
    naming: Naming,
    data_dir: PathBuf,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.run_loop.abort();
    }
}

impl Engine {
    /// Locks the data directory and resumes the open executions in it that are in [`EngineOptions::scope`].
    ///
    /// # Errors
    /// The directory is in use, unusable, damaged, full or of a newer version.
    pub async fn open(options: EngineOptions) -> Result<(Self, Recovered), EngineError> {
        let (store, thread) = store::open(&options.data_dir, options.note, options.max_database_pages).await?;
        let machines = Arc::new(Machines::default());
        let (requests, inbox) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(MAX_QUEUED_EVENTS);
        let (health_sender, health) = watch::channel(None);
        let mut runner = Runner {
            jobs: Jobs::new(
                Arc::clone(&options.functions),
                options.objects,
                store.clone(),
                options.evaluator.clone(),
            ),
            evaluations: Evaluations::new(options.evaluator.clone()),
            store,
            thread,
            time: Timekeeper::new(options.clock),
            machines: Arc::clone(&machines),
            entropy: options.entropy,
            naming: options.naming,
            max_timer_wait_ms: options.max_timer_wait_ms,
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
            functions: options.functions,
            evaluator: options.evaluator,
            naming,
            data_dir: options.data_dir,
        });
        Ok((Self { shared }, recovered))
    }

    /// Returns a handle that doesn't keep the engine open.
    pub fn downgrade(&self) -> WeakEngine {
        WeakEngine {
            shared: Arc::downgrade(&self.shared),
        }
    }

    /// Starts an execution. A second start with the same name and input finds the same execution. When this returns,
    /// the execution is on the disk.
    ///
    /// # Errors
    /// The definition or the name is invalid, the input is too large, the name exists with another input, or the
    /// storage fails.
    pub async fn start(&self, name: &str, definition_text: &str, input: Value) -> Result<Started, EngineError> {
        self.start_named(name, None, definition_text, input).await
    }

    /// Starts an execution of another state machine than the engine's own. Names are unique per state machine; all
    /// other methods take the name that [`Naming::known_as`] returns.
    ///
    /// # Errors
    /// The same as [`Engine::start`].
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

    /// Returns the parts of ARNs.
    pub fn naming(&self) -> &Naming {
        &self.shared.naming
    }

    /// Waits until an execution has ended, or only an answer from outside can advance it.
    ///
    /// # Errors
    /// No execution has the name, or the disk fails meanwhile: then the execution isn't lost, and the call can be
    /// repeated.
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

    /// Reports that work on the task of a token continues.
    ///
    /// # Errors
    /// The token is unknown or closed, or nothing can be stored.
    pub async fn send_task_heartbeat(&self, token: &str) -> Result<(), EngineError> {
        self.send_token(token, TokenAnswer::Heartbeat).await
    }

    /// Stops an execution and its children. Later answers of their functions change nothing.
    ///
    /// # Errors
    /// No execution has the name, it has ended, or the storage fails.
    pub async fn stop(&self, name: &str, error: Option<String>, cause: Option<String>) -> Result<(), EngineError> {
        self.ask(|reply| Request::Stop {
            name: name.to_owned(),
            error,
            cause,
            reply,
        })
        .await
    }

    /// Redrives an execution that failed, timed out or was stopped: it continues from the states that it had not left,
    /// as the same execution with the same input. Finished branches and map items keep their results. Returns the
    /// number of redrives, once the redrive is on the disk.
    ///
    /// # Errors
    /// No execution has the name, it has not ended, it succeeded, a limit is reached, or the storage fails.
    pub async fn redrive(&self, name: &str) -> Result<u64, EngineError> {
        self.ask(|reply| Request::Redrive {
            name: name.to_owned(),
            reply,
        })
        .await
    }

    /// Changes the limits of a running map run; a limit that is `None` stays. The change applies to children that have
    /// not begun, and to failures so far. When this returns, it is on the disk.
    ///
    /// # Errors
    /// No map run has the ARN, it is not running, or the storage fails.
    pub async fn update_map_run(&self, map_run_arn: &str, limits: MapRunLimits) -> Result<(), EngineError> {
        self.ask(|reply| Request::UpdateMapRun {
            arn: map_run_arn.to_owned(),
            limits,
            reply,
        })
        .await
    }

    /// Returns the tasks that an execution and its children wait for now, with their tokens.
    ///
    /// # Errors
    /// No execution has the name, or the database cannot be read.
    pub async fn pending_tokens(&self, name: &str) -> Result<Vec<PendingToken>, EngineError> {
        self.ask(|reply| Request::PendingTokens {
            name: name.to_owned(),
            reply,
        })
        .await
    }

    /// Copies the data directory to a new one while the engine runs; see [`back_up`].
    ///
    /// # Errors
    /// The destination is not empty, or cannot be written.
    pub async fn backup(&self, to: &Path) -> Result<BackedUp, EngineError> {
        let (from, to) = (self.shared.data_dir.clone(), to.to_path_buf());
        let copied = tokio::task::spawn_blocking(move || back_up(&from, &to)).await;
        copied.unwrap_or(Err(EngineError::Stopped))
    }

    /// Subscribes to all events of all executions from now on. An event arrives once it is stored.
    pub fn subscribe(&self) -> broadcast::Receiver<EngineEvent> {
        self.shared.events.subscribe()
    }

    /// Returns a watch on the error that keeps the engine from storing anything; `None` while the storage works.
    pub fn health(&self) -> watch::Receiver<Option<EngineError>> {
        self.shared.health.clone()
    }

    /// Stores pending results, ends all functions in flight and releases the data directory. Unfinished executions
    /// resume when the engine is opened again.
    pub async fn shutdown(self) {
        let (reply, done) = oneshot::channel();
        if self.shared.requests.send(Request::Shutdown { reply }).is_ok() {
            // An error means that the engine has already ended.
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
