//! The commands: each calls an operation and prints its result. Names and help texts are in `cli`.

pub mod audit;
pub mod backup;
pub mod cancel;
pub mod check;
pub mod completions;
pub mod decide;
pub mod doctor;
pub mod engine;
pub mod fix;
pub mod follow;
pub mod init;
pub mod man;
pub mod redrive;
pub mod replay;
pub mod review;
pub mod runs;
pub mod show;
pub mod stop_signal;
pub mod sweep;
