//! The process that evaluates expressions: it bounds itself, then answers one template after the other until nobody asks
//! any more. Whatever an expression does to it, only that expression fails.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use holdfast_asl::Evaluation;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// What the process may map: values, the stack that grows with recursion, and the program itself.
const MEMORY_BYTES: u64 = 768 * 1024 * 1024;
/// Seconds of the processor for one template: a little more than what the parent allows by the clock.
const CPU_SECONDS: u64 = 7;

/// Answers templates on standard input until it ends. Each message is its length, four bytes with the lowest first, and
/// JSON: an [`Evaluation`] in, a result out.
pub fn serve_evaluations() -> ExitCode {
    match bound().and_then(|()| serve()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn bound() -> io::Result<()> {
    lower(Resource::As, MEMORY_BYTES)?;
    // A dump would hold the data of the execution.
    lower(Resource::Core, 0)?;
    // Where the whole system has no memory left, this process goes first. Other systems have no such file.
    drop(std::fs::write("/proc/self/oom_score_adj", "1000"));
    Ok(())
}

/// Lowers a soft limit; a lower hard limit counts.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = Some(maximum.map_or(most, |maximum| maximum.min(most)));
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

fn serve() -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    loop {
        let mut length = [0; 4];
        if let Err(error) = input.read_exact(&mut length) {
            let over = error.kind() == io::ErrorKind::UnexpectedEof;
            return if over { Ok(()) } else { Err(error) };
        }
        let mut request = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut request)?;
        let used = clock_gettime(ClockId::ProcessCPUTime).tv_sec;
        lower(Resource::Cpu, used.cast_unsigned() + CPU_SECONDS)?;
        let evaluation: Evaluation = serde_json::from_slice(&request)?;
        let answer = serde_json::to_vec(&evaluation.evaluate())?;
        let length = u32::try_from(answer.len()).map_err(io::Error::other)?;
        output.write_all(&length.to_le_bytes())?;
        output.write_all(&answer)?;
        output.flush()?;
    }
}
