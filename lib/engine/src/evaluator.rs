//! Evaluation of expressions of unknown cost, in processes that have a memory limit and are killed at a time limit. A
//! process evaluates one template after the other. There are at most `MAX_PROCESSES`, and no state machine gets all of
//! them.

use std::collections::HashMap;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_asl::{Evaluated, Evaluation, EvaluationKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::evaluator_process::OUT_OF_TIME;

/// Time limit of one template.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Additional time for passing the data back and forth.
const EXCHANGE_TIME: Duration = Duration::from_millis(500);
/// Maximum size of an answer.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// A process is replaced after this number of templates, so that leaks are bounded.
const MAX_USES: u32 = 10_000;
/// Maximum starts of a process for one template.
const MAX_STARTS: u32 = 3;
/// Maximum number of processes.
const MAX_PROCESSES: usize = 4;
/// Number of semaphores of state machines at which those that nobody uses are dropped.
const MAX_MACHINE_SEMAPHORES: usize = 256;
/// SIGHUP, SIGINT, SIGQUIT and SIGTERM, which have these numbers on every Unix.
const OUTSIDE_SIGNALS: [i32; 4] = [1, 2, 3, 15];

/// Evaluates templates outside the engine's loop. Clones share its processes.
#[derive(Clone)]
pub struct Evaluator {
    shared: Arc<Shared>,
}

/// The program that evaluates.
struct EvaluatorProgram {
    path: PathBuf,
    arguments: Vec<String>,
}

struct Shared {
    program: Option<EvaluatorProgram>,
    permits: Arc<Semaphore>,
    /// Maximum evaluations of one state machine at once.
    share: usize,
    /// For each state machine, the semaphore that limits its evaluations to its share.
    machine_semaphores: Mutex<HashMap<String, Arc<Semaphore>>>,
    idle: Mutex<Vec<Process>>,
}

/// A process that evaluates. Dropping it kills it.
struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    uses: u32,
}

/// The result of sending a template to a process.
enum Ended {
    Answered(Evaluated),
    Died(Option<ExitStatus>),
}

impl Evaluator {
    /// Evaluates in processes of `program` with these arguments. With them, the program must only call
    /// [`serve_evaluations`](super::serve_evaluations). The program `evaluate-expressions` of this package does so;
    /// your own program can, behind an argument. An expression is limited in time and memory, and its process is killed
    /// beyond that: safe for definitions of any author.
    pub fn in_processes(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self::new(Some(EvaluatorProgram {
            path: program.into(),
            arguments,
        }))
    }

    /// Evaluates on threads of this process: limited in time wherever the evaluator checks the clock, and not in
    /// memory. For definitions of trusted authors.
    pub fn in_threads() -> Self {
        Self::new(None)
    }

    fn new(program: Option<EvaluatorProgram>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let processes = cores.clamp(2, MAX_PROCESSES);
        Self {
            shared: Arc::new(Shared {
                program,
                permits: Arc::new(Semaphore::new(processes)),
                share: processes - 1,
                machine_semaphores: Mutex::default(),
                idle: Mutex::default(),
            }),
        }
    }

    /// Evaluates a template of a state machine.
    ///
    /// # Errors
    /// The expression fails, exceeds a limit, or no process could evaluate it.
    pub async fn evaluate(&self, machine: &str, evaluation: Arc<Evaluation>) -> Evaluated {
        let shared = &self.shared;
        let machine_permit = shared.semaphore_of(machine).acquire_owned().await;
        let permit = Arc::clone(&shared.permits).acquire_owned().await;
        let (Ok(machine_permit), Ok(permit)) = (machine_permit, permit) else {
            return evaluation.failed("the engine has been shut down");
        };
        match &shared.program {
            Some(program) => {
                let answer = shared.in_process(program, &evaluation).await;
                drop((machine_permit, permit));
                answer
            }
            None => in_thread(evaluation, (machine_permit, permit)).await,
        }
    }
}

impl Shared {
    fn semaphore_of(&self, machine: &str) -> Arc<Semaphore> {
        let mut machine_semaphores = unpoisoned(&self.machine_semaphores);
        if machine_semaphores.len() >= MAX_MACHINE_SEMAPHORES {
            machine_semaphores
                .retain(|_, semaphore| Arc::strong_count(semaphore) > 1 || semaphore.available_permits() < self.share);
        }
        let semaphore = machine_semaphores
            .entry(machine.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(self.share)));
        Arc::clone(semaphore)
    }

    async fn in_process(&self, program: &EvaluatorProgram, evaluation: &Arc<Evaluation>) -> Evaluated {
        let request = match serde_json::to_vec(evaluation.as_ref()) {
            Ok(request) => request,
            Err(error) => return evaluation.failed(&error.to_string()),
        };
        let mut kept = unpoisoned(&self.idle).pop();
        let mut ended_from_outside = 0;
        loop {
            let was_kept = kept.is_some();
            let mut process = match kept.take() {
                Some(process) => process,
                None => match start(program).await {
                    Ok(process) => process,
                    Err(error) => {
                        tracing::error!(program = %program.path.display(), %error, "the process that evaluates expressions did not start");
                        return evaluation.failed(&format!("the process for it did not start: {error}"));
                    }
                },
            };
            match tokio::time::timeout(TIME_LIMIT + EXCHANGE_TIME, process.exchange(&request)).await {
                Ok(Ended::Answered(answer)) => {
                    if process.uses < MAX_USES {
                        unpoisoned(&self.idle).push(process);
                    }
                    return answer;
                }
                Ok(Ended::Died(status)) if is_out_of_time(status) => return evaluation.timed_out(),
                // It may have died of an earlier template, or while idle: a new process decides.
                Ok(Ended::Died(_)) if was_kept => {}
                Ok(Ended::Died(status)) if is_from_outside(status) && ended_from_outside < MAX_STARTS => {
                    ended_from_outside += 1;
                }
                Ok(Ended::Died(_)) => return evaluation.out_of_memory(),
                Err(_) => return evaluation.timed_out(),
            }
        }
    }
}

impl Process {
    async fn exchange(&mut self, request: &[u8]) -> Ended {
        self.uses += 1;
        match self.try_exchange(request).await {
            Ok(answer) => Ended::Answered(answer),
            Err(_) => {
                // It wrote an invalid answer, or it has ended.
                let status = tokio::time::timeout(EXCHANGE_TIME, self.child.wait()).await;
                Ended::Died(status.ok().and_then(Result::ok))
            }
        }
    }

    async fn try_exchange(&mut self, request: &[u8]) -> io::Result<Evaluated> {
        let length = u32::try_from(request.len()).map_err(io::Error::other)?;
        self.stdin.write_all(&length.to_le_bytes()).await?;
        self.stdin.write_all(request).await?;
        self.stdin.flush().await?;
        let length = self.stdout.read_u32_le().await? as usize;
        if length > MAX_ANSWER_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut answer = vec![0; length];
        self.stdout.read_exact(&mut answer).await?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

/// Starts a process with an empty environment.
async fn start(program: &EvaluatorProgram) -> io::Result<Process> {
    let mut pause = Duration::from_millis(20);
    for _ in 1..MAX_STARTS {
        match try_start(program) {
            Ok(process) => return Ok(process),
            Err(error) => tracing::warn!(%error, "a process to evaluate expressions did not start; trying again"),
        }
        tokio::time::sleep(pause).await;
        pause *= 5;
    }
    try_start(program)
}

fn try_start(program: &EvaluatorProgram) -> io::Result<Process> {
    let mut child = Command::new(&program.path)
        .args(&program.arguments)
        .env_clear()
        // In KiB: the allocator reserves only a part of the memory that the process may map.
        .env("MIMALLOC_ARENA_RESERVE", "32768")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // Signals of the terminal must not reach it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    Ok(Process {
        child,
        stdin,
        stdout,
        uses: 0,
    })
}

/// Returns true if a process ended itself at its time limit.
fn is_out_of_time(status: Option<ExitStatus>) -> bool {
    status.and_then(|status| status.code()) == Some(OUT_OF_TIME)
}

/// Returns true if a signal from outside ended a process, for example from a service manager that stops all processes.
fn is_from_outside(status: Option<ExitStatus>) -> bool {
    use std::os::unix::process::ExitStatusExt;
    let signal = status.and_then(|status| status.signal());
    signal.is_some_and(|signal| OUTSIDE_SIGNALS.contains(&signal))
}

async fn in_thread(evaluation: Arc<Evaluation>, permits: (OwnedSemaphorePermit, OwnedSemaphorePermit)) -> Evaluated {
    let job = Arc::clone(&evaluation);
    let thread = tokio::task::spawn_blocking(move || {
        let answer = job.evaluate();
        // Released only when the thread has ended, because a thread cannot be killed.
        drop(permits);
        answer
    });
    match tokio::time::timeout(TIME_LIMIT + EXCHANGE_TIME, thread).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => evaluation.failed(&error.to_string()),
        Err(_) => evaluation.timed_out(),
    }
}

fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves the value consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The evaluations in flight for the engine's loop.
pub(super) struct Evaluations {
    evaluator: Evaluator,
    set: JoinSet<EvaluationResult>,
}

/// The value of a template that an execution waits for.
pub(super) struct EvaluationResult {
    pub execution: i64,
    pub key: EvaluationKey,
    pub answer: Evaluated,
}

/// An evaluation in flight. Dropping it ends it.
pub(super) struct Evaluating(AbortHandle);

impl Evaluating {
    /// Returns true if `id` is this evaluation: its key may have been used again since.
    pub(super) fn is(&self, id: Id) -> bool {
        self.0.id() == id
    }
}

impl Drop for Evaluating {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Evaluations {
    pub(super) fn new(evaluator: Evaluator) -> Self {
        Self {
            evaluator,
            set: JoinSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    pub(super) fn spawn(
        &mut self,
        execution: i64,
        machine: &str,
        key: EvaluationKey,
        evaluation: Arc<Evaluation>,
    ) -> Evaluating {
        let (evaluator, machine) = (self.evaluator.clone(), machine.to_owned());
        Evaluating(self.set.spawn(async move {
            let answer = evaluator.evaluate(&machine, evaluation).await;
            EvaluationResult { execution, key, answer }
        }))
    }

    /// Waits for the next evaluation to end. Never returns when there is none.
    pub(super) async fn next(&mut self) -> (Id, EvaluationResult) {
        loop {
            match self.set.join_next_with_id().await {
                Some(Ok(ended)) => return ended,
                // It was aborted: its value is no longer needed.
                Some(Err(_)) => {}
                None => pending().await,
            }
        }
    }

    /// Takes an evaluation that has ended, if any.
    pub(super) fn try_next(&mut self) -> Option<(Id, EvaluationResult)> {
        loop {
            if let Ok(ended) = self.set.try_join_next_with_id()? {
                return Some(ended);
            }
        }
    }
}
