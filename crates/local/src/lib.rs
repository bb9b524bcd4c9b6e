//! The `holdfast` program as a library: command line, durable runner, and this machine's parts put together.

pub mod cli;
pub mod command;
pub mod data_directory;
pub mod deployment;
pub mod evaluator;
pub mod executions;
pub mod failure;
pub mod functions;
pub mod local_host;
pub mod machine;
pub mod marker_key;
pub mod output;
pub mod program;
pub mod reach;
pub mod record;
pub mod replay;
pub mod run_name;
pub mod secret_file;
pub mod serve;
pub mod setup;
pub mod told;
pub mod workflow;

/// A turn of the engine makes and drops many small JSON values, on several threads: it spends its time in the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
