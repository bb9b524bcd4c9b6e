//! What each command does. Shapes and help texts stand in `cli`.

pub mod audit;
pub mod backup;
pub mod cancel;
pub mod check;
pub mod decide;
pub mod doctor;
pub mod engine;
pub mod follow;
pub mod redrive;
pub mod replay;
pub mod review;
pub mod runs;
pub mod show;
pub mod sweep;
