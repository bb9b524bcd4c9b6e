//! Kills a real process repeatedly: no execution is lost, and no effect happens twice.
//!
//! `cargo test` kills it twenty times. For more kills, or another seed: `cargo test --release -p holdfast-engine --test
//! engine_kills -- --kills 500 --seed 7`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that prints what it did")]

mod machine;
mod verdict;
mod worker;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use verdict::Verdict;

/// Maximum lifetime of a process, in ms.
const MAX_LIFE_MS: u64 = 400;
/// Time limit for finishing the open executions at the end.
const FINISH: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    if let Some(directory) = value("--work") {
        let finish = arguments.iter().any(|argument| argument == "--finish");
        worker::run(Path::new(&directory), finish);
        return ExitCode::SUCCESS;
    }
    let kills = value("--kills").map_or(20, |text| text.parse().unwrap());
    let seed = value("--seed").map_or_else(now_ns, |text| text.parse().unwrap());
    println!("engine_kills: {kills} kills, --seed {seed}");
    let directory = tempfile::tempdir().unwrap();
    let verdict = kill_again_and_again(directory.path(), kills, seed);
    println!("{verdict}");
    if verdict.is_good() {
        ExitCode::SUCCESS
    } else {
        // The directory is kept as evidence.
        println!("see {}", directory.keep().display());
        ExitCode::FAILURE
    }
}

fn kill_again_and_again(directory: &Path, kills: u64, seed: u64) -> Verdict {
    let mut random = Random(seed);
    let mut verdict = Verdict::default();
    for _ in 0..kills {
        let mut process = start(directory, false);
        std::thread::sleep(Duration::from_millis(1 + random.below(MAX_LIFE_MS)));
        process.kill().unwrap();
        process.wait().unwrap();
        verdict.kills += 1;
        verdict.look(directory);
    }
    let mut last = start(directory, true);
    let began = std::time::Instant::now();
    loop {
        match last.try_wait().unwrap() {
            Some(status) => {
                verdict.finished = status.success();
                break;
            }
            None if began.elapsed() > FINISH => {
                last.kill().unwrap();
                last.wait().unwrap();
                break;
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    verdict.judge(directory);
    verdict
}

fn start(directory: &Path, finish: bool) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--work").arg(directory).stdin(Stdio::null());
    if finish {
        command.arg("--finish");
    }
    command.spawn().unwrap()
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_nanos() as u64
}

/// Random numbers that are the same for the same seed.
pub struct Random(pub u64);

impl Random {
    /// Returns a number below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    }
}
