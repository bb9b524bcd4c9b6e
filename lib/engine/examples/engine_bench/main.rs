//! The engine's speed on this disk, as ratios to the disk's own rate in the same run.
//!
//! `cargo run --release -p holdfast-engine --example engine_bench [-- --open 100000] [--localstack HOST:PORT]`
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

/// Default number of open executions.
const OPEN: u64 = 100_000;

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
    let open = value("--open").map_or(OPEN, |text| text.parse().unwrap());
    // Not in the system's temporary directory, which is a memory disk on many machines.
    let base = value("--dir").unwrap_or_else(|| ".".to_owned());
    let directory = tempfile::Builder::new()
        .prefix("engine-bench-")
        .tempdir_in(base)
        .unwrap();
    runtime.block_on(async {
        transitions::run(directory.path()).await;
        waiting::run(directory.path(), open).await;
        localstack::run(directory.path(), value("--localstack").as_deref()).await;
    });
}
