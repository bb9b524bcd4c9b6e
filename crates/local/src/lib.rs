//! The `holdfast` program as a library: command line, durable runner, and this machine's parts put together.

pub mod audit;
pub mod cancel;
pub mod cli;
pub mod command;
pub mod data_directory;
pub mod decide;
pub mod deployment;
pub mod evaluator;
pub mod executions;
pub mod exit;
pub mod failure;
pub mod functions;
pub mod local_host;
pub mod machine;
pub mod marker_key;
pub mod output;
pub mod program;
pub mod reach;
pub mod record;
pub mod recovery;
pub mod redrive;
pub mod replay;
pub mod review;
pub mod run_name;
pub mod secret_file;
pub mod serve;
pub mod setup;
pub mod sweep;
pub mod step_functions_api;
pub mod told;
pub mod workflow;

/// A turn of the engine makes and drops many small JSON values, on several threads: it spends its time in the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
