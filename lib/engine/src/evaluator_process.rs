//! The process that evaluates expressions: it limits its own memory and time, then answers one template after the other
//! until its input ends. Whatever an expression does to the process, only that expression fails.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use holdfast_asl::Evaluation;
use rlimit::Resource;

/// Memory that the process may map beyond what it has at its start: values, and the stack that grows with recursion.
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// Time limit of one template: a little more than the parent's limit, since the parent may be gone.
const TIME_LIMIT: Duration = Duration::from_secs(7);
/// Interval at which the process checks its time limit.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// The exit status of a process whose time limit was exceeded.
pub(super) const OUT_OF_TIME: i32 = 3;

/// The deadline of the current template.
type Deadline = Arc<Mutex<Option<Instant>>>;

/// Answers templates on standard input until it ends. Each message is its length in four bytes, little-endian, and
/// JSON: an [`Evaluation`] in, a result out.
pub fn serve_evaluations() -> ExitCode {
    match bound().and_then(|deadline| serve(&deadline)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Limits the memory and the time of this process.
fn bound() -> io::Result<Deadline> {
    // A core dump would hold the execution's data.
    lower(Resource::CORE, 0)?;
    // When the whole system runs out of memory, this process is killed first. Only Linux has this file.
    drop(std::fs::write("/proc/self/oom_score_adj", "1000"));
    let deadline = Deadline::default();
    let watched = Arc::clone(&deadline);
    thread::Builder::new().spawn(move || {
        loop {
            thread::sleep(CHECK_INTERVAL);
            let deadline = *watched.lock().unwrap_or_else(PoisonError::into_inner);
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                std::process::exit(OUT_OF_TIME);
            }
        }
    })?;
    lower(Resource::AS, mapped_bytes() + MEMORY_BYTES)?;
    Ok(deadline)
}

/// Returns the bytes that this process maps now; 0 on systems that don't report it.
fn mapped_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Lowers a limit; a lower existing limit stays. On systems without this limit, time is the only bound.
fn lower(resource: Resource, limit: u64) -> io::Result<()> {
    let Ok((_, hard)) = resource.get() else {
        return Ok(());
    };
    resource.set(hard.min(limit), hard)
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
