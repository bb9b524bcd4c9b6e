//! One file for each page: turns a view into an HTML document.

mod advice;
pub mod approval;
pub mod limits;
pub mod notice;
pub mod pull;
pub mod run;
pub mod runs;
pub mod setup;
pub mod unit;
