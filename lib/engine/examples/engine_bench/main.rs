//! The engine's speed on this disk, as ratios to the disk's own rate in the same run.
//!
//! `cargo run --release -p holdfast-engine --example engine_bench [-- --open 10000,100000] [--localstack HOST:PORT]`;
//! with `--waiting` only the table of executions that wait.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that measures and prints"
)]

mod disk;
mod localstack;
mod transitions;
mod waiting;
mod world;

use std::path::Path;

/// The allocator of the program `holdfast`: the engine allocates and frees many small JSON values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Numbers of open executions, unless others are given.
const OPEN: &str = "10000,100000";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    if let Some(directory) = value("--measure-open") {
        runtime.block_on(waiting::measure_open(Path::new(&directory)));
        return;
    }
    let open = value("--open").unwrap_or_else(|| OPEN.to_owned());
    let open: Vec<u64> = open.split(',').map(|text| text.parse().unwrap()).collect();
    let is_waiting_alone = arguments.iter().any(|argument| argument == "--waiting");
    // Not in the system's temporary directory, which is a memory disk on many machines.
    let base = value("--dir").unwrap_or_else(|| ".".to_owned());
    let directory = tempfile::Builder::new()
        .prefix("engine-bench-")
        .tempdir_in(base)
        .unwrap();
    runtime.block_on(async {
        if is_waiting_alone {
            waiting::run(directory.path(), &open).await;
            return;
        }
        transitions::run(directory.path()).await;
        waiting::run(directory.path(), &open).await;
        localstack::run(directory.path(), value("--localstack").as_deref()).await;
    });
}
