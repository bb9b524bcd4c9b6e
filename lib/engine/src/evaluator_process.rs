//! The process that evaluates expressions: it bounds itself, then answers one template after the other until nobody asks
//! any more. Whatever an expression does to it, only that expression fails.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use holdfast_asl::Evaluation;
use rlimit::Resource;

/// What the process may map beside what it has when it starts: values, and the stack that grows with recursion.
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// How long one template may take: a little more than what the parent allows, which may be gone.
const TIME_LIMIT: Duration = Duration::from_secs(7);
/// How often the process looks whether its time is over.
const LOOK: Duration = Duration::from_millis(250);
/// The exit status of a process whose time was over.
pub(super) const OUT_OF_TIME: i32 = 3;

/// When the template at hand has to be done.
type Deadline = Arc<Mutex<Option<Instant>>>;

/// Answers templates on standard input until it ends. Each message is its length, four bytes with the lowest first, and
/// JSON: an [`Evaluation`] in, a result out.
pub fn serve_evaluations() -> ExitCode {
    match bound().and_then(|deadline| serve(&deadline)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Bounds what this process can take, of memory and of time.
fn bound() -> io::Result<Deadline> {
    // A dump would hold the data of the execution.
    lower(Resource::CORE, 0)?;
    // Where the whole system has no memory left, this process goes first. Other systems have no such file.
    drop(std::fs::write("/proc/self/oom_score_adj", "1000"));
    let deadline = Deadline::default();
    let watched = Arc::clone(&deadline);
    thread::Builder::new().spawn(move || {
        loop {
            thread::sleep(LOOK);
            let deadline = *watched.lock().unwrap_or_else(PoisonError::into_inner);
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                std::process::exit(OUT_OF_TIME);
            }
        }
    })?;
    lower(Resource::AS, mapped_bytes() + MEMORY_BYTES)?;
    Ok(deadline)
}

/// What this process maps now; nothing where the system does not say.
fn mapped_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Lowers a limit; a lower one that is there counts. Where the system knows none, the clock is the only bound.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let Ok((_, hard)) = resource.get() else {
        return Ok(());
    };
    resource.set(hard.min(most), hard)
}

fn serve(deadline: &Deadline) -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    loop {
        let mut length = [0; 4];
        if let Err(error) = input.read_exact(&mut length) {
            let over = error.kind() == io::ErrorKind::UnexpectedEof;
            return if over { Ok(()) } else { Err(error) };
        }
        let mut request = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut request)?;
        set(deadline, Some(Instant::now() + TIME_LIMIT));
        let evaluation: Evaluation = serde_json::from_slice(&request)?;
        let answer = serde_json::to_vec(&evaluation.evaluate())?;
        set(deadline, None);
        let length = u32::try_from(answer.len()).map_err(io::Error::other)?;
        output.write_all(&length.to_le_bytes())?;
        output.write_all(&answer)?;
        output.flush()?;
    }
}

fn set(deadline: &Deadline, to: Option<Instant>) {
    *deadline.lock().unwrap_or_else(PoisonError::into_inner) = to;
}
