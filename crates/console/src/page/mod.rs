//! One file for each page: a view in, a whole HTML document out.

mod advice;
pub mod approval;
pub mod notice;
pub mod run;
pub mod runs;
pub mod setup;
pub mod unit;
